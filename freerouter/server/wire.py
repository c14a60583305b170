"""The server's Wire, on aiohttp: its connection pool does not slow down with the number of connections."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import aiohttp

from freerouter.headers import Headers
from freerouter.wires import Broken, NotSent, Stale, TimedOut, Timeouts, environment_proxy, origin, tls

# A ValueError is what aiohttp makes of a proxy that it cannot use.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError, ValueError)
# Larger bodies are sent piece by piece, so that they do not hold up the event loop.
_AT_ONCE = 2**20


class AiohttpReply:
    """An AsyncReply of aiohttp."""

    def __init__(self, response: aiohttp.ClientResponse, due: float) -> None:
        self.status = response.status
        self.headers = [(name.lower(), value) for name, value in response.headers.items()]
        self.due = due
        self.chunks = self._chunks(response.content)
        self._response = response

    async def _chunks(self, content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
        while True:
            try:
                chunk = content.read_nowait()
                if not chunk and not content.at_eof():
                    async with asyncio.timeout(self.due - time.monotonic()):
                        chunk = await content.readany()
            except TimeoutError:
                raise TimedOut("late") from None
            except (aiohttp.ClientError, ConnectionError):
                raise Broken("cut") from None
            if not chunk:
                return
            handed = time.monotonic()
            yield chunk
            self.due += time.monotonic() - handed  # the time that the caller takes is not OpenRouter's

    async def close(self) -> None:
        """A body that was read to its end gives its connection back; any other connection is closed."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class AiohttpWire:
    """A Wire on one aiohttp session, which keeps no cookies and honours the environment's proxies.

    Args:
        connections: how many to OpenRouter at once; more than the server takes in, so that nothing waits for one.
    """

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._proxy = lru_cache(environment_proxy)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, made in the running event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_Connector(limit=self._connections, keepalive_timeout=30, ssl=tls()),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("accept", "user-agent"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
                read_bufsize=2**18,
            )
        return self._session

    async def open(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> AiohttpReply:
        """See AsyncWire."""
        return await self._request("POST", url, headers, body, timeouts)

    async def get(self, url: str, headers: Headers, timeouts: Timeouts) -> AiohttpReply:
        """GET what is only handed on. Raises NotSent, Broken or TimedOut."""
        return await self._request("GET", url, headers, None, timeouts)

    async def _request(
        self, method: str, url: str, headers: Headers, body: bytes | None, timeouts: Timeouts
    ) -> AiohttpReply:
        due = time.monotonic() + timeouts.first
        way = _Way()
        _way.set(way)
        try:
            async with asyncio.timeout(timeouts.first):
                response = await self.session.request(
                    method,
                    url,
                    data=io.BytesIO(body) if body is not None and len(body) > _AT_ONCE else body,
                    headers=[(name, _text(value)) for name, value in headers],
                    allow_redirects=False,
                    proxy=self._proxy(origin(url)),
                )
        except _NOT_SENT as error:
            raise NotSent(type(error).__name__) from None
        except TimeoutError:
            raise (TimedOut if way.connected else NotSent)("late") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            # One that breaks before anything came back, and was not made for this request, was stale.
            raise (Stale if way.reused else Broken)(type(error).__name__) from None
        return AiohttpReply(response, due)

    async def close(self) -> None:
        """See AsyncWire."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Way:
    """How far a request got: whether it has a connection, and whether that had been used before."""

    __slots__ = ("connected", "made")

    def __init__(self) -> None:
        self.connected = False
        self.made = False

    @property
    def reused(self) -> bool:
        return self.connected and not self.made


_way: ContextVar[_Way] = ContextVar("freerouter-way")


class _Connector(aiohttp.TCPConnector):
    """Tells each request's ``_Way``; aiohttp's own tracing does, too, but takes a fifth of the time of a request."""

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109  # aiohttp's name
        """A connection for a request."""
        connection = await super().connect(req, traces, timeout)
        _way.get().connected = True
        return connection

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109  # aiohttp's name
        _way.get().made = True
        return await super()._create_connection(req, traces, timeout)


def _text(value: str) -> str:
    """A header's value such that aiohttp, which writes UTF-8, sends the bytes that came (as Latin-1)."""
    value = value.strip(" \t")
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
