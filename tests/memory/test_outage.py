"""Outage: many models in a row that fail alike are not to blame; the way rests, and one probe at a time looks again."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.memory.health import ModelHealth
from freerouter.memory.outage import IN_A_ROW, Outage
from freerouter.openrouter.headers import Caller
from freerouter.pipeline.actions import Fail, Request, Send, Wait
from freerouter.replies.ending import StreamEnd
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Verdict
from tests.builders import Clock
from tests.walks import ANSWER, HELLO, always, error_reading, models, stage, walk

WELL = ModelHealth()
DOWN = error_reading(502, "Bad gateway")
PAGE = Reading(502, {"content-type": "text/html"}, flaw=Flaw.HTML)
PROVIDER = error_reading(502, "Provider returned error", metadata={"provider_name": "Acme"})
OWN = error_reading(404, "No endpoints found for m/0:free.")
LATE = Reading(flaw=Flaw.TIMEOUT)


def outage(clock: Clock, seed: int = 1) -> Outage:
    return Outage(clock, Random(seed))


def begun(clock: Clock) -> Outage:
    found = outage(clock)
    for number in range(IN_A_ROW):
        found.failed(str(number), "5xx", WELL, IN_A_ROW)
    return found


@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["5xx", "page 503"])), max_size=30))
def test_it_takes_five_different_models_in_a_row_that_fail_alike(failures):
    found, row, last = outage(Clock()), set(), ""
    for model, alike in failures:
        row = {model} if alike != last else row | {model}
        last = alike
        innocent = found.failed(str(model), alike, WELL, IN_A_ROW)
        assert (innocent is not None) is bool(found.reason) is (len(row) >= IN_A_ROW)
        if innocent is not None:
            assert innocent.keys() == {str(number) for number in row}
            return


@given(st.integers())
def test_rests_double_from_two_seconds_to_a_minute(seed):
    clock = Clock()
    found = outage(clock, seed)
    for number in range(IN_A_ROW):
        found.failed(str(number), "5xx", WELL, IN_A_ROW)
    for expected in (2, 4, 8, 16, 32, 60, 60, 60):
        rest = found.rest("probe")
        assert 0.8 * expected <= rest <= expected
        assert found.left() == rest
        clock.advance(rest)
        assert found.rest("probe") == 0
        found.failed("0", "5xx", WELL, IN_A_ROW)
        found.done("probe")


def test_failures_of_what_was_on_its_way_do_not_prolong_the_rest():
    clock = Clock()
    found = begun(clock)
    rest = found.left()
    for _ in range(9):
        clock.advance(0.1)
        found.failed("late", "5xx", WELL, IN_A_ROW)
    assert found.left() == pytest.approx(rest - 0.9)


def test_one_probe_at_a_time_and_another_when_it_is_done():
    clock = Clock()
    found = begun(clock)
    clock.advance(found.left())
    assert found.rest("first") == found.rest("first") == 0
    assert found.rest("second") == 1
    found.done("second")
    assert found.rest("third") == 1
    found.done("first")
    assert [found.rest("third"), found.rest("second")] == [0, 1]


def test_a_sign_of_life_ends_it_and_the_next_one_begins_anew():
    clock = Clock()
    found = begun(clock)
    clock.advance(found.left())
    found.rest("probe")
    found.alive()
    assert (found.reason, found.rest("anybody"), found.left()) == ("", 0, 0)
    again = [found.failed(str(number), "5xx", WELL, IN_A_ROW) for number in range(IN_A_ROW)]
    assert again[:-1] == [None] * (IN_A_ROW - 1)
    assert found.left() <= 2
    clock.advance(found.left())
    assert found.rest("another") == 0  # the old probe may still be reading its answer


def test_a_rest_lasts_to_its_last_moment():
    clock = Clock()
    found = begun(clock)
    clock.advance(found.left() - 0.5)
    assert found.rest("probe") == pytest.approx(0.5)


def test_a_clock_may_begin_at_zero():
    found = begun(Clock(0))
    assert found.left() >= 1.6
    found.alive()
    for number in range(IN_A_ROW):
        found.failed(str(number), "5xx", WELL, IN_A_ROW)
    assert found.left() >= 1.6


# Through Router: what the models say in turn, and whether that is an outage.
STORIES = {
    "five errors": ([DOWN] * 5, True),
    "five pages": ([PAGE] * 5, True),
    "five broken connections": ([Reading(flaw=Flaw.BROKEN)] * 5, True),
    "four": ([DOWN] * 4, False),
    "of two kinds": ([DOWN, DOWN, Reading(flaw=Flaw.BROKEN), DOWN, DOWN], False),
    "an answer between": ([DOWN, DOWN, DOWN, DOWN, ANSWER, DOWN], False),
    "a provider between": ([DOWN, DOWN, DOWN, DOWN, PROVIDER, DOWN], False),
    "OpenRouter's own word between": ([DOWN, DOWN, DOWN, DOWN, OWN, DOWN], False),
    "a time-out between says nothing": ([DOWN, DOWN, LATE, DOWN, DOWN, DOWN], True),
    "five of a provider": ([PROVIDER] * 5, False),
    "five of OpenRouter's own": ([OWN] * 5, False),
    "five time-outs": ([LATE] * 5, False),
}


@pytest.mark.parametrize(("replies", "is_down"), STORIES.values(), ids=STORIES)
def test_what_is_an_outage_whosever_requests_they_were(replies, is_down):
    actor = stage(models(12), max_attempts=1)
    for number, reply in enumerate(replies):
        walk(actor.router, always(reply), caller=Caller(str(number)))
    assert bool(actor.router.endpoint.outage.reason) is is_down
    if is_down:
        assert len(actor.router.health.cooling) == replies.count(LATE)


def down(**settings):
    """A router that has just found that OpenRouter is down."""
    actor = stage(models(12), **settings)
    walked = walk(actor.router, always(DOWN))
    assert len(walked.sent) == 5
    assert walked.error.retry_after >= 1
    return actor


def probing(actor):
    actor.advance(actor.router.endpoint.outage.left())
    probe = actor.router.route(Request(HELLO))
    assert isinstance(probe.next(), Send)
    return probe


def test_while_it_rests_nothing_is_sent_and_the_wait_is_said():
    actor = down()
    left = actor.router.endpoint.outage.left()
    walked = walk(actor.router, always(ANSWER))
    assert (walked.sent, walked.error.status) == ([], 429)
    assert walked.error.retry_after == pytest.approx(max(left, 1))
    actor.advance(walked.error.retry_after)
    assert walk(actor.router, always(ANSWER)).answered
    assert actor.router.endpoint.outage.reason == ""


def test_a_request_may_wait_for_it():
    actor = down(max_wait=60)
    assert walk(actor.router, always(ANSWER)).wait == pytest.approx(actor.router.endpoint.outage.left())


def test_a_failed_probe_ends_at_once_and_blames_no_model():
    actor = down()
    actor.advance(2)
    walked = walk(actor.router, always(DOWN))
    assert len(walked.sent) == 1
    assert walked.error.retry_after > 2
    assert actor.router.health.cooling == {}


@pytest.mark.parametrize("end", ["abandon", "fail"])
def test_a_probe_that_came_to_nothing_lets_another_through(end):
    actor = down()
    probe = probing(actor)
    assert isinstance(actor.router.route(Request(HELLO)).next(), Fail)
    if end == "abandon":
        probe.abandon()
    else:
        probe.record(probe.judge(DOWN))
        assert isinstance(probe.next(), Fail)
    assert isinstance(probing(actor), type(probe))


def test_a_probe_that_a_provider_refuses_goes_on():
    actor = down()
    probe = probing(actor)
    probe.record(probe.judge(PROVIDER))
    assert actor.router.endpoint.outage.reason == ""
    assert isinstance(probe.next(), Send)


def test_a_probe_that_is_not_sent_remains_the_probe():
    actor = down()
    probe = probing(actor)
    probe.record(probe.judge(Reading(flaw=Flaw.NOT_SENT)))
    assert isinstance(probe.next(), Wait)
    assert isinstance(probe.next(), Send)


def test_a_stream_as_the_probe_ends_it_with_its_first_token():
    actor = down()
    probe = probing(actor)
    outcome = probe.judge(Reading(200, {"content-type": "text/event-stream"}))
    assert outcome.verdict is Verdict.ANSWERED
    probe.record(outcome)
    assert all(walk(actor.router, always(ANSWER)).answered for _ in range(3))
    assert probe.finish(StreamEnd(True)) is None


def test_cooldowns_from_before_it_remain():
    actor = stage(models(12), max_attempts=1)
    cooling = walk(actor.router, always(error_reading(503, "busy", {"retry-after": "600"}, metadata=NAMED))).sent
    for _ in range(5):
        walk(actor.router, always(DOWN))
    assert actor.router.endpoint.outage.reason
    assert list(actor.router.health.cooling) == cooling


NAMED = {"provider_name": "Acme"}


def test_with_fewer_models_all_of_them_are_enough():
    actor = stage(models(3))
    walked = walk(actor.router, always(DOWN))
    assert len(walked.sent) == 3
    assert actor.router.endpoint.outage.reason == "5xx"
    assert actor.router.health.cooling == {}
