"""Known: what a memory knows, as facts: each when it is learnt, and all of them when a store has lost them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from freerouter.durations import DAY, MINUTE
from freerouter.memory.allowance import Allowance
from freerouter.memory.conversations import IDLE, Conversations, Home, Key
from freerouter.memory.costs import ACCOUNT
from freerouter.memory.endpoint import Endpoint
from freerouter.memory.health import Health, ModelHealth
from freerouter.memory.lessons import Audience, Lesson
from freerouter.memory.timings import STORED_FOR, Timings
from freerouter.openrouter.requirements import Need
from freerouter.sharing.facts import LONGEST_TIME, Fact, Kind
from freerouter.sharing.stores import MOST_TALKS

# Facts of one sort that hold now: what they are about, and what makes the fact; None when it has ended meanwhile.
Part = tuple[Sequence[Any], Callable[[Any], Fact | None]]


class Memory(Protocol):
    """The parts of a router's state that are shared."""

    health: Health
    conversations: Conversations
    endpoint: Endpoint
    timings: Timings
    clock: Callable[[], float]
    wall: Callable[[], float]


def cooldown(model: str, record: ModelHealth) -> Fact:
    """A model has a cooldown."""
    return Fact(Kind.COOLED, (model,), record.strikes, record.since, record.ready)


def lesson_about(model: str, audience: Audience, lesson: Lesson) -> Fact:
    """A model has a lesson."""
    value = [lesson.about, lesson.tokens, lesson.repeats]
    return Fact(Kind.LESSON, (model, *written(audience)), value, lesson.since, lesson.until)


def gate(account: str, allowance: Allowance) -> Fact | None:
    """An allowance of an account is used up."""
    if allowance.gate is None:
        return None
    return Fact(Kind.GATE, (account,), [allowance.gate, allowance.limit], allowance.shut_at, allowance.until)


def day(account: str, allowance: Allowance, now: float, wall: float) -> Fact | None:
    """How much of a day's allowance is left."""
    if allowance.left is None:
        return None
    return Fact(Kind.DAY, (account,), [allowance.limit, allowance.left], now, now + DAY - wall % DAY)


def talk(account: str, key: Key, home: Home) -> Fact:
    """A model has answered a conversation."""
    return Fact(Kind.TALK, (account, str(key)), [home.model, home.inherits], home.since, home.since + IDLE)


def alarm(barred: str, account: str, cost: float, since: float) -> Fact:
    """A model costs money, or an account if ``barred`` is ``ACCOUNT``."""
    about = (ACCOUNT, account) if barred == ACCOUNT else (barred,)
    return Fact(Kind.ALARM, about, cost, since, since + LONGEST_TIME)


def times(model: str, row: dict[str, Any], since: float) -> Fact:
    """It was measured how fast a model answers, or whether."""
    return Fact(Kind.TIMES, (model,), row, since, since + STORED_FOR)


def sent(account: str, number: int, at: float) -> Fact:
    """A request was sent."""
    return Fact(Kind.SENT, (account, str(number)), None, at, at + MINUTE)


def written(audience: Audience) -> tuple[str, str]:
    """The group of requests that a lesson holds for, as text."""
    kind, subject = audience
    if isinstance(subject, Need):
        subject = [sorted(subject.hard), sorted(subject.soft), subject.strict, subject.output]
    return kind, json.dumps(subject, separators=(",", ":"))


def known(memory: Memory) -> list[Part]:
    """All that holds now, with the times that it had when it was learnt; what matters most comes first."""
    health, allowances, costs = memory.health, memory.endpoint.allowances, memory.health.costs

    def gate_of(account: str) -> Fact | None:
        return gate(account, allowances.settle(account))

    def day_of(account: str) -> Fact | None:
        found = day(account, allowances.settle(account), memory.clock(), memory.wall())
        # By whom it was counted down last is not known: each reading of OpenRouter's own figure is newer.
        return None if found is None else found._replace(since=found.since - DAY)

    def talk_of(place: tuple[str, Key]) -> Fact | None:
        home = memory.conversations.at(place)
        return None if home is None else talk(*place, home)

    def times_of(model: str) -> Fact | None:
        row = memory.timings.row(model)
        return times(model, row, memory.clock() - (memory.wall() - row["at"])) if row["at"] else None

    return [
        (allowances.accounts(), gate_of),
        (costs.all(), lambda barred: alarm(*barred)),
        (list(health.cooling), lambda model: cooldown(model, health.record(model))),
        (allowances.accounts(), day_of),
        (health.lessons.all(), lambda found: lesson_about(*found)),
        (memory.timings.models(), times_of),
        (memory.conversations.places()[-MOST_TALKS:], talk_of),
    ]
