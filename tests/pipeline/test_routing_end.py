"""Routing, the end of a request: the alarms of its costs, and how an answer that was passed on has ended."""

import logging

import pytest

from freerouter.errors import StreamInterruptedError
from freerouter.pipeline.actions import Fail, Reserve
from freerouter.pipeline.news import News
from freerouter.pipeline.routing import Routing
from freerouter.replies.ending import StreamEnd
from freerouter.replies.reading import Flaw
from freerouter.sharing.facts import Kind
from freerouter.sharing.outbox import Outbox
from freerouter.sharing.slots import Slot
from tests.builders import catalog_of, row
from tests.pipeline.steps import answered, begin_outage, sent, start
from tests.walks import ANSWER, HELLO, models, stage

COSTLY = ANSWER._replace(usage={"cost": 0.5})


# What costs.


def test_a_cost_raises_an_alarm_for_the_model_then_for_the_account(caplog):
    actor = stage(models(9))
    told: list[tuple[str, float, str]] = []
    actor.router.on_alarm = lambda *alarm: told.append(alarm)
    with caplog.at_level(logging.ERROR, "freerouter"):
        first = answered(start(actor), COSTLY).trace
        second = answered(start(actor), COSTLY).trace
    assert (first.cost, second.cost) == (0.5, 0.5)
    assert told == [(first.model, 0.5, "me"), ("account", 0.5, "me")]
    assert [record.getMessage().partition("; ")[2] for record in caplog.records] == [
        f"{first.model} is not used again",
        "the account is not used again",
    ]


def test_a_cost_is_noted_where_nothing_listens_and_nothing_is_told_without_a_cost():
    actor = stage(models(9))
    assert answered(start(actor), COSTLY).trace.cost == 0.5
    actor.router.on_alarm = lambda *_: pytest.fail("there is no cost")
    assert answered(start(actor)).trace.cost is None


# The end of an answer that was passed on.

BROKEN = StreamEnd(finished=False)


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        (StreamEnd(finished=True), "finished"),
        (BROKEN, "interrupted"),
        (StreamEnd(finished=False, error={"code": 502}), "interrupted"),
    ],
)
def test_the_end_of_an_answer_is_noted(ending, told):
    routing = answered(start(stage(models(3))))
    error = routing.finish(ending)
    assert routing.trace.ending == told
    assert (error is not None) is (ending == BROKEN)
    if error is not None:
        assert isinstance(error, StreamInterruptedError)
        assert error.message == f"the stream of {routing.trace.model} broke off before its end"
        assert error.trace is routing.trace


@pytest.mark.parametrize("code", [None, 400, 409, 502])
def test_an_answer_that_breaks_off_is_held_against_its_model(code):
    actor = stage(models(3))
    routing = answered(start(actor))
    routing.finish(StreamEnd(finished=False, error=None if code is None else {"code": code, "message": "no"}))
    assert list(actor.router.cooling()) == [routing.trace.model]


def test_the_error_that_an_answer_ends_in_says_for_how_long_its_model_cools_down():
    actor = stage(models(3))
    error = {"code": 429, "message": "Provider returned error", "metadata": {"provider_name": "Acme"}}
    answered(start(actor)).finish(StreamEnd(finished=False, error=error | {"retry_after": 500}))
    assert list(actor.router.cooling().values()) == [pytest.approx(500, rel=0.2)]


def test_answers_that_break_off_for_no_known_reason_are_no_sign_of_an_outage():
    actor = stage(models(2))
    started = [answered(start(actor, HELLO | {"model": model})) for model in ("m/0:free", "m/1:free")]
    for routing in started:
        routing.finish(StreamEnd(finished=False, error={"code": 409, "message": "conflict"}))
    assert actor.router.endpoint.outage.reason == ""
    assert len(actor.router.cooling()) == 2


def test_an_answer_that_breaks_off_for_another_reason_is_not():
    actor = stage(models(3))
    answered(start(actor)).finish(StreamEnd(finished=False, flaw=Flaw.DEADLINE))
    assert actor.router.cooling() == {}


def test_an_answer_that_ends_is_held_against_nobody_and_its_cost_is_noted():
    actor = stage(models(3))
    told: list[tuple[str, float, str]] = []
    actor.router.on_alarm = lambda *alarm: told.append(alarm)
    routing = answered(start(actor))
    routing.finish(StreamEnd(finished=True, usage={"cost": 0.5}))
    assert told == [(routing.trace.model, 0.5, "me")]
    assert actor.router.cooling() == {}


@pytest.mark.parametrize("leave", [lambda it: it.finish(BROKEN), Routing.abandon], ids=["finish", "abandon"])
def test_a_probe_that_ends_makes_room_for_another(leave):
    actor = stage(models(3))
    routing = start(actor)
    sent(routing)
    actor.advance(begin_outage(actor))
    outage = actor.router.endpoint.outage
    outage.rest(routing)
    leave(routing)
    assert not outage.is_probe(routing)


def test_a_request_that_is_abandoned_says_so_unless_it_has_ended():
    routing = answered(start(stage(models(3))))
    routing.abandon()
    assert routing.trace.ending == "abandoned"
    routing = answered(start(stage(models(3))))
    routing.finish(StreamEnd(finished=True))
    routing.abandon()
    assert routing.trace.ending == "finished"


def test_a_place_in_the_minute_is_given_back_when_the_request_fails_before_it_is_sent():
    actor, outbox = stage(models(2), requests_per_minute=20), Outbox()
    actor.router.share(News(actor.router, outbox, None))
    routing = start(actor)
    assert isinstance(routing.next(), Reserve)
    routing.reserved(Slot(True, (60.0,)))
    actor.router.update(catalog_of(row("a/other:free")))
    assert isinstance(routing.next(), Fail)
    assert [(fact.kind, fact.over) for fact in outbox.take(0.0)] == [(Kind.SENT, True)]


@pytest.mark.parametrize(("provider", "train"), [({"data_collection": "deny"}, "deny"), ({}, "allow")])
def test_an_explanation_says_whether_training_is_denied(provider, train):
    assert start(stage(models(2)), HELLO | {"provider": provider}).explain()["train"] == train
