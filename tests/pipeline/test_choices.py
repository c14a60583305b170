"""Choices: whose word counts, what a plan makes of it, and what attempts teach about times and training."""

import math

import pytest

from freerouter.memory.timings import Measured, Stated
from freerouter.openrouter.catalog import Catalog
from freerouter.openrouter.costs import tokens_of
from freerouter.openrouter.headers import Caller
from freerouter.pipeline.actions import Request
from freerouter.pipeline.choosing import FREELY
from freerouter.pipeline.learning import Learning, Sent
from freerouter.pipeline.planning import make_plan
from freerouter.pipeline.policy import Policy
from freerouter.pipeline.tracking import Trace
from freerouter.preferences import NO_WISHES, Preference, Wishes
from freerouter.replies.ending import StreamEnd
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting, Scope, Verdict
from tests.walks import HELLO, models, stage

ME, FIRST, SECOND = "me", "m/0:free", "m/1:free"
DENY = HELLO | {"provider": {"data_collection": "deny"}}

# Settings, what the request says, what its model's name says; and the preference.
SOURCES = {
    "nobody": ({}, NO_WISHES, "", Preference("uniform", 2.0)),
    "the settings": ({"prefer": "large", "sharpness": 3}, NO_WISHES, "", Preference("large", 3.0)),
    "the name over the settings": ({"prefer": "large"}, NO_WISHES, "coding", Preference("coding", 2.0)),
    "the name alone": ({}, NO_WISHES, "coding", Preference("coding", 2.0)),
    "the request over both": ({"prefer": "large"}, Wishes(prefer="fast"), "coding", Preference("fast", 2.0)),
    "its sharpness": ({"prefer": "large", "sharpness": 3}, Wishes(sharpness=0.5), "", Preference("large", 0.5)),
    "uniform over the settings": ({"prefer": "large"}, Wishes(prefer="uniform"), "", Preference("uniform", 2.0)),
}


@pytest.mark.parametrize(("settings", "wishes", "name", "preference"), SOURCES.values(), ids=SOURCES)
def test_the_nearest_word_counts(settings, wishes, name, preference):
    choice = stage(models(2), **settings).router.choice(wishes, name, {})
    assert choice.preference == preference
    assert (choice is FREELY) == (wishes is NO_WISHES and not name and not settings)
    assert (choice.measured is None) is (preference.kind != "fast")


def test_what_a_request_leaves_out_and_what_is_barred_are_part_of_the_choice():
    router = stage(models(2)).router
    choice = router.choice(Wishes(authors=("m",), min_context=5), "", {})
    assert choice.policy == Policy((), (), ("m",), 5)
    barred = router.choice(NO_WISHES, "", {FIRST: "why"})
    assert (barred.barred, barred.policy, barred.preference.is_uniform) == ({FIRST: "why"}, None, True)


@pytest.mark.parametrize(
    ("settings", "freely"), [({}, True), ({"prefer": "large"}, False), ({"train": "deny"}, False)], ids=str
)
def test_the_settings_count_for_a_request_that_says_nothing(settings, freely):
    actor = stage(models(2), **settings)
    assert actor.router.chooses_freely is freely
    plan, trace = plan_of(actor)
    assert trace.prefer == plan.selection.choice.preference.kind == settings.get("prefer", "uniform")


def test_training_is_denied_by_either():
    allowing, denying = (stage(models(1), train=setting).router for setting in ("allow", "deny"))
    assert [allowing.denies_training(Wishes(train=said)) for said in ("", "allow", "deny")] == [False, False, True]
    assert all(denying.denies_training(Wishes(train=said)) for said in ("", "allow", "deny"))


def plan_of(actor, body=HELLO, **request):
    trace = Trace()
    plan = make_plan(actor.router, Request(body, caller=Caller(ME), **request), trace)
    return plan, trace


def test_a_plain_request_is_chosen_freely_and_sent_as_it_came():
    plan, trace = plan_of(stage(models(2)))
    assert plan.selection.choice is FREELY
    assert plan.body == HELLO
    assert trace.prefer == "uniform"
    assert not plan.denies_training_alone


@pytest.mark.parametrize("wishes", [Wishes(train="deny"), Wishes(train="deny", prefer="large")])
def test_a_plan_that_denies_training_says_so_and_bars_what_is_known_to_train(wishes):
    actor = stage(models(2))
    actor.router.training.listed(ME, [FIRST])
    plan, _ = plan_of(actor, wishes=wishes)
    assert plan.body == DENY
    assert plan.selection.choice.barred.keys() == {FIRST}
    assert plan.denies_training_alone
    assert plan.asker.preferences == plan_of(actor, DENY)[0].asker.preferences != ""


def test_the_settings_and_the_request_itself_deny_it_too_and_a_plain_request_of_another_kind_does_not():
    actor = stage(models(2), train="deny")
    actor.router.training.refused(FIRST)
    assert plan_of(actor)[0].selection.choice.barred.keys() == {FIRST}
    free = stage(models(2))
    free.router.training.refused(FIRST)
    assert plan_of(free, DENY)[0].selection.choice.barred.keys() == {FIRST}
    sorted_by_price = HELLO | {"provider": {"sort": "price"}}
    assert plan_of(free, sorted_by_price)[0].selection.choice is FREELY
    strict = plan_of(free, HELLO | {"provider": {"data_collection": "deny", "zdr": True}})[0]
    assert not strict.denies_training_alone
    cheap = plan_of(free, HELLO | {"provider": {"data_collection": "deny", "max_price": {"prompt": 0}}})[0]
    assert cheap.denies_training_alone


def test_a_body_that_came_parsed_is_known_to_be_so_even_when_training_is_denied():
    actor = stage(models(1))
    assert not plan_of(actor, HELLO, wishes=Wishes(train="deny"))[0].parsed
    text = b'{"messages": [{"role": "user", "content": "Hi"}]}'
    assert plan_of(actor, text, wishes=Wishes(train="deny"))[0].parsed


def test_a_name_and_a_plugin_are_heard_by_a_plan():
    actor = stage(models(2))
    assert plan_of(actor, wishes=Wishes(prefer="large"))[0].body == HELLO
    plan, trace = plan_of(actor, HELLO | {"model": "free:coding"})
    assert (plan.selection.choice.preference.kind, trace.prefer) == ("coding", "coding")
    plugin = {"id": "auto-router", "excluded_models": ["m/0"]}
    plan, trace = plan_of(actor, HELLO | {"plugins": [plugin]}, wishes=Wishes(prefer="large"))
    assert plan.selection.choice.policy.exclude == ("m/0:free",)
    assert (plan.selection.choice.preference.kind, trace.eligible) == ("large", 1)


# Attempts.


def learning_of(actor, body=HELLO, **request):
    plan, _ = plan_of(actor, body, **request)
    return Learning(actor.router, plan, ME)


def sent_to(actor, number=0):
    return Sent(actor.router.catalog.models[number], actor.clock.now, 10.0, cut_short=False)


def measured(actor):
    actor.advance(6)
    return actor.router.timings.measured()


def test_a_whole_answer_teaches_the_time_for_each_token():
    actor = stage(models(2))
    learning, sent = learning_of(actor), sent_to(actor)
    actor.advance(4)
    learning.answered(sent, {"completion_tokens": 40}, stripped=False)
    learning.ended(sent, {"completion_tokens": 999})
    assert measured(actor) == Measured({}, {FIRST: 0.1}, {FIRST: pytest.approx(2 / 3, rel=1e-3)})


def test_a_stream_teaches_the_time_to_its_first_token_and_for_each_token_after_that():
    actor = stage(models(2))
    learning, sent = learning_of(actor, HELLO | {"stream": True}), sent_to(actor)
    actor.advance(2)
    learning.answered(sent, None, stripped=False)
    actor.advance(5)
    learning.ended(sent, {"output_tokens": 20})
    found = measured(actor)
    assert (found.first, found.pace) == ({FIRST: 2.0}, {FIRST: 0.25})


def test_a_stream_that_is_held_back_is_measured_as_a_whole():
    actor = stage(models(2))
    learning, sent = learning_of(actor, HELLO | {"stream": True}, accept=lambda _: None), sent_to(actor)
    actor.advance(2)
    learning.answered(sent, {"completion_tokens": 4}, stripped=False)
    found = measured(actor)
    assert (found.first, found.pace) == ({}, {FIRST: 0.5})


def failure(**fields):
    return Outcome(**{"verdict": Verdict.TRY_ANOTHER, "scope": Scope.MODEL, "reason": "test", "status": 429, **fields})


def test_only_failures_that_are_held_against_a_model_count():
    actor = stage(models(3))
    learning = learning_of(actor)
    learning.failed(sent_to(actor), failure())
    learning.failed(sent_to(actor, 1), failure(scope=Scope.REQUEST))
    assert measured(actor).answered == {FIRST: pytest.approx(1 / 3, rel=1e-3)}


def test_a_doubt_that_a_second_model_has_settled_counts():
    actor = stage(models(3))
    learning = learning_of(actor)
    learning.doubts.append((FIRST, failure(status=500)))
    learning.answered(sent_to(actor, 1), None, stripped=False)
    shares = measured(actor).answered
    assert shares == {FIRST: pytest.approx(1 / 3, rel=1e-3), SECOND: pytest.approx(2 / 3, rel=1e-3)}


TEACHES = {
    "privacy": (DENY, failure(lasting=Lasting.PRIVACY, status=404), "yes"),
    "providers": (DENY, failure(lasting=Lasting.PROVIDERS, status=404), "yes"),
    "gone": (DENY, failure(lasting=Lasting.GONE, status=404), "unknown"),
    "a request that allows it": (HELLO, failure(lasting=Lasting.PRIVACY, status=404), "unknown"),
    "one with more conditions": (
        HELLO | {"provider": {"data_collection": "deny", "zdr": True}},
        failure(lasting=Lasting.PRIVACY, status=404),
        "unknown",
    ),
}


@pytest.mark.parametrize(("body", "outcome", "trains"), TEACHES.values(), ids=TEACHES)
def test_what_a_404_teaches_of_training(body, outcome, trains):
    actor = stage(models(2))
    learning_of(actor, body).failed(sent_to(actor), outcome)
    assert actor.router.training.of(ME, FIRST) == trains


@pytest.mark.parametrize(("body", "trains"), [(DENY, "no"), (HELLO, "unknown")])
def test_what_an_answer_teaches_of_training(body, trains):
    actor = stage(models(2))
    learning_of(actor, body).answered(sent_to(actor), None, stripped=False)
    assert actor.router.training.of(ME, FIRST) == trains


# What is read.


def test_a_router_records_what_is_read():
    actor = stage(models(2))
    actor.router.learn_stated(FIRST, Stated(first=3.0))
    assert measured(actor).first == {FIRST: 3.0}
    assert not actor.router.knows_training(ME)
    actor.router.learn_allowed(ME, frozenset({SECOND, "m/other:free"}))
    assert actor.router.knows_training(ME)
    assert actor.router.training.barred(ME).keys() == {FIRST}
    explained = actor.router.explain(Request(HELLO, caller=Caller(ME)))
    assert {row["id"]: row["trains"] for row in explained["eligible"]} == {FIRST: "yes", SECOND: "unknown"}


def test_a_router_without_a_list_records_nothing_of_it():
    actor = stage(models(1))
    actor.router.catalog = None
    actor.router.learn_allowed(ME, frozenset())
    assert actor.router.training.barred(ME) == {}


def test_a_router_hands_over_new_times_once_and_takes_stored_ones():
    actor, other = stage(models(1)), stage(models(1))
    learning_of(actor).answered(sent_to(actor), None, stripped=False)
    rows = actor.router.new_timings()
    assert rows.keys() == {FIRST}
    assert actor.router.new_timings() == {}
    other.router.restore_timings(rows)
    assert other.router.timings.unstored() == {}
    assert measured(other).answered.keys() == {FIRST}


def test_a_new_list_forgets_models_that_it_lacks():
    actor = stage(models(2))
    learning_of(actor).answered(sent_to(actor), None, stripped=False)
    actor.router.update(models(1))
    assert measured(actor).answered.keys() == {FIRST}
    actor.router.update(Catalog.of(models(2).models[1:]))
    assert measured(actor).answered == {}


@pytest.mark.parametrize(("prefer", "is_measured"), [("fast", True), ("reliable", True), ("large", False), ("", False)])
def test_a_routing_knows_whether_measured_times_decide(prefer, is_measured):
    assert stage(models(1)).router.route(Request(HELLO, wishes=Wishes(prefer=prefer))).is_measured is is_measured


def test_the_end_of_a_stream_is_measured_by_the_loop():
    actor = stage(models(1))
    routing = actor.router.route(Request(HELLO | {"stream": True}))
    routing.next()
    actor.advance(1)
    routing.record(Outcome(Verdict.ANSWERED, Scope.REQUEST, "answered"))
    actor.advance(3)
    routing.finish(StreamEnd(finished=True, usage={"completion_tokens": 30}))
    found = measured(actor)
    assert (found.first, found.pace) == ({FIRST: 1.0}, {FIRST: 0.1})


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, 0),
        ({}, 0),
        ({"completion_tokens": 7, "output_tokens": 9}, 7),
        ({"output_tokens": 9}, 9),
        ({"completion_tokens": "7"}, 0),
        ({"completion_tokens": True}, 0),
        ({"completion_tokens": math.inf}, 0),
    ],
    ids=repr,
)
def test_the_tokens_of_an_answer_are_those_that_its_usage_states(usage, tokens):
    assert tokens_of(usage) == tokens
