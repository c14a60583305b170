"""The server's Wire, on aiohttp: its connection pool does not slow down with the number of connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp

from freerouter.headers import Headers
from freerouter.wires import Broken, NotSent, Stale, TimedOut, Timeouts

_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


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
                async with asyncio.timeout(self.due - time.monotonic()):
                    chunk = await content.readany()
            except TimeoutError:
                raise TimedOut("late") from None
            except (aiohttp.ClientError, ConnectionError):
                raise Broken("cut") from None
            if not chunk:
                return
            yield chunk

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

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, made in the running event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=30),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=True,
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
        try:
            async with asyncio.timeout(timeouts.first):
                response = await self.session.request(method, url, data=body, headers=headers, allow_redirects=False)
        except _NOT_SENT as error:
            raise NotSent(type(error).__name__) from None
        except aiohttp.ServerDisconnectedError:
            # Nothing came back at all: as a rule a kept-alive connection that the other side had closed.
            raise Stale("disconnected") from None
        except TimeoutError:
            raise TimedOut("late") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Broken(type(error).__name__) from None
        return AiohttpReply(response, due)

    async def close(self) -> None:
        """See AsyncWire."""
        if self._session is not None:
            await self._session.close()
            self._session = None
