"""Replication: takes the facts of this process to the store and those of others from it, in two threads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from freerouter import forks
from freerouter.sharing.condition import Condition, Status
from freerouter.sharing.facts import Fact, Told, heard
from freerouter.sharing.outbox import Outbox
from freerouter.sharing.slots import Slot, SlotRequest
from freerouter.sharing.stores import Store, StoreError
from freerouter.sharing.telling import PIECE, Held, Retelling, send

_log = logging.getLogger("freerouter")

# The first pause before a lost store is tried again, and the longest; each has full jitter, so that many processes
# do not come back at once.
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 10.0
# How long the reader waits for news at a time, and how often it checks a store that is silent.
_TURN = 0.5
_CHECK = 5.0
# How long the writer rests after it has told something: with many requests, it tells the facts of many at once.
REST = 0.02
# Seconds in which a process that ends tells what it has learnt last.
_LAST_WORDS = 0.5
_GLANCE = 0.005
# Slots that an event loop takes at the same time, each in a thread. They are not those of the program, which it may
# have filled with work of its own.
_AT_ONCE = 40
_limiter: RunVar[anyio.CapacityLimiter] = RunVar("freerouter-slots")

Learn = Callable[[Iterable[Fact]], None]


class Replication:
    """Connects the memory of a router with a store. It takes slots, too.

    Args:
        make: makes the store; again in a forked child, which cannot use its parent's connections.
        outbox: facts of this process.
        hear: applies facts of other processes.
        held: all facts that are known here, for a store that has lost them.
        clock: of the facts.
    """

    def __init__(
        self,
        make: Callable[[], Store],
        outbox: Outbox,
        hear: Learn,
        held: Held,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._outbox = outbox
        self._hear = hear
        self._held = held
        self._clock = clock
        self._rng = forks.new_random()
        self._former: list[Store] = []  # a parent's; closing them here would disturb it
        self._begin()
        forks.in_child(self._start_over)

    def _begin(self) -> None:
        self._store = self._make()
        self._condition = Condition(self._store.kind, self._store.where)
        self._retelling = Retelling(self._held, self._clock, self._rng)
        self._stopping = threading.Event()
        self._connected = threading.Event()
        self._tried = threading.Event()
        self._until = 0.0  # requests wait for the store until then
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=f"sharing-{name}", daemon=True)
            for name, work in (("reader", self._read), ("writer", self._write))
        ]

    def _start_over(self) -> None:
        self._former.append(self._store)
        was_running = not self._stopping.is_set()
        self._begin()
        if was_running:
            self.start(0.0)

    def start(self, patience: float) -> None:
        """Start. For so many seconds from now, requests wait until the store has been read."""
        self._until = time.monotonic() + patience
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin to stop, without waiting."""
        self._stopping.set()
        self._outbox.wake()

    def close(self) -> None:
        """Tell what has been learnt last, and stop."""
        self.stop()
        writer = self._threads[1]
        if writer.is_alive():
            writer.join(_LAST_WORDS)
        self._store.close()  # which ends the reader, too

    async def close_async(self) -> None:
        """The same, without holding up an event loop; a cancelled task closes, too."""
        self.stop()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.close, limiter=_threads_for_slots())

    def status(self) -> Status:
        """What can be told of it."""
        return self._condition.status(self._outbox.dropped)

    # Slots.

    def read_once(self) -> None:
        """See Slots."""
        if not self._tried.is_set():
            self._tried.wait(max(self._until - time.monotonic(), 0.0))

    async def read_once_async(self) -> None:
        """See Slots."""
        while not self._tried.is_set() and time.monotonic() < self._until:  # noqa: ASYNC110  # threads set it
            await anyio.sleep(_GLANCE)

    def take(self, ask: SlotRequest) -> Slot | None:
        """See Slots."""
        try:
            slot = self._store.take(ask)
        except StoreError as error:
            self._condition.not_answered(str(error))
            return None
        self._condition.answered()
        return slot

    async def take_async(self, ask: SlotRequest) -> Slot | None:
        """See Slots."""
        return await anyio.to_thread.run_sync(partial(self.take, ask), limiter=_threads_for_slots())

    # The threads.

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  # a defect here must not end a program: it goes on by itself
            if self._stopping.is_set():
                return  # the connection was closed while it was read
            _log.exception("shared state: a defect: %s", type(error).__name__)
            self._condition.failed("has met a defect")
            self._outbox.close()

    def _read(self) -> None:
        try:
            self._keep_up()
        finally:
            if self._stopping.is_set():
                self._store.close()  # again: it may have connected meanwhile

    def _keep_up(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._follow()
            except StoreError as error:
                if self._stopping.is_set():
                    return  # it has been closed, which is no trouble
                self._connected.clear()
                failures = failures + 1 if self._condition.is_lost else 1
                self._condition.failed(str(error))
                self._tried.set()
                self._pause(failures)

    def _pause(self, failures: int) -> None:
        longest = min(_FIRST_PAUSE * 2 ** min(failures - 1, 10), _LONGEST_PAUSE)
        self._stopping.wait(self._rng.uniform(longest / 10, longest))

    def _follow(self) -> None:
        """Connect, and apply what others tell, until that fails. Raises StoreError."""
        self._store.connect()
        self._apply(self._store.snapshot())
        self._retelling.check(self._store, time.monotonic(), anew=True)
        self._condition.works(anew=True)
        self._connected.set()
        self._tried.set()
        checked, told = time.monotonic(), 0
        while not self._stopping.is_set():
            self._apply(self._store.news(0.0 if told else _TURN))
            if self._condition.trouble or time.monotonic() - checked > _CHECK:
                self._retelling.check(self._store, time.monotonic())
                self._condition.works()
                self._probe()
                checked = time.monotonic()
            told = self._tell_again()

    def _tell_again(self) -> int:
        """Tell a store that has lost what it held a piece of that. Returns how many facts were told."""
        if self._retelling.begins(time.monotonic()):
            stored = self._store.snapshot()
            self._apply(stored)
            self._retelling.begin(heard(stored, self._clock()))
        told = self._retelling.go_on(self._store)
        self._condition.sent += told
        return told

    def _probe(self) -> None:
        """Find out whether slots are answered in time again, also when no request wants one."""
        if self._condition.is_late:
            with suppress(StoreError):
                self._store.probe()
                self._condition.answered()

    def _apply(self, told: list[Told]) -> None:
        self._condition.received += len(told)
        for start in range(0, len(told), PIECE):
            self._hear(heard(told[start : start + PIECE], self._clock()))

    def _write(self) -> None:
        while True:
            waiting = self._outbox.take(None)
            if waiting and self._wait_for_store():
                self._send(waiting)
            if self._stopping.is_set():
                return
            self._stopping.wait(REST)

    def _wait_for_store(self) -> bool:
        """Whether the store is connected, perhaps after a while; facts that come meanwhile wait in the outbox."""
        while not self._connected.wait(_TURN):
            if self._stopping.is_set():
                return False
            self._outbox.take(0.0)
        return True

    def _send(self, facts: list[Fact]) -> None:
        for start in range(0, len(facts), PIECE):
            piece = facts[start : start + PIECE]
            try:
                send(self._store, piece, self._clock())
            except StoreError as error:
                self._condition.told(str(error))
                self._stopping.wait(_TURN)
                return
            self._condition.told()
            self._condition.sent += len(piece)
            self._outbox.done(piece)


def _threads_for_slots() -> anyio.CapacityLimiter:
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(_AT_ONCE)
        _limiter.set(limiter)
    return limiter
