"""Facts: what one process has learnt and others should know, in the form in which it is stored and sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from freerouter.durations import DAY, MINUTE

# Longer ones are neither sent nor read: a fact is a few hundred bytes.
LONGEST = 4_096
# How long it is remembered that something is over, so that no older fact brings it back.
_OVER = 10 * MINUTE
# Seconds by which a time can differ after it was sent: as long as that took.
_INEXACT = 1.0
# The longest time for which a fact may hold: a cost alarm's.
LONGEST_TIME = 30 * DAY
# What can be wrong with values that others have written: of another type, too large, or nested too deeply.
MALFORMED = (ValueError, TypeError, LookupError, OverflowError, RecursionError)

Key = tuple[str, ...]


class Kind(StrEnum):
    """What a fact is about; after each, what ``about`` and ``value`` hold."""

    COOLED = "cooled"  # (model,): failures in a row
    LESSON = "lesson"  # (model, kind, audience): [about, tokens, repeats]
    GATE = "gate"  # (account,): [gate, limit of the day]
    TALK = "talk"  # (account, key of the conversation): [model, whether the history is of several]
    TIMES = "times"  # (model,): averages and numbers of attempts, as timings.row has them
    ALARM = "alarm"  # (model,) or ("account", account): cost in USD
    DAY = "day"  # (account,): [limit, left]; counted down with each slot, and told with it
    SENT = "sent"  # (account, number of the slot): None; a request that was sent without asking for a slot


# Kinds that are counters of the store: they are not told to other processes, who ask when they need them.
COUNTED = frozenset({Kind.DAY, Kind.SENT})


class Fact(NamedTuple):
    """One fact, in the clock's seconds of this process.

    Attributes:
        kind: what it is about.
        about: what it is about exactly.
        value: JSON values.
        since: when it was learnt.
        until: when it ends by itself; for one that is over, when that may be forgotten.
        over: it has ended before its time.
    """

    kind: Kind
    about: Key
    value: Any
    since: float
    until: float
    over: bool = False

    @property
    def key(self) -> Key:
        """What distinguishes it from other facts; of one key, one fact holds."""
        return (self.kind, *self.about)


class Told(NamedTuple):
    """A fact as it is stored and sent. All times are relative: clocks of different machines differ.

    Attributes:
        name: the key, as text.
        payload: kind, subject and value as JSON.
        left: seconds until it ends.
        age: seconds since it was learnt.
        over: it has ended before its time.
    """

    name: str
    payload: bytes
    left: float
    age: float
    over: bool

    @property
    def is_talk(self) -> bool:
        """Whether it is about a conversation: of these there are the most, and they matter the least."""
        return self.name.startswith(_TALK)


def name_of(*key: str) -> str:
    """A key as text."""
    return json.dumps(key, separators=(",", ":"))


_TALK = name_of(Kind.TALK)[:-1]


def ended(kind: Kind, about: Key, since: float) -> Fact:
    """The fact that something is over."""
    # A machine that was off meanwhile may still have the alarm in its file.
    return Fact(kind, about, None, since, since + (LONGEST_TIME if kind is Kind.ALARM else _OVER), over=True)


def tell(fact: Fact, now: float) -> Told | None:
    """A fact as it is sent now; None when it has ended by itself, or is too long."""
    payload = json.dumps([fact.kind, fact.about, fact.value], separators=(",", ":")).encode()
    left = min(fact.until - now, LONGEST_TIME)
    if left <= 0 or len(payload) > LONGEST:
        return None
    return Told(name_of(*fact.key), payload, left, max(now - fact.since, 0.0), fact.over)


def hear(told: Told, now: float) -> Fact | None:
    """A fact that was received now; None when it is not valid: another version may write what is not known here."""
    if not 0 < told.left <= LONGEST_TIME or not 0 <= told.age <= LONGEST_TIME or len(told.payload) > LONGEST:
        return None
    try:
        kind, about, value = json.loads(told.payload)
        fact = Fact(Kind(kind), tuple(about), value, now - told.age, now + told.left, told.over)
    except MALFORMED:
        return None
    return fact if all(isinstance(part, str) for part in fact.about) else None


def heard(all_told: Iterable[Told], now: float) -> Iterator[Fact]:
    """Those that are valid."""
    return (fact for told in all_told if (fact := hear(told, now)) is not None)


def replaces(new: Fact, old: Fact | None) -> bool:
    """Whether a fact takes the place of another one with its key.

    Nothing older brings back what is over; and what lasts longer is not shortened by what is shorter. The stores
    decide in the same way.
    """
    if old is None:
        return True
    if new.over or old.over:
        return (new.since, new.over) > (old.since, old.over)
    return (new.until, new.since) > (old.until, old.since)


def is_lacking(fact: Fact, stored: Fact | None) -> bool:
    """Whether a store that holds this one, or none, should be told a fact again; the times of both are inexact."""
    return replaces(fact._replace(since=fact.since - _INEXACT, until=fact.until - _INEXACT), stored)
