"""The connections of the server's Wire: how far a request got over one, and what it means when it broke."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError

from freerouter.network.wire_protocols import Broken, NotSent, Stale, TimedOut
from freerouter.network.wires import encoded
from freerouter.openrouter.headers import Headers

BUFFER = 2**18
_SWITCHING = 101  # an answer to an offer that was not made; nothing follows it


class Way:
    """How far a request got: whether it has a connection, if that had been used before, and if anything came back."""

    __slots__ = ("answered", "connected", "made")

    def __init__(self) -> None:
        self.connected = False
        self.made = False
        self.answered = False

    @property
    def reused(self) -> bool:
        """Whether the connection had been used before."""
        return self.connected and not self.made


CURRENT_WAY: ContextVar[Way] = ContextVar("freerouter-way")


class Connector(aiohttp.TCPConnector):
    """Tells each request's ``Way``; aiohttp's own tracing does, too, but takes a fifth of the time of a request."""

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109  # aiohttp's name
        """A connection for a request."""
        connection = await super().connect(req, traces, timeout)
        CURRENT_WAY.get().connected = True
        return connection

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109  # aiohttp's name
        CURRENT_WAY.get().made = True
        return await super()._create_connection(req, traces, timeout)


async def exchanged(
    connection: Connection, request: bytes, way: Way
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Write a request, and read the head of its reply."""
    transport, protocol = connection.transport, connection.protocol
    if transport is None or protocol is None:
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=BUFFER)
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


def trouble(error: BaseException, way: Way, *, late: bool) -> NotSent | Broken:
    """What it means that no reply came.

    One that breaks before anything came back, on a connection that was not made for it, was stale.
    """
    error.__traceback__ = None  # the connection keeps the error, and its traceback would keep the connection
    if late:
        return TimedOut("late") if way.connected else NotSent("late")
    came = way.answered or isinstance(error, HttpProcessingError)
    return (Stale if way.reused and not came else Broken)(type(error).__name__)


def written(target: aiohttp.ClientRequest, headers: Headers, body: bytes) -> bytes:
    """A request as it goes over the connection (RFC 9112)."""
    lines = [f"POST {target.url.raw_path_qs} HTTP/1.1\r\nhost: {target.headers['host']}\r\n".encode("ascii")]
    lines += [b"%s: %s\r\n" % pair for pair in encoded(headers)]
    lines += [b"content-length: %d\r\n\r\n" % len(body), body]
    return b"".join(lines)
