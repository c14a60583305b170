"""The ASGI app: a request is routed, answered here, passed on or refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from freerouter.errors import FreeRouterError
from freerouter.network.wire_protocols import Broken, NotSent
from freerouter.pipeline.delivery import Answer, AsyncBody
from freerouter.pipeline.forwarding import AsyncForwarder
from freerouter.pipeline.joining import join
from freerouter.pipeline.refusals import refused, unreachable
from freerouter.pipeline.router import Router
from freerouter.pipeline.tracking import Trace
from freerouter.pipeline.upkeep import refresh_for
from freerouter.server import logs, paths
from freerouter.server.errors import BusyError, DefectError, RefusedError, StoppingError, restate_exhausted
from freerouter.server.exchange import BodiesInFlight, ClientGoneError, Exchange, Limits, Receive, Scope, Send
from freerouter.server.local_answers import LocalAnswers
from freerouter.server.metrics import Metrics
from freerouter.server.passing import Passing
from freerouter.server.redaction import Redaction
from freerouter.server.security import Access, check_content
from freerouter.server.tokens import TokenLimits
from freerouter.server.warming import Warming
from freerouter.server.window.content import last_message
from freerouter.server.window.window import Window
from freerouter.server.wire import AiohttpWire

_log = logging.getLogger("freerouter")

_STREAM = [("cache-control", "no-cache"), ("x-accel-buffering", "no")]
_UNREAD = (408, 413)
# Seconds for the last event to a client that does not read.
_LAST_WORDS = 2.0

Handler = Callable[[Exchange], Awaitable[None]]


class App:
    """An ASGI app that is, to a client, OpenRouter for free models.

    Args:
        router: decides; its settings say where the upstream is.
        access: who may use it.
        limits: what clients may take.

    Attributes:
        elsewhere: how many requests are running in other workers.
    """

    def __init__(self, router: Router, access: Access | None = None, limits: Limits | None = None) -> None:
        self.router = router
        self._access = access or Access()
        self._limits = limits or Limits()
        self._wire = AiohttpWire(self._limits.requests * 2)
        self._refresh = refresh_for(router)
        self._forwarder = AsyncForwarder(router, self._wire, self._refresh)
        self._joined = join(router)
        self.metrics = Metrics(router, self._limits, lambda: self.running, self._refresh, self._joined.status)
        self.tokens = TokenLimits(self._access.token_limit)
        self._redaction = Redaction(router.settings.key)
        self._held = BodiesInFlight(self._limits.bodies)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._passing = Passing(router.settings, self._access, self._limits, self._wire, self._redaction)
        self.window = Window(
            router, self._access, self._refresh, lambda: self.running + self.elsewhere, self._joined.status
        )
        self.elsewhere = 0
        self._stopping = False
        self.warming = Warming(self._forwarder.prepare_own)
        local = LocalAnswers(self._forwarder, self._access, self.metrics, self.warming, self._joined.status)
        self._handlers: dict[paths.Place | paths.WindowPlace, Handler] = {
            "route": self._counted(self._route),
            "count_tokens": self._counted(local.count_tokens),
            "explain": self._counted(local.explain),
            "models": local.models,
            "model": local.model,
            "pass": self._counted(self._passing.hand_on),
            "health": local.health,
            "ready": local.ready,
            "metrics": local.show_metrics,
            "openapi": local.describe,
            **self.window.handlers,
        }

    @property
    def running(self) -> int:
        """How many requests are running."""
        return len(self._tasks)

    def let_pages_go(self) -> None:
        """The server is about to stop: it does not wait for those who only look at it."""
        self.window.close()

    def stop(self) -> int:
        """End what is running: streams with an error event, others with an error. Returns how many there were."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        return len(self._tasks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entrance."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            exchange = Exchange(scope, receive, send, self._limits, self._held)
            try:
                await self._serve(exchange)
            finally:
                self.metrics.over(exchange.record)
                logs.tell(exchange.record)
                self.window.tell(exchange.record)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.warming.begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.warming.cancel()
        await self._forwarder.close()
        await self._joined.close_async()
        await self._wire.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, exchange: Exchange) -> None:
        try:
            exchange.check_headers()
            self._access.check(exchange.method, exchange.path, exchange.by_name)
            exchange.record.token = self._access.who(exchange.method, exchange.path, exchange.by_name)
            await self._handler(exchange)(exchange)
        except ClientGoneError:
            self.metrics.left()
        except FreeRouterError as error:
            await self._refuse(exchange, error)
        except (NotSent, Broken, TimeoutError):
            await self._refuse(exchange, unreachable(self.router.settings.upstream))
        except Exception as error:  # noqa: BLE001  # the last resort: its text may hold a key, so it is not shown
            _log.error(
                "%s at %s", type(error).__name__, exchange.record.place, exc_info=_log.isEnabledFor(logging.DEBUG)
            )
            await self._refuse(exchange, DefectError(error))

    async def _refuse(self, exchange: Exchange, error: FreeRouterError) -> None:
        error.bare()
        if exchange.started:
            if not exchange.finished:
                await exchange.abort()
            return
        dialect = paths.error_dialect(exchange.path, exchange.by_name)
        status, headers, chunks = refused(error, error.trace or Trace(), dialect)
        headers = self._access.answered(status, headers, exchange.origin)
        if isinstance(error, RefusedError):
            headers += error.headers
        if status in _UNREAD:
            headers.append(("connection", "close"))
        headers = self._redaction.headers(headers)
        await exchange.answer(status, headers, self._redaction.body(b"".join(chunks)))
        if exchange.record.first is not None:
            self.metrics.failed(exchange.record)

    def _handler(self, exchange: Exchange) -> Handler:
        if exchange.method == "OPTIONS":
            exchange.record.place = "preflight"
            return self._preflight
        place = exchange.record.place = paths.place(exchange.method, exchange.path)
        if exchange.method == "POST":
            check_content(exchange.by_name)
        return self._handlers[place]

    def _counted(self, handler: Handler) -> Handler:
        """A handler that counts as a running request, up to the limit, and ends when the server stops."""

        async def run(exchange: Exchange) -> None:
            if self.running >= self._limits.requests:
                raise BusyError(self.running)
            task = asyncio.current_task()
            assert task is not None  # noqa: S101  # an app runs in one
            self._tasks.add(task)
            try:
                await handler(exchange)
            except asyncio.CancelledError:
                if self._stopping and task.uncancel() == 0:
                    raise StoppingError from None
                raise
            finally:
                self._tasks.discard(task)
                exchange.let_go()

        return run

    # What is routed.

    async def _route(self, exchange: Exchange) -> None:
        self.tokens.count(exchange.record.token)
        headers = self._access.outgoing(exchange.headers)
        body = await exchange.body()
        record, dialect = exchange.record, paths.error_dialect(exchange.path)
        record.dialect = dialect.name
        if self.router.settings.serve_show_content:
            record.content = last_message(body)
        answer = await exchange.unless_gone(self._forwarder.forward(body, headers, dialect))
        record.trace, record.first = answer.trace, record.seconds
        restate_exhausted(answer, self.router.settings.exhausted_status, dialect)
        chunks = None if answer.body.reply is None else self._redaction.stream(aiter(answer.body))
        try:
            await self._begin(exchange, answer, chunks)
            self.metrics.began(exchange.record)
            if chunks is not None:
                await self._stream(exchange, chunks, answer.body)
        finally:
            await answer.body.close()
            self.metrics.ended(exchange.record)

    async def _begin(self, exchange: Exchange, answer: Answer[AsyncBody], chunks: AsyncIterator[bytes] | None) -> None:
        """Send a whole answer, or the head and the first chunk of a stream."""
        headers = self._redaction.headers(self._access.answered(answer.status, answer.headers, exchange.origin))
        if chunks is None:
            await exchange.answer(answer.status, headers, self._redaction.body(b"".join(answer.body.chunks)))
        else:
            kept = [pair for pair in headers if pair[0] != "cache-control"]
            await exchange.unless_gone(exchange.begin(answer.status, kept + _STREAM, chunks))

    async def _stream(self, exchange: Exchange, chunks: AsyncIterator[bytes], body: AsyncBody) -> None:
        """Send the rest of a stream, to its end or to ours."""
        try:
            # The body itself ends in time; this is for a client that does not read.
            async with asyncio.timeout(self.router.settings.stream_timeout + _LAST_WORDS):
                await exchange.unless_gone(exchange.stream(chunks))
        except asyncio.CancelledError:
            if self._stopping and not exchange.finished:
                async with asyncio.timeout(_LAST_WORDS):
                    await exchange.finish(body.break_off("was ended: the server is stopping"))
            raise

    async def _preflight(self, exchange: Exchange) -> None:
        await exchange.start(204, self._access.preflight(exchange.by_name))
        await exchange.finish()
