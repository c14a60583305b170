"""Timings: averages, shares and statements, summarised now and then, stored and forgotten."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.durations import DAY, HOUR
from freerouter.memory.timings import Measured, Stated, Timings
from tests.builders import JSON, Clock

A, B = "a/a:free", "a/b:free"


@pytest.fixture
def timings(clock):
    return Timings(clock)


def summary(timings, clock):
    clock.advance(5)
    return timings.measured()


def test_nothing_is_known_at_first(timings):
    assert timings.measured() == Measured()
    assert timings.unstored() == {}


def test_times_are_averages_in_which_the_newest_counts_a_fifth(timings, clock):
    timings.answered(A, 1.0)
    timings.answered(A, 2.0)
    timings.wrote(A, 10.0, 100)
    timings.wrote(A, 20.0, 100)
    measured = summary(timings, clock)
    assert measured.first == pytest.approx({A: 1.2})
    assert measured.pace == pytest.approx({A: 0.12})


def test_an_answer_that_is_not_streamed_has_no_first_token(timings, clock):
    timings.answered(A)
    timings.wrote(A, 3.0, 0)
    measured = summary(timings, clock)
    assert (measured.first, measured.pace) == ({}, {})
    assert measured.answered == pytest.approx({A: 2 / 3}, rel=1e-3)


def test_the_share_of_attempts_answered_is_the_mean_of_a_beta_distribution(timings, clock):
    for _ in range(7):
        timings.answered(A)
    for _ in range(2):
        timings.failed(A)
    timings.failed(B)
    assert summary(timings, clock).answered == pytest.approx({A: 8 / 11, B: 1 / 3}, rel=1e-3)


def test_attempts_count_half_after_six_hours_and_nothing_after_days(timings, clock):
    for _ in range(8):
        timings.failed(A)
    clock.advance(6 * HOUR)
    timings.answered(B)
    assert summary(timings, clock).answered[A] == pytest.approx(1 / 6, rel=1e-3)
    clock.advance(3 * DAY)
    timings.answered(B)
    assert summary(timings, clock).answered.keys() == {B}


def test_a_stated_uptime_counts_as_ten_attempts_for_an_hour(timings, clock):
    timings.state(A, Stated(uptime=0.5))
    assert summary(timings, clock).answered == pytest.approx({A: 0.5})
    for _ in range(4):
        timings.answered(A)
    assert summary(timings, clock).answered[A] == pytest.approx(10 / 16, rel=1e-3)
    clock.advance(HOUR)
    timings.answered(B)
    assert summary(timings, clock).answered[A] == pytest.approx(0.82, abs=0.01)


def test_what_was_measured_here_wins_over_what_is_stated(timings, clock):
    timings.state(A, Stated(first=5.0, pace=0.5))
    timings.state(B, Stated(first=6.0))
    timings.answered(A, 1.0)
    measured = summary(timings, clock)
    assert measured.first == {A: 1.0, B: 6.0}
    assert measured.pace == {A: 0.5}


def test_a_summary_stays_the_same_for_seconds_and_while_nothing_is_learnt(timings, clock):
    timings.answered(A, 1.0)
    first = timings.measured()
    timings.answered(B, 1.0)
    assert timings.measured() is first
    clock.advance(4.9)
    assert timings.measured() is first
    clock.advance(0.2)
    second = timings.measured()
    assert second is not first
    clock.advance(60)
    assert timings.measured() is second


def test_a_clock_that_is_set_back_does_not_stop_the_summaries(timings, clock):
    timings.answered(A, 1.0)
    timings.measured()
    clock.advance(-DAY)
    timings.answered(B, 1.0)
    assert timings.measured().first.keys() == {A, B}


def test_models_that_the_catalog_does_not_list_are_forgotten(timings, clock):
    timings.answered(A, 1.0)
    timings.state(B, Stated(first=1.0))
    assert summary(timings, clock).first == {A: 1.0, B: 1.0}
    timings.listed({B})
    assert summary(timings, clock) == Measured({B: 1.0})
    timings.unstored()
    timings.listed({B})
    assert timings.unstored() == {}
    timings.listed({"c/c:free"})
    assert summary(timings, clock) == Measured()


def test_one_token_and_a_short_time_are_enough_and_none_is_not(timings, clock):
    timings.wrote(A, 0.5, 1)
    timings.wrote(B, 0.0, 5)
    timings.wrote("c/c:free", 5.0, 0)
    assert summary(timings, clock).pace == {A: 0.5}


def test_what_is_stored_is_used_for_a_week(clock):
    first = Timings(clock)
    first.answered(A, 1.0)
    stored = first.unstored()
    clock.advance(7 * DAY - 1)
    used = Timings(clock)
    used.restore(stored)
    assert summary(used, clock).first == {A: 1.0}
    clock.advance(1)
    late = Timings(clock)
    late.restore(stored)
    assert summary(late, clock).first == {}


def test_statements_count_at_once_and_for_less_than_an_hour():
    clock = Clock(1.8e9)
    timings = Timings(clock)
    timings.state(A, Stated(pace=0.5))
    assert timings.measured() == Measured({}, {A: 0.5})
    clock.advance(HOUR)
    timings.answered(B)
    assert timings.measured().pace == {}


ROW = {"first": 1.0, "pace": None, "answered": 1.0, "failed": 0.0, "at": 1_000.0}


@pytest.mark.parametrize("odd", [{"first": -1.0}, {"failed": -0.5}, {"at": None}, {"at": -5}, {"at": 1e9}], ids=repr)
def test_a_stored_row_that_makes_no_sense_is_ignored(timings, odd):
    timings.restore({A: ROW | odd, B: ROW})
    assert timings.measured().first == {B: 1.0}


def test_each_thing_that_is_learnt_is_new_once(timings):
    for learn in (
        lambda: timings.answered(A),
        lambda: timings.failed(A),
        lambda: timings.wrote(A, 1.0, 5),
        lambda: timings.state(A, Stated(first=1.0)),
    ):
        before = timings.changes
        learn()
        assert timings.changes == before + 1
        assert timings.unstored().keys() == {A}
        assert timings.unstored() == {}


def test_what_is_stored_is_what_the_next_process_knows(timings, clock):
    timings.answered(A, 1.0)
    timings.wrote(A, 2.0, 40)
    timings.failed(B)
    stored = timings.unstored()
    assert timings.unstored() == {}
    other = Timings(clock)
    other.restore(stored)
    assert other.unstored() == {}
    first, second = summary(other, clock), summary(timings, clock)
    assert (first.first, first.pace) == (second.first, second.pace) == ({A: 1.0}, {A: 0.05})
    assert first.answered == pytest.approx(second.answered, rel=1e-3)


def test_what_is_known_already_and_what_is_old_is_not_restored(timings, clock):
    timings.answered(A, 1.0)
    stored = timings.unstored()
    other = Timings(clock)
    other.answered(A, 9.0)
    other.restore(stored)
    assert summary(other, clock).first == {A: 9.0}
    clock.advance(8 * DAY)
    late = Timings(clock)
    late.restore(stored)
    assert summary(late, clock) == Measured()


@given(JSON | st.dictionaries(st.text(), st.dictionaries(st.sampled_from(["first", "pace", "at", "failed"]), JSON)))
def test_anything_else_that_is_stored_is_ignored(stored):
    timings = Timings(Clock())
    timings.restore(stored)
    measured = timings.measured()
    assert all(math.isfinite(value) for values in measured for value in values.values())


ROWS = st.tuples(st.floats(0, 20), st.floats(0, 20), st.integers(0, 100_000))
HEARD = st.lists(ROWS, min_size=1, max_size=4, unique_by=lambda row: row[2])


@given(HEARD, st.randoms(use_true_random=False))
def test_whichever_is_heard_first_all_processes_keep_the_same_one(rows, rng):
    def kept(order):
        timings = Timings(Clock(2e9))
        for answered, failed, at in order:
            timings.hear("m", {"pace": at + 1.0, "answered": answered, "failed": failed, "at": 1.0}, 2e9 - 1e5 + at)
        return timings.row("m")

    assert kept(rows) == kept(rng.sample(rows, len(rows)))


@pytest.mark.parametrize(
    ("known", "heard", "counts"),
    [
        ((100, 0), (1, 10), "known"),
        ((100, 0), (1, 30 * HOUR + 1000), "known"),
        ((100, 0), (60, 6 * HOUR), "heard"),
        ((10, 0), (11, 1), "heard"),
        ((10, 0), (10, 1), "heard"),
        ((10, 1), (10, 0), "known"),
        ((0, 0), (0, 0), "known"),
    ],
    ids=str,
)
def test_of_two_measurements_the_one_of_more_attempts_counts_as_they_count_now(known, heard, counts):
    clock = Clock(1e9)
    timings = Timings(clock)
    for pace, (attempts, at) in ((1.0, known), (2.0, heard)):
        timings.hear("m", {"pace": pace, "answered": attempts, "failed": 0, "at": 1.0}, 1e9 + at)
    clock.advance(2 * DAY)
    assert timings.row("m")["pace"] == {"known": 1.0, "heard": 2.0}[counts]
