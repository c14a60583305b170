"""When a limit ends: reset times and retry hints in all their formats, limited to plausible values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

from freerouter.durations import DAY, HOUR, MINUTE

_LONGEST_HINT = HOUR
_SKEW = HOUR
_LONGEST_WORDS = 20_000
# Above this, a Unix time is in milliseconds: in seconds it would be in the year 5138.
_MILLISECONDS = 1e11


def gate_seconds(headers: Mapping[str, str], now: float, *, day: bool) -> float:
    """Seconds until the account's allowance is reset; never more than a day, or a minute.

    Args:
        headers: of the reply, and those that OpenRouter repeats in ``error.metadata.headers``; lower-case names.
        now: seconds since 1970.
        day: True for the daily allowance, which is reset at 00:00 UTC; else the minute's, reset at the next one.
    """
    span = DAY if day else MINUTE
    left = _until_reset(headers, now)
    if left is not None:
        if 0 < left <= span:
            return left
        if day and -_SKEW < left <= 0:
            return MINUTE  # it is midnight already, or our clock is ahead: the wait is not a whole day
    hint = _retry_after(headers, now)
    if hint is not None and hint <= span:
        return hint
    return span - now % span


def _until_reset(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until ``X-RateLimit-Reset``, which is in milliseconds since 1970, or in seconds."""
    reset = _number(headers.get("x-ratelimit-reset"))
    if reset is None:
        return None
    return (reset / 1000 if reset > _MILLISECONDS else reset) - _server_time(headers, now)


def gate_limit(headers: Mapping[str, str]) -> int | None:
    """The number of requests of the exhausted allowance, from ``X-RateLimit-Limit``."""
    limit = _number(headers.get("x-ratelimit-limit"))
    return int(limit) if limit is not None and 0 <= limit < _MILLISECONDS else None


def hint_seconds(headers: Mapping[str, str], hints: Iterable[Any], now: float) -> float | None:
    """Seconds that a reply asks the client to wait, at most an hour; None without a valid value."""
    stated = [_retry_after(headers, now), *map(_seconds, hints)]
    sane = [seconds for seconds in stated if seconds is not None and seconds > 0]
    return min(max(sane), _LONGEST_HINT) if sane else None


def reset_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the limit of a 429 is reset, at most a day; None without a valid value."""
    left = _until_reset(headers, now)
    return left if left is not None and 0 < left <= DAY else None


# Without a unit, seconds are meant.
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"  # bounded, because the text is untrusted
_LENGTH = rf"(?:{_NUMBER}\s*[a-z]+[\s,]*(?:and\s+)?)+|{_NUMBER}(?![\w:/-]|\.\d)"
_ABOUT = r"(?:at least|about|around|approximately|~)?\s{0,8}"
_AFTER = r"\b(?:again|available|resets?|lifted|another request|retry(?:ing)?(?: \w+){0,2}?)"
_MARKS = r"[\\\"']{0,8}\s{0,8}[:=]\s{0,8}[\\\"']{0,8}"
_IN_WORDS = re.compile(
    rf"{_AFTER}\s{{1,8}}(?:in|after):?\s{{1,8}}{_ABOUT}({_LENGTH})"
    rf"|\b(?:please|must|to)\s{{1,8}}wait\s{{1,8}}(?:for\s{{1,8}})?{_ABOUT}({_LENGTH})"
    rf"|\bwait\s{{1,8}}(?:for\s{{1,8}})?{_ABOUT}({_LENGTH})\s{{0,8}}(?:before|and|then)\b"
    rf"|\bretry[-_ ]?(?:delay|after)(?:[-_ ]?(?:seconds|secs?))?{_MARKS}({_LENGTH})",
    re.IGNORECASE,
)
_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?"
_TIME_IN_WORDS = re.compile(
    rf"\b(?:again|available|resets?|retry|until)(?:[-_ ]?(?:at|after|on|by))?[\s\\\"':=]{{1,8}}({_TIME})"
    r"\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_SPAN = re.compile(rf"(?:{_NUMBER}\s*[a-z]+\s*)+", re.IGNORECASE)
_PART = re.compile(rf"({_NUMBER})\s*([a-z]+)", re.IGNORECASE)
_UNITS = {"d": DAY, "day": DAY, "h": HOUR, "hr": HOUR, "hou": HOUR, "m": MINUTE, "min": MINUTE}
_UNITS |= {"w": 7 * DAY, "wee": 7 * DAY}
_UNITS |= {"s": 1.0, "sec": 1.0, "ms": 0.001, "mil": 0.001}


def seconds_in_words(text: str) -> float | None:
    """Seconds of a wait that is stated in text, at most a day; None without one.

    ``Please try again in 7m30s``, ``retry after 12 seconds``, and Google's RetryInfo (``"retryDelay": "37s"``).
    """
    found = _IN_WORDS.search(text[:_LONGEST_WORDS])
    if found is None:
        return None
    return _length(next(filter(None, found.groups())))


def seconds_until_stated(text: str, now: float) -> float | None:
    """Seconds until a time that is stated in words, at most a day: ``resets at 2026-09-01T12:00:00Z``."""
    found = _TIME_IN_WORDS.search(text[:_LONGEST_WORDS])
    if found is None:
        return None
    try:
        time = datetime.fromisoformat(found[1] + _zone(found[2]))
    except ValueError:
        return None
    left = time.timestamp() - now
    return min(left, DAY) if left > 0 else None


def _zone(name: str | None) -> str:
    """A zone as it is written in ISO 8601; UTC where none is stated."""
    return name if name and name[0] in "+-" else "+00:00"


def _length(stated: str) -> float | None:
    """Seconds of a length of time, at most a day: ``7m30s``, ``12 seconds``, ``12``."""
    parts = [(float(number), _unit(word)) for number, word in _PART.findall(stated)]
    if not parts:
        parts = [(float(stated), 1.0)]
    seconds = sum(number * unit for number, unit in parts if unit is not None)
    return min(seconds, DAY) if seconds > 0 else None


def _unit(word: str) -> float | None:
    """Seconds in a unit of time, by its abbreviation or its first letters."""
    word = word.lower()
    return _UNITS.get(word) or _UNITS.get(word[:3]) or _UNITS.get(word.removesuffix("s"))


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """``Retry-After``: seconds, or an HTTP date (RFC 9110, section 10.2.3)."""
    value = headers.get("retry-after")
    if value is None:
        milliseconds = _number(headers.get("retry-after-ms"))
        return milliseconds / 1000 if milliseconds is not None and milliseconds > 0 else None
    seconds = _seconds(value)
    if seconds is None and (date := _date(value)) is not None:
        seconds = date - _server_time(headers, now)
    return seconds if seconds is not None and seconds > 0 else None


def _server_time(headers: Mapping[str, str], now: float) -> float:
    """The server's clock, if the reply has a ``Date``: a reset refers to that clock, not to ours."""
    date = _date(headers.get("date", ""))
    return now if date is None else date


def _date(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
        # The old form of an HTTP date has no time zone: it is UTC, too (RFC 9110, section 5.6.7).
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError, TypeError, IndexError):
        return None


def _seconds(value: Any) -> float | None:
    """Seconds as a number, or written with their unit."""
    number = _number(value)
    return _length(value) if number is None and isinstance(value, str) and _SPAN.fullmatch(value) else number


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) else None
