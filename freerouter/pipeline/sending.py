"""Sending: one attempt with one model, over a Wire, until its reply can be judged; of an answer, also its head."""

from __future__ import annotations

import time

from freerouter.network.refresh import Refresh
from freerouter.network.wire_protocols import (
    AsyncReply,
    AsyncWire,
    Broken,
    NotSent,
    Reply,
    Stale,
    TimedOut,
    Timeouts,
    Wire,
)
from freerouter.openrouter.headers import Headers
from freerouter.pipeline.actions import Send
from freerouter.pipeline.delivery import Answer, AsyncBody, Body, returned
from freerouter.pipeline.routing import Routing
from freerouter.replies.ending import StreamEnd
from freerouter.replies.reading import Flaw, Head, Reading
from freerouter.replies.verdicts import Verdict

_WHOLE = StreamEnd(finished=True)


class Sending:
    """Asks one model at a time.

    Args:
        wire: the way to OpenRouter.
        refresh: hears what an attempt says of the router's data.
    """

    def __init__(self, wire: Wire, refresh: Refresh) -> None:
        self._wire = wire
        self._refresh = refresh

    def attempt(self, routing: Routing, send: Send, headers: Headers, timeouts: Timeouts) -> Answer[Body] | None:
        """Make one attempt; None when it did not produce an answer."""
        dialect = routing.request.dialect
        url = f"{send.endpoint.url}/{dialect.path}"
        limits = timeouts.cut(send.first, send.idle)
        try:
            reply = self._wire.open(url, headers, send.body, limits)
        except (NotSent, Broken) as error:
            routing.record(routing.judge(Reading(flaw=_flaw(error, limits))))
            return None
        try:
            head = Head(dialect, send.stream, reply.status, dict(reply.headers), whole=routing.holds_back)
            outcome = routing.judge(self._read(head, reply, limits))
            routing.record(outcome)
            self._refresh.react(outcome, routing.request.caller, headers)
            if routing.is_measured:
                self._refresh.use(send.model.id, headers)
        except BaseException:
            reply.close()
            raise
        if outcome.verdict is Verdict.ANSWERED and send.stream:
            body = Body(head.chunks, reply, routing, limits)
            return Answer(reply.status, returned(reply.headers, routing.trace, streamed=True), body, routing.trace)
        reply.close()
        if outcome.verdict is not Verdict.ANSWERED:
            return None
        routing.finish(_WHOLE)
        headers = returned(reply.headers, routing.trace, streamed=False)
        return Answer(reply.status, headers, Body(head.chunks), routing.trace)

    def _read(self, head: Head, reply: Reply, limits: Timeouts) -> Reading:
        """Read until the reply can be judged; the time that reading takes counts, too."""
        due = reply.due
        try:
            for chunk in reply.chunks:
                head.feed(chunk)
                if head.reading is not None:
                    return head.reading
                if time.monotonic() > due:
                    raise TimedOut("late")
        except Broken as error:
            return head.broken(_flaw(error, limits))
        return head.end()


class AsyncSending:
    """Asks one model at a time.

    Args:
        wire: the way to OpenRouter.
        refresh: hears what an attempt says of the router's data.
    """

    def __init__(self, wire: AsyncWire, refresh: Refresh) -> None:
        self._wire = wire
        self._refresh = refresh

    async def attempt(
        self, routing: Routing, send: Send, headers: Headers, timeouts: Timeouts
    ) -> Answer[AsyncBody] | None:
        """Make one attempt; None when it did not produce an answer."""
        dialect = routing.request.dialect
        url = f"{send.endpoint.url}/{dialect.path}"
        limits = timeouts.cut(send.first, send.idle)
        try:
            reply = await self._wire.open(url, headers, send.body, limits)
        except (NotSent, Broken) as error:
            routing.record(routing.judge(Reading(flaw=_flaw(error, limits))))
            return None
        try:
            head = Head(dialect, send.stream, reply.status, dict(reply.headers), whole=routing.holds_back)
            outcome = routing.judge(await self._read(head, reply, limits))
            routing.record(outcome)
            self._refresh.react(outcome, routing.request.caller, headers)
            if routing.is_measured:
                self._refresh.use(send.model.id, headers)
        except BaseException:
            await reply.close()
            raise
        if outcome.verdict is Verdict.ANSWERED and send.stream:
            body = AsyncBody(head.chunks, reply, routing, limits)
            return Answer(reply.status, returned(reply.headers, routing.trace, streamed=True), body, routing.trace)
        await reply.close()
        if outcome.verdict is not Verdict.ANSWERED:
            return None
        routing.finish(_WHOLE)
        headers = returned(reply.headers, routing.trace, streamed=False)
        return Answer(reply.status, headers, AsyncBody(head.chunks), routing.trace)

    async def _read(self, head: Head, reply: AsyncReply, limits: Timeouts) -> Reading:
        """Read until the reply can be judged; the time that reading takes counts, too."""
        due = reply.due
        try:
            async for chunk in reply.chunks:
                head.feed(chunk)
                if head.reading is not None:
                    return head.reading
                if time.monotonic() > due:
                    raise TimedOut("late")
        except Broken as error:
            return head.broken(_flaw(error, limits))
        return head.end()


def _flaw(error: NotSent | Broken, limits: Timeouts) -> Flaw:
    if isinstance(error, NotSent):
        return Flaw.STALE if isinstance(error, Stale) else Flaw.NOT_SENT
    if not isinstance(error, TimedOut):
        return Flaw.BROKEN
    return Flaw.CALLER_TIMEOUT if limits.first == limits.read else Flaw.TIMEOUT
