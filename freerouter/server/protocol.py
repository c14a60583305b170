"""uvicorn's HTTP protocol, with what it lacks: limits on the size of a request's head, and on its time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from freerouter.openrouter.headers import Headers
from freerouter.pipeline.refusals import refused
from freerouter.pipeline.tracking import Trace
from freerouter.server import files, paths
from freerouter.server.errors import RefusedError
from freerouter.server.exchange import CONNECTION

# The app refuses heads above its own limit; this one is for heads that do not end.
_HEAD_LIMIT = 64 * 1024
_HEAD_SECONDS = 30.0
_PHRASES = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}
_FULL = b"HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"


class Line:
    """A Connection that is also its transport. As a context, it keeps what is written and writes it at the end.

    An answer in two segments, head and body, costs one more system call, and may reach the client 40 ms later. And
    the exchange learns that the client left without a task that waits for it.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.whole = False
        self.is_closing = transport.is_closing
        self.listen: Callable[[], None] = transport.resume_reading
        self._transport = transport
        self._kept: list[bytes] | None = None
        self._lost = False
        self._leave: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def watch(self, leave: Callable[[], None]) -> None:
        """See Connection."""
        self._leave = leave
        self.listen()
        if self._lost:
            leave()

    def unwatch(self) -> None:
        """See Connection."""
        self._leave = None

    def abort(self) -> None:
        """See Connection."""
        self._transport.abort()

    def lose(self) -> None:
        """The client has left."""
        self._lost = True
        self.listen = _nothing  # what it was knows the protocol, which knows this
        if self._leave is not None:
            self._leave()

    def __enter__(self) -> None:
        self._kept = []

    def __exit__(self, *_: object) -> None:
        kept, self._kept = self._kept, None
        if kept and not self._transport.is_closing():
            self._transport.write(b"".join(kept))

    def write(self, data: bytes) -> None:
        """Write, or keep."""
        if self._kept is None:
            self._transport.write(data)
        else:
            self._kept.append(data)

    def close(self) -> None:
        """Write what is kept, and close."""
        if self._kept:
            self._transport.write(b"".join(self._kept))
            self._kept.clear()
        self._transport.close()


class Protocol(HttpToolsProtocol):
    """One connection."""

    _line: Line
    _head_bytes = 0
    _in_head = True
    _begun = False
    _timer: asyncio.TimerHandle | None = None
    url = b""  # a request may be broken before it has one

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        self._line = Line(transport)
        super().connection_made(cast("asyncio.Transport", self._line))
        self.app_state = {**self.app_state, CONNECTION: self._line}
        self._line.listen = self._listen
        # asyncio does this only for sockets that name their protocol; without it, a stream comes in bursts every 40 ms.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch()
        self._check_room()

    def _check_room(self) -> None:
        """When file descriptors run out, a new client is told to try again; connected ones go on."""
        if len(self.connections) > files.connections_within(files.limit()):
            files.shortage.tell(f"{len(self.connections)} clients are connected")
            self.transport.write(_FULL)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._unwatch()
        super().connection_lost(exc)
        self._line.lose()

    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        if self._in_head:
            self._head_bytes += len(data)
        self._unset_keepalive_if_required()
        self._parse(data)
        if self._begun or (self._in_head and not self._answering()):  # most heads come in one piece, without a timer
            self._watch()
        if self._in_head and self._head_bytes > _HEAD_LIMIT and not self.transport.is_closing():
            self._reject(f"the headers are larger than {_HEAD_LIMIT >> 10} KiB", 431)

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                if self.parser.get_method() == b"CONNECT":
                    self._reject("CONNECT is not served: this is not a proxy", 400)
                    return
                # The parser takes a request with an offer for one without a body: another reads the head without it.
                data = self._head_without_offer() + data[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            except httptools.HttpParserError:
                self._reject("the request is not HTTP: its head or the framing of its body is broken", 400)
                return

    def _is_offer(self) -> bool:
        """Whether the head that is being read offers another protocol (RFC 9110, section 7.8: it may be ignored)."""
        return bool(self.parser.should_upgrade())

    def _head_without_offer(self) -> bytes:
        first = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        lines = [first, *(b"%s: %s" % pair for pair in self.headers if pair[0] != b"upgrade")]
        return b"\r\n".join([*lines, b"", b""])

    def _reject(self, message: str, status: int) -> None:
        """Answer a request that the app never sees, in the shape of the path's dialect, and close."""
        if not (self._answering() and self.cycle.response_started):
            dialect = paths.error_dialect(paths.tidy(self.url.partition(b"?")[0].decode("latin-1")))
            _, headers, body = refused(RefusedError(message, status), Trace(), dialect)
            self.transport.write(_written(status, headers, b"".join(body)))
        self.transport.close()

    def on_message_begin(self) -> None:
        """The first line of a request."""
        super().on_message_begin()
        self._begun = True

    def on_headers_complete(self) -> None:
        """The head of a request has arrived."""
        if self._is_offer():
            return
        self._unwatch()
        self._in_head, self._begun, self._head_bytes = False, False, 0
        self._line.whole = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of a request has arrived."""
        if self._is_offer():
            return
        self._in_head = self._line.whole = True
        super().on_message_complete()

    def _watch(self) -> None:
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(_HEAD_SECONDS, self._late)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._answering():  # the next request is slow, but this one is not at fault
            self._watch()
        else:
            self.transport.close()

    def _answering(self) -> bool:
        return bool(self.cycle) and not self.cycle.response_complete

    def _listen(self) -> None:
        """Read on, to notice when the client leaves: uvicorn stops if much of a body arrives at once."""
        if not self.pipeline:
            self.flow.resume_reading()


def _nothing() -> None:
    """The client has left: there is nothing to read."""


def _written(status: int, headers: Headers, body: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d %s" % (status, _PHRASES[status]), b"connection: close", b"content-length: %d" % len(body)]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in headers]
    return b"\r\n".join([*lines, b"", body])
