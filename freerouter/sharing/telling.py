"""Telling: facts are told to a store; one that has lost what it held is told it again, by all processes together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from random import Random

from freerouter.sharing.facts import COUNTED, Fact, Key, Kind, is_lacking, tell
from freerouter.sharing.stores import Store

# Facts that are told, or applied, at once: requests wait meanwhile.
PIECE = 100
# The first process that notices tells at once what the store has held. Each other one, and each that has connected,
# looks after so many seconds what is lacking still, at a time of its own: else all of it is told a thousand times.
_LATER = (10.0, 20.0)

Held = Callable[[int], Iterator[list[Fact]]]


def send(store: Store, facts: Iterable[Fact], now: float, *, again: bool = False) -> None:
    """Tell a store facts. Raises StoreError.

    Args:
        store: what is told.
        facts: those that have ended are passed over.
        now: on the clock of the facts.
        again: it has lost them.
    """
    told = []
    for fact in facts:
        if fact.kind in COUNTED:
            _count(store, fact, now, again=again)
        elif (each := tell(fact, now)) is not None:
            told.append(each)
    if told:
        store.publish(told, again=again)


def _count(store: Store, fact: Fact, now: float, *, again: bool) -> None:
    age = max(now - fact.since, 0.0)
    if fact.until <= now:
        return
    if fact.kind is Kind.SENT:
        account, number = fact.about
        store.mark(account, int(number), age, over=fact.over, again=again)
    else:
        limit, left = fact.value
        store.set_day(fact.about[0], (limit, left), fact.until - now, age, again=again)


def lacking(facts: Iterable[Fact], stored: Mapping[Key, Fact], *, lost: bool) -> list[Fact]:
    """Those of the facts that a store should be told again; its counts only if it has ``lost`` all of them."""
    return [fact for fact in facts if (lost if fact.kind in COUNTED else is_lacking(fact, stored.get(fact.key)))]


class Retelling:
    """When a store is told again what it has lost, and what of it.

    Args:
        held: all that is known here, in pieces of so many facts at most.
        clock: of the facts.
        rng: for the time at which this process looks.
    """

    def __init__(self, held: Held, clock: Callable[[], float], rng: Random) -> None:
        self._held = held
        self._clock = clock
        self._rng = rng
        self._life = ""
        self._lost = False
        self._begins = inf
        self._pieces: Iterator[list[Fact]] = iter(())

    def check(self, store: Store, now: float, *, anew: bool = False) -> None:
        """Check a store, and find out whether it has lost what it held. Raises StoreError.

        Args:
            store: to check.
            now: in monotonic seconds.
            anew: it was connected just now: it may have lost some of it.
        """
        life = store.check(self._life)
        if anew or life.name != self._life:
            self._lost = self._lost or self._life not in ("", life.name)
            self._life, self._pieces = life.name, iter(())
            self._begins = now if life.is_first else now + self._rng.uniform(*_LATER)

    def begins(self, now: float) -> bool:
        """Whether it is time to read what the store holds. Says so once."""
        if now < self._begins:
            return False
        self._begins = inf
        return True

    def begin(self, stored: Iterable[Fact]) -> None:
        """The store holds these."""
        known = {fact.key: fact for fact in stored}
        lost, self._lost = self._lost, False
        self._pieces = (found for piece in self._held(PIECE) if (found := lacking(piece, known, lost=lost)))

    def go_on(self, store: Store) -> int:
        """Tell the next piece of what is lacking. Returns how many facts that were. Raises StoreError."""
        facts = next(self._pieces, [])
        if facts:
            send(store, facts, self._clock(), again=True)
        return len(facts)
