"""Health: how long a cooldown lasts, and when it is forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.memory.health import FIRST_COOLDOWN, LIGHT_COOLDOWN, LONGEST_COOLDOWN
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Scope, Verdict
from tests.builders import Clock, healthy

ALPHA, BETA = "acme/alpha:free", "acme/beta:free"


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
    assert (FIRST_COOLDOWN, LIGHT_COOLDOWN, LONGEST_COOLDOWN) == (30, 5, 600)


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
    "a longer hint prolongs": ((100, 500), 500, 500),
    "a shorter one does not shorten": ((500, 100), 500, 500),
    "no hint does not shorten": ((500, None), 500, 500),
    "one shorter than the backoff": ((1,), 24, 30),
    "more than a day": ((10**9,), 86_400, 86_400),
}


@pytest.mark.parametrize(("hints", "least", "most"), HINTS.values(), ids=HINTS)
def test_the_longer_of_hint_and_backoff_counts(hints, least, most):
    health = healthy()
    told = [health.cool(ALPHA, failure(seconds=hint)) for hint in hints]
    assert least <= told[-1] <= most


@pytest.mark.parametrize(("light", "first"), [(False, FIRST_COOLDOWN), (True, LIGHT_COOLDOWN)])
def test_short_hints_double_all_the_same(light, first):
    clock = Clock()
    health = healthy(clock)
    for doubled in range(4):
        told = health.cool(ALPHA, failure(seconds=1, light=light))
        assert 0.8 * first * 2**doubled <= told <= first * 2**doubled
        clock.advance(told)


def test_a_refusal_is_the_model_s_when_the_one_before_was_of_another_body():
    health = healthy()
    refused = [health.refuse(ALPHA, body) for body in ("a", "a", "b", "b", "a")]
    assert refused == [False, False, True, False, True]
    health.restore(ALPHA, 10**9)
    assert not health.refuse(ALPHA, "c")
    assert not health.refuse(BETA, "d")


@given(st.lists(STEP, max_size=3), st.lists(STEP, min_size=1, max_size=3))
def test_what_is_put_back_is_as_it_was(before, since):
    clock = Clock()
    health = healthy(clock)

    def suffer(steps):
        for pause, seconds, light in steps:
            clock.advance(pause)
            health.cool(ALPHA, failure(seconds=seconds, light=light))

    suffer(before)
    record, ready = health.record(ALPHA), health.ready_in(ALPHA)
    suffer([(0, seconds, light) for _, seconds, light in since])
    health.put_back(ALPHA, record)
    assert (health.record(ALPHA), health.ready_in(ALPHA)) == (record, ready)
    assert (ALPHA in health.cooling) is (ready is not None)


def test_waking_forgets_what_is_over_and_nothing_else():
    clock = Clock()
    health = healthy(clock)
    for model, seconds in (("a", 100), ("b", 200), ("c", 300)):
        health.cool(model, failure(seconds=seconds))
    for left in ({"b", "c"}, {"c"}, set()):
        clock.advance(100)
        health.wake()
        assert health.cooling.keys() == left


def test_a_cooldown_lasts_to_its_last_moment_and_not_beyond():
    clock = Clock()
    health = healthy(clock)
    health.cool(ALPHA, failure(seconds=100))
    record = health.record(ALPHA)
    clock.advance(99.5)
    assert health.ready_in(ALPHA) == 0.5
    clock.advance(0.5)
    assert health.ready_in(ALPHA) is None
    health.put_back(ALPHA, record)
    assert not health.cooling


def test_an_answer_to_what_was_sent_in_the_moment_of_a_failure_counts():
    clock = Clock()
    health = healthy(clock)
    health.cool(ALPHA, failure())
    health.restore(ALPHA, clock())
    assert not health.cooling


def test_a_clock_may_begin_at_zero():
    clock = Clock(0)
    health = healthy(clock)
    assert health.ready_in(ALPHA) is None
    health.refuse(ALPHA, "a")
    health.restore(ALPHA, clock())
    assert not health.refuse(ALPHA, "b")
    health.cool(BETA, failure(seconds=50))
    assert health.cooling == {BETA: 50}
