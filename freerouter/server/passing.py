"""GETs that are passed on to the upstream with the key, and their answers back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from freerouter.network.wire_protocols import Broken, Timeouts
from freerouter.openrouter.headers import outgoing
from freerouter.server import paths
from freerouter.server.errors import BusyError
from freerouter.server.exchange import Exchange, Limits
from freerouter.server.redaction import Redaction
from freerouter.server.security import Access
from freerouter.server.wire import AiohttpWire
from freerouter.settings import Settings

_SECONDS = 30
_PASSED_BACK = ("content-type", "retry-after", "www-authenticate")


class Passing:
    """Passes GETs on, with limits on their number, on their time and on the size of their answers.

    Args:
        settings: upstream and key.
        access: whose key is used, and which web pages may ask.
        limits: how many at once, and how many bytes.
        wire: goes to the upstream.
        redaction: keeps the key out of what comes back.
    """

    def __init__(
        self, settings: Settings, access: Access, limits: Limits, wire: AiohttpWire, redaction: Redaction
    ) -> None:
        self._settings = settings
        self._access = access
        self._limits = limits
        self._wire = wire
        self._redaction = redaction
        self._running = 0

    async def hand_on(self, exchange: Exchange) -> None:
        """Answer with what the upstream answers. Raises RefusedError, BusyError, TimeoutError, NotSent, Broken."""
        self._access.check_site(exchange.by_name)
        if self._running >= self._limits.passed:
            raise BusyError(self._running)
        self._running += 1
        try:
            async with asyncio.timeout(_SECONDS):
                await exchange.unless_gone(self._exchange(exchange))
        finally:
            self._running -= 1

    async def _exchange(self, exchange: Exchange) -> None:
        settings = self._settings
        query = f"?{exchange.query}" if exchange.query else ""
        headers = outgoing(self._access.outgoing(exchange.headers), settings.key)
        url = f"{settings.upstream}/{paths.passed(exchange.path)}{query}"
        reply = await self._wire.get(url, headers, Timeouts(first=_SECONDS / 2))
        try:
            kept = self._redaction.headers([pair for pair in reply.headers if pair[0] in _PASSED_BACK])
            chunks = self._redaction.stream(self._within(reply.chunks))
            await exchange.begin(reply.status, kept + self._access.cors(exchange.origin), chunks)
            await exchange.stream(chunks)
        finally:
            await reply.close()

    async def _within(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks of an answer. Raises Broken when they exceed the limit."""
        room = self._limits.passed_bytes
        async for chunk in chunks:
            room -= len(chunk)
            if room < 0:
                raise Broken("too large")
            yield chunk
