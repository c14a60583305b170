"""Routing, the result of an attempt: how it is judged, what is recorded of it, and how a request ends."""

from random import Random

import pytest

from freerouter import Router, Settings
from freerouter.errors import AllowanceExhaustedError, UpstreamError, UpstreamUnavailableError
from freerouter.pipeline.actions import Fail, Send, Wait
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Gate, Scope, Verdict
from tests.builders import Clock, catalog_of, row
from tests.pipeline.steps import BUSY, answered, begin_outage, reply, sent, start
from tests.walks import ANSWER, HELLO, NOON, Stage, error_reading, models, stage

NOT_SENT, STALE = Reading(flaw=Flaw.NOT_SENT), Reading(flaw=Flaw.STALE)


# An attempt.


def test_an_attempt_is_noted_with_its_times():
    actor = stage(models(2))
    routing = start(actor)
    actor.advance(2)
    model = sent(routing)
    actor.advance(3)
    outcome = reply(routing, BUSY)
    (attempt,) = routing.trace.attempts
    assert (attempt.model, attempt.outcome, attempt.started, attempt.seconds) == (model, outcome, 2, 3)
    assert attempt.cooldown == actor.router.cooling()[model]


def test_an_answer_is_noted_with_its_model_and_what_was_given_up():
    actor = stage(catalog_of(row("m/0:free"), row("a/paid", parameters=["seed"])))
    trace = answered(start(actor, HELLO | {"seed": 1})).trace
    assert (trace.model, trace.given_up, trace.ending) == ("m/0:free", ["seed"], "")
    assert trace.attempts[0].cooldown is None


def refuse(_answer) -> str:
    return "not what I want"


def test_an_answer_that_is_not_accepted_is_asked_of_another_model():
    routing = start(stage(models(2)), accept=refuse)
    sent(routing)
    outcome = routing.judge(ANSWER._replace(usage={"cost": 0.5}))
    assert (outcome.verdict, outcome.scope, outcome.reason) == (Verdict.TRY_ANOTHER, Scope.REQUEST, "not_accepted")
    assert (outcome.message, outcome.usage) == ("not what I want", {"cost": 0.5})


@pytest.mark.parametrize("reading", [BUSY._replace(body={}), ANSWER._replace(body=None)], ids=["failure", "no body"])
def test_only_a_whole_answer_is_checked(reading):
    routing = start(stage(models(2)), accept=refuse)
    sent(routing)
    assert routing.judge(reading).reason != "not_accepted"


def test_an_answer_is_accepted_by_default_or_when_nothing_speaks_against_it():
    for accept in (False, lambda _: None):
        routing = start(stage(models(2)), accept=accept)
        sent(routing)
        assert routing.judge(ANSWER).verdict is Verdict.ANSWERED


# Nothing reached OpenRouter.


class Half(Random):
    """Draws the middle of each range."""

    def random(self) -> float:
        return 0.5


def steady(**settings) -> Stage:
    clock, wall = Clock(), Clock(NOON)
    adjusted = Settings(**{"requests_per_minute": 10**6, **settings})
    return Stage(Router(adjusted, models(9), clock=clock, wall=wall, rng=Half()), clock, wall)


@pytest.mark.parametrize("reading", [NOT_SENT, STALE], ids=["not sent", "stale"])
def test_what_was_not_sent_is_repeated_with_the_same_model_after_a_pause(reading):
    routing = start(steady())
    model = sent(routing)
    reply(routing, reading)
    assert routing.next() == Wait(0.125)
    assert sent(routing) == model
    reply(routing, ANSWER)
    assert routing.trace.model == model


def test_what_cannot_be_reached_is_repeated_twice_at_pauses_that_double():
    routing = start(steady(max_attempts=1, requests_per_minute=1))
    for pause in (0.125, 0.25):
        sent(routing)
        reply(routing, NOT_SENT)
        assert routing.next() == Wait(pause)
    sent(routing)
    reply(routing, NOT_SENT)
    error = routing.next().error
    assert isinstance(error, UpstreamUnavailableError)
    assert "could not be reached" in error.message


def test_a_second_stale_connection_is_the_models_fault():
    routing = start(steady())
    model = sent(routing)
    reply(routing, STALE)
    assert routing.next() == Wait(0.125)
    sent(routing)
    assert reply(routing, STALE).reason == Flaw.BROKEN.value
    assert sent(routing) != model


def test_a_stale_connection_counts_as_an_attempt_and_what_was_not_sent_does_not():
    stale, unsent = (start(steady(max_attempts=1)) for _ in range(2))
    for routing, reading, kind in ((stale, STALE, Fail), (unsent, NOT_SENT, Send)):
        sent(routing)
        reply(routing, reading)
        assert isinstance(routing.next(), Wait)
        assert isinstance(routing.next(), kind)


def test_after_a_repeat_a_failure_goes_to_another_model():
    routing = start(steady(max_attempts=2))
    first = sent(routing)
    reply(routing, NOT_SENT)
    routing.next()
    assert sent(routing) == first
    reply(routing, BUSY)
    assert sent(routing) != first
    reply(routing, BUSY)
    assert isinstance(routing.next(), Fail)


def test_a_probe_that_reached_nobody_makes_room_for_another():
    actor = stage(models(3))
    actor.advance(begin_outage(actor))
    routing = start(actor)
    for _ in range(3):
        sent(routing)
        reply(routing, NOT_SENT)
        routing.next()
    assert sent(start(actor))


# What nothing explains.

STRANGE = error_reading(409, "conflict")


@pytest.mark.parametrize(
    ("readings", "told"),
    [([ANSWER], ""), ([BUSY, ANSWER], ""), ([STRANGE, BUSY], ""), ([STRANGE, ANSWER], "answered")],
)
def test_what_a_second_model_says_is_told(readings, told):
    routing = start(stage(models(9)))
    for reading in readings:
        sent(routing)
        reply(routing, reading)
    assert routing.trace.second_opinion == told


def test_where_one_failure_of_several_is_explained_all_are_told():
    routing = start(stage(models(2)))
    for reading in (BUSY, STRANGE):
        sent(routing)
        reply(routing, reading)
    assert "2 of 2 eligible models failed, and no more can be asked: " in routing.next().error.message


# The request or the account is at fault.


def test_what_stops_fails_the_request_at_once():
    routing = start(stage(models(2)))
    sent(routing)
    reply(routing, error_reading(401, "No auth credentials found", {"retry-after": "7"}))
    assert routing.trace.ending == "failed"
    error = routing.next().error
    assert isinstance(error, UpstreamError)
    assert (error.status, error.retry_after) == (401, 7)
    assert error.message.startswith("No auth credentials found (")


def test_a_web_page_that_a_second_model_has_too_is_told():
    routing = start(stage(models(2)))
    page = Reading(403, {"content-type": "text/html"}, flaw=Flaw.HTML)
    for _ in range(2):
        sent(routing)
        reply(routing, page)
    error = routing.next().error
    assert isinstance(error, UpstreamUnavailableError)
    assert error.metadata == {"upstream_status": 403}
    assert routing.trace.second_opinion == "the same"


MINUTE = error_reading(429, "Rate limit exceeded: free-models-per-min. ")


def test_an_exhausted_minute_uses_up_no_model_and_no_attempt():
    actor = stage(models(1), max_wait=60, max_attempts=1)
    routing = start(actor)
    sent(routing)
    reply(routing, MINUTE)
    assert routing.trace.ending == ""
    assert routing.next() == Wait(pytest.approx(50))
    actor.advance(50)
    assert sent(routing) == "m/0:free"
    reply(routing, BUSY)
    assert isinstance(routing.next(), Fail)


def test_after_an_exhausted_minute_there_are_as_many_attempts_as_before():
    actor, asked = stage(models(9), max_wait=60, max_attempts=2), 0
    routing = start(actor)
    sent(routing)
    reply(routing, MINUTE)
    actor.advance(routing.next().seconds)
    while isinstance(routing.next(), Send):
        asked += 1
        reply(routing, BUSY)
    assert asked == 2


@pytest.mark.parametrize("gate", list(Gate))
def test_an_exhausted_allowance_that_is_not_waited_for_fails_the_request_at_once(gate):
    words = {Gate.MINUTE: "free-models-per-min", Gate.DAY: "free-models-per-day"}
    routing = start(stage(models(9), max_wait=5 if gate is Gate.MINUTE else 60))
    sent(routing)
    reset = {"x-ratelimit-reset": str(int((NOON + 20) * 1000)), "x-ratelimit-limit": "50"}
    reply(routing, error_reading(429, f"Rate limit exceeded: {words[gate]}. ", reset))
    assert routing.trace.ending == "failed"
    error = routing.next().error
    assert isinstance(error, AllowanceExhaustedError)
    assert (error.metadata["gate"], error.retry_after) == (gate.value, pytest.approx(20))
