"""The protocols of a Wire, sync and async, with its timeouts and its exceptions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple, Protocol

from freerouter.openrouter.headers import Headers


class NotSent(Exception):  # noqa: N818  # it describes an event, it is not an error of freerouter
    """Nothing reached OpenRouter: connection refused, DNS or TLS error, or connect timeout."""


class Stale(NotSent):
    """A kept-alive connection was closed by the other side before it was reused: there was no reply."""


class Broken(Exception):  # noqa: N818  # as above
    """The connection broke after something had been sent."""


class TimedOut(Broken):
    """The next piece of the reply timed out."""


class Timeouts(NamedTuple):
    """Seconds; None for no limit.

    Attributes:
        connect, write, pool: the caller's.
        first: until the reply can be judged.
        idle: between two chunks after that; 0 for an answer that is not streamed, which has none.
        read: the caller's own limit for both, if it has one.
        until: deadline of the whole request, on the monotonic clock.
    """

    connect: float | None = 10.0
    write: float | None = 60.0
    pool: float | None = None
    first: float = 60.0
    idle: float = 60.0
    read: float | None = None
    until: float | None = None

    def cut(self, first: float, idle: float) -> Timeouts:
        """These with the read timeouts of the settings, limited to the caller's own if that is shorter."""
        read = self.read
        if read is not None:
            first, idle = min(first, read), min(idle, read)
        return Timeouts(self.connect, self.write, self.pool, first, idle, read, self.until)

    def next_due(self, now: float) -> float:
        """When the next chunk must have arrived."""
        due = now + self.idle
        return due if self.until is None else min(due, self.until)

    def of_httpx(self) -> dict[str, float | None]:
        """The timeouts for httpx's transports; the read timeout is limited again for each chunk."""
        connect = self.first if self.connect is None else min(self.connect, self.first)
        return {"connect": connect, "write": self.write, "pool": self.pool, "read": max(self.first, self.idle)}


class Reply(Protocol):
    """A reply from upstream.

    Attributes:
        status, headers: of the response; names in lower case.
        due: the time, on the monotonic clock, by which the next chunk must have arrived.
    """

    status: int
    headers: Headers
    due: float

    @property
    def chunks(self) -> Iterator[bytes]:
        """The body, as it arrives. Raises Broken, or TimedOut."""
        ...

    def close(self) -> None:
        """Release the connection without reading the rest."""
        ...


class AsyncReply(Protocol):
    """A reply from upstream.

    Attributes:
        status, headers: of the response; names in lower case.
        due: the time, on the monotonic clock, by which the next chunk must have arrived.
    """

    status: int
    headers: Headers
    due: float

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """The body, as it arrives. Raises Broken, or TimedOut."""
        ...

    async def close(self) -> None:
        """Release the connection without reading the rest."""
        ...


class Wire(Protocol):
    """The only interface to the network: takes a request, returns a status, headers and chunks."""

    def open(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> Reply:
        """POST a body. Raises NotSent, Broken or TimedOut."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


class AsyncWire(Protocol):
    """The only interface to the network: takes a request, returns a status, headers and chunks."""

    async def open(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> AsyncReply:
        """POST a body. Raises NotSent, Broken or TimedOut."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...
