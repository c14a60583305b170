"""What a Wire is, sync and async: its protocols, its time-outs, and what can happen on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple, Protocol

from freerouter.openrouter.headers import Headers


class NotSent(Exception):  # noqa: N818  # it is what happened, not an error of freerouter's
    """Nothing reached OpenRouter: refused, no such name, no TLS, or no connection in time."""


class Stale(NotSent):
    """A kept-alive connection had been closed by the other side when it was used again: nothing came back."""


class Broken(Exception):  # noqa: N818  # as above
    """The connection broke after something had been sent."""


class TimedOut(Broken):
    """The next piece of the reply did not come in time."""


class Timeouts(NamedTuple):
    """Seconds; None for no limit.

    Attributes:
        connect, write, pool: the caller's.
        first: until the reply can be judged.
        idle: between two chunks after that; 0 for an answer that is not streamed, which has none.
        read: the caller's own limit for both, if it has one.
        until: when all has to be over, on the monotonic clock.
    """

    connect: float | None = 10.0
    write: float | None = 60.0
    pool: float | None = None
    first: float = 60.0
    idle: float = 60.0
    read: float | None = None
    until: float | None = None

    def cut(self, first: float, idle: float) -> Timeouts:
        """These with the times to read that the settings allow, cut to the caller's own where that is shorter."""
        read = self.read
        if read is not None:
            first, idle = min(first, read), min(idle, read)
        return Timeouts(self.connect, self.write, self.pool, first, idle, read, self.until)

    def next_due(self, now: float) -> float:
        """When the next chunk must have come."""
        due = now + self.idle
        return due if self.until is None else min(due, self.until)

    def of_httpx(self) -> dict[str, float | None]:
        """What httpx's transports read; the time to read is limited once more, chunk by chunk."""
        connect = self.first if self.connect is None else min(self.connect, self.first)
        return {"connect": connect, "write": self.write, "pool": self.pool, "read": max(self.first, self.idle)}


class Reply(Protocol):
    """What comes back.

    Attributes:
        status, headers: of the response; names in lower case.
        chunks: of the body, as they come; raises Broken, or TimedOut.
        due: the time, on the monotonic clock, by which the next chunk must have come.
    """

    status: int
    headers: Headers
    chunks: Iterator[bytes]
    due: float

    def close(self) -> None:
        """Let go of the connection; what has not been read is not read."""
        ...


class AsyncReply(Protocol):
    """What comes back.

    Attributes:
        status, headers: of the response; names in lower case.
        chunks: of the body, as they come; raises Broken, or TimedOut.
        due: the time, on the monotonic clock, by which the next chunk must have come.
    """

    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]
    due: float

    async def close(self) -> None:
        """Let go of the connection; what has not been read is not read."""
        ...


class Wire(Protocol):
    """The one door to the network: a request goes in, a status, headers and chunks come out."""

    def open(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> Reply:
        """POST a body. Raises NotSent, Broken or TimedOut."""
        ...

    def close(self) -> None:
        """Close what it opened."""
        ...


class AsyncWire(Protocol):
    """The one door to the network: a request goes in, a status, headers and chunks come out."""

    async def open(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> AsyncReply:
        """POST a body. Raises NotSent, Broken or TimedOut."""
        ...

    async def close(self) -> None:
        """Close what it opened."""
        ...
