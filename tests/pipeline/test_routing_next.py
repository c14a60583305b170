"""Routing, what to do next: when it sends, to which model, with which limits; when it waits; when it fails."""

import json

import pytest

from freerouter.errors import (
    AllowanceExhaustedError,
    CostRefusedError,
    InvalidRequestError,
    NoEligibleModelError,
    UpstreamUnavailableError,
)
from freerouter.pipeline.actions import Fail, Send, Wait
from freerouter.pipeline.routing import Routing
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Gate
from tests.builders import catalog_of, row
from tests.pipeline.steps import BUSY, begin_outage, reply, send, sent, start
from tests.walks import ANSWER, HELLO, Stage, error_reading, models, stage

LIMITS = {"first_token_timeout": 7, "reply_timeout": 30, "idle_timeout": 3, "deadline": 100}
# It can be read and not written.
UNWRITABLE = b'{"messages": [{"role": "user", "content": "Hello"}], "temperature": 1e999}'
PDF = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}}


def failed(routing: Routing) -> Exception:
    action = routing.next()
    assert isinstance(action, Fail), action
    assert routing.trace.ending == "failed"
    assert action.error.trace is routing.trace
    assert routing.next().error is action.error
    return action.error


# What it sends.


def accept(_answer) -> None:
    return None


# Whether it is a stream, what accepts it; the seconds to its first judgement, those between chunks, if it is held back.
SENDS = {
    "an answer": (False, False, 30, 0, False),
    "a stream": (True, False, 7, 3, False),
    "an answer that is checked": (False, accept, 30, 0, True),
    "a stream that is checked": (True, accept, 30, 3, True),
}


@pytest.mark.parametrize(("stream", "check", "first", "idle", "holds_back"), SENDS.values(), ids=SENDS)
def test_an_attempt_has_the_limits_of_the_settings(stream, check, first, idle, holds_back):
    actor = stage(models(1), **LIMITS)
    routing = start(actor, HELLO | {"stream": stream}, accept=check)
    action = send(routing)
    assert (action.model.id, action.stream, action.endpoint) == ("m/0:free", stream, actor.router.endpoint)
    assert (action.first, action.idle, routing.holds_back) == (first, idle, holds_back)
    assert json.loads(action.body)["model"] == "m/0:free"
    assert routing.stream_timeout == actor.router.settings.stream_timeout


@pytest.mark.parametrize(("timeout", "first", "reason"), [(5, 5, "deadline"), (30, 30, "timeout"), (60, 30, "timeout")])
def test_with_less_time_than_the_settings_allow_a_model_it_is_not_to_blame(timeout, first, reason):
    routing = start(stage(models(1), **LIMITS), timeout=timeout)
    assert send(routing).first == first
    assert routing.judge(Reading(flaw=Flaw.TIMEOUT)).reason == reason
    assert routing.judge(Reading(flaw=Flaw.BROKEN)).reason == Flaw.BROKEN.value


@pytest.mark.parametrize("parts", [(), (PDF,)], ids=["text", "pdf"])
def test_a_pdf_alone_is_sent_with_the_free_parser(parts):
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, *parts]}]}
    action = send(start(stage(models(1)), body))
    assert ("file-parser" in str(json.loads(action.body)["plugins"])) is bool(parts)


def test_a_request_that_cannot_be_written_fails_and_is_not_counted():
    actor = stage(models(1), requests_per_minute=1)
    error = failed(start(actor, UNWRITABLE))
    assert isinstance(error, InvalidRequestError)
    assert error.__traceback__ is None
    send(start(actor))
    assert isinstance(failed(start(actor)), AllowanceExhaustedError)


# Which model.


def test_another_model_is_asked_after_a_failure_until_the_attempts_are_used_up():
    routing, asked = start(stage(models(9), max_attempts=3)), []
    for _ in range(3):
        asked.append(sent(routing))
        reply(routing, BUSY)
    assert len(set(asked)) == 3
    assert "3 of 9 eligible models failed, and no more can be asked: " in failed(routing).message


def test_nobody_is_asked_where_nobody_is_eligible():
    error = failed(start(stage(models(2)), needs=("video",)))
    assert isinstance(error, NoEligibleModelError)
    assert "0 have video" in error.message


def test_a_newer_catalog_decides_who_is_still_asked():
    actor = stage(models(4))
    routing = start(actor)
    actor.router.update(models(1))
    assert sent(routing) == "m/0:free"
    reply(routing, BUSY)
    failed(routing)


def test_a_conversation_that_moves_while_a_request_fails_does_not_take_it_along():
    body, moved_to = HELLO | {"session_id": "mine"}, []
    for seed in range(12):
        actor = stage(models(9), seed=seed)
        routing = start(actor, body)
        send(routing)
        reply(routing, BUSY)
        other = start(actor, body)
        home = sent(other)
        reply(other, ANSWER)
        moved_to.append(sent(routing) == home)
    assert not all(moved_to)


def test_when_the_newer_catalog_has_none_of_them_nobody_is_left():
    actor = stage(models(2))
    routing = start(actor)
    actor.router.update(catalog_of(row("a/other:free")))
    assert "no model is left to ask" in failed(routing).message


def test_an_account_whose_answers_cost_money_sends_nothing():
    actor = stage(models(2))
    actor.router.block({}, {"other": 0.5})
    send(start(actor))
    actor.router.block({}, {"me": 0.25})
    error = failed(start(actor))
    assert isinstance(error, CostRefusedError)
    assert "$0.25" in error.message


# When.


def test_the_first_attempt_is_never_too_late_and_a_further_one_may_be():
    actor = stage(models(9), **LIMITS)
    routing = start(actor)
    actor.advance(99)
    send(routing)
    reply(routing, BUSY)
    assert "and the deadline has passed: " in failed(routing).message
    early = start(actor)
    send(early)
    actor.advance(90)
    reply(early, BUSY)
    send(early)


def shut(actor: Stage, gate: Gate, seconds: float) -> None:
    actor.router.endpoint.allowances.close("me", gate, seconds)


def test_an_exhausted_minute_is_waited_for_if_the_settings_allow_it():
    actor = stage(models(2), max_wait=60)
    shut(actor, Gate.MINUTE, 50)
    routing = start(actor)
    assert routing.next() == Wait(50)
    actor.advance(50)
    send(routing)


@pytest.mark.parametrize(("gate", "seconds"), [(Gate.MINUTE, 50), (Gate.DAY, 10), (Gate.DAY, 50)])
def test_another_exhausted_allowance_fails_the_request(gate, seconds):
    actor = stage(models(2), max_wait=20)
    shut(actor, gate, seconds)
    error = failed(start(actor))
    assert isinstance(error, AllowanceExhaustedError)
    assert (error.retry_after, error.metadata["gate"]) == (seconds, gate.value)


def test_waits_of_a_request_are_counted_together():
    actor = stage(models(2), max_wait=60)
    routing = start(actor)
    shut(actor, Gate.MINUTE, 40)
    assert routing.next() == Wait(40)
    actor.advance(40)
    shut(actor, Gate.MINUTE, 40)
    failed(routing)


def test_during_an_outage_a_request_fails_or_waits_as_the_settings_allow():
    actor = stage(models(2))
    seconds = begin_outage(actor)
    error = failed(start(actor))
    assert isinstance(error, UpstreamUnavailableError)
    assert error.retry_after == pytest.approx(seconds)
    patient = stage(models(2), max_wait=60)
    seconds = begin_outage(patient)
    routing = start(patient)
    assert routing.next() == Wait(seconds)
    patient.advance(seconds)
    send(routing)


def test_a_request_that_has_been_sent_goes_on_in_an_outage():
    actor = stage(models(3))
    routing = start(actor)
    send(routing)
    begin_outage(actor)
    reply(routing, Reading(flaw=Flaw.TIMEOUT))
    assert actor.router.endpoint.outage.reason
    send(routing)


def probe(actor: Stage, body=None) -> Routing:
    """The request that is sent to find out whether the outage has ended."""
    actor.advance(begin_outage(actor))
    return start(actor, body)


def is_free(actor: Stage) -> bool:
    """Whether another request may be the probe."""
    return isinstance(start(actor).next(), Send)


def test_one_request_alone_probes_at_a_time():
    actor = stage(models(3))
    routing = probe(actor)
    send(routing)
    assert not is_free(actor)
    routing.abandon()
    assert is_free(actor)


def test_a_probe_that_cannot_be_written_makes_room_for_another():
    actor = stage(models(3))
    assert isinstance(failed(probe(actor, UNWRITABLE)), InvalidRequestError)
    assert is_free(actor)


def test_a_probe_that_no_model_is_left_for_makes_room_for_another():
    actor = stage(models(3))
    routing = probe(actor)
    actor.router.update(catalog_of(row("a/other:free")))
    failed(routing)
    assert is_free(actor)


def test_a_probe_that_a_provider_answers_goes_on_with_another_model():
    actor = stage(models(9))
    routing = probe(actor)
    send(routing)
    reply(routing, BUSY)
    assert actor.router.endpoint.outage.reason == ""
    send(routing)


def test_a_probe_that_fails_tells_of_the_outage_and_makes_room():
    actor = stage(models(9))
    routing = probe(actor)
    send(routing)
    reply(routing, error_reading(502, "Bad gateway"))
    assert isinstance(failed(routing), UpstreamUnavailableError)
    actor.advance(actor.router.endpoint.outage.left())
    assert is_free(actor)


def test_a_probe_that_is_answered_ends_the_outage():
    actor = stage(models(9))
    routing = probe(actor)
    send(routing)
    reply(routing, ANSWER)
    assert actor.router.endpoint.outage.reason == ""
    assert is_free(actor)
