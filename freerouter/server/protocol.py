"""uvicorn's HTTP protocol, with what it lacks: limits on how large a request's head is, and how slow."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from freerouter.server.exchange import CONNECTION

# The app answers what is larger than its own limit; here is only what never comes to an end.
_HEAD_LIMIT = 64 * 1024
_HEAD_SECONDS = 30.0
_ENDLESS = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Line:
    """A Connection that is its transport, too. As a context, it keeps what is written and writes it at the end.

    An answer whose head and body are two segments costs a system call more here, and may cost 40 ms over there. And
    whether the client leaves is told to whoever watches, without a task that waits for it.
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

    def lose(self) -> None:
        """The client has left."""
        self._lost = True
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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        self._line = Line(transport)
        super().connection_made(cast("asyncio.Transport", self._line))
        self.app_state = {**self.app_state, CONNECTION: self._line}
        self._line.listen = self._listen
        # asyncio sees to this only for sockets that name their protocol; a stream would come in jerks of 40 ms.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._unwatch()
        super().connection_lost(exc)
        self._line.lose()

    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._begun or (self._in_head and not self._answering()):  # most heads come in one piece, without a timer
            self._watch()
        if self._in_head and self._head_bytes > _HEAD_LIMIT and not self.transport.is_closing():
            self.transport.write(_ENDLESS)
            self.transport.close()

    def on_message_begin(self) -> None:
        """The first line of a request."""
        super().on_message_begin()
        self._begun = True

    def on_headers_complete(self) -> None:
        """The head of a request has come."""
        self._unwatch()
        self._in_head, self._begun, self._head_bytes = False, False, 0
        self._line.whole = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of a request has come."""
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
        """Read on, to see the client leave: uvicorn stops where much of a body has come at once."""
        if not self.pipeline:
            self.flow.resume_reading()
