"""ReadLimits and Watch: what httpcore looks up in a request's extensions while the request is on its way.

This is the one place that relies on when httpcore (1.*, which httpx 0.28 requires) looks, and
tests/network/test_httpcore_extensions.py fails when that changes:
* "timeout" is the mapping that the request was made with. "read" is looked up in it when the head is waited for, and
  once more after that, before the body is read.
* "trace" is looked up before each step, so that a request without it is no longer traced. The first event begins with
  "connection" when a connection is made, and with "http" when one is used that there was.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

from freerouter.network.wire_protocols import Broken, NotSent, Stale, TimedOut, Timeouts


class ReadLimits(dict[str, float | None]):
    """Timeouts as httpx's transports look them up; the read timeout is the time left at that moment.

    A read in progress cannot be shortened, so it must not start with more.

    Args:
        timeouts: of the request.
        due: the time, on the monotonic clock, by which the reply must be judged.

    Attributes:
        idle: least seconds that a read may take; the wire sets them once the head has arrived.
    """

    def __init__(self, timeouts: Timeouts, due: float) -> None:
        super().__init__(timeouts.of_httpx())
        self.idle = 0.001  # zero would mean: do not wait
        self._due = due

    def get(self, name: str, default: Any = None) -> Any:
        """The timeouts of this moment."""
        return max(self._due - time.monotonic(), self.idle) if name == "read" else super().get(name, default)


class Watch:
    """Sees how far a request got on its connection.

    Args:
        extensions: the request's; tracing takes as long as a decision, so it stops once the result is known.
    """

    def __init__(self, extensions: MutableMapping[str, Any]) -> None:
        self._first = ""
        self._last = ""
        self._extensions = extensions

    def note(self, event: str, _info: object) -> None:
        """Record an event of httpcore: it connects, or reuses a connection, and then sends."""
        self._first, self._last = self._first or event, event
        if self._first.startswith("http"):
            self._extensions.pop("trace", None)

    async def note_async(self, event: str, info: object) -> None:
        """The same for the async transport."""
        self.note(event, info)

    def judge(self, error: Broken) -> NotSent | Broken:
        """The kind of a failure before any reply.

        After a timeout while connecting, nothing was sent. A connection that breaks and was not made for
        this request was stale.
        """
        if isinstance(error, TimedOut):
            return NotSent("not connected in time") if self._last.startswith("connection") else error
        return Stale("stale") if self._first.startswith("http") else error
