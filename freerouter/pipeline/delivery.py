"""Handing an answer on: what is common to it, whether its chunks come to a thread or to an event loop."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from freerouter.errors import FreeRouterError, InvalidRequestError, UpstreamError
from freerouter.openrouter.dialects import Dialect
from freerouter.openrouter.headers import Headers, of_error
from freerouter.openrouter.json_bodies import encode
from freerouter.pipeline.router import Routing
from freerouter.pipeline.tracking import Trace
from freerouter.replies.reading import Tail


class HasDue(Protocol):
    """A reply whose next chunk must have come by some time on the monotonic clock."""

    due: float


BodyT = TypeVar("BodyT")
ReplyT = TypeVar("ReplyT", bound=HasDue)


@dataclass(slots=True)
class Answer(Generic[BodyT]):
    """What a request comes to: OpenRouter's answer, or an error in the dialect's shape.

    Attributes:
        status, headers: of the response.
        body: its chunks; must be closed.
        trace: how it came about.
        error: the error, when it is one; None for an answer.
    """

    status: int
    headers: Headers
    body: BodyT
    trace: Trace
    error: FreeRouterError | None = None


class Handover(Generic[ReplyT]):
    """An answer on its way to the caller; how it ends is told to Routing, once.

    Args:
        chunks: what has been read already.
        reply: where the rest comes from; None when there is none.
        routing: the request's; None when it has been told already.
        idle: seconds for which a stream may pause; comments are no sign of life.
    """

    def __init__(
        self, chunks: list[bytes], reply: ReplyT | None = None, routing: Routing | None = None, idle: float = 0.0
    ) -> None:
        self.chunks = chunks
        self.reply = reply
        self._routing = routing
        self._idle = idle
        self._tail = None if routing is None else Tail(routing.request.dialect)
        for chunk in chunks:
            self._see(chunk)

    def _see(self, chunk: bytes) -> bytes:
        if self._tail is not None:
            self._tail.feed(chunk)
        if self.reply is not None and not (chunk.startswith(b":") and b"\ndata" not in chunk):
            self.reply.due = time.monotonic() + self._idle
        return chunk

    def _end(self) -> bytes:
        """The answer has come to its end, good or bad: what is to be added to it."""
        routing, self._routing = self._routing, None
        if routing is None or self._tail is None:
            return b""
        ending = self._tail.end()
        error = routing.finish(ending)
        if error is None:
            return b""
        return (b"\n\n" if ending.ragged else b"") + routing.request.dialect.error_event(error)

    def _leave(self) -> ReplyT | None:
        """The caller is done, or gone. Returns the reply that is to be closed."""
        routing, self._routing = self._routing, None
        reply, self.reply = self.reply, None
        if routing is not None and self._tail is not None:
            ending = self._tail.end()
            if (
                ending.finished or ending.error is not None
            ):  # clients leave at once at the mark of the end, or at an error
                routing.finish(ending)
            else:
                routing.abandon()
        return reply


def refused(error: FreeRouterError, trace: Trace, dialect: Dialect) -> tuple[int, Headers, list[bytes]]:
    """Status, headers and body of an error, in the dialect's shape."""
    try:
        body = encode(dialect.error_body(error))
    except InvalidRequestError:  # OpenRouter's own body holds a number such as 1e999, which can be read but not written
        plain = UpstreamError(error.message, status=error.status, body={}, metadata=error.metadata, trace=error.trace)
        body = encode(dialect.error_body(plain))
    return error.status, of_error(error, trace), [body]
