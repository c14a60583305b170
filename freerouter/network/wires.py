"""HttpxWire and AsyncHttpxWire: the interface to the network, on httpx."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from types import TracebackType
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx
from anyio.lowlevel import RunVar

from freerouter.network.httpcore_extensions import ReadLimits, Watch
from freerouter.network.wire_protocols import Broken, NotSent, TimedOut, Timeouts
from freerouter.openrouter.headers import Headers
from freerouter.settings import is_loopback

# No limit below one connection per request: httpx's default of 100 makes the 101st stream wait. And httpcore keeps no
# connection alive while there are more than the keep-alive limit, including the busy ones.
LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)


# For modules that only pass a transport on: few modules may import httpx.
SyncTransport = httpx.BaseTransport


class _Translated:
    """Turns httpx's exceptions into ours; their text is dropped, because it may contain a key (failure-modes.md)."""

    _NOT_SENT: tuple[type[httpx.HTTPError], ...] = (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.LocalProtocolError,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
    )

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, self._NOT_SENT):
            raise NotSent(type(error).__name__) from None
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            raise TimedOut(type(error).__name__) from None
        if isinstance(error, httpx.HTTPError | httpx.StreamError):
            raise Broken(type(error).__name__) from None


_TRANSLATED = _Translated()


def environment_proxy(url: str) -> str | None:
    """The proxy that the environment names for a URL (HTTPS_PROXY, NO_PROXY, ...); None for a direct connection.

    This machine itself is never reached through a proxy, even if NO_PROXY does not list it.
    """
    parts = urlsplit(url)
    if is_loopback(parts.hostname or "") or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """One shared context: reading the certificates takes 30 ms."""
    return httpx.create_ssl_context()


def new_transport(proxy: str | None) -> httpx.HTTPTransport:
    """An httpx transport through this proxy, or a direct one."""
    return httpx.HTTPTransport(verify=tls(), limits=LIMITS, proxy=proxy)


def _request(url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> httpx.Request:
    target, host = _parsed(url)
    raw = [(b"host", host), *encoded(headers), (b"content-length", b"%d" % len(body))]
    # httpx takes four times as long when it must compute the length and the host.
    stream, extensions = httpx.ByteStream(body), {"timeout": timeouts.of_httpx()}
    request = httpx.Request("POST", target, headers=raw, stream=stream, extensions=extensions)
    request.read()  # for transports that look at ``content``
    return request


def origin(url: str) -> str:
    """Scheme, host and port of a URL."""
    return "/".join(url.split("/", 3)[:3])


@lru_cache(maxsize=64)
def _parsed(url: str) -> tuple[httpx.URL, bytes]:
    """A URL, and its host as a header; cached, because httpx is slow to parse one."""
    target = httpx.URL(url)
    return target, target.netloc


def encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Headers as their original bytes, because httpx itself accepts only ASCII.

    Spaces around a value are not part of it (RFC 9110, section 5.5), and a key copied with one could not be sent.
    """
    return [(n.encode("latin-1", "replace"), v.strip(" \t").encode("latin-1", "replace")) for n, v in headers]


def raw_headers(response: httpx.Response) -> Headers:
    """A response's headers as pairs, names in lower case."""
    return [(name.decode("ascii").lower(), value.decode("latin-1")) for name, value in response.headers.raw]


class HttpxReply:
    """A Reply of httpx. A timeout is noticed when a chunk is late: a read in progress cannot be shortened."""

    def __init__(self, response: httpx.Response, due: float) -> None:
        self.status = response.status_code
        self.headers = raw_headers(response)
        self.due = due
        self.chunks = self._chunks(response.stream)
        self._response = response

    def _chunks(self, stream: object) -> Iterator[bytes]:
        assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101  # of a sync transport
        chunks = iter(stream)
        while True:
            with _TRANSLATED:
                chunk = next(chunks, None)
            if chunk is None:
                return
            if time.monotonic() > self.due:
                raise TimedOut("late")
            handed = time.monotonic()
            yield chunk
            self.due += time.monotonic() - handed  # the caller's own time does not count as OpenRouter's

    def close(self) -> None:
        """See Reply."""
        self._response.close()


class HttpxWire:
    """A Wire on an httpx transport.

    Args:
        transport: the inner transport; by default one for each proxy that the environment names (or for none), created
            on first use, and again in a forked process.
    """

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._given = transport
        self._proxy = lru_cache(environment_proxy)
        self._made: dict[tuple[int, str | None], httpx.BaseTransport] = {}

    def transport(self, url: str) -> httpx.BaseTransport:
        """The inner transport."""
        if self._given is not None:
            return self._given
        proxy = self._proxy(origin(url))
        transport = self._made.get((os.getpid(), proxy))
        if transport is None:
            transport = self._made.setdefault((os.getpid(), proxy), new_transport(proxy))
        return transport

    def open(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> HttpxReply:
        """See Wire."""
        due = time.monotonic() + timeouts.first
        request = _request(url, headers, body, timeouts)
        watch = Watch(request.extensions)
        request.extensions["trace"] = watch.note
        request.extensions["timeout"] = limits = ReadLimits(timeouts, due)
        try:
            with _TRANSLATED:
                response = self.transport(url).handle_request(request)
        except Broken as error:
            raise watch.judge(error) from None
        limits.idle = max(timeouts.idle, limits.idle)
        return HttpxReply(response, due)

    def close(self) -> None:
        """See Wire."""
        if self._given is not None:
            self._given.close()
        while self._made:
            self._made.popitem()[1].close()


class AsyncHttpxReply:
    """An AsyncReply of httpx."""

    def __init__(self, response: httpx.Response, due: float) -> None:
        self.status = response.status_code
        self.headers = raw_headers(response)
        self.due = due
        self.chunks = self._chunks(response.stream)
        self._response = response

    async def _chunks(self, stream: object) -> AsyncIterator[bytes]:
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101  # of an async transport
        chunks = aiter(stream)
        while True:
            with _TRANSLATED, anyio.fail_after(self.due - time.monotonic()):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            handed = time.monotonic()
            yield chunk
            self.due += time.monotonic() - handed  # the caller's own time does not count as OpenRouter's

    async def close(self) -> None:
        """See AsyncReply."""
        with anyio.CancelScope(shield=True):
            await self._response.aclose()


class AsyncHttpxWire:
    """An AsyncWire on an httpx transport.

    Args:
        transport: the inner transport; by default one for each event loop and for each proxy that the environment
            names (or for none), made when it is first needed.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._given = transport
        self._proxy = lru_cache(environment_proxy)
        self._made: RunVar[dict[str | None, httpx.AsyncBaseTransport]] = RunVar("freerouter-transports")

    def transport(self, url: str) -> httpx.AsyncBaseTransport:
        """The inner transport."""
        if self._given is not None:
            return self._given
        made, proxy = self._of_this_loop(), self._proxy(origin(url))
        transport = made.get(proxy)
        if transport is None:
            transport = made[proxy] = httpx.AsyncHTTPTransport(verify=tls(), limits=LIMITS, proxy=proxy)
        return transport

    def _of_this_loop(self) -> dict[str | None, httpx.AsyncBaseTransport]:
        made = self._made.get(None)
        if made is None:
            made = {}
            self._made.set(made)
        return made

    async def open(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> AsyncHttpxReply:
        """See AsyncWire."""
        due = time.monotonic() + timeouts.first
        request = _request(url, headers, body, timeouts)
        watch = Watch(request.extensions)
        request.extensions["trace"] = watch.note_async
        try:
            with _TRANSLATED, anyio.fail_after(timeouts.first):
                response = await self.transport(url).handle_async_request(request)
        except Broken as error:
            raise watch.judge(error) from None
        return AsyncHttpxReply(response, due)

    async def close(self) -> None:
        """See AsyncWire."""
        if self._given is not None:
            await self._given.aclose()
        made = self._of_this_loop()
        while made:
            await made.popitem()[1].aclose()
