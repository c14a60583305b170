"""A reply is broken off when its next bytes are late, by one timer that is set anew as seldom as possible."""

import pytest

from freerouter.server.deadlines import Deadline


class Timer:
    """Goes off at a time, unless it is cancelled."""

    def __init__(self, at, callback):
        self.at, self.callback = at, callback

    def cancel(self) -> None:
        self.callback = lambda: None


class Timers:
    """A clock whose timers go off as it is put forward."""

    def __init__(self) -> None:
        self.now = 100.0
        self.made = []

    def clock(self) -> float:
        return self.now

    def later(self, seconds, callback):
        self.made.append(Timer(self.now + seconds, callback))
        return self.made[-1]

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        for timer in self.made:  # which grows
            if timer.at <= end:
                self.now = max(self.now, timer.at)
                callback = timer.callback
                timer.cancel()
                callback()
        self.now = end


@pytest.fixture
def timers():
    return Timers()


def deadline(timers: Timers, seconds: float) -> tuple[Deadline, list[float]]:
    """A deadline in so many seconds, and when it broke off."""
    broken = []
    made = Deadline(timers.now + seconds, lambda: broken.append(timers.now), later=timers.later, clock=timers.clock)
    return made, broken


def test_it_breaks_off_when_the_time_is_up_and_not_before(timers):
    limit, broken = deadline(timers, 5)
    timers.wait(4.9)
    assert (broken, limit.passed) == ([], False)
    timers.wait(0.1)
    assert (broken, limit.passed) == ([105.0], True)
    timers.wait(100)
    assert broken == [105.0]


def test_putting_it_off_a_hundred_times_sets_the_timer_once_more_only(timers):
    limit, broken = deadline(timers, 5)
    for _ in range(128):
        timers.wait(1 / 32)
        limit.due = timers.now + 5
    assert len(timers.made) == 1
    timers.wait(4.9)
    assert (broken, len(timers.made)) == ([], 2)
    timers.wait(0.1)
    assert broken == [109.0]


def test_bringing_it_forward_counts_at_once(timers):
    limit, broken = deadline(timers, 60)
    timers.wait(1)
    limit.due = timers.now + 2
    timers.wait(2)
    assert broken == [103.0]


def test_the_time_that_the_caller_takes_does_not_count(timers):
    limit, broken = deadline(timers, 5)
    timers.wait(3)
    limit.pause()
    timers.wait(1_000)
    assert broken == []
    limit.go_on()
    assert limit.due == 1_105
    timers.wait(1.9)
    assert broken == []
    timers.wait(0.1)
    assert broken == [1_105.0]


def test_what_is_over_is_not_broken_off(timers):
    limit, broken = deadline(timers, 5)
    limit.stop()
    limit.due = timers.now + 1
    timers.wait(100)
    assert (broken, limit.passed) == ([], False)


def test_a_time_that_is_up_already_breaks_off_in_the_next_turn(timers):
    _, broken = deadline(timers, -1)
    assert broken == []
    timers.wait(0)
    assert broken == [100.0]
