"""News: what the memory tells other processes, and what it makes of theirs; the holder has the lock of the state."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from math import inf
from typing import Any, Protocol

from freerouter.durations import DAY, MINUTE
from freerouter.memory.conversations import IDLE, Conversations, Home, Key
from freerouter.memory.costs import ACCOUNT
from freerouter.memory.endpoint import Endpoint
from freerouter.memory.health import Health
from freerouter.memory.lessons import Audience, Lesson
from freerouter.memory.timings import STORED_FOR, Timings
from freerouter.openrouter.requirements import Need
from freerouter.replies.verdicts import Gate, Lasting
from freerouter.sharing.facts import LONGEST_TIME, Fact, Kind, ended
from freerouter.sharing.facts import Key as FactKey
from freerouter.sharing.outbox import Outbox
from freerouter.sharing.slots import SlotRequest, Slots

# What is over is remembered for so many facts: nothing older brings it back.
_MOST_OVER = 10_000


class Memory(Protocol):
    """The parts of a router's state that are shared."""

    health: Health
    conversations: Conversations
    endpoint: Endpoint
    timings: Timings
    clock: Callable[[], float]
    wall: Callable[[], float]


class News:
    """The facts that a router tells and hears.

    Args:
        memory: what is shared.
        outbox: takes what is told.
        slots: takes places in the minute.

    Attributes:
        numbers: of the places that this process asks for.
    """

    def __init__(self, memory: Memory, outbox: Outbox, slots: Slots) -> None:
        self.slots = slots
        self._memory = memory
        self._outbox = outbox
        self._over: dict[FactKey, float] = {}
        self._hearers: dict[Kind, Callable[[Fact], None]] = {
            Kind.COOLED: self._hear_cooled,
            Kind.LESSON: self._hear_lesson,
            Kind.GATE: self._hear_gate,
            Kind.TALK: self._hear_talk,
            Kind.ALARM: self._hear_alarm,
            Kind.TIMES: self._hear_times,
        }
        self.numbers = itertools.count()

    # What is told.

    def cooled(self, model: str) -> None:
        """A model has a cooldown."""
        record = self._memory.health.record(model)
        self._put(Fact(Kind.COOLED, (model,), record.strikes, record.since, record.ready))

    def well(self, model: str, since: float) -> None:
        """A model has answered a request that was sent at this time, or was not at fault."""
        self._end(Kind.COOLED, (model,), since)

    def learnt(self, model: str, audience: Audience, lesson: Lesson) -> None:
        """A model has a lesson."""
        value = [lesson.about, lesson.tokens, lesson.repeats]
        self._put(Fact(Kind.LESSON, (model, *_written(audience)), value, lesson.since, lesson.until))

    def unlearnt(self, model: str, audience: Audience, since: float) -> None:
        """A lesson has ended."""
        self._end(Kind.LESSON, (model, *_written(audience)), since)

    def shut(self, account: str) -> None:
        """An allowance of an account is used up."""
        allowance = self._memory.endpoint.allowances.settle(account)
        if allowance.gate is not None:
            value = [allowance.gate, allowance.limit]
            self._put(Fact(Kind.GATE, (account,), value, allowance.shut_at, allowance.until))

    def opened(self, account: str, since: float) -> None:
        """The day's allowance of an account was found to have room."""
        self._end(Kind.GATE, (account,), since)

    def day(self, account: str) -> None:
        """It was read how much of a day's allowance is left."""
        allowance, now = self._memory.endpoint.allowances.settle(account), self._memory.clock()
        if allowance.left is not None:
            rest = DAY - self._memory.wall() % DAY
            self._put(Fact(Kind.DAY, (account,), [allowance.limit, allowance.left], now, now + rest))

    def talked(self, account: str, keys: Iterable[Key], home: Home) -> None:
        """A model has answered a conversation."""
        value = [home.model, home.inherits]
        for key in keys:
            self._put(Fact(Kind.TALK, (account, str(key)), value, home.since, home.since + IDLE))

    def alarmed(self, barred: str, account: str, cost: float) -> None:
        """A model, or an account, costs money."""
        now = self._memory.clock()
        about = (ACCOUNT, account) if barred == ACCOUNT else (barred,)
        self._put(Fact(Kind.ALARM, about, cost, now, now + LONGEST_TIME))

    def timed(self, model: str) -> None:
        """It was measured how fast a model answers, or whether."""
        now = self._memory.clock()
        self._put(Fact(Kind.TIMES, (model,), self._memory.timings.row(model), now, now + STORED_FOR))

    def sent(self, ask: SlotRequest) -> None:
        """A request is sent for which there was no answer from the store."""
        now = self._memory.clock()
        self._put(Fact(Kind.SENT, (ask.account, str(ask.number)), None, now, now + MINUTE))

    def unsent(self, ask: SlotRequest) -> None:
        """A request is not sent, or could not be."""
        self._put(ended(Kind.SENT, (ask.account, str(ask.number)), self._memory.clock()))

    def _put(self, fact: Fact) -> None:
        self._outbox.put(fact)

    def _end(self, kind: Kind, about: FactKey, since: float) -> None:
        fact = ended(kind, about, since)
        self._note_over(fact)
        self._outbox.put(fact)

    # What is heard.

    def hear(self, facts: Iterable[Fact]) -> None:
        """Apply facts of other processes."""
        for fact in facts:
            if fact.over:
                self._note_over(fact)
            elif fact.since <= self._over.get(fact.key, -inf):  # what was learnt before this machine started is below 0
                continue
            hearer = self._hearers.get(fact.kind)
            if hearer is not None:
                self._try(hearer, fact)

    def _try(self, hearer: Callable[[Fact], None], fact: Fact) -> None:
        """Another version may write other values."""
        try:
            hearer(fact)
        except (ValueError, TypeError, KeyError, IndexError):
            return

    def _note_over(self, fact: Fact) -> None:
        self._over.pop(fact.key, None)
        if len(self._over) >= _MOST_OVER:
            del self._over[next(iter(self._over))]
        self._over[fact.key] = fact.since

    def _hear_cooled(self, fact: Fact) -> None:
        (model,) = fact.about
        if fact.over:
            self._memory.health.restore(model, fact.since)
        else:
            self._memory.health.hear(model, int(fact.value), fact.since, fact.until)

    def _hear_lesson(self, fact: Fact) -> None:
        model, audience = fact.about[0], _read(*fact.about[1:])
        lessons = self._memory.health.lessons
        if fact.over:
            lessons.forget(model, audience, fact.since)
        else:
            about, tokens, repeats = fact.value
            lesson = Lesson(audience[0], fact.since, fact.until, about, int(tokens), int(repeats))
            lessons.hear(model, audience, lesson)

    def _hear_gate(self, fact: Fact) -> None:
        (account,) = fact.about
        allowances = self._memory.endpoint.allowances
        if fact.over:
            allowances.open(account, fact.since)
        else:
            gate, limit = fact.value
            allowances.hear(account, Gate(gate), limit, fact.since, fact.until)

    def _hear_talk(self, fact: Fact) -> None:
        account, key = fact.about
        if not fact.over:
            model, inherits = fact.value
            self._memory.conversations.hear(account, int(key), Home(str(model), bool(inherits), fact.since))

    def _hear_times(self, fact: Fact) -> None:
        (model,) = fact.about
        self._memory.timings.hear(model, fact.value, self._memory.wall() - (self._memory.clock() - fact.since))

    def _hear_alarm(self, fact: Fact) -> None:
        costs = self._memory.health.costs
        barred = costs.accounts if fact.about[0] == ACCOUNT else costs.models
        if fact.over:
            barred.pop(fact.about[-1], None)
        else:
            barred[fact.about[-1]] = float(fact.value)


def _written(audience: Audience) -> tuple[str, str]:
    """The group of requests that a lesson holds for, as text."""
    kind, subject = audience
    if isinstance(subject, Need):
        subject = [sorted(subject.hard), sorted(subject.soft), subject.strict, subject.output]
    return kind, json.dumps(subject, separators=(",", ":"))


def _read(kind: str, text: str) -> Audience:
    subject: Any = json.loads(text)
    if isinstance(subject, list) and len(subject) == 4:
        hard, soft, strict, output = subject
        subject = Need(frozenset(hard), frozenset(soft), bool(strict), int(output))
    elif isinstance(subject, list):
        subject = tuple(subject)
    return Lasting(kind), subject
