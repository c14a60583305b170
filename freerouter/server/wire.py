"""The server's Wire, on aiohttp: its connection pool does not slow down with the number of connections."""

from __future__ import annotations

import asyncio
import io
import time
from functools import lru_cache

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from freerouter.network.wire_protocols import NotSent, Timeouts
from freerouter.network.wires import environment_proxy, tls
from freerouter.openrouter.headers import Headers
from freerouter.server.deadlines import Deadline
from freerouter.server.files import shortage
from freerouter.server.wire_connection import BUFFER, CURRENT_WAY, Connector, Way, exchanged, trouble, written
from freerouter.server.wire_reply import AiohttpReply, lower

# A ValueError is what aiohttp makes of a proxy that it cannot use.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError, ValueError)
_BROKEN = (aiohttp.ClientError, ConnectionError, HttpProcessingError)
# Larger bodies are sent piece by piece, so that they do not hold up the event loop.
_AT_ONCE = 2**20
_CONNECT = 10.0


class AiohttpWire:
    """A Wire on one aiohttp session, which keeps no cookies and honours the environment's proxies.

    Args:
        connections: how many to OpenRouter at once; more than the server takes in, so that nothing waits for one.
    """

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._proxy = lru_cache(environment_proxy)
        self._targets: dict[str, aiohttp.ClientRequest] = {}

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, made in the running event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=Connector(limit=self._connections, keepalive_timeout=30, ssl=tls()),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("accept", "user-agent"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
                read_bufsize=BUFFER,
            )
        return self._session

    async def open(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> AiohttpReply:
        """See AsyncWire."""
        if len(body) > _AT_ONCE or self._proxy(url) is not None:
            return await self._request("POST", url, headers, body, timeouts)
        return await self._post(url, headers, body, timeouts)

    async def get(self, url: str, headers: Headers, timeouts: Timeouts) -> AiohttpReply:
        """GET what is only passed on. Raises NotSent, Broken or TimedOut."""
        return await self._request("GET", url, headers, None, timeouts)

    async def _post(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> AiohttpReply:
        """POST straight over a connection of the pool.

        The session takes twice as long as all else that happens to a request here: it is ready for redirects, cookies,
        credentials in URLs, many kinds of bodies and more, of which nothing is wanted.
        """
        due = time.monotonic() + timeouts.first
        target = self._target(url)
        CURRENT_WAY.set(way := Way())
        try:
            connection = await self._pool().connect(target, [], _limits(timeouts.first))
        except (*_NOT_SENT, aiohttp.ClientError, OSError, TimeoutError) as error:
            shortage.tell_of(error)
            raise NotSent(type(error).__name__) from None
        deadline = Deadline(due, connection.close)
        try:
            message, content = await exchanged(connection, written(target, headers, body), way)
        except BaseException as error:
            deadline.stop()
            connection.close()
            if not isinstance(error, _BROKEN):
                raise
            raise trouble(error, way, late=deadline.passed) from None
        return AiohttpReply(message.code, lower(message.raw_headers), content, connection, deadline)

    async def _request(
        self, method: str, url: str, headers: Headers, body: bytes | None, timeouts: Timeouts
    ) -> AiohttpReply:
        """The same over the session, for all that ``_post`` does not do."""
        due = time.monotonic() + timeouts.first
        CURRENT_WAY.set(way := Way())
        try:
            async with asyncio.timeout(timeouts.first):
                response = await self.session.request(
                    method,
                    url,
                    data=io.BytesIO(body) if body is not None and len(body) > _AT_ONCE else body,
                    headers=[(name, _text(value)) for name, value in headers],
                    allow_redirects=False,
                    proxy=self._proxy(url),
                )
        except _NOT_SENT as error:
            shortage.tell_of(error)
            raise NotSent(type(error).__name__) from None
        except (*_BROKEN, TimeoutError) as error:
            raise trouble(error, way, late=isinstance(error, TimeoutError)) from None
        deadline = Deadline(due, response.close)
        return AiohttpReply(response.status, lower(response.raw_headers), response.content, response, deadline)

    def _pool(self) -> aiohttp.BaseConnector:
        connector = self.session.connector
        assert connector is not None  # noqa: S101  # the session is open
        return connector

    def _target(self, url: str) -> aiohttp.ClientRequest:
        """What the connector is asked for a connection with; there are as many as dialects."""
        target = self._targets.get(url)
        if target is None:
            target = self._targets[url] = aiohttp.ClientRequest("POST", URL(url), loop=asyncio.get_running_loop())
        return target

    async def close(self) -> None:
        """See AsyncWire."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            self._targets.clear()


@lru_cache(maxsize=64)
def _limits(first: float) -> aiohttp.ClientTimeout:
    """For making a connection."""
    return aiohttp.ClientTimeout(total=None, connect=first, sock_connect=min(first, _CONNECT))


def _text(value: str) -> str:
    """A header's value such that aiohttp, which writes UTF-8, sends the bytes that came (as Latin-1)."""
    value = value.strip(" \t")
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
