"""The ASGI app: which path is what."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from freerouter.bodies import encode
from freerouter.dialects import CHAT, DIALECTS, MESSAGES, Dialect
from freerouter.errors import CatalogError, CostRefusedError, FreeRouterError, InvalidRequestError
from freerouter.forwarding import AsyncBody, AsyncForwarder
from freerouter.handover import Answer, refused
from freerouter.headers import caller, outgoing
from freerouter.news import News
from freerouter.refusals import unreachable
from freerouter.routing import Router
from freerouter.server import listings
from freerouter.server.exchange import ClientGoneError, Exchange, Receive, Scope, Send
from freerouter.server.metrics import Metrics
from freerouter.server.security import Access, RefusedError
from freerouter.server.wire import AiohttpWire
from freerouter.steps import Request
from freerouter.tracking import Trace
from freerouter.wires import Broken, NotSent, Timeouts

_log = logging.getLogger("freerouter")

_PREFIXES = ("/api/v1/", "/v1/")
_JSON = [("content-type", "application/json")]
_STREAM = [("cache-control", "no-cache"), ("x-accel-buffering", "no")]
# Handed on as they are: they cost nothing.
_PASSED = ("models/user", "models/count", "key", "credits", "generation", "providers")
_OLD = "completions"

Handler = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take of the server.

    Attributes:
        body: bytes of a request.
        body_seconds: until all of it has come.
        requests: at once.
    """

    body: int = 64 * 1024 * 1024
    body_seconds: float = 60.0
    requests: int = 256


class App:
    """An ASGI app that is, to a client, OpenRouter for free models.

    Args:
        router: decides; its settings say where the upstream is.
        access: who may use it.
        limits: what one client may take.
    """

    def __init__(self, router: Router, access: Access | None = None, limits: Limits | None = None) -> None:
        self.router = router
        self._access = access or Access()
        self._limits = limits or Limits()
        self._wire = AiohttpWire(self._limits.requests * 2)
        self._news = News.of(router)
        self._forwarder = AsyncForwarder(router, self._wire, self._news)
        self._metrics = Metrics(router)
        self._running = 0
        self._routed = {f"{prefix}{dialect.path}": dialect for prefix in _PREFIXES for dialect in DIALECTS}
        self._warming: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entrance."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(Exchange(scope, receive, send))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._warming = asyncio.ensure_future(self._warm())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._warming.cancel()
        await self._wire.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _warm(self) -> None:
        """Read the catalog before the first request needs it."""
        try:
            await self._forwarder.update()
        except CatalogError as error:
            _log.warning("no list of models yet: %s", error)

    async def _serve(self, exchange: Exchange) -> None:
        dialect = self._routed.get(exchange.path, CHAT)
        try:
            exchange.check_headers()
            self._access.check(exchange.method, exchange.by_name)
            await self._handler(exchange)(exchange)
        except ClientGoneError:
            pass
        except FreeRouterError as error:
            await self._refuse(exchange, error, dialect)
        except (NotSent, Broken):
            await self._refuse(exchange, unreachable(self.router.settings.upstream), dialect)

    async def _refuse(self, exchange: Exchange, error: FreeRouterError, dialect: Dialect) -> None:
        if not exchange.started:
            status, headers, chunks = refused(error, error.trace or Trace(), dialect)
            headers += self._access.cors(exchange.by_name.get("origin"))
            await exchange.answer(status, headers, b"".join(chunks))

    def _handler(self, exchange: Exchange) -> Handler:
        """Who answers. Raises RefusedError, CostRefusedError."""
        method, path = exchange.method, exchange.path
        if method == "OPTIONS":
            return self._preflight
        if method == "POST":
            return self._poster(path)
        if method in ("GET", "HEAD"):
            return self._getter(path)
        raise RefusedError(f"{method} is not served here", 405)

    def _poster(self, path: str) -> Handler:
        if path in self._routed:
            return self._route
        if path == "/explain":
            return self._explain
        match _below_prefix(path):
            case "messages/count_tokens":
                return self._count_tokens
            case "completions":
                raise InvalidRequestError("the old Completions are not served: use chat/completions", field="prompt")
            case None:
                raise RefusedError(f"{path} is not served here", 404)
        routed = ", ".join(dialect.path for dialect in DIALECTS)
        raise CostRefusedError(f"POST {path} could cost money, so it was not sent: routed are {routed}")

    def _getter(self, path: str) -> Handler:
        own = {"/health": self._health, "/ready": self._ready, "/metrics": self._show_metrics}
        if path in own:
            return own[path]
        below = _below_prefix(path)
        if below == "models":
            return self._models
        if below is not None and (below in _PASSED or _is_about_one_model(below)):
            return self._pass
        raise RefusedError(f"{path} is not served here", 404)

    # What is routed.

    async def _route(self, exchange: Exchange) -> None:
        if self._running >= self._limits.requests:
            error = RefusedError(f"{self._running} requests are running: try again in a second", 429)
            error.retry_after = 1.0
            raise error
        self._running += 1
        try:
            await self._forward(exchange, self._routed[exchange.path])
        finally:
            self._running -= 1

    async def _forward(self, exchange: Exchange, dialect: Dialect) -> None:
        body = await exchange.body(self._limits.body, self._limits.body_seconds)
        started = time.monotonic()
        headers = self._access.outgoing(exchange.headers)
        answer = await exchange.unless_gone(self._forwarder.forward(body, headers, dialect))
        self._metrics.began(dialect.name, answer.status, answer.trace, time.monotonic() - started)
        try:
            await self._respond(exchange, answer)
        finally:
            await answer.body.close()
            self._metrics.ended(dialect.name, answer.trace, time.monotonic() - started)

    async def _respond(self, exchange: Exchange, answer: Answer[AsyncBody]) -> None:
        headers = answer.headers + self._access.cors(exchange.by_name.get("origin"))
        if answer.body.reply is None:
            await exchange.answer(answer.status, headers, b"".join(answer.body.chunks))
        else:
            await exchange.start(answer.status, headers + _STREAM)
            await exchange.unless_gone(exchange.stream(aiter(answer.body)))

    # What is answered here.

    async def _models(self, exchange: Exchange) -> None:
        await self._forwarder.update()
        await exchange.answer(200, self._json(exchange), encode(listings.models(self.router, exchange.query)))

    async def _explain(self, exchange: Exchange) -> None:
        body = await exchange.body(self._limits.body, self._limits.body_seconds)
        await self._forwarder.update()
        dialect = listings.dialect_of(exchange.query)
        explanation = self.router.explain(Request(body, dialect))
        await exchange.answer(200, self._json(exchange), encode(explanation))

    async def _count_tokens(self, exchange: Exchange) -> None:
        body = await exchange.body(self._limits.body, self._limits.body_seconds)
        counted = encode(listings.token_estimate(body, MESSAGES))
        await exchange.answer(200, [*self._json(exchange), ("x-freerouter-estimate", "true")], counted)

    async def _health(self, exchange: Exchange) -> None:
        await exchange.answer(200, _JSON, b'{"status":"alive"}')

    async def _ready(self, exchange: Exchange) -> None:
        if self.router.catalog is None:
            await exchange.answer(503, _JSON, b'{"status":"no list of models yet"}')
        else:
            await exchange.answer(200, _JSON, b'{"status":"ready"}')

    async def _show_metrics(self, exchange: Exchange) -> None:
        account = caller(outgoing([], self.router.settings.key)).account
        kind = [("content-type", "text/plain; version=0.0.4; charset=utf-8")]
        await exchange.answer(200, kind, self._metrics.render(account))

    async def _preflight(self, exchange: Exchange) -> None:
        await exchange.answer(204, self._access.cors(exchange.by_name.get("origin")), b"")

    async def _pass(self, exchange: Exchange) -> None:
        """Hand a GET on to the upstream, with the key, and its answer back."""
        settings = self.router.settings
        query = f"?{exchange.query}" if exchange.query else ""
        headers = outgoing(self._access.outgoing(exchange.headers), settings.key)
        url = f"{settings.upstream}/{_below_prefix(exchange.path)}{query}"
        reply = await exchange.unless_gone(self._wire.get(url, headers, Timeouts()))
        try:
            kept = [pair for pair in reply.headers if pair[0] in ("content-type", "retry-after")]
            body = b"".join([chunk async for chunk in reply.chunks])
            await exchange.answer(reply.status, kept + self._access.cors(exchange.by_name.get("origin")), body)
        finally:
            await reply.close()

    def _json(self, exchange: Exchange) -> list[tuple[str, str]]:
        return _JSON + self._access.cors(exchange.by_name.get("origin"))


def _below_prefix(path: str) -> str | None:
    """The path below a base URL; None when it is below none."""
    return next((path.removeprefix(prefix) for prefix in _PREFIXES if path.startswith(prefix)), None)


def _is_about_one_model(below: str) -> bool:
    parts = below.split("/")
    return (len(parts) == 3 and parts[0] == "model") or (
        len(parts) == 4 and parts[0] == "models" and parts[3] == "endpoints"
    )
