"""Learning: what an attempt changes in the memory, beyond its request."""

from dataclasses import replace

import pytest

from freerouter.openrouter.catalog import Model
from freerouter.openrouter.headers import Caller
from freerouter.pipeline.actions import Request
from freerouter.pipeline.learning import Learning, Sent
from freerouter.pipeline.planning import make_plan
from freerouter.pipeline.tracking import Trace
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Gate, Lasting, Scope, Verdict
from tests.builders import catalog_of, row
from tests.pipeline.steps import begin_outage
from tests.walks import HELLO, Stage, models, stage

ME = "me"
STRICT = HELLO | {"provider": {"only": ["acme"]}}


def failure(**fields) -> Outcome:
    return Outcome(**{"verdict": Verdict.TRY_ANOTHER, "scope": Scope.MODEL, "reason": "test", "status": 500, **fields})


def learning_of(actor: Stage, body=None) -> Learning:
    request = Request(HELLO if body is None else body, caller=Caller(ME))
    return Learning(actor.router, make_plan(actor.router, request, Trace()), ME)


def sent_to(actor: Stage, number: int = 0, **changes) -> Sent:
    """A request that is sent now to one of the models, which may have changed since."""
    model: Model = actor.router.catalog.models[number]
    return Sent(replace(model, **changes), actor.clock.now, 10.0, cut_short=False)


def test_a_failure_cools_its_model_and_an_answer_ends_that():
    actor = stage(models(2))
    learning, sent = learning_of(actor), sent_to(actor)
    seconds = learning.failed(sent, failure())
    assert seconds > 0
    assert actor.router.cooling() == {sent.model.id: seconds}
    learning.answered(sent_to(actor), None, stripped=False)
    assert actor.router.cooling() == {}


# An outcome, the request's body, and whether the model cools down.
COOLS = {
    "a failure": (failure(), HELLO, True),
    "one that stops": (failure(verdict=Verdict.STOP), HELLO, False),
    "one that is not sure": (failure(sure=False), HELLO, False),
    "of the request": (failure(scope=Scope.REQUEST), HELLO, False),
    "of the way": (failure(scope=Scope.UPSTREAM), HELLO, False),
    "gone": (failure(lasting=Lasting.GONE), HELLO, True),
    "gone, perhaps by the preferences": (failure(lasting=Lasting.GONE), STRICT, False),
    "a failure despite preferences": (failure(), STRICT, True),
}


@pytest.mark.parametrize(("outcome", "body", "cools"), COOLS.values(), ids=COOLS)
def test_which_failures_cool_a_model(outcome, body, cools):
    actor = stage(models(2))
    seconds = learning_of(actor, body).failed(sent_to(actor), outcome)
    assert (seconds is not None) is cools
    assert bool(actor.router.cooling()) is cools


def test_a_refusal_counts_when_the_model_has_just_refused_another_request():
    actor, refusal = stage(models(2)), failure(scope=Scope.REQUEST, status=400)
    first, other = learning_of(actor), learning_of(actor, {"messages": [{"role": "user", "content": "Other"}]})
    assert first.failed(sent_to(actor), refusal) is None
    assert first.failed(sent_to(actor), refusal) is None
    seconds = other.failed(sent_to(actor), refusal)
    assert actor.router.cooling() == {"m/0:free": seconds}


@pytest.mark.parametrize(("scope", "cools"), [(Scope.MODEL, True), (Scope.UPSTREAM, False)])
def test_a_doubt_is_held_against_its_model_once_another_has_answered(scope, cools):
    actor = stage(models(2))
    learning = learning_of(actor)
    learning.doubts.append(("m/0:free", failure(scope=scope, sure=False)))
    learning.answered(sent_to(actor, 1), None, stripped=False)
    assert list(actor.router.cooling()) == ["m/0:free"] * cools
    assert learning.doubts == []


def test_only_a_stated_gate_is_shut_and_a_wait_of_another_kind_does_not_open_it():
    actor = stage(models(2))
    learning = learning_of(actor)
    learning.failed(sent_to(actor), failure(seconds=20.0))
    assert actor.router.gate(ME) is None
    learning.failed(sent_to(actor), failure(verdict=Verdict.STOP, gate=Gate.MINUTE, seconds=10.0))
    learning.failed(sent_to(actor), failure(seconds=100.0))
    assert actor.router.gate(ME) == (Gate.MINUTE, 10.0)


# The context of the model by the catalog, beside the most that the prompt can be; whether the failure teaches.
CONTEXTS = {
    "larger": (1, True),
    "equal": (0, True),
    "smaller": (-1, False),
    "unknown": (None, True),
}


@pytest.mark.parametrize(("beyond", "teaches"), CONTEXTS.values(), ids=CONTEXTS)
def test_a_context_that_our_estimate_exceeds_teaches_nothing(beyond, teaches):
    actor = stage(models(2))
    learning = learning_of(actor)
    context = None if beyond is None else learning._plan.requirements.context + beyond
    learning.failed(sent_to(actor, context=context), failure(scope=Scope.REQUEST, lasting=Lasting.CONTEXT))
    assert len(actor.router.health.lessons) == teaches


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
WITH_IMAGE = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, IMAGE]}]}


@pytest.mark.parametrize("body", [STRICT, WITH_IMAGE], ids=["preferences", "media"])
def test_a_context_teaches_nothing_where_something_else_may_be_the_cause(body):
    actor = stage(models(2))
    outcome = failure(scope=Scope.REQUEST, lasting=Lasting.CONTEXT)
    learning_of(actor, body).failed(sent_to(actor, context=None), outcome)
    assert len(actor.router.health.lessons) == 0


# The context of the model beside the most that the prompt can be, the fields of the request, and whether the second
# prompt in a row that it calls too long is held against it.
TOO_LONG = {
    "larger": (1, {}, True),
    "equal": (0, {}, True),
    "smaller": (-1, {}, False),
    "unknown": (None, {}, True),
    "perhaps by the preferences": (None, STRICT, False),
    "perhaps by our estimate of an image": (None, WITH_IMAGE, False),
}


@pytest.mark.parametrize(("beyond", "fields", "cools"), TOO_LONG.values(), ids=TOO_LONG)
def test_a_model_that_calls_two_prompts_too_long_that_fit_cools_down(beyond, fields, cools):
    actor = stage(models(2))
    outcome = failure(scope=Scope.REQUEST, status=400, lasting=Lasting.TOO_LONG)
    first, second = (learning_of(actor, HELLO | {"user": name} | fields) for name in ("one", "two"))
    context = None if beyond is None else first._plan.requirements.context + beyond
    assert first.failed(sent_to(actor, context=context), outcome) is None
    assert (second.failed(sent_to(actor, context=context), outcome) is not None) is cools


def test_a_lack_is_no_refusal():
    actor = stage(models(2))
    lacks = failure(scope=Scope.REQUEST, status=400, lasting=Lasting.LACKS)
    for text in ("One", "Two"):
        body = {"messages": [{"role": "user", "content": text}]}
        assert learning_of(actor, body).failed(sent_to(actor), lacks) is None


@pytest.mark.parametrize(("stated", "left"), [(5_000, "m/small:free"), (9_000, None)])
def test_a_smaller_model_is_asked_when_it_surely_holds_what_was_stated(stated, left):
    actor = stage(catalog_of(row("m/small:free", context=8_000), row("m/large:free", context=32_000)))
    learning = learning_of(actor)
    learning._plan.selection.tried.add("m/large:free")
    outcome = failure(scope=Scope.REQUEST, lasting=Lasting.TOO_LONG, message=f"prompt is too long: {stated} tokens")
    learning.failed(sent_to(actor, 1), outcome)
    picked = learning._plan.selection.pick()
    assert (None if picked is None else picked.id) == left


def test_another_lesson_does_not_depend_on_the_context():
    actor = stage(models(2))
    learning_of(actor).failed(sent_to(actor, context=1), failure(lasting=Lasting.GONE))
    assert len(actor.router.health.lessons) == 1


LARGE, SMALL = "m/large:free", "m/small:free"


@pytest.mark.parametrize(
    ("lasting", "context", "asked"),
    [(Lasting.CONTEXT, 8_000, {LARGE}), (Lasting.TOO_LONG, 8_000, {LARGE}), (Lasting.TOO_LONG, None, {LARGE, SMALL})],
)
def test_after_a_context_only_a_larger_model_is_asked(lasting, context, asked):
    picked = set()
    for seed in range(9):
        actor = stage(catalog_of(row(SMALL, context=8_000), row(LARGE, context=32_000)), seed=seed)
        learning = learning_of(actor)
        learning.failed(sent_to(actor, context=context), failure(scope=Scope.REQUEST, lasting=lasting))
        picked.add(learning._plan.selection.pick().id)
    assert picked == asked


def down(**fields) -> Outcome:
    return failure(status=502, alike="5xx", **fields)


def test_an_outage_gives_back_what_the_models_were_and_tells_no_cooldown():
    actor = stage(models(3))
    cooldowns = [learning_of(actor).failed(sent_to(actor, number), down()) for number in range(3)]
    assert cooldowns[0] is not None
    assert cooldowns[2] is None
    assert actor.router.endpoint.outage.reason == "5xx"
    assert actor.router.cooling() == {}


def test_what_a_second_model_confirms_begins_an_outage_but_no_second_one():
    actor = stage(models(9))
    page = failure(verdict=Verdict.STOP, scope=Scope.UPSTREAM, status=403, alike="page 403")
    learning_of(actor).failed(sent_to(actor), page)
    assert actor.router.endpoint.outage.reason == "page 403"
    other = page._replace(status=503, alike="page 503")
    learning_of(actor).failed(sent_to(actor, 1), other)
    assert actor.router.endpoint.outage.reason == "page 403"


@pytest.mark.parametrize("reason", ["timeout", "unreachable", "stale_connection", "timeout_of_caller", "deadline"])
def test_a_time_out_says_nothing_of_an_outage(reason):
    actor = stage(models(3))
    for number in range(2):
        learning_of(actor).failed(sent_to(actor, number), down())
    learning_of(actor).failed(sent_to(actor, 1), failure(reason=reason))
    learning_of(actor).failed(sent_to(actor, 2), down())
    assert actor.router.endpoint.outage.reason == "5xx"


def test_a_cost_is_told_once():
    actor = stage(models(2))
    learning, model = learning_of(actor), actor.router.catalog.models[0]
    assert learning.note_cost(model, {"cost": 0}) is None
    assert learning.note_cost(model, None) is None
    assert learning.note_cost(model, {"cost": 0.5}) == (model.id, 0.5)


def test_a_failure_that_a_provider_explains_ends_a_row_of_others():
    actor = stage(models(3))
    for number, outcome in ((0, down()), (1, down()), (0, failure()), (2, down())):
        learning_of(actor).failed(sent_to(actor, number), outcome)
    assert actor.router.endpoint.outage.reason == ""


def test_an_answer_ends_an_outage_and_the_lessons_about_its_model():
    actor = stage(models(2))
    learning = learning_of(actor)
    learning.failed(sent_to(actor), failure(lasting=Lasting.GONE))
    begin_outage(actor)
    learning.answered(sent_to(actor), None, stripped=False)
    assert actor.router.endpoint.outage.reason == ""
    assert len(actor.router.health.lessons) == 0


@pytest.mark.parametrize("stripped", [False, True])
def test_an_answer_keeps_a_conversation_on_its_model(stripped):
    actor = stage(models(2))
    learning = learning_of(actor, HELLO | {"session_id": "mine"})
    learning.answered(sent_to(actor), None, stripped=stripped)
    home = actor.router.conversations.home(ME, learning._plan.conversation)
    assert (home.model, home.inherits) == ("m/0:free", stripped)


def test_without_a_conversation_nothing_is_kept():
    actor = stage(models(2), sticky="off")
    learning = learning_of(actor, HELLO | {"session_id": "mine"})
    learning.answered(sent_to(actor), None, stripped=False)
    assert learning._plan.conversation is None


@pytest.mark.parametrize(("lasting", "asked"), [(Lasting.MODERATED, {LARGE}), (None, {LARGE, SMALL})])
def test_after_a_moderator_has_refused_only_models_without_one_are_asked(lasting, asked):
    picked = set()
    for seed in range(9):
        actor = stage(
            catalog_of(row(SMALL, moderated=True), row(LARGE), row("m/third:free", moderated=True)), seed=seed
        )
        learning = learning_of(actor)
        learning._plan.selection.tried.add("m/third:free")
        learning.failed(sent_to(actor, 2), failure(scope=Scope.REQUEST, lasting=lasting))
        picked.add(learning._plan.selection.pick().id)
    assert picked == asked
