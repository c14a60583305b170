"""Deadline: the time by which the next bytes of a reply must have come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Deadline:
    """Breaks a reply off when its next bytes are late.

    One timer for the whole reply, which looks again where the time was put off: an ``asyncio.timeout`` around each
    wait costs as much as sending the request.

    Args:
        due: seconds on the monotonic clock.
        break_off: what to do then.
        later: calls something in so many seconds; by default the running event loop's ``call_later``.
        clock: the monotonic clock.

    Attributes:
        passed: it has been broken off.
        break_off: see above.
    """

    def __init__(
        self,
        due: float,
        break_off: Callable[[], None],
        *,
        later: Callable[[float, Callable[[], None]], asyncio.TimerHandle] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.passed = False
        self.break_off = break_off
        self._due = due
        self._later = later or asyncio.get_running_loop().call_later
        self._clock = clock
        self._handed: float | None = None  # when the caller was handed a chunk, while it has one
        self._timer: asyncio.TimerHandle | None = None
        self._alarm = 0.0
        self._set()

    @property
    def due(self) -> float:
        """Seconds on the monotonic clock; can be changed at any time."""
        return self._due

    @due.setter
    def due(self, due: float) -> None:
        self._due = due
        if self._timer is not None and due < self._alarm:
            self.stop()
            self._set()

    def pause(self) -> None:
        """The caller has been handed a chunk: the time that it takes does not count."""
        self._handed = self._clock()

    def go_on(self) -> None:
        """The caller wants the next one."""
        if self._handed is None:
            return
        self._due += self._clock() - self._handed
        self._handed = None
        if self._timer is None and not self.passed:
            self._set()

    def stop(self) -> None:
        """Nothing more is to come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        self._alarm = self._due
        self._timer = self._later(max(self._due - self._clock(), 0), self._look)

    def _look(self) -> None:
        self._timer = None
        if self._handed is not None:
            return  # go_on sets it again
        if self._clock() < self._due:
            self._set()
        else:
            self.passed = True
            self.break_off()
