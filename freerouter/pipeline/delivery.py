"""Answer, and Body and AsyncBody: an answer that is handed on to the caller."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from freerouter.errors import FreeRouterError
from freerouter.network.wire_protocols import AsyncReply, Broken, Reply, TimedOut, Timeouts
from freerouter.openrouter.headers import HOP_BY_HOP, Headers
from freerouter.pipeline.routing import Routing
from freerouter.pipeline.tracking import Trace
from freerouter.replies.events import LifeSigns
from freerouter.replies.reading import Flaw, Tail

_TIMEOUTS = Timeouts()

BodyT = TypeVar("BodyT")
ReplyT = TypeVar("ReplyT", bound=Reply | AsyncReply)


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
        limits: say for how long a stream may pause; comments are no sign of life.
    """

    def __init__(
        self,
        chunks: list[bytes],
        reply: ReplyT | None = None,
        routing: Routing | None = None,
        limits: Timeouts = _TIMEOUTS,
    ) -> None:
        self.chunks = chunks
        self.reply = reply
        self._routing = routing
        self._limits = limits
        self._signs = LifeSigns()
        self._flaw: Flaw | None = None
        self._tail = None if routing is None else Tail(routing.request.dialect)
        for chunk in chunks:
            self._see(chunk)

    def _see(self, chunk: bytes) -> bytes:
        if self._tail is not None:
            self._tail.feed(chunk)
        if self.reply is not None and self._signs.feed(chunk):
            self.reply.due = time.monotonic() + self._limits.idle
        return chunk

    def _broke(self, error: Broken) -> None:
        """The connection broke. The Tail tells how the answer ended; the model is not to blame for haste."""
        if isinstance(error, TimedOut) and self._limits.idle == self._limits.read:
            self._flaw = Flaw.CALLER_TIMEOUT

    def _end(self) -> bytes:
        """The answer has come to its end, good or bad: what is to be added to it."""
        routing, self._routing = self._routing, None
        if routing is None or self._tail is None:
            return b""
        ending = replace(self._tail.end(), flaw=self._flaw)
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
            # Clients leave at once at the mark of the end, or at an error.
            if ending.finished or ending.error is not None:
                routing.finish(ending)
            else:
                routing.abandon()
        return reply


class Body(Handover[Reply]):
    """The chunks of an answer, handed on as they come; to be closed when it is left early."""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        if self.reply is not None:
            try:
                for chunk in self.reply.chunks:
                    yield self._see(chunk)
            except Broken as error:
                self._broke(error)
        last_word = self._end()
        if last_word:
            yield last_word
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        reply = self._leave()
        if reply is not None:
            reply.close()


class AsyncBody(Handover[AsyncReply]):
    """The chunks of an answer, handed on as they come; to be closed when it is left early."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        if self.reply is not None:
            try:
                async for chunk in self.reply.chunks:
                    yield self._see(chunk)
            except Broken as error:
                self._broke(error)
        last_word = self._end()
        if last_word:
            yield last_word
        await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        reply = self._leave()
        if reply is not None:
            await reply.close()


def returned(headers: Iterable[tuple[str, str]], trace: Trace, *, streamed: bool) -> Headers:
    """The headers to answer with: OpenRouter's, and which model answered. A stream's length is not known beforehand."""
    dropped = HOP_BY_HOP | {"content-length"} if streamed else HOP_BY_HOP
    return [*[pair for pair in headers if pair[0] not in dropped], *trace.headers().items()]
