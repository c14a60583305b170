"""Health: how long a model is left alone, what a failure teaches, for whom, and when it is forgotten."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.memory.health import FIRST_COOLDOWN, LIGHT_COOLDOWN, LONGEST_COOLDOWN, Health
from freerouter.openrouter.headers import Caller
from freerouter.openrouter.requirements import Requirements
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting, Scope, Verdict
from tests.builders import Clock, healthy, need_of, required

ALPHA, BETA = "acme/alpha:free", "acme/beta:free"
ME, OTHER = Caller("account", "app"), Caller("other account", "other app")


def failure(**fields):
    return Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, "test", 503, **fields)


HINT = st.none() | st.sampled_from([1, 5, 60, 3_600])
STEP = st.tuples(st.sampled_from([0, 1, 20, 100, 700]), HINT, st.booleans())


@given(st.lists(STEP, min_size=1, max_size=12), st.integers())
def test_a_cooldown_is_never_shortened_and_never_below_what_was_asked(steps, seed):
    clock = Clock()
    health = healthy(clock, seed)
    for pause, seconds, light in steps:
        clock.advance(pause)
        before = health.cooling.get(ALPHA, 0)
        told = health.cool(ALPHA, failure(seconds=seconds, light=light))
        assert health.cooling[ALPHA] >= before
        assert health.cooling[ALPHA] >= clock.now + (seconds or 0)
        assert told == pytest.approx(health.cooling[ALPHA] - clock.now)
        assert 0 < told <= 3_600


@given(st.integers())
def test_cooldowns_double_with_each_failure_in_a_row_up_to_ten_minutes_with_jitter(seed):
    clock = Clock()
    health = healthy(clock, seed)
    for expected in (30, 60, 120, 240, 480, 600, 600, 600):
        told = health.cool(ALPHA, failure())
        assert 0.8 * expected <= told <= expected
        clock.advance(told)
    assert (FIRST_COOLDOWN, LONGEST_COOLDOWN) == (30, 600)


def test_jitter_differs():
    assert len({healthy(seed=seed).cool(ALPHA, failure()) for seed in range(20)}) == 20


def test_failures_without_end_do_not_overflow():
    clock = Clock()
    health = healthy(clock)
    for _ in range(3_000):
        clock.advance(health.cool(ALPHA, failure()))
    assert health.cool(ALPHA, failure()) <= LONGEST_COOLDOWN


def test_success_forgets_the_failures_of_this_model_alone():
    clock = Clock()
    health = healthy(clock)
    for model in (ALPHA, BETA) * 3:
        health.cool(model, failure())
        clock.advance(300)
    health.restore(ALPHA, clock())
    assert ALPHA not in health.cooling
    assert health.cool(ALPHA, failure()) <= 30
    assert health.cool(BETA, failure()) > 100


def test_an_answer_to_what_was_sent_before_a_cooldown_began_does_not_end_it():
    clock = Clock()
    health = healthy(clock)
    sent = clock()
    clock.advance(1)
    health.cool(ALPHA, failure(seconds=600))
    health.restore(ALPHA, sent)
    assert health.cooling[ALPHA] == clock() + 600
    clock.advance(1)
    health.restore(ALPHA, clock())
    assert not health.cooling


def test_a_failure_of_a_request_sent_before_the_cooldown_began_is_the_same_failure():
    clock = Clock()
    health = healthy(clock)
    first = health.cool(ALPHA, failure())
    clock.advance(10)
    assert health.cool(ALPHA, failure()) == pytest.approx(first - 10)
    clock.advance(first)
    assert 0.8 * 60 <= health.cool(ALPHA, failure()) <= 60


HINTS = {
    "a longer hint prolongs": ((10, 50), 50),
    "a shorter one does not shorten": ((50, 10), 50),
    "no hint does not shorten": ((50, None), 50),
}


@pytest.mark.parametrize(("hints", "seconds"), HINTS.values(), ids=HINTS)
def test_hints(hints, seconds):
    health = healthy()
    told = [health.cool(ALPHA, failure(seconds=hint)) for hint in hints]
    assert told[-1] == pytest.approx(seconds)


def test_a_light_failure_is_left_alone_for_a_moment_and_does_not_count():
    clock = Clock()
    health = healthy(clock)
    for _ in range(5):
        assert health.cool(ALPHA, failure(light=True)) == LIGHT_COOLDOWN
        clock.advance(LIGHT_COOLDOWN)
    assert health.cool(ALPHA, failure()) <= 30


def test_waking_forgets_what_is_over_and_nothing_else():
    clock = Clock()
    health = healthy(clock)
    for model, seconds in ((ALPHA, 10), (BETA, 20)):
        health.cool(model, failure(seconds=seconds))
    clock.advance(10)
    health.wake()
    assert health.cooling.keys() == {BETA}


TOOLS = required("text", "tools")
IMAGE = required("text", "image")

# What an attempt with these requirements taught, and for which other requests and callers it holds.
LESSONS = {
    "gone": (failure(lasting=Lasting.GONE), TOOLS, [(TOOLS, ME), (IMAGE, ME), (IMAGE, OTHER)], []),
    "lacks tools": (
        failure(lasting=Lasting.LACKS, lacks="tools"),
        TOOLS,
        [(TOOLS, OTHER), (required("tools", "image", tokens=9_999), ME)],
        [(IMAGE, ME), (required("text"), ME)],
    ),
    "refused such a request": (
        failure(lasting=Lasting.LACKS),
        required("text", soft=("seed",), output=5),
        [(required("text", soft=("seed",), output=5, tokens=9_999), OTHER)],
        [(required("text"), ME), (required("text", soft=("seed",)), ME), (required("text", "image", output=5), ME)],
    ),
    "context": (
        failure(lasting=Lasting.CONTEXT),
        required("text", tokens=900, output=100),
        [(required("image", tokens=1_000), OTHER), (required(tokens=2_000), ME), (required(tokens=1, output=999), ME)],
        [(required("text", tokens=999), ME), (TOOLS, ME)],
    ),
    "reserved for apps": (
        failure(lasting=Lasting.APP),
        TOOLS,
        [(IMAGE, ME), (TOOLS, Caller("other account", "app"))],
        [(TOOLS, OTHER), (TOOLS, Caller("account", "other app"))],
    ),
    "privacy": (
        failure(lasting=Lasting.PRIVACY),
        TOOLS,
        [(IMAGE, ME), (TOOLS, Caller("account", "other app"))],
        [(TOOLS, OTHER), (TOOLS, Caller("other account", "app"))],
    ),
    "moderated": (failure(lasting=Lasting.MODERATED), TOOLS, [], [(TOOLS, ME), (IMAGE, OTHER)]),
    "nothing": (failure(), TOOLS, [], [(TOOLS, ME), (IMAGE, OTHER)]),
}  # fmt: skip


@pytest.mark.parametrize(("outcome", "asked", "barred", "open_to"), LESSONS.values(), ids=LESSONS)
def test_a_lesson_holds_for_the_same_need_app_or_account_and_for_an_hour(outcome, asked, barred, open_to):
    clock = Clock()
    health = healthy(clock)
    health.learn(ALPHA, outcome, asked, ME)
    for seconds, holds in ((0, True), (3_599, True), (1, False)):
        clock.advance(seconds)
        assert [health.barred(*request) for request in barred] == [frozenset({ALPHA} if holds else ())] * len(barred)
        assert all(health.barred(*request) == frozenset() for request in open_to)


WORDS = {
    "gone": (failure(lasting=Lasting.GONE), "gone, by its own answer"),
    "lacks": (failure(lasting=Lasting.LACKS, lacks="tools"), "lacks tools, by its own answer"),
    "reasoning": (
        failure(lasting=Lasting.LACKS, lacks="reasoning:off"),
        "reasoning is mandatory, by its own answer",
    ),
    "refused": (failure(lasting=Lasting.LACKS), "refused such a request within the last hour"),
    "context": (failure(lasting=Lasting.CONTEXT), "context is less than 15, by its own answer"),
    "app": (failure(lasting=Lasting.APP), "reserved for other apps"),
    "privacy": (failure(lasting=Lasting.PRIVACY), "hidden by the account's privacy settings"),
}
EVERYTHING = Requirements(need_of("tools", "reasoning:off", output=5), {}, 10, stream=False)


@pytest.mark.parametrize(("outcome", "words"), WORDS.values(), ids=WORDS)
def test_a_lesson_is_told_in_words(outcome, words):
    health = healthy()
    health.learn(ALPHA, outcome, EVERYTHING, ME)
    assert list(health.objections(ALPHA, EVERYTHING, ME)) == [words]
    assert list(health.objections(BETA, EVERYTHING, ME)) == []
    assert health.all_objections(EVERYTHING, ME) == {ALPHA: [words]}


def test_a_model_that_cost_money_is_barred_for_good():
    clock = Clock()
    health = healthy(clock)
    health.bar_for_cost(ALPHA, 0.02)
    clock.advance(10**9)
    health.restore(ALPHA, clock())
    assert health.barred(TOOLS, OTHER) == {ALPHA}
    assert list(health.objections(ALPHA, TOOLS, OTHER)) == ["an answer of it cost $0.02"]


def test_lessons_are_bounded():
    health = Health(Clock(), Random(1))
    for number in range(10_050):
        health.learn(f"a/{number}:free", failure(lasting=Lasting.GONE), TOOLS, ME)
    barred = health.barred(TOOLS, ME)
    assert len(barred) == 10_000
    assert "a/10049:free" in barred
