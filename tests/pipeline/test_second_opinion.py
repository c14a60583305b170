"""Second opinion: what nothing explains is shown to one other model; what it says decides."""

import itertools

import pytest

from freerouter.errors import UpstreamError, UpstreamUnavailableError
from freerouter.replies.reading import Flaw, Reading
from tests.walks import ANSWER, HELLO, always, error_reading, models, once, stage, walk

# Statuses whose words no table knows: they may be the model's, the request's or the account's.
UNKNOWN = [400, 401, 402, 403, 404, 405, 409, 410, 413, 418, 422, 451]


def strange(status: int, number: int = 1) -> Reading:
    """The same failure each time, but for ids and numbers."""
    return error_reading(status, f"m/{number}:free would not: {number} of {number * 10} (request {number:08x}a)")


@pytest.mark.parametrize("status", UNKNOWN)
def test_a_second_model_that_says_the_same_stops_it(status):
    actor, numbers = stage(models(12)), itertools.count(1)
    walked = walk(actor.router, lambda _: strange(status, next(numbers)))
    assert len(walked.sent) == 2
    assert isinstance(walked.error, UpstreamError)
    assert (walked.error.status, walked.trace.second_opinion) == (status, "the same")
    assert actor.router.health.cooling == {}
    assert len(actor.router.health.lessons) == 0
    assert actor.router.endpoint.outage.reason == ""
    assert walk(actor.router, always(ANSWER)).answered


@pytest.mark.parametrize("status", UNKNOWN)
def test_a_second_model_that_answers_shows_that_it_was_the_first_one_s(status):
    actor = stage(models(12))
    walked = walk(actor.router, once(strange(status)))
    assert walked.answered
    assert len(walked.sent) == 2
    assert walked.trace.second_opinion == "answered"
    about_the_request = status in (400, 404, 413, 422)
    assert list(actor.router.health.cooling) == ([] if about_the_request else walked.sent[:1])


@pytest.mark.parametrize("status", UNKNOWN)
def test_with_one_model_asked_for_there_is_none_to_be_had(status):
    walked = walk(stage(models(12)).router, always(strange(status)), HELLO | {"model": "m/3:free"})
    assert walked.sent == ["m/3:free"]
    assert isinstance(walked.error, UpstreamError)
    assert (walked.error.status, walked.trace.second_opinion) == (status, "")


def test_another_failure_is_no_second_opinion():
    replies = iter([strange(400), error_reading(400, "something else"), ANSWER])
    walked = walk(stage(models(12)).router, lambda _: next(replies))
    assert walked.answered
    assert len(walked.sent) == 3


def test_a_failure_that_is_explained_between_is_no_second_opinion():
    busy = error_reading(503, "Provider returned error", metadata={"provider_name": "Acme"})
    replies = iter([strange(400), busy, strange(400)])
    walked = walk(stage(models(12)).router, lambda _: next(replies))
    assert len(walked.sent) == 3
    assert (walked.error.status, walked.trace.second_opinion) == (400, "the same")


@pytest.mark.parametrize("status", [401, 403, 503])
def test_a_web_page_that_a_second_model_has_too_is_an_outage_at_once(status):
    actor = stage(models(12))
    page = Reading(status, {"content-type": "text/html"}, flaw=Flaw.HTML)
    walked = walk(actor.router, always(page))
    assert len(walked.sent) == 2
    assert isinstance(walked.error, UpstreamUnavailableError)
    assert "HTML" in walked.error.message
    assert actor.router.endpoint.outage.reason
    assert actor.router.health.cooling == {}


def test_an_unknown_429_that_a_second_model_repeats_shuts_the_account_s_gate_for_the_stated_time():
    actor = stage(models(12))
    walked = walk(actor.router, always(error_reading(429, "Slow down", {"retry-after": "7"})))
    assert len(walked.sent) == 2
    assert walked.error.retry_after == 7
    assert actor.router.health.cooling == {}
    assert walk(actor.router, always(ANSWER)).sent == []
    actor.advance(7.01)
    assert walk(actor.router, always(ANSWER)).answered


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_it_costs_one_send_at_most(attempts):
    walked = walk(stage(models(12), max_attempts=attempts).router, always(strange(418)))
    assert len(walked.sent) == min(attempts, 2)
    assert walked.error.status == 418
