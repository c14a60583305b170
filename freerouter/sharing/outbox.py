"""Outbox: the facts that wait to be told; whoever holds the lock of the state may add to it, for it never waits."""

from __future__ import annotations

from queue import Empty, SimpleQueue

from freerouter import forks
from freerouter.sharing.facts import Fact, Key, replaces

# While the store cannot be reached, at most so many facts wait; what comes then is dropped.
_MOST = 10_000


class Outbox:
    """Facts on their way out: put in by the state, taken out by one thread.

    Attributes:
        dropped: facts that were lost because too many waited.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._start_over()
        forks.in_child(self._start_over)

    def _start_over(self) -> None:
        # The parent tells what it has learnt, and its queue may be in use at the time of the fork.
        self._queue: SimpleQueue[Fact | None] = SimpleQueue()
        self._waiting: dict[Key, Fact] = {}
        self._closed = False

    def put(self, fact: Fact) -> None:
        """Add a fact."""
        if not self._closed:
            self._queue.put(fact)

    def close(self) -> None:
        """Add none any more: they would wait for ever, and be more and more."""
        self._closed = True

    def wake(self) -> None:
        """Let ``take`` return."""
        self._queue.put(None)

    def take(self, seconds: float | None) -> list[Fact]:
        """Wait until there are facts, at most so many seconds (None: for any time), and return all that wait.

        They wait on until ``done``: what cannot be told now can be told later.
        """
        if not self._waiting:
            self._next(seconds)
        while not self._queue.empty():
            self._next(0.0)
        return list(self._waiting.values())

    def _next(self, seconds: float | None) -> None:
        try:
            fact = self._queue.get(timeout=seconds) if seconds != 0.0 else self._queue.get_nowait()
        except Empty:
            return
        if fact is not None:
            self._keep(fact)

    def _keep(self, fact: Fact) -> None:
        """Of several facts with one key, one is told."""
        former = self._waiting.get(fact.key)
        if former is None and len(self._waiting) >= _MOST:
            self.dropped += 1
        elif replaces(fact, former):
            self._waiting[fact.key] = fact

    def done(self, facts: list[Fact]) -> None:
        """These have been told."""
        for fact in facts:
            if self._waiting.get(fact.key) is fact:
                del self._waiting[fact.key]
