"""Learning, for later choices: how fast and how reliably a model answers, and whether it may train on prompts."""

import pytest

from freerouter.openrouter.headers import Caller
from freerouter.pipeline.actions import Request
from freerouter.pipeline.learning import Learning, Sent
from freerouter.pipeline.planning import make_plan
from freerouter.pipeline.tracking import Trace
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting, Scope, Verdict
from tests.walks import HELLO, Stage, models, stage

ALPHA, BETA = "m/0:free", "m/1:free"
STREAM = HELLO | {"stream": True}
USAGE = {"completion_tokens": 10}
DENIED = HELLO | {"provider": {"data_collection": "deny"}}


def learning_of(actor: Stage, body=HELLO, **request) -> Learning:
    plan = make_plan(actor.router, Request(body, caller=Caller("me"), **request), Trace())
    return Learning(actor.router, plan, "me")


def sent_to(actor: Stage, number: int = 0) -> Sent:
    return Sent(actor.router.catalog.models[number], actor.clock.now, 10.0, cut_short=False)


def failure(**fields) -> Outcome:
    return Outcome(**{"verdict": Verdict.TRY_ANOTHER, "scope": Scope.MODEL, "reason": "test", "status": 500, **fields})


def measured(actor: Stage):
    actor.advance(10)  # a summary is made anew after some seconds
    return actor.router.timings.measured()


def test_a_stream_is_measured_to_its_first_token_and_from_there_to_its_end():
    actor = stage(models(2))
    learning, sent = learning_of(actor, STREAM), sent_to(actor)
    actor.advance(2)
    learning.answered(sent, None, stripped=False)
    actor.advance(5)
    learning.ended(sent, USAGE)
    found = measured(actor)
    assert (found.first, found.pace) == ({ALPHA: 2.0}, {ALPHA: 0.5})


@pytest.mark.parametrize(
    ("body", "request_"), [(HELLO, {}), (STREAM, {"accept": lambda _: None})], ids=["an answer", "a stream held back"]
)
def test_a_whole_answer_is_measured_from_when_it_was_sent(body, request_):
    actor = stage(models(2))
    learning, sent = learning_of(actor, body, **request_), sent_to(actor)
    actor.advance(5)
    learning.answered(sent, USAGE, stripped=False)
    actor.advance(5)
    learning.ended(sent, USAGE)
    found = measured(actor)
    assert (found.first, found.pace) == ({}, {ALPHA: 0.5})
    assert found.answered[ALPHA] > 0.5


# An outcome, and whether it makes its model less reliable.
UNRELIABLE = {
    "a failure": (failure(), True),
    "a failure that stops": (failure(verdict=Verdict.STOP), False),
    "of the request": (failure(scope=Scope.REQUEST), False),
}


@pytest.mark.parametrize(("outcome", "counts"), UNRELIABLE.values(), ids=UNRELIABLE)
def test_a_failure_that_cools_a_model_makes_it_less_reliable(outcome, counts):
    actor = stage(models(9))
    learning_of(actor).failed(sent_to(actor), outcome)
    assert (ALPHA in measured(actor).answered) is counts


def test_an_outage_makes_no_further_model_less_reliable():
    actor = stage(models(2))
    for number in range(2):
        learning_of(actor).failed(sent_to(actor, number), failure(status=502, alike="5xx"))
    assert set(measured(actor).answered) == {ALPHA}


@pytest.mark.parametrize(("scope", "status", "counts"), [(Scope.MODEL, 500, True), (Scope.REQUEST, 400, False)])
def test_a_doubt_makes_its_model_less_reliable_when_it_cools_it(scope, status, counts):
    actor = stage(models(2))
    learning = learning_of(actor)
    learning.doubts.append((BETA, failure(scope=scope, status=status, sure=False)))
    learning.answered(sent_to(actor), None, stripped=False)
    assert (BETA in measured(actor).answered) is counts


@pytest.mark.parametrize(("body", "told"), [(DENIED, "no"), (HELLO, "unknown")])
def test_an_answer_to_a_request_that_denies_training_shows_that_a_model_does_not_train(body, told):
    actor = stage(models(2))
    learning_of(actor, body).answered(sent_to(actor), None, stripped=False)
    assert actor.router.trains("me") == {ALPHA: told, BETA: "unknown"}


# The request's preferences, what the refusal says, and what it shows.
REFUSED = {
    "privacy": ({"data_collection": "deny"}, Lasting.PRIVACY, "yes"),
    "providers": ({"data_collection": "deny"}, Lasting.PROVIDERS, "yes"),
    "another lesson": ({"data_collection": "deny"}, Lasting.REGION, "unknown"),
    "with another preference": ({"data_collection": "deny", "only": ["acme"]}, Lasting.PROVIDERS, "unknown"),
    "with one that excludes nothing": ({"data_collection": "deny", "sort": "price"}, Lasting.PROVIDERS, "yes"),
    "without": ({"data_collection": "allow"}, Lasting.PROVIDERS, "unknown"),
}


@pytest.mark.parametrize(("provider", "lasting", "told"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_shows_that_a_model_trains_when_nothing_else_explains_it(provider, lasting, told):
    actor = stage(models(2))
    outcome = failure(scope=Scope.REQUEST, status=404, lasting=lasting)
    learning_of(actor, HELLO | {"provider": provider}).failed(sent_to(actor), outcome)
    assert actor.router.trains("me")[ALPHA] == told
