"""One HTTP exchange over ASGI: the body in, the answer out as it comes, and a client that goes away noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeVar

from freerouter.headers import Headers
from freerouter.server.security import RefusedError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")

_HEADERS_LIMIT = 32 * 1024


class ClientGoneError(Exception):
    """The client has closed the connection."""


class Exchange:
    """A request and the way to answer it.

    Args:
        scope, receive, send: ASGI's.

    Attributes:
        headers: names in lower case.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        self.by_name = dict(self.headers)
        self.started = False
        self._receive = receive
        self._send = send

    def check_headers(self) -> None:
        """Raises RefusedError when there are too many."""
        if sum(len(name) + len(value) for name, value in self.headers) > _HEADERS_LIMIT:
            raise RefusedError(f"the headers are larger than {_HEADERS_LIMIT >> 10} KiB", 431)

    async def body(self, limit: int, seconds: float) -> bytes:
        """The whole body. Raises RefusedError when it is too large or too slow, ClientGoneError."""
        announced = self.by_name.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            raise _too_large(limit)
        try:
            async with asyncio.timeout(seconds):
                return await self._read(limit)
        except TimeoutError:
            raise RefusedError(f"the body did not come within {seconds:.0f} s", 408) from None

    async def _read(self, limit: int) -> bytes:
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
            more = message.get("more_body", False)
        return b"".join(chunks)

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something while the client waits for it; when the client goes away, it is cancelled.

        Raises:
            ClientGoneError: nobody waits any more.
        """
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientGoneError
            return task.result()
        finally:
            gone.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers."""
        self.started = True
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def finish(self, body: bytes) -> None:
        """Send the end of the body."""
        await self._send({"type": "http.response.body", "body": body})

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer."""
        names = {name for name, _ in headers}
        length = [] if "content-length" in names else [("content-length", str(len(body)))]
        await self.start(status, [*headers, *length])
        await self.finish(body)

    async def stream(self, chunks: AsyncIterator[bytes]) -> None:
        """Send chunks as they come, one write for each."""
        async for chunk in chunks:
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self.finish(b"")


def _too_large(limit: int) -> RefusedError:
    return RefusedError(f"the body is larger than {limit >> 20} MiB", 413)
