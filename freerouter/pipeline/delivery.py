"""Handing an answer on: what is common to it, whether its chunks come to a thread or to an event loop."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from freerouter.errors import FreeRouterError
from freerouter.openrouter.headers import HOP_BY_HOP, Headers
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


def returned(headers: Iterable[tuple[str, str]], trace: Trace, *, streamed: bool) -> Headers:
    """The headers to answer with: OpenRouter's, and which model answered. A stream's length is not known beforehand."""
    dropped = HOP_BY_HOP | {"content-length"} if streamed else HOP_BY_HOP
    return [*[pair for pair in headers if pair[0] not in dropped], *trace.headers().items()]
