"""A trace says whether a conversation stays on its model, or why it moves."""

import pytest

from tests.builders import catalog_of, row
from tests.pipeline.steps import BUSY, answered, reply, send, start
from tests.walks import HELLO, stage

ONE, TWO = "m/one:free", "m/two:free"
TALK = HELLO | {"session_id": "s"}


@pytest.fixture
def actor():
    """A conversation that is on the first of two models."""
    actor = stage(catalog_of(row(ONE), row(TWO)))
    assert answered(start(actor, TALK | {"models": [ONE]})).trace.conversation == ""
    return actor


def test_it_stays(actor):
    trace = answered(start(actor, TALK)).trace
    assert trace.conversation == trace.as_dict()["conversation"] == f"stays on {ONE}"
    assert f"the conversation stays on {ONE}" in str(trace)


def test_it_moves_when_its_model_fails(actor):
    routing = start(actor, TALK)
    send(routing)
    reply(routing, BUSY)
    assert answered(routing).trace.conversation == f"moves from {ONE} to {TWO}: it failed (overloaded)"


MOVES = {
    "it cools down": (
        lambda router: router.health.cooling.update({ONE: router.clock() + 30}),
        {},
        "it cools down for 30 s",
    ),
    "it has cost money": (lambda router: router.health.costs.models.update({ONE: 0.5}), {}, "cost $0.5"),
    "it is no longer listed": (lambda router: router.update(catalog_of(row(TWO))), {}, "it is no longer listed"),
    "it lacks what is needed": (
        lambda router: None,
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        "lacks tools",
    ),
    "another is asked for": (lambda router: None, {"model": TWO}, "not asked for by name"),
}


@pytest.mark.parametrize(("happens", "fields", "why"), MOVES.values(), ids=MOVES)
def test_it_moves_and_says_why(happens, fields, why):
    actor = stage(catalog_of(row(ONE), row(TWO, parameters=["tools"])))
    answered(start(actor, TALK | {"models": [ONE]}))
    happens(actor.router)
    told = answered(start(actor, TALK | fields)).trace.conversation
    assert told.startswith(f"moves from {ONE} to {TWO}: ")
    assert why in told


@pytest.mark.parametrize("body", [HELLO, HELLO | {"session_id": "another"}], ids=["no id", "a new id"])
def test_nothing_is_said_where_there_is_no_former_model(actor, body):
    trace = answered(start(actor, body)).trace
    assert trace.conversation == ""
    assert "conversation" not in str(trace)
