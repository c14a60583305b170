"""History: the last requests of the server, for the window and ``freerouter top``; nothing of a message is kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

from freerouter.pipeline.tracking import Trace
from freerouter.server.record import Record

KEPT = 200
_FAILED = ("failed", "interrupted")


class PastRequest(NamedTuple):
    """A request that is over.

    Attributes:
        number: counts the requests of this server.
        at: when it came, in seconds since 1970.
        record: what is told of it in the log; its trace holds nothing of a prompt any more.
        total: seconds that it took.
    """

    number: int
    at: float
    record: Record
    total: float

    @property
    def trace(self) -> Trace | None:
        """Its trace; None when the client left before there was one."""
        return self.record.trace

    @property
    def answered(self) -> bool:
        """Whether a model answered it to the end, or as long as the client wanted."""
        return self.trace is not None and self.trace.model is not None and self.trace.ending not in _FAILED

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        record, first = self.record, self.record.first
        return {
            "number": self.number,
            "at": round(self.at, 3),
            "dialect": record.dialect,
            "status": record.status,
            "token": record.token,
            "answered": self.answered,
            "first_ms": None if first is None else round(first * 1000, 1),
            "total_ms": round(self.total * 1000, 1),
            "content": record.content or None,
            "trace": None if self.trace is None else self.trace.as_dict(),
        }


class History:
    """The last requests. Written and read in the server's event loop.

    Args:
        wall: seconds since 1970.

    Attributes:
        number: that of the last request; 0 before the first.
        answered: how many were.
        on_news: called after each request.
        on_own: called with each request that this process served.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self.number = 0
        self.answered = 0
        self.on_news: Callable[[], None] | None = None
        self.on_own: Callable[[PastRequest], None] | None = None
        self._wall = wall
        self._entries: deque[PastRequest] = deque(maxlen=KEPT)

    def add(self, record: Record) -> None:
        """Keep what is told of an exchange that is over, if it was to be routed."""
        if record.place != "route":
            return
        if record.trace is not None:
            record.trace.strip()
        total = record.seconds
        entry = PastRequest(self.number + 1, self._wall() - total, record, total)
        self.hear(entry)
        if self.on_own is not None:
            self.on_own(entry)

    def hear(self, entry: PastRequest) -> None:
        """Keep a request, perhaps one of another worker."""
        self.number += 1
        self.answered += entry.answered
        self._entries.append(entry._replace(number=self.number))
        if self.on_news is not None:
            self.on_news()

    def adopt(self, number: int, answered: int, entries: Iterable[PastRequest]) -> None:
        """Begin with what another worker knows; its requests come newest first."""
        self.number, self.answered = number, answered
        self._entries = deque(reversed(list(entries)), maxlen=KEPT)

    def last(self, most: int = KEPT) -> list[PastRequest]:
        """The last requests, newest first."""
        return list(islice(reversed(self._entries), most))

    def since(self, number: int) -> list[PastRequest]:
        """The requests after this one, oldest first, as far as they are kept."""
        return self.last(min(self.number - number, KEPT))[::-1]
