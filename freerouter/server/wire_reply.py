"""The replies of the server's Wire, as they come over a connection of aiohttp's."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Protocol

import aiohttp

from freerouter.network.wire_protocols import Broken, TimedOut
from freerouter.openrouter.headers import Headers
from freerouter.server.deadlines import Deadline


class Held(Protocol):
    """What a reply comes over: a connection of aiohttp's, or its response."""

    def close(self) -> None:
        """Close the connection."""
        ...

    def release(self) -> object:
        """Give the connection back to the pool."""
        ...


class _ReplyChunks:
    """The body of a reply, as it comes, and the connection that it comes over.

    It knows nothing of the reply that has it, and its deadline nothing of it: a ring of references would keep every
    reply in memory until the next search for garbage.
    """

    def __init__(self, content: aiohttp.StreamReader, held: Held, deadline: Deadline) -> None:
        self._content = content
        self._held = held
        self._deadline = deadline
        deadline.break_off = partial(_break_off, content, held)

    def __aiter__(self) -> _ReplyChunks:
        return self

    async def __anext__(self) -> bytes:
        content, deadline = self._content, self._deadline
        deadline.go_on()
        try:
            chunk = content.read_nowait()
            if not chunk and not content.at_eof():
                chunk = await content.readany()
        except (aiohttp.ClientError, ConnectionError, RuntimeError) as error:  # the last: broken since the last chunk
            error.__traceback__ = None  # the stream keeps the error, and its traceback would keep the stream
            raise (TimedOut("late") if deadline.passed else Broken("cut")) from None
        if deadline.passed:
            raise TimedOut("late")  # an answer without a length seems to be whole when it is broken off
        if not chunk:
            self.close()
            raise StopAsyncIteration
        deadline.pause()  # the time that the caller takes is not OpenRouter's
        return chunk

    def close(self) -> None:
        """A body that was read to its end gives its connection back; any other connection is closed."""
        self._deadline.stop()
        if self._content.at_eof():
            self._held.release()
        else:
            self._held.close()


def _break_off(content: aiohttp.StreamReader, held: Held) -> None:
    """Close the connection, and wake the reader of its chunks: aiohttp does not if it is closed already."""
    held.close()
    content.set_exception(aiohttp.ClientConnectionError("late"))


class AiohttpReply:
    """An AsyncReply of aiohttp."""

    def __init__(
        self, status: int, headers: Headers, content: aiohttp.StreamReader, held: Held, deadline: Deadline
    ) -> None:
        self.status = status
        self.headers = headers
        self.chunks = _ReplyChunks(content, held, deadline)
        self._deadline = deadline

    @property
    def due(self) -> float:
        """See AsyncReply."""
        return self._deadline.due

    @due.setter
    def due(self, due: float) -> None:
        self._deadline.due = due

    async def close(self) -> None:
        """See AsyncReply."""
        self.chunks.close()


def lower(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """A reply's headers as they came, names in lower case: aiohttp's own text has lost what is not UTF-8."""
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]
