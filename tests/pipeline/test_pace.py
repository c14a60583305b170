"""Pace: when a request is too late for another attempt, and which waits it may afford."""

import pytest

from freerouter import Settings
from freerouter.pipeline.pace import Pace

NOW = 1_000.0


def pace(allowed: float | None = None, *, stream: bool = True, **settings: float) -> Pace:
    return Pace(Settings(**{"deadline": 100, "max_wait": 10, **settings}), NOW, stream=stream, allowed=allowed)


# The setting, what the caller allows; when its answer must have started.
DEADLINES = {
    "of the settings": (100, None, 100),
    "of the caller": (100, 50, 50),
    "longer by the caller": (100, 200, 100),
}


@pytest.mark.parametrize(("deadline", "allowed", "seconds"), DEADLINES.values(), ids=DEADLINES)
def test_the_deadline_counts_from_the_start(deadline, allowed, seconds):
    found = pace(allowed, deadline=deadline)
    assert (found.started, found.deadline) == (NOW, NOW + seconds)


def test_a_stream_is_judged_at_its_first_token_and_an_answer_at_its_end():
    timeouts = {"first_token_timeout": 7, "reply_timeout": 30}
    assert [pace(stream=stream, **timeouts).patience for stream in (True, False)] == [7, 30]


# The seconds in all, and the least that a further attempt needs: a tenth of them, but no more than three.
@pytest.mark.parametrize(("deadline", "least"), [(100, 3), (30, 3), (20, 2), (5, 0.5)])
def test_too_little_time_for_another_attempt(deadline, least):
    found = pace(deadline=deadline)
    assert not found.is_too_late(NOW)
    assert not found.is_too_late(NOW + deadline - least)
    assert found.is_too_late(NOW + deadline - least + 0.01)


# The longest wait by the settings, the seconds that have passed; the waits one after the other, and whether each is
# within the limit and the deadline of a hundred seconds.
WAITS = {
    "the limit": (10, 0, [(10, True)]),
    "more than the limit": (10, 0, [(10.5, False)]),
    "more than the limit together": (10, 0, [(6, True), (4.5, False), (4, True)]),
    "to the deadline": (300, 60, [(40, False)]),
    "almost to the deadline": (300, 60, [(39.5, True)]),
}


@pytest.mark.parametrize(("max_wait", "passed", "waits"), WAITS.values(), ids=WAITS)
def test_waits_are_counted_together_and_end_before_the_deadline(max_wait, passed, waits):
    found = pace(max_wait=max_wait)
    for seconds, may_wait in waits:
        assert found.may_wait(seconds, NOW + passed) is may_wait
        if may_wait:
            assert found.wait(seconds) == seconds
