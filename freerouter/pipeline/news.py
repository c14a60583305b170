"""News: what the memory tells other processes, and what it makes of theirs; the holder has the lock of the state."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from freerouter import forks
from freerouter.durations import MINUTE
from freerouter.memory.conversations import Home, Key
from freerouter.memory.costs import AlarmNews
from freerouter.memory.lessons import Audience, Lesson
from freerouter.openrouter.requirements import Need
from freerouter.pipeline import known
from freerouter.pipeline.known import Memory, Part
from freerouter.replies.verdicts import Gate, Lasting
from freerouter.sharing.facts import MALFORMED, Fact, Kind, ended
from freerouter.sharing.facts import Key as FactKey
from freerouter.sharing.outbox import Outbox
from freerouter.sharing.slots import SlotRequest, Slots

# What is over is remembered for so many facts: nothing older brings it back.
_MOST_OVER = 10_000
# How often the times of one model are told, in seconds: they change with each answer, and nobody waits for them.
_TIMES_EVERY = 1.0


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
        self._alarms: list[AlarmNews] = []
        self._start_over()
        forks.in_child(self._start_over)
        self._hearers: dict[Kind, Callable[[Fact], None]] = {
            Kind.COOLED: self._hear_cooled,
            Kind.LESSON: self._hear_lesson,
            Kind.GATE: self._hear_gate,
            Kind.TALK: self._hear_talk,
            Kind.ALARM: self._hear_alarm,
            Kind.TIMES: self._hear_times,
        }
        self.numbers = itertools.count()

    def _start_over(self) -> None:
        self._sent: deque[tuple[str, int, float]] = deque()  # this process' requests of the last minute
        self._timed: dict[str, float] = {}  # when each model's times were told last
        self._untold: set[str] = set()  # models whose times have changed since

    # What is told.

    def cooled(self, model: str) -> None:
        """A model has a cooldown."""
        self._put(known.cooldown(model, self._memory.health.record(model)))

    def well(self, model: str, since: float) -> None:
        """A model has answered a request that was sent at this time, or was not at fault."""
        self._end(Kind.COOLED, (model,), since)

    def learnt(self, model: str, audience: Audience, lesson: Lesson) -> None:
        """A model has a lesson."""
        self._put(known.lesson_about(model, audience, lesson))

    def unlearnt(self, model: str, audience: Audience, since: float) -> None:
        """A lesson has ended."""
        self._end(Kind.LESSON, (model, *known.written(audience)), since)

    def shut(self, account: str) -> None:
        """An allowance of an account is used up."""
        self._put(known.gate(account, self._memory.endpoint.allowances.settle(account)))

    def opened(self, account: str, since: float) -> None:
        """The day's allowance of an account was found to have room."""
        self._end(Kind.GATE, (account,), since)

    def day(self, account: str) -> None:
        """It was read how much of a day's allowance is left."""
        memory = self._memory
        self._put(known.day(account, memory.endpoint.allowances.settle(account), memory.clock(), memory.wall()))

    def talked(self, account: str, keys: Iterable[Key], home: Home) -> None:
        """A model has answered a conversation."""
        for key in keys:
            self._put(known.talk(account, key, home))

    def alarmed(self, barred: str, account: str, cost: float) -> None:
        """A model, or an account, costs money."""
        self._put(known.alarm(barred, account, cost, self._memory.clock()))

    def timed(self, model: str) -> None:
        """It was measured how fast a model answers, or whether."""
        now = self._memory.clock()
        if now - self._timed.get(model, -inf) < _TIMES_EVERY:
            self._untold.add(model)
        else:
            self._tell_times(model, now)

    def last_words(self) -> None:
        """Tell what has waited."""
        for model in list(self._untold):
            self._tell_times(model, self._memory.clock())

    def _tell_times(self, model: str, now: float) -> None:
        self._timed[model] = now
        self._untold.discard(model)
        self._put(known.times(model, self._memory.timings.row(model), now))

    def sent(self, ask: SlotRequest, *, counted: bool) -> None:
        """A request is sent; ``counted``: the store knows it, for it has given it a place."""
        now = self._memory.clock()
        while self._sent and self._sent[0][2] <= now - MINUTE:
            self._sent.popleft()
        self._sent.append((ask.account, ask.number, now))
        if not counted:
            self._put(known.sent(*self._sent[-1]))

    def unsent(self, ask: SlotRequest) -> None:
        """A request is not sent, or could not be."""
        self._sent = deque(each for each in self._sent if each[:2] != (ask.account, ask.number))
        self._put(ended(Kind.SENT, (ask.account, str(ask.number)), self._memory.clock()))

    def _put(self, fact: Fact | None) -> None:
        if fact is not None:
            self._outbox.put(fact)

    def _end(self, kind: Kind, about: FactKey, since: float) -> None:
        fact = ended(kind, about, since)
        self._note_over(fact)
        self._outbox.put(fact)

    def held(self) -> list[Part]:
        """All that holds now, its own and what others have told, for a store that has lost it.

        The places in the minute are its own alone: others cannot tell by what names the store knew theirs.
        """
        own: list[Part] = [(list(self._sent), lambda each: known.sent(*each)), (list(self._over), self._ended)]
        return own + known.known(self._memory)

    def _ended(self, key: FactKey) -> Fact | None:
        since = self._over.get(key)
        return None if since is None else ended(Kind(key[0]), key[1:], since)

    # What is heard.

    def alarms(self) -> list[AlarmNews]:
        """What was heard of cost alarms since the last call."""
        found, self._alarms = self._alarms, []
        return found

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
        except MALFORMED:
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
            limit = None if limit is None else int(limit)
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
        costs, barred, account = self._memory.health.costs, *_barred(fact)
        cost = 0.0 if fact.over else float(fact.value)
        if fact.over:
            costs.lift(barred, account, fact.since)
        else:
            costs.block(barred, account, cost, fact.since)
        at = self._memory.wall() - (self._memory.clock() - fact.since)
        self._alarms.append(AlarmNews(barred, account, cost, at, fact.over))


def _barred(fact: Fact) -> tuple[str, str]:
    """The model of a cost alarm, or ``ACCOUNT`` and its hash."""
    barred, *account = fact.about
    return barred, "".join(account)


def _read(kind: str, text: str) -> Audience:
    subject: Any = json.loads(text)
    if isinstance(subject, list) and len(subject) == 4:
        hard, soft, strict, output = subject
        subject = Need(frozenset(hard), frozenset(soft), bool(strict), int(output))
    elif isinstance(subject, list):
        subject = tuple(subject)
    return Lasting(kind), subject
