"""What an outcome means beyond its request: a refusal, a sign of an outage, and what a second model confirms."""

import pytest

from freerouter.replies.outcome import Outcome, classify, confirmed
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Gate, Lasting, Scope, Verdict

# What an outcome is made of; whether the model has refused this request, and whether it may be an outage.
MEANINGS = {
    "a refusal": ({"status": 400}, True, False),
    "a refusal of its length": ({"status": 413}, True, False),
    "of the model": ({"status": 400, "scope": Scope.MODEL}, False, False),
    "a limit": ({"status": 429}, False, False),
    "a refusal that teaches more": ({"status": 400, "lasting": Lasting.LACKS}, False, False),
    "a server's error": ({"status": 502, "scope": Scope.MODEL, "alike": "5xx"}, False, True),
    "that stops": ({"status": 502, "scope": Scope.MODEL, "alike": "5xx", "verdict": Verdict.STOP}, False, False),
    "that is not sure": ({"status": 418, "scope": Scope.MODEL, "alike": "418", "sure": False}, False, False),
    "a page": ({"status": 403, "scope": Scope.UPSTREAM, "alike": "page 403", "sure": False}, False, True),
    "a page that stops": (
        {"status": 403, "scope": Scope.UPSTREAM, "alike": "page 403", "verdict": Verdict.STOP}, False, True),
    "nothing sent": ({"status": 0, "scope": Scope.UPSTREAM}, False, False),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "refuses", "may_be_outage"), MEANINGS.values(), ids=MEANINGS)
def test_what_an_outcome_means_beyond_its_request(fields, refuses, may_be_outage):
    outcome = Outcome(**{"verdict": Verdict.TRY_ANOTHER, "scope": Scope.REQUEST, "reason": "test"} | fields)
    assert (outcome.refuses, outcome.may_be_outage) == (refuses, may_be_outage)


NUMBERS = {
    "none": ("prompt is too long", 0),
    "the last": ("context of 4096 exceeded by 9000 tokens", 9_000),
    "the first": ("prompt is too long: 9000 tokens > 4096 maximum", 9_000),
    "with commas": ("requested 1,048,577 tokens, limit 1,048,576", 1_048_577),
}


@pytest.mark.parametrize(("words", "number"), NUMBERS.values(), ids=NUMBERS)
def test_the_largest_number_of_its_message(words, number):
    assert Outcome(Verdict.TRY_ANOTHER, Scope.REQUEST, "test", message=words).largest_number == number


@pytest.mark.parametrize(("status", "usage"), [(200, None), (200, {"cost": 0.1}), (201, None)])
def test_an_answer_is_called_that_and_keeps_its_usage(status, usage):
    outcome = classify(Reading(status, usage=usage), 0.0)
    assert (outcome.verdict, outcome.reason) == (Verdict.ANSWERED, "answered")
    assert (outcome.status, outcome.usage) == (status, usage)


# Replies, and what those have in common that are a sign of the same outage.
ALIKE = {
    "a broken connection": (Reading(flaw=Flaw.BROKEN), Flaw.BROKEN.value),
    "a page that blocks": (Reading(403, flaw=Flaw.HTML), "page 403"),
    "a page of a server in trouble": (Reading(502, flaw=Flaw.HTML), "5xx"),
    "a time-out": (Reading(flaw=Flaw.TIMEOUT), ""),
    "an empty answer": (Reading(200, flaw=Flaw.EMPTY), ""),
    "nothing sent": (Reading(flaw=Flaw.NOT_SENT), ""),
    "a server's error": (Reading(502, error={"error": {"message": "Bad gateway"}}), "5xx"),
    "a provider's error": (Reading(502, error={"error": {"message": "no", "metadata": {"raw": "no"}}}), ""),
    "what is explained": (Reading(404, error={"error": {"message": "No endpoints found for a/b:free."}}), ""),
    "what is not": (Reading(409, error={"error": {"message": "conflict of 2 requests"}}), "409 conflict of requests"),
}


@pytest.mark.parametrize(("reading", "alike"), ALIKE.values(), ids=ALIKE)
def test_what_failures_of_an_outage_have_in_common(reading, alike):
    assert classify(reading, 0.0).alike == alike


# Status, scope, seconds; then the scope, the gate and the sign of an outage once a second model has said the same.
CONFIRMED = {
    "the request's": (400, Scope.REQUEST, None, Scope.REQUEST, None, ""),
    "the way's": (403, Scope.UPSTREAM, None, Scope.UPSTREAM, None, "same"),
    "a limit": (429, Scope.MODEL, None, Scope.ACCOUNT, None, ""),
    "a limit of a minute": (429, Scope.MODEL, 60.0, Scope.ACCOUNT, Gate.MINUTE, ""),
    "a limit of more than a minute": (429, Scope.MODEL, 60.5, Scope.ACCOUNT, Gate.DAY, ""),
}


@pytest.mark.parametrize(("status", "scope", "seconds", "becomes", "gate", "alike"), CONFIRMED.values(), ids=CONFIRMED)
def test_what_a_second_model_confirms_is_sure_and_stops(status, scope, seconds, becomes, gate, alike):
    unsure = Outcome(Verdict.TRY_ANOTHER, scope, "test", status, seconds=seconds, sure=False, alike="same")
    found = confirmed(unsure)
    assert (found.verdict, found.sure) == (Verdict.STOP, True)
    assert (found.scope, found.gate, found.alike) == (becomes, gate, alike)


# A failure that asks for a pause: its status and metadata; its scope.
PAUSES = {
    "a provider's": (400, {"provider_name": "Acme"}, Scope.MODEL),
    "of no known voice": (401, {}, Scope.ACCOUNT),
    "the account's": (401, {"provider_name": None}, Scope.ACCOUNT),
}


@pytest.mark.parametrize(("status", "metadata", "scope"), PAUSES.values(), ids=PAUSES)
def test_only_a_refusal_becomes_the_models_by_a_pause(status, metadata, scope):
    reading = Reading(status, {"retry-after": "7"}, error={"error": {"message": "no", "metadata": metadata}})
    outcome = classify(reading, 0.0)
    assert (outcome.scope, outcome.seconds) == (scope, 7)


def test_of_several_waits_the_longest_counts():
    reading = Reading(503, {"retry-after": "5"}, error={"error": {"message": "Please try again in 20s."}})
    assert classify(reading, 0.0).seconds == 20


def test_an_outcome_keeps_the_body_of_an_error():
    error = {"error": {"message": "no"}}
    assert classify(Reading(503, error=error), 0.0).body == error
    assert classify(Reading(503), 0.0).body == {}


def test_an_outcome_says_nothing_by_default():
    outcome = Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, "test")
    assert (outcome.message, outcome.light) == ("", False)


def test_an_error_type_says_more_than_the_status():
    reading = Reading(400, error={"error": {"message": "no", "metadata": {"error_type": "server"}}})
    assert classify(reading, 0.0).reason == "unavailable"
