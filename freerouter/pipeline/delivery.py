"""Answer, Body and AsyncBody: an answer that is passed on to the caller."""

from __future__ import annotations

import math
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from freerouter.errors import FreeRouterError
from freerouter.network.wire_protocols import AsyncReply, Broken, Reply, TimedOut, Timeouts
from freerouter.openrouter.headers import HOP_BY_HOP, Headers
from freerouter.pipeline.routing import Routing
from freerouter.pipeline.tracking import Trace
from freerouter.replies.ending import StreamEnd, Tail
from freerouter.replies.events import LifeSigns
from freerouter.replies.reading import Flaw

_TIMEOUTS = Timeouts()
_DONE = b"[DONE]"
_DONE_LINE = re.compile(rb"^data: ?\[DONE\]", re.MULTILINE)

BodyT = TypeVar("BodyT")
ReplyT = TypeVar("ReplyT", bound=Reply | AsyncReply)


@dataclass(slots=True)
class Answer(Generic[BodyT]):
    """The result of a request: OpenRouter's answer, or an error in the format of the dialect.

    Attributes:
        status, headers: of the response.
        body: its chunks; must be closed.
        trace: the record of the request.
        error: the error; None for an answer.
    """

    status: int
    headers: Headers
    body: BodyT
    trace: Trace
    error: FreeRouterError | None = None


class Handover(Generic[ReplyT]):
    """An answer that is being passed on to the caller; its end is reported to Routing once.

    Args:
        chunks: the bytes that have been read already.
        reply: the source of the rest; None when everything has been read.
        routing: the routing of the request; None when the end has been reported already.
        limits: how long a stream may pause; comments do not count as activity.
    """

    def __init__(
        self,
        chunks: list[bytes],
        reply: ReplyT | None = None,
        routing: Routing | None = None,
        limits: Timeouts = _TIMEOUTS,
    ) -> None:
        self.reply = reply
        self._routing = routing
        self._limits = limits
        self._signs = LifeSigns()
        self._flaw: Flaw | None = None
        self._why = "broke off before its end"
        self._longest = math.inf if routing is None else routing.stream_timeout
        self._ends = time.monotonic() + self._longest
        self._tail = None if routing is None else Tail(routing.request.dialect)
        self.chunks = [self._see(chunk) for chunk in chunks]

    def _see(self, chunk: bytes) -> bytes:
        """Record bytes that are passed on. Returns them, with anything that must be added."""
        if self._tail is not None:
            self._tail.feed(chunk)
            if _DONE in chunk:
                chunk = self._before_done(self._tail, chunk)
        if self.reply is not None and self._signs.feed(chunk):
            self.reply.due = min(self._limits.next_due(time.monotonic()), self._ends)
        return chunk

    def _broke(self, error: Broken) -> None:
        """The connection broke. The Tail says how the answer ended; a shortened timeout is not the model's fault."""
        if not isinstance(error, TimedOut):
            return
        limits, now = self._limits, time.monotonic()
        over = limits.until is not None and now >= limits.until
        if now >= self._ends and not over:
            self._why = f"took longer than stream_timeout ({self._longest:g} s)"
            self._flaw = Flaw.CALLER_TIMEOUT
        elif over or limits.idle == limits.read:
            self._flaw = Flaw.CALLER_TIMEOUT

    def break_off(self, why: str) -> bytes:
        """End the answer here, for a reason of ours: what is to be added to it."""
        self._why, self._flaw = why, Flaw.CALLER_TIMEOUT
        return self._end()

    def _before_done(self, tail: Tail, chunk: bytes) -> bytes:
        """Clients stop reading at the end marker, so the error of a truncated answer must come before it."""
        mark = _DONE_LINE.search(chunk)
        ending = tail.end()
        if mark is None or ending.finished or ending.error is not None:
            return chunk
        return chunk[: mark.start()] + self._last_word(ending) + chunk[mark.start() :]

    def _end(self) -> bytes:
        """The answer has ended, complete or not. Returns what must be added to it."""
        if self._routing is None or self._tail is None:
            return b""
        ending = replace(self._tail.end(), flaw=self._flaw)
        last_word = self._last_word(ending)
        return b"\n\n" + last_word if last_word and ending.ragged else last_word

    def _last_word(self, ending: StreamEnd) -> bytes:
        """Report to Routing how the answer ended. Returns the error for the caller."""
        routing, self._routing = self._routing, None
        error = None if routing is None else routing.finish(ending, self._why)
        if routing is None or error is None:
            return b""
        return routing.request.dialect.error_event(error, routing.begun(ending))

    def _leave(self) -> ReplyT | None:
        """The caller has finished reading, or has disconnected. Returns the reply to close."""
        routing, self._routing = self._routing, None
        reply, self.reply = self.reply, None
        if routing is not None and self._tail is not None:
            ending = self._tail.end()
            # Clients disconnect at once at the end marker, or at an error.
            if ending.finished or ending.error is not None:
                routing.finish(ending)
            else:
                routing.abandon()
        return reply


class Body(Handover[Reply]):
    """The chunks of an answer, passed on as they arrive; close it when you stop early."""

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
        """Release the connection."""
        reply = self._leave()
        if reply is not None:
            reply.close()


class AsyncBody(Handover[AsyncReply]):
    """The chunks of an answer, passed on as they arrive; close it when you stop early."""

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
        """Release the connection."""
        reply = self._leave()
        if reply is not None:
            await reply.close()


def returned(headers: Iterable[tuple[str, str]], trace: Trace, *, streamed: bool) -> Headers:
    """The headers of the answer: OpenRouter's, and the model that answered. A stream has no known length."""
    dropped = HOP_BY_HOP | {"content-length"} if streamed else HOP_BY_HOP
    return [*[pair for pair in headers if pair[0] not in dropped], *trace.headers().items()]
