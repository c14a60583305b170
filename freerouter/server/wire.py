"""The server's Wire, on aiohttp: its connection pool does not slow down with the number of connections."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Iterable
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Any, Protocol

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from freerouter.network.wire_protocols import Broken, NotSent, Stale, TimedOut, Timeouts
from freerouter.network.wires import encoded, environment_proxy, tls
from freerouter.openrouter.headers import Headers
from freerouter.server.deadlines import Deadline
from freerouter.server.files import shortage

# A ValueError is what aiohttp makes of a proxy that it cannot use.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError, ValueError)
_BROKEN = (aiohttp.ClientError, ConnectionError, HttpProcessingError)
# Larger bodies are sent piece by piece, so that they do not hold up the event loop.
_AT_ONCE = 2**20
_BUFFER = 2**18
_CONNECT = 10.0
_SWITCHING = 101  # an answer to an offer that was not made; nothing follows it


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


class AiohttpWire:
    """A Wire on one aiohttp session, which keeps no cookies and honours the environment's proxies.

    Args:
        connections: how many to OpenRouter at once; more than the server takes in, so that nothing waits for one.
    """

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._proxy = lru_cache(environment_proxy)
        self._targets: dict[str, aiohttp.ClientRequest] = {}

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, made in the running event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_Connector(limit=self._connections, keepalive_timeout=30, ssl=tls()),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("accept", "user-agent"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
                read_bufsize=_BUFFER,
            )
        return self._session

    async def open(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> AiohttpReply:
        """See AsyncWire."""
        if len(body) > _AT_ONCE or self._proxy(url) is not None:
            return await self._request("POST", url, headers, body, timeouts)
        return await self._post(url, headers, body, timeouts)

    async def get(self, url: str, headers: Headers, timeouts: Timeouts) -> AiohttpReply:
        """GET what is only passed on. Raises NotSent, Broken or TimedOut."""
        return await self._request("GET", url, headers, None, timeouts)

    async def _post(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> AiohttpReply:
        """POST straight over a connection of the pool.

        The session takes twice as long as all else that happens to a request here: it is ready for redirects, cookies,
        credentials in URLs, many kinds of bodies and more, of which nothing is wanted.
        """
        due = time.monotonic() + timeouts.first
        target = self._target(url)
        _way.set(way := _Way())
        try:
            connection = await self._pool().connect(target, [], _limits(timeouts.first))
        except (*_NOT_SENT, aiohttp.ClientError, OSError, TimeoutError) as error:
            shortage.tell_of(error)
            raise NotSent(type(error).__name__) from None
        deadline = Deadline(due, connection.close)
        try:
            message, content = await _exchanged(connection, _written(target, headers, body), way)
        except BaseException as error:
            deadline.stop()
            connection.close()
            if not isinstance(error, _BROKEN):
                raise
            raise _trouble(error, way, late=deadline.passed) from None
        return AiohttpReply(message.code, _lower(message.raw_headers), content, connection, deadline)

    async def _request(
        self, method: str, url: str, headers: Headers, body: bytes | None, timeouts: Timeouts
    ) -> AiohttpReply:
        """The same over the session, for all that ``_post`` does not do."""
        due = time.monotonic() + timeouts.first
        _way.set(way := _Way())
        try:
            async with asyncio.timeout(timeouts.first):
                response = await self.session.request(
                    method,
                    url,
                    data=io.BytesIO(body) if body is not None and len(body) > _AT_ONCE else body,
                    headers=[(name, _text(value)) for name, value in headers],
                    allow_redirects=False,
                    proxy=self._proxy(url),
                )
        except _NOT_SENT as error:
            shortage.tell_of(error)
            raise NotSent(type(error).__name__) from None
        except (*_BROKEN, TimeoutError) as error:
            raise _trouble(error, way, late=isinstance(error, TimeoutError)) from None
        deadline = Deadline(due, response.close)
        return AiohttpReply(response.status, _lower(response.raw_headers), response.content, response, deadline)

    def _pool(self) -> aiohttp.BaseConnector:
        connector = self.session.connector
        assert connector is not None  # noqa: S101  # the session is open
        return connector

    def _target(self, url: str) -> aiohttp.ClientRequest:
        """What the connector is asked for a connection with; there are as many as dialects."""
        target = self._targets.get(url)
        if target is None:
            target = self._targets[url] = aiohttp.ClientRequest("POST", URL(url), loop=asyncio.get_running_loop())
        return target

    async def close(self) -> None:
        """See AsyncWire."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            self._targets.clear()


class _Way:
    """How far a request got: whether it has a connection, if that had been used before, and if anything came back."""

    __slots__ = ("answered", "connected", "made")

    def __init__(self) -> None:
        self.connected = False
        self.made = False
        self.answered = False

    @property
    def reused(self) -> bool:
        return self.connected and not self.made


_way: ContextVar[_Way] = ContextVar("freerouter-way")


class _Connector(aiohttp.TCPConnector):
    """Tells each request's ``_Way``; aiohttp's own tracing does, too, but takes a fifth of the time of a request."""

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109  # aiohttp's name
        """A connection for a request."""
        connection = await super().connect(req, traces, timeout)
        _way.get().connected = True
        return connection

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109  # aiohttp's name
        _way.get().made = True
        return await super()._create_connection(req, traces, timeout)


async def _exchanged(
    connection: Connection, request: bytes, way: _Way
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Write a request, and read the head of its reply."""
    transport, protocol = connection.transport, connection.protocol
    if transport is None or protocol is None:
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=_BUFFER)
    if protocol.should_close:  # it has said something unasked since the last reply, such as that its time is up
        raise aiohttp.ServerDisconnectedError
    transport.write(request)
    message, content = await protocol.read()
    while message.code < 200 and message.code != _SWITCHING:  # such as 103 Early Hints
        way.answered = True
        message, content = await protocol.read()
    if transport.get_write_buffer_size():
        protocol.force_close()  # answered before all was sent: the rest must not precede the next request
    return message, content


def _trouble(error: BaseException, way: _Way, *, late: bool) -> NotSent | Broken:
    """What it means that no reply came.

    One that breaks before anything came back, on a connection that was not made for it, was stale.
    """
    error.__traceback__ = None  # the connection keeps the error, and its traceback would keep the connection
    if late:
        return TimedOut("late") if way.connected else NotSent("late")
    came = way.answered or isinstance(error, HttpProcessingError)
    return (Stale if way.reused and not came else Broken)(type(error).__name__)


@lru_cache(maxsize=64)
def _limits(first: float) -> aiohttp.ClientTimeout:
    """For making a connection."""
    return aiohttp.ClientTimeout(total=None, connect=first, sock_connect=min(first, _CONNECT))


def _written(target: aiohttp.ClientRequest, headers: Headers, body: bytes) -> bytes:
    """A request as it goes over the connection (RFC 9112)."""
    lines = [f"POST {target.url.raw_path_qs} HTTP/1.1\r\nhost: {target.headers['host']}\r\n".encode("ascii")]
    lines += [b"%s: %s\r\n" % pair for pair in encoded(headers)]
    lines += [b"content-length: %d\r\n\r\n" % len(body), body]
    return b"".join(lines)


def _lower(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """A reply's headers as they came, names in lower case: aiohttp's own text has lost what is not UTF-8."""
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]


def _text(value: str) -> str:
    """A header's value such that aiohttp, which writes UTF-8, sends the bytes that came (as Latin-1)."""
    value = value.strip(" \t")
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
