"""Learning, with other processes: what each attempt tells them."""

import pytest

from freerouter.openrouter.headers import Caller
from freerouter.pipeline.actions import Request
from freerouter.pipeline.learning import Learning, Sent
from freerouter.pipeline.news import News
from freerouter.pipeline.planning import make_plan
from freerouter.pipeline.tracking import Trace
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Gate, Lasting, Scope, Verdict
from freerouter.sharing.facts import Kind
from freerouter.sharing.outbox import Outbox
from tests.walks import HELLO, Stage, models, stage

STREAM = HELLO | {"stream": True}


def shared(count: int = 3) -> tuple[Stage, Outbox]:
    """A router that tells what it learns, and what waits to be told."""
    actor, outbox = stage(models(count)), Outbox()
    actor.router.share(News(actor.router, outbox, None))
    return actor, outbox


def learning_of(actor: Stage, body=HELLO) -> Learning:
    return Learning(actor.router, make_plan(actor.router, Request(body, caller=Caller("me")), Trace()), "me")


def sent_to(actor: Stage, number: int = 0) -> Sent:
    return Sent(actor.router.catalog.models[number], actor.clock.now, 10.0, cut_short=False)


def failure(**fields) -> Outcome:
    return Outcome(**{"verdict": Verdict.TRY_ANOTHER, "scope": Scope.MODEL, "reason": "test", "status": 500, **fields})


def told(outbox: Outbox) -> set[tuple[Kind, str, bool]]:
    """What waits to be told: its kind, the model or the account, and whether it has ended."""
    facts = outbox.take(0.0)
    outbox.done(facts)
    return {(fact.kind, fact.about[0], fact.over) for fact in facts}


TIMED, COOLED = (Kind.TIMES, "m/0:free", False), (Kind.COOLED, "m/0:free", False)
WELL, LEARNT = (Kind.COOLED, "m/0:free", True), (Kind.LESSON, "m/0:free", False)
SHUT, TALKED = (Kind.GATE, "me", False), (Kind.TALK, "me", False)

# An outcome, and what it tells.
FAILURES = {
    "a failure": (failure(), {TIMED, COOLED}),
    "a lesson": (failure(scope=Scope.REQUEST, lasting=Lasting.REGION), {LEARNT}),
    "a gate": (failure(verdict=Verdict.STOP, gate=Gate.MINUTE, seconds=10.0), {SHUT}),
    "a wait": (failure(verdict=Verdict.STOP, seconds=10.0), set()),
    "a refusal": (failure(scope=Scope.REQUEST, status=400), set()),
}


@pytest.mark.parametrize(("outcome", "facts"), FAILURES.values(), ids=FAILURES)
def test_what_a_failure_tells(outcome, facts):
    actor, outbox = shared()
    actor.router.endpoint.allowances.close("me", Gate.MINUTE, 5.0)
    learning_of(actor).failed(sent_to(actor), outcome)
    assert told(outbox) == facts


def test_an_outage_tells_that_the_models_are_well():
    actor, outbox = shared(2)
    for number in range(2):
        learning_of(actor).failed(sent_to(actor, number), failure(status=502, alike="5xx"))
    assert {(Kind.COOLED, f"m/{number}:free", True) for number in range(2)} <= told(outbox)


def test_an_answer_tells_its_times_and_what_it_ends():
    actor, outbox = shared()
    learning_of(actor).answered(sent_to(actor), None, stripped=False)
    assert told(outbox) == {TIMED, TALKED}
    actor.advance(1)
    learning_of(actor).failed(sent_to(actor), failure(lasting=Lasting.GONE))
    assert told(outbox) == {TIMED, COOLED, LEARNT}
    actor.advance(1)
    learning_of(actor).answered(sent_to(actor), None, stripped=False)
    assert told(outbox) == {TIMED, TALKED, WELL, (Kind.LESSON, "m/0:free", True)}


def test_times_are_told_once_a_second_for_each_model_and_the_last_ones_at_the_end():
    actor, outbox = shared()
    for number in (0, 1, 0, 0):
        learning_of(actor).answered(sent_to(actor, number), None, stripped=False)
    actor.advance(0.9)
    learning_of(actor).answered(sent_to(actor), None, stripped=False)
    facts = outbox.take(0.0)
    outbox.done(facts)
    rows = {fact.about[0]: fact.value for fact in facts if fact.kind is Kind.TIMES}
    assert rows.keys() == {"m/0:free", "m/1:free"}
    before = actor.router.timings.row("m/0:free")
    assert rows["m/0:free"] != before
    actor.router.leave()
    assert [fact.value for fact in outbox.take(0.0)] == [before]


def test_the_end_of_a_stream_tells_its_times():
    actor, outbox = shared()
    learning, sent = learning_of(actor, STREAM), sent_to(actor)
    learning.answered(sent, None, stripped=False)
    told(outbox)
    actor.advance(5)
    learning.ended(sent, {"completion_tokens": 10})
    assert told(outbox) == {TIMED}


def test_a_cost_tells_an_alarm():
    actor, outbox = shared()
    model = actor.router.catalog.models[0]
    assert learning_of(actor).note_cost(model, {"cost": 0}) is None
    assert told(outbox) == set()
    learning_of(actor).note_cost(model, {"cost": 0.5})
    assert {(kind, over) for kind, _, over in told(outbox)} == {(Kind.ALARM, False)}


def test_what_the_key_says_tells_what_is_left_and_that_the_day_has_room_again():
    actor, outbox = shared()
    day, opened = (Kind.DAY, "me", False), (Kind.GATE, "me", True)
    actor.router.learn_allowance("me", 48, 50)
    assert told(outbox) == {day}
    actor.router.endpoint.allowances.close("me", Gate.DAY, 5_000.0)
    actor.router.learn_allowance("me", 48, 50)  # it may be older than the refusal
    assert told(outbox) == {day}
    actor.advance(1_000)
    actor.router.learn_allowance("me", 48, 50)
    assert told(outbox) == {day, opened}
