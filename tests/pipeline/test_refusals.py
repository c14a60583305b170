"""The errors with which a request ends: what happened, why, what to do next, and when."""

from datetime import UTC, datetime

import pytest

from freerouter.errors import UpstreamError
from freerouter.memory.allowance import Allowance
from freerouter.pipeline import refusals
from freerouter.pipeline.tracking import Attempt, Trace
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Gate, Lasting, Scope, Verdict
from tests.builders import index_of, required, row

EVENING = datetime(2026, 9, 1, 23, 0, tzinfo=UTC).timestamp()


def offer():
    return index_of(
        row("a/one:free", parameters=["tools", "seed"], context=1_000, max_output=100),
        row("a/two:free", inputs=["image"], context=2_000),
        row("a/three:free", parameters=["tools"], context=3_000, max_output=200, mandatory=True),
        row("a/paid", parameters=["logprobs"]),
    )


NOBODY = {
    "two needs": (required("text", "tools", "image"), "of 3 free models 1 have image, 2 have tools"),
    "what nobody has": (required("video"), "of 3 free models 0 have video"),
    "reasoning off": (required("reasoning:off", "tools"), "of 3 free models 2 have reasoning:off, 2 have tools"),
    "context": (required("tools", tokens=5_000), "2 have tools, 0 have a context of 5000 tokens"),
    "output": (required(output=150), "2 answer with up to 150 tokens"),
    "demanded": (
        required(soft=("seed", "logprobs", "x"), strict=True),
        "of 3 free models 0 have logprobs, 1 have seed, no model lists x, which provider.require_parameters requires",
    ),
    "nothing in particular": (required("text"), "among 3"),
}


@pytest.mark.parametrize(("requirements", "detail"), NOBODY.values(), ids=NOBODY)
def test_nobody_eligible_says_how_many_have_each_thing(requirements, detail):
    error = refusals.nobody_eligible(offer(), requirements)
    assert detail in error.message
    assert error.message.endswith("leave out what it can do without")
    assert error.metadata == {"requirements": requirements.as_dict()}
    assert (error.status, error.retry_after) == (404, None)


def test_nobody_left_says_what_was_learnt_of_each():
    error = refusals.none_left({"a/one:free": ["gone, by its own answer"], "a/two:free": ["x", "y"]})
    assert error.message == "no model is left to ask: a/one:free: gone, by its own answer; a/two:free: x, y"
    assert error.metadata["reasons"]["a/two:free"] == ["x", "y"]


def attempt(model, reason="timeout", cooldown=None, **fields):
    outcome = Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, reason, 504, **fields)
    return Attempt(model, outcome, 0, 1, cooldown)


def failed(*attempts):
    return refusals.attempts_failed(Trace(eligible=7, attempts=list(attempts)), "no more can be asked")


def test_failed_attempts_are_told_with_the_last_cause_and_the_shortest_cooldown():
    error = failed(
        attempt("a/one:free", cooldown=40.0),
        attempt("a/two:free", "overloaded", cooldown=25.0, message="busy" * 500),
        attempt("a/three:free", "empty", message="m" * 2_000),
    )
    tried = "a/one:free (timeout), a/two:free (overloaded), a/three:free (empty)"
    said = "m" * 500
    assert error.message == (
        f"3 of 7 eligible models failed, and no more can be asked: {tried}; the last one said: {said}"
    )
    assert (error.status, error.retry_after) == (429, 25.0)
    stated = failed(attempt("a/one:free", cooldown=25.0), attempt("a/two:free", cooldown=60.0, seconds=50.0))
    assert stated.retry_after == 50
    assert error.metadata == {"cause": {"status": 504, "reason": "empty", "message": "m" * 500}}


def test_without_a_cooldown_or_an_attempt_there_is_a_time_to_try_again_all_the_same():
    assert failed(attempt("a/one:free")).retry_after == 30
    error = failed()
    assert (error.retry_after, error.metadata) == (30, {})


def test_where_privacy_settings_hide_all_it_says_which_to_change():
    private = attempt("a/one:free", "privacy_settings", lasting=Lasting.PRIVACY)
    assert "https://openrouter.ai/settings/privacy" in failed(private, private).message
    assert "settings/privacy" not in failed(private, attempt("a/two:free")).message


ALLOWANCES = {
    "a day of which nothing is known": (
        Gate.DAY,
        Allowance(),
        {"gate": "day", "resets_at": "2026-09-02T00:00:00+00:00"},
        "used up; they are reset at 00:00 UTC",
    ),
    "a day of fifty": (
        Gate.DAY,
        Allowance(limit=50, left=0),
        {"gate": "day", "resets_at": "2026-09-02T00:00:00+00:00", "limit": 50, "used": 50},
        "used up (50 a day); they are reset at 00:00 UTC",
    ),
    "a day whose rest is not known": (
        Gate.DAY,
        Allowance(limit=50),
        {"gate": "day", "resets_at": "2026-09-02T00:00:00+00:00", "limit": 50, "used": 50},
        "1000 a day",
    ),
}


@pytest.mark.parametrize(("gate", "allowance", "metadata", "words"), ALLOWANCES.values(), ids=ALLOWANCES)
def test_an_exhausted_day_says_when_it_is_back_and_what_helps(gate, allowance, metadata, words):
    error = refusals.allowance_exhausted(gate, 3_600, allowance, EVENING)
    assert (error.status, error.retry_after, error.metadata) == (429, 3_600, metadata)
    assert words in error.message
    assert "Other keys do not help" in error.message


def test_an_exhausted_minute_says_how_to_wait():
    error = refusals.allowance_exhausted(Gate.MINUTE, 12.4, Allowance(limit=50, left=3), EVENING)
    assert error.message == "the free requests of this minute are used up: try again in 12 s (or set max_wait)"
    waited = refusals.allowance_exhausted(Gate.MINUTE, 12.4, Allowance(), EVENING, max_wait=5)
    assert waited.message.endswith("try again in 12 s (max_wait is 5 s)")
    assert error.metadata == {"gate": "minute", "resets_at": "2026-09-01T23:00:12+00:00"}


STOPS = {
    "key": (401, "key_refused", "No auth", "No auth (check OPENROUTER_API_KEY, or create a key at", 401),
    "credit": (402, "payment_required", "Negative", "Negative (a negative balance blocks free models, too: see", 402),
    "redirect": (308, "redirected", "", "status 308 (set upstream to the address that it redirects to)", 404),
    "invalid": (400, "invalid_request", "Bad seed", "Bad seed", 400),
    "silent": (413, "payload_too_large", "", "status 413", 413),
}


@pytest.mark.parametrize(("status", "reason", "said", "words", "answered"), STOPS.values(), ids=STOPS)
def test_what_upstream_refused_keeps_its_status_and_words_and_gets_a_remedy(status, reason, said, words, answered):
    body = {"error": {"code": status}}
    outcome = Outcome(Verdict.STOP, Scope.ACCOUNT, reason, status, said, seconds=7.0, body=body)
    error = refusals.stopped(outcome)
    assert isinstance(error, UpstreamError)
    assert error.message.startswith(words)
    assert (error.status, error.body, error.retry_after) == (answered, body, 7.0)
    assert error.metadata == {"reason": reason}


def test_what_cannot_be_reached_is_named():
    error = refusals.unreachable("https://openrouter.ai/api/v1")
    assert error.message.startswith("https://openrouter.ai/api/v1 could not be reached")
    assert (error.status, error.retry_after) == (429, 30)
