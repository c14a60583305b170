"""LocalAnswers: what the server answers by itself: the list of models, explanations, health, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from freerouter.openrouter.dialects import MESSAGES
from freerouter.openrouter.headers import Headers, sender
from freerouter.openrouter.json_bodies import encode
from freerouter.pipeline.actions import Request
from freerouter.pipeline.aside import aside
from freerouter.pipeline.forwarding import AsyncForwarder
from freerouter.server import listings, openapi, paths
from freerouter.server.exchange import Exchange
from freerouter.server.metrics import Metrics
from freerouter.server.security import Access
from freerouter.server.warming import Warming
from freerouter.sharing.condition import OFF, Status

_JSON = [("content-type", "application/json")]


class LocalAnswers:
    """The handlers of what needs no request to a model.

    Args:
        forwarder: has the router, and keeps what it knows up to date.
        access: whose key is used, and which web pages may ask.
        metrics: what is counted.
        warming: reads the list of models when there is none.
        shared: says whether processes can share what they know.
    """

    def __init__(
        self,
        forwarder: AsyncForwarder,
        access: Access,
        metrics: Metrics,
        warming: Warming,
        shared: Callable[[], Status],
    ) -> None:
        self._forwarder = forwarder
        self._router = forwarder.router
        self._access = access
        self._metrics = metrics
        self._warming = warming
        self._shared = shared

    async def models(self, exchange: Exchange) -> None:
        """The list of models."""
        await self._forwarder.prepare_own(exchange.by_name.get("via"))
        listed = listings.anthropic_models if "anthropic-version" in exchange.by_name else listings.models
        await exchange.answer(200, self._json(exchange), encode(listed(self._router, exchange.query)))

    async def model(self, exchange: Exchange) -> None:
        """One of them."""
        await self._forwarder.prepare_own(exchange.by_name.get("via"))
        shown = listings.anthropic_model if "anthropic-version" in exchange.by_name else listings.model
        row = shown(self._router, paths.model_at(exchange.path))
        await exchange.answer(200, self._json(exchange), encode(row))

    async def explain(self, exchange: Exchange) -> None:
        """How a request would be routed."""
        body = await exchange.body()
        await self._forwarder.update()
        dialect = listings.dialect_of(exchange.query)
        sent, who, session, wishes = sender(self._access.outgoing(exchange.headers), self._router.settings.key)
        await self._forwarder.prepare(who, sent, wishes)
        request = Request(body, dialect, who, session, wishes=wishes)
        explanation = await aside(body, self._router.explain, request)
        await exchange.answer(200, self._json(exchange), encode(explanation))

    async def count_tokens(self, exchange: Exchange) -> None:
        """An estimate of a request's tokens."""
        body = await exchange.body()
        counted = encode(await aside(body, listings.token_estimate, body, MESSAGES))
        await exchange.answer(200, [*self._json(exchange), ("x-freerouter-estimate", "true")], counted)

    async def health(self, exchange: Exchange) -> None:
        """The process is alive."""
        await exchange.answer(200, _JSON, b'{"status":"alive"}')

    async def ready(self, exchange: Exchange) -> None:
        """Whether requests can be served."""
        if self._router.catalog is None:
            self._warming.again()
            await exchange.answer(503, _JSON, b'{"status":"no list of models yet"}')
        elif not self._router.models():
            await exchange.answer(503, _JSON, b'{"status":"no eligible model: see include, exclude, authors"}')
        else:
            shared = self._shared()  # without the store, this process goes on by itself: it is ready
            told = {} if shared is OFF else {"shared_state": shared.for_everybody()}
            await exchange.answer(200, _JSON, encode({"status": "ready", **told}))

    async def show_metrics(self, exchange: Exchange) -> None:
        """The figures, for Prometheus."""
        kind = [("content-type", "text/plain; version=0.0.4; charset=utf-8")]
        self._metrics.gauge()
        await exchange.answer(200, kind, await asyncio.to_thread(self._metrics.render))

    async def describe(self, exchange: Exchange) -> None:
        """``openapi.json``."""
        await exchange.answer(200, self._json(exchange), openapi.description())

    def _json(self, exchange: Exchange) -> Headers:
        return _JSON + self._access.cors(exchange.origin)
