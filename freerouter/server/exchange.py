"""One HTTP exchange over ASGI: reads the body, sends the answer as it comes, and notices when the client leaves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from freerouter.openrouter.headers import Headers
from freerouter.server.errors import FullError, RefusedError
from freerouter.server.paths import tidy
from freerouter.server.record import Record

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")

# Most clients read an answer only once they have sent everything: a body that is too large is read, and dropped, up
# to this many times the limit, so that they see the error.
_PATIENCE = 4
_UNSENDABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may take of the server.

    Attributes:
        headers: bytes of a request's headers.
        body: bytes of its body.
        body_seconds: until all of it has arrived.
        requests: at once.
        bodies: bytes of all bodies that are held at once.
        passed: GETs that are passed on at once.
        passed_bytes: of an answer to one of them.
    """

    headers: int = 32 * 1024
    body: int = 64 * 1024 * 1024
    body_seconds: float = 60.0
    requests: int = 256
    bodies: int = 2**30
    passed: int = 16
    passed_bytes: int = 16 * 1024 * 1024


class BodiesInFlight:
    """The bytes of all bodies that are held at once, and their limit."""

    def __init__(self, most: int) -> None:
        self.bytes = 0
        self._most = most

    def check(self, more: int) -> None:
        """Raises FullError when there is no room for so many more."""
        if self.bytes + more > self._most:
            raise FullError(self._most)


# Under this name, a scope's state may have the Connection that an exchange goes over.
CONNECTION = "freerouter-connection"


class Connection(Protocol):
    """What an exchange goes over. As a context, it writes at once all that is sent in it, where it can.

    Attributes:
        whole: all of the request has arrived, as far as is known.
    """

    whole: bool

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def watch(self, leave: Callable[[], None]) -> None:
        """Call this when the client leaves, until ``unwatch``."""
        ...

    def unwatch(self) -> None:
        """Stop watching."""
        ...

    def abort(self) -> None:
        """Close it at once; what has not been sent is dropped."""
        ...


class _Messages:
    """A Connection for servers that give only ASGI's messages."""

    whole = False

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def watch(self, leave: Callable[[], None]) -> None:
        """See Connection."""
        self._gone = asyncio.ensure_future(self._until_gone())
        self._gone.add_done_callback(lambda gone: None if gone.cancelled() else leave())

    def unwatch(self) -> None:
        """See Connection."""
        if self._gone is not None:
            self._gone.cancel()

    def abort(self) -> None:
        """See Connection. The server closes a connection whose answer has not ended."""

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class _Watch:
    """Cancels the task that made it when its client leaves, unless the task is no longer waiting."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # an app runs in one
        self.task = task
        self.over = self.left = False

    def leave(self) -> None:
        """The client has left."""
        if not self.over:
            self.left = True
            self.task.cancel()


class ClientGoneError(Exception):
    """The client has closed the connection."""


class Exchange:
    """A request and the way to answer it.

    Args:
        scope, receive, send: ASGI's.
        limits: what is taken of a request.
        held: the bodies of all requests.

    Attributes:
        headers: names in lower case.
        record: what is logged and counted.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits, held: BodiesInFlight) -> None:
        self.method: str = scope["method"]
        self.path = tidy(scope["path"])
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        self.by_name = dict(self.headers)
        self.started = self.finished = False
        self.record = Record()
        self._receive = receive
        self._send = send
        self._limits = limits
        self._held = held
        self._holds = 0
        self._connection: Connection = scope.get("state", {}).get(CONNECTION) or _Messages(receive)

    @property
    def origin(self) -> str | None:
        """The web page that asks; None when it is a program."""
        return self.by_name.get("origin")

    def check_headers(self) -> None:
        """Raises RefusedError when there are too many, or two that contradict each other."""
        limit = self._limits.headers
        if sum([len(name) + len(value) for name, value in self.headers]) > limit:
            raise RefusedError(f"the headers are larger than {limit >> 10} KiB", 431)
        if len(self.by_name) < len(self.headers) and sum(name == "host" for name, _ in self.headers) > 1:
            raise RefusedError("there is more than one host header", 400)

    async def body(self) -> bytes:
        """The whole body. Raises RefusedError when it is too large or too slow, ClientGoneError."""
        limits = self._limits
        announced = self.by_name.get("content-length", "")
        length = int(announced) if announced.isdecimal() else 0
        if length > limits.body and "expect" in self.by_name:
            raise self._too_large()
        self._held.check(min(length, limits.body))
        if self._connection.whole:
            return await self._read()
        try:
            async with asyncio.timeout(limits.body_seconds):
                return await self._read()
        except TimeoutError:
            raise RefusedError(f"the body did not come within {limits.body_seconds:g} s", 408) from None

    async def _read(self) -> bytes:
        limit = self._limits.body
        chunks: list[bytes] = []
        size, more = 0, True
        while more and size <= _PATIENCE * limit:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= limit:
                self._hold(len(chunk))
                chunks.append(chunk)
            else:
                chunks.clear()
                self.let_go()
            more = message.get("more_body", False)
        if size > limit:
            raise self._too_large()
        return b"".join(chunks)

    def _hold(self, size: int) -> None:
        self._held.check(size)
        self._held.bytes += size
        self._holds += size

    def let_go(self) -> None:
        """The body is no longer needed."""
        self._held.bytes -= self._holds
        self._holds = 0

    def _too_large(self) -> RefusedError:
        return RefusedError(f"the body is larger than {self._limits.body / 2**20:g} MiB", 413)

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something while the client waits for it; it is cancelled when the client leaves.

        Raises:
            ClientGoneError: the client has left.
        """
        watch = _Watch()
        self._connection.watch(watch.leave)
        try:
            return await work
        except asyncio.CancelledError:
            if watch.left and watch.task.uncancel() == 0:
                raise ClientGoneError from None
            raise
        finally:
            watch.over = True
            self._connection.unwatch()

    async def abort(self) -> None:
        """Close the connection, because the answer cannot be completed."""
        self._connection.abort()
        await asyncio.sleep(0.01)  # until uvicorn knows, it would miss the end of the answer, and log that

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers. Raises ValueError, before anything is sent, when one cannot be sent."""
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if _UNSENDABLE.search(b"".join([value for _, value in encoded])):
            raise ValueError("a header holds a control character")
        self.started = True
        self.record.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def finish(self, body: bytes = b"") -> None:
        """Send the end of the body."""
        await self._send({"type": "http.response.body", "body": body})
        self.finished = True

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer."""
        framed = [pair for pair in headers if pair[0] != "content-length"]
        framed.append(("content-length", str(len(body))))
        with self._connection:
            await self.start(status, framed)
            await self.finish(body)

    async def begin(self, status: int, headers: Headers, chunks: AsyncIterator[bytes]) -> None:
        """Send status and headers with the first chunk: until there is one, an error can still be answered."""
        first = await anext(chunks, b"")
        with self._connection:
            await self.start(status, headers)
            await self._send({"type": "http.response.body", "body": first, "more_body": True})

    async def stream(self, chunks: AsyncIterator[bytes]) -> None:
        """Send the other chunks as they come, one write for each."""
        async for chunk in chunks:
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self.finish()
