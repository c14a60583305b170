"""The ASGI app: a request comes in, and is routed, answered here, handed on or refused."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from freerouter.errors import CatalogError, FreeRouterError
from freerouter.network.wire_protocols import Broken, NotSent, Timeouts
from freerouter.openrouter.dialects import MESSAGES
from freerouter.openrouter.headers import Headers, caller, is_checked, outgoing
from freerouter.openrouter.json_bodies import encode
from freerouter.pipeline.actions import Request
from freerouter.pipeline.delivery import Answer, AsyncBody
from freerouter.pipeline.forwarding import AsyncForwarder, refresh_for
from freerouter.pipeline.refusals import refused, unreachable
from freerouter.pipeline.router import Router
from freerouter.pipeline.tracking import Trace
from freerouter.server import listings, paths
from freerouter.server.errors import BusyError, DefectError, RefusedError, restate_exhausted
from freerouter.server.exchange import ClientGoneError, Exchange, Limits, Receive, Scope, Send
from freerouter.server.metrics import Metrics
from freerouter.server.security import Access
from freerouter.server.wire import AiohttpWire

_log = logging.getLogger("freerouter")

_JSON = [("content-type", "application/json")]
_STREAM = [("cache-control", "no-cache"), ("x-accel-buffering", "no")]
_UNREAD = (408, 413)
_PASSED_BACK = ("content-type", "retry-after", "www-authenticate")

Handler = Callable[[Exchange], Awaitable[None]]


class App:
    """An ASGI app that is, to a client, OpenRouter for free models.

    Args:
        router: decides; its settings say where the upstream is.
        access: who may use it.
        limits: what clients may take.
    """

    def __init__(self, router: Router, access: Access | None = None, limits: Limits | None = None) -> None:
        self.router = router
        self._access = access or Access()
        self._limits = limits or Limits()
        self._wire = AiohttpWire(self._limits.requests * 2)
        self._forwarder = AsyncForwarder(router, self._wire, refresh_for(router))
        self._metrics = Metrics(router)
        self._running = 0
        self._warming: asyncio.Task[None] | None = None
        self._handlers: dict[paths.Place, Handler] = {
            "route": self._counted(self._route),
            "count_tokens": self._counted(self._count_tokens),
            "explain": self._counted(self._explain),
            "models": self._models,
            "model": self._model,
            "pass": self._pass,
            "health": self._health,
            "ready": self._ready,
            "metrics": self._show_metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entrance."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(Exchange(scope, receive, send, self._limits))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._warm()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._warming is not None:
            self._warming.cancel()
        await self._wire.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _warm(self) -> None:
        """Read the catalog before a request needs it."""
        if self._warming is None or self._warming.done():
            self._warming = asyncio.ensure_future(self._read_catalog())

    async def _read_catalog(self) -> None:
        try:
            await self._forwarder.update()
        except CatalogError as error:
            _log.warning("no list of models yet: %s", error)

    async def _serve(self, exchange: Exchange) -> None:
        try:
            exchange.check_headers()
            self._access.check(exchange.method, exchange.path, exchange.by_name)
            await self._handler(exchange)(exchange)
        except ClientGoneError:
            self._metrics.left()
        except FreeRouterError as error:
            await self._refuse(exchange, error)
        except (NotSent, Broken):
            await self._refuse(exchange, unreachable(self.router.settings.upstream))
        except Exception as error:  # noqa: BLE001  # the last resort: its text may hold a key, so it is not shown
            _log.error("%s at %s", type(error).__name__, exchange.path, exc_info=_log.isEnabledFor(logging.DEBUG))
            await self._refuse(exchange, DefectError(error))

    async def _refuse(self, exchange: Exchange, error: FreeRouterError) -> None:
        if exchange.started:
            return
        dialect = paths.error_dialect(exchange.path, exchange.by_name)
        status, headers, chunks = refused(error, error.trace or Trace(), dialect)
        headers = self._access.answered(status, headers, exchange.origin)
        if isinstance(error, RefusedError):
            headers += error.headers
        if status in _UNREAD:
            headers.append(("connection", "close"))
        self._metrics.refused(dialect.name, status)
        await exchange.answer(status, headers, b"".join(chunks))

    def _handler(self, exchange: Exchange) -> Handler:
        if exchange.method == "OPTIONS":
            return self._preflight
        return self._handlers[paths.place(exchange.method, exchange.path)]

    def _counted(self, handler: Handler) -> Handler:
        """One of so many requests at once."""

        async def run(exchange: Exchange) -> None:
            if self._running >= self._limits.requests:
                raise BusyError(self._running)
            self._running += 1
            try:
                await handler(exchange)
            finally:
                self._running -= 1

        return run

    # What is routed.

    async def _route(self, exchange: Exchange) -> None:
        headers = self._access.outgoing(exchange.headers)
        body = await exchange.body()
        started = time.monotonic()
        dialect = paths.error_dialect(exchange.path)
        accept = is_checked(exchange.headers, usual=self.router.settings.accept)
        answer = await exchange.unless_gone(self._forwarder.forward(body, headers, dialect, accept=accept))
        restate_exhausted(answer, self.router.settings.exhausted_status, dialect)
        chunks = None if answer.body.reply is None else aiter(answer.body)
        try:
            await self._begin(exchange, answer, chunks)
            self._metrics.began(dialect.name, answer.status, answer.trace, time.monotonic() - started)
            if chunks is not None:
                await exchange.unless_gone(exchange.stream(chunks))
        finally:
            await answer.body.close()
            self._metrics.ended(dialect.name, answer.trace, time.monotonic() - started)

    async def _begin(self, exchange: Exchange, answer: Answer[AsyncBody], chunks: AsyncIterator[bytes] | None) -> None:
        """Send a whole answer, or the head and the first chunk of a stream."""
        headers = self._access.answered(answer.status, answer.headers, exchange.origin)
        if chunks is None:
            await exchange.answer(answer.status, headers, b"".join(answer.body.chunks))
        else:
            kept = [pair for pair in headers if pair[0] != "cache-control"]
            await exchange.unless_gone(exchange.begin(answer.status, kept + _STREAM, chunks))

    # What is answered here.

    async def _models(self, exchange: Exchange) -> None:
        await self._forwarder.update()
        listed = listings.anthropic_models if "anthropic-version" in exchange.by_name else listings.models
        await exchange.answer(200, self._json(exchange), encode(listed(self.router, exchange.query)))

    async def _model(self, exchange: Exchange) -> None:
        await self._forwarder.update()
        shown = listings.anthropic_model if "anthropic-version" in exchange.by_name else listings.model
        row = shown(self.router, paths.model_at(exchange.path))
        await exchange.answer(200, self._json(exchange), encode(row))

    async def _explain(self, exchange: Exchange) -> None:
        body = await exchange.body()
        await self._forwarder.update()
        dialect = listings.dialect_of(exchange.query)
        explanation = self.router.explain(Request(body, dialect))
        await exchange.answer(200, self._json(exchange), encode(explanation))

    async def _count_tokens(self, exchange: Exchange) -> None:
        counted = encode(listings.token_estimate(await exchange.body(), MESSAGES))
        await exchange.answer(200, [*self._json(exchange), ("x-freerouter-estimate", "true")], counted)

    async def _health(self, exchange: Exchange) -> None:
        await exchange.answer(200, _JSON, b'{"status":"alive"}')

    async def _ready(self, exchange: Exchange) -> None:
        if self.router.catalog is None:
            self._warm()
            await exchange.answer(503, _JSON, b'{"status":"no list of models yet"}')
        elif not self.router.models():
            await exchange.answer(503, _JSON, b'{"status":"no eligible model: see include, exclude, authors"}')
        else:
            await exchange.answer(200, _JSON, b'{"status":"ready"}')

    async def _show_metrics(self, exchange: Exchange) -> None:
        account = caller(outgoing([], self.router.settings.key)).account
        kind = [("content-type", "text/plain; version=0.0.4; charset=utf-8")]
        await exchange.answer(200, kind, self._metrics.render(account))

    async def _preflight(self, exchange: Exchange) -> None:
        await exchange.start(204, self._access.preflight(exchange.by_name))
        await exchange.finish()

    async def _pass(self, exchange: Exchange) -> None:
        """Hand a GET on to the upstream, with the key, and its answer back."""
        settings = self.router.settings
        query = f"?{exchange.query}" if exchange.query else ""
        headers = outgoing(self._access.outgoing(exchange.headers), settings.key)
        url = f"{settings.upstream}/{paths.passed(exchange.path)}{query}"
        reply = await exchange.unless_gone(self._wire.get(url, headers, Timeouts()))
        try:
            kept = [pair for pair in reply.headers if pair[0] in _PASSED_BACK]
            body = b"".join([chunk async for chunk in reply.chunks])
            await exchange.answer(reply.status, kept + self._access.cors(exchange.origin), body)
        finally:
            await reply.close()

    def _json(self, exchange: Exchange) -> Headers:
        return _JSON + self._access.cors(exchange.origin)
