"""Reset times and retry hints in all their spellings: what they come to, and that nonsense comes to nothing."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.durations import DAY, MINUTE
from freerouter.replies.retry_hints import (
    gate_limit,
    gate_seconds,
    hint_seconds,
    reset_seconds,
    seconds_in_words,
)

NOON = datetime(2026, 9, 1, 12, 0, 15, tzinfo=UTC).timestamp()
TO_MIDNIGHT = 12 * 3_600 - 15.0
TO_FULL_MINUTE = 45.0


def at(seconds):
    """An HTTP date so many seconds from now."""
    return format_datetime(datetime.fromtimestamp(NOON + seconds, UTC), usegmt=True)


def reset(value, **more):
    return {"x-ratelimit-reset": str(value)} | more


DAYS = {
    "milliseconds": (reset(int((NOON + 300) * 1000)), 300),
    "milliseconds with a fraction": (reset((NOON + 300.5) * 1000), 300.5),
    "seconds": (reset(int(NOON + 300)), 300),
    "midnight": (reset(int((NOON + TO_MIDNIGHT) * 1000)), TO_MIDNIGHT),
    "a whole day": (reset(int((NOON + DAY) * 1000)), DAY),
    "more than a day": (reset(int((NOON + DAY + 1) * 1000)), TO_MIDNIGHT),
    "years ahead": (reset(int((NOON + 1e9) * 1000)), TO_MIDNIGHT),
    "long past": (reset(int((NOON - 7_200) * 1000)), TO_MIDNIGHT),
    "just past: midnight has struck meanwhile": (reset(int((NOON - 1) * 1000)), MINUTE),
    "now": (reset(int(NOON * 1000)), MINUTE),
    "zero": (reset(0), TO_MIDNIGHT),
    "negative": (reset(-5), TO_MIDNIGHT),
    "1e18": (reset(10**18), TO_MIDNIGHT),
    "1e999": (reset("1e999"), TO_MIDNIGHT),
    "NaN": (reset("nan"), TO_MIDNIGHT),
    "text": (reset("tomorrow"), TO_MIDNIGHT),
    "empty": (reset(""), TO_MIDNIGHT),
    "nothing": ({}, TO_MIDNIGHT),
    "Retry-After": ({"retry-after": "90"}, 90),
    "Retry-After as a date": ({"retry-after": at(90)}, 90),
    "Retry-After beyond a day": ({"retry-after": "100000"}, TO_MIDNIGHT),
    "Retry-After in the past": ({"retry-after": at(-90)}, TO_MIDNIGHT),
    "the reset before Retry-After": (reset(int((NOON + 300) * 1000), **{"retry-after": "90"}), 300),
    "an absurd reset, and Retry-After": (reset("soon", **{"retry-after": "90"}), 90),
    "a server whose clock is an hour ahead": (reset(int((NOON + 3_900) * 1000), date=at(3_600)), 300),
    "a server whose clock is an hour behind": (reset(int((NOON - 3_300) * 1000), date=at(-3_600)), 300),
    "a date that is none": (reset(int((NOON + 300) * 1000), date="yesterday"), 300),
    "Retry-After as a date of a server ahead": ({"retry-after": at(3_690), "date": at(3_600)}, 90),
}


@pytest.mark.parametrize(("headers", "seconds"), DAYS.values(), ids=DAYS)
def test_when_the_day_is_back(headers, seconds):
    assert gate_seconds(headers, NOON, day=True) == pytest.approx(seconds, abs=0.01)


MINUTES = {
    "milliseconds": (reset(int((NOON + 30) * 1000)), 30),
    "seconds": (reset(int(NOON + 30)), 30),
    "more than a minute": (reset(int((NOON + 61) * 1000)), TO_FULL_MINUTE),
    "past": (reset(int((NOON - 1) * 1000)), TO_FULL_MINUTE),
    "nothing": ({}, TO_FULL_MINUTE),
    "Retry-After": ({"retry-after": "7"}, 7),
    "Retry-After beyond a minute": ({"retry-after": "70"}, TO_FULL_MINUTE),
}


@pytest.mark.parametrize(("headers", "seconds"), MINUTES.values(), ids=MINUTES)
def test_when_the_minute_is_back(headers, seconds):
    assert gate_seconds(headers, NOON, day=False) == pytest.approx(seconds, abs=0.01)


HINTS = {
    "nothing": ({}, [], None),
    "Retry-After": ({"retry-after": "12"}, [], 12),
    "Retry-After with a fraction": ({"retry-after": "0.5"}, [], 0.5),
    "Retry-After as a date": ({"retry-after": at(12)}, [], 12),
    "Retry-After in the old form of a date": ({"retry-after": "Tue Sep  1 12:00:27 2026"}, [], 12),
    "Retry-After without a zone": ({"retry-after": "Tue, 01 Sep 2026 12:00:27 -0000"}, [], 12),
    "Retry-After of zero": ({"retry-after": "0"}, [], None),
    "Retry-After below zero": ({"retry-after": "-5"}, [], None),
    "Retry-After in words": ({"retry-after": "a while"}, [], None),
    "Retry-After long past": ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, [], None),
    "more than an hour": ({"retry-after": "86400"}, [], 3_600),
    "in the body": ({}, [None, 20], 20),
    "in the body as text": ({}, ["20"], 20),
    "the longest counts": ({"retry-after": "5"}, [20, "7", None], 20),
    "nonsense in the body": ({}, [True, [], {}, "x", float("nan"), float("inf"), -1, 0], None),
    "nonsense beside sense": ({"retry-after": "5"}, ["x", -1], 5),
    "an integer beyond every float": ({}, [10**400], None),
}


@pytest.mark.parametrize(("headers", "hints", "seconds"), HINTS.values(), ids=HINTS)
def test_how_long_a_model_is_to_be_left_alone(headers, hints, seconds):
    assert hint_seconds(headers, hints, NOON) == (None if seconds is None else pytest.approx(seconds, abs=0.01))


@pytest.fixture
def los_angeles(monkeypatch):
    """This machine's clock shows the time of Los Angeles."""
    if not hasattr(time, "tzset"):
        pytest.skip("the time zone cannot be changed on this platform")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/Los_Angeles")
        time.tzset()
        yield
    time.tzset()


def test_dates_do_not_depend_on_the_time_zone_of_this_machine(los_angeles):
    assert hint_seconds({"retry-after": "Tue Sep  1 12:00:27 2026"}, [], NOON) == pytest.approx(12, abs=0.01)
    assert gate_seconds({}, NOON, day=True) == pytest.approx(TO_MIDNIGHT)


LIMITS = {
    "fifty": ({"x-ratelimit-limit": "50"}, 50),
    "none": ({}, None),
    "zero": ({"x-ratelimit-limit": "0"}, 0),
    "negative": ({"x-ratelimit-limit": "-1"}, None),
    "text": ({"x-ratelimit-limit": "many"}, None),
    "beyond every number": ({"x-ratelimit-limit": "1e300"}, None),
}


@pytest.mark.parametrize(("headers", "limit"), LIMITS.values(), ids=LIMITS)
def test_how_many_the_allowance_has(headers, limit):
    assert gate_limit(headers) == limit


VALUE = (
    st.text()
    | st.integers().map(str)
    | st.floats().map(str)
    | st.datetimes().map(format_datetime)
    | st.text("0123456789 :,-+GMTWedJanFeb", max_size=40)
    | st.floats(-2 * DAY, 2 * DAY).map(lambda left: str(int((NOON + left) * 1000)))
)
HEADERS = st.dictionaries(st.sampled_from(["x-ratelimit-reset", "x-ratelimit-limit", "retry-after", "date"]), VALUE)


@given(HEADERS, st.booleans(), st.floats(0, 1e11))
def test_a_gate_is_never_shut_for_longer_than_its_span(headers, day, now):
    assert 0 < gate_seconds(headers, now, day=day) <= (DAY if day else MINUTE)


@given(HEADERS, st.lists(VALUE | st.none() | st.integers() | st.floats() | st.lists(st.integers())), st.floats(0, 1e11))
def test_a_hint_is_at_most_an_hour(headers, hints, now):
    seconds = hint_seconds(headers, hints, now)
    assert seconds is None or 0 < seconds <= 3_600


@given(HEADERS)
def test_a_limit_is_a_number_of_requests(headers):
    limit = gate_limit(headers)
    assert limit is None or 0 <= limit < 1e11


WORDS = {
    "Please try again in 7m30s.": 450,
    "Please try again in 1h2m3.5s": 3_723.5,
    "try again in 20s": 20,
    "Please try again in 250ms": 0.25,
    "retry after 12 seconds": 12,
    "Retry in 2 minutes and 5 seconds": 125,
    "retrying in 3 min": 180,
    "available in 2 hours, 1 minute": 7_260,
    "It resets in 1 day": DAY,
    "try again in 40 days": DAY,
    "PLEASE TRY AGAIN IN 9 SECS": 9,
    "Please retry in 37.5s.": 37.5,
    '{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}': 37,
    '{\\"retryDelay\\": \\"3.5s\\"}': 3.5,
    "try again in 0s": None,
    "try again in a while": None,
    "try again in 5 parsecs": None,
    "try again later": None,
    "took 5s": None,
    "": None,
}


@pytest.mark.parametrize("text", WORDS)
def test_a_wait_that_is_stated_in_words(text):
    assert seconds_in_words(text) == (None if WORDS[text] is None else pytest.approx(WORDS[text]))


RESETS = {
    "milliseconds": (reset(int((NOON + 300) * 1000)), 300),
    "seconds": (reset(int(NOON + 300)), 300),
    "more than a day": (reset(int((NOON + DAY + 1) * 1000)), None),
    "past": (reset(int((NOON - 1) * 1000)), None),
    "text": (reset("soon"), None),
    "nothing": ({}, None),
    "a server whose clock is an hour ahead": (reset(int((NOON + 3_900) * 1000), date=at(3_600)), 300),
}


@pytest.mark.parametrize(("headers", "seconds"), RESETS.values(), ids=RESETS)
def test_when_a_models_own_limit_is_reset(headers, seconds):
    assert reset_seconds(headers, NOON) == (None if seconds is None else pytest.approx(seconds, abs=0.01))


LIKELY = st.sampled_from(
    ["try again in ", "retry after ", '"retryDelay": "', "7", "9" * 400, ".5", "m", "s", " ", "and "]
)


@given(st.lists(LIKELY | st.text(max_size=4), max_size=12).map("".join))
def test_a_wait_in_words_is_at_most_a_day(text):
    seconds = seconds_in_words(text)
    assert seconds is None or 0 < seconds <= DAY


@given(HEADERS, st.floats(0, 1e11))
def test_a_reset_is_within_a_day(headers, now):
    seconds = reset_seconds(headers, now)
    assert seconds is None or 0 < seconds <= DAY


@pytest.mark.parametrize(
    "filler", ["a", "9", " ", "1s", "1 and ", "try again in ", "try again in 1", '"retryDelay', "\\"]
)
@pytest.mark.parametrize("start", ["", "try again in ", "wait 1 s", '"retryDelay'])
def test_a_megabyte_of_words_is_searched_in_no_time(start, filler):
    text = start + filler * (1_000_000 // len(filler))
    started = time.thread_time()
    seconds_in_words(text)
    assert time.thread_time() - started < 0.5
