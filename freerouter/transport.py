"""RoutingTransport and AsyncRoutingTransport: the forwarder as an httpx transport for any SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx

from freerouter.errors import CostRefusedError, FreeRouterError, InvalidRequestError
from freerouter.network.wire_protocols import Timeouts
from freerouter.network.wires import AsyncHttpxWire, HttpxWire, encoded
from freerouter.openrouter.dialects import DIALECTS, Dialect
from freerouter.openrouter.headers import Headers
from freerouter.pipeline.delivery import Answer, AsyncBody, Body
from freerouter.pipeline.forwarding import AsyncForwarder, Forwarder
from freerouter.pipeline.joining import join
from freerouter.pipeline.refusals import refused
from freerouter.pipeline.router import Router
from freerouter.pipeline.tracking import Trace
from freerouter.pipeline.upkeep import refresh_for
from freerouter.settings import Settings, is_loopback

_READING = ("GET", "HEAD", "OPTIONS")
_OPENROUTER = "openrouter.ai"
_HTTPX_DEFAULT = httpx.Timeout(5.0).as_dict()
TRACE = "freerouter"  # the key of the Trace in ``response.extensions``


class _Chunks(httpx.SyncByteStream):
    """The body of an answer as an httpx stream."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        self._body.close()


class _AsyncChunks(httpx.AsyncByteStream):
    """The body of an answer as an httpx stream."""

    def __init__(self, body: AsyncBody) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)

    async def aclose(self) -> None:
        await self._body.close()


class _Doorman:
    """Decides by method and URL whether a request is routed, passed on or refused."""

    def __init__(self, settings: Settings) -> None:
        base = httpx.URL(settings.upstream)
        path = base.path.rstrip("/")
        self.upstream = settings.upstream
        self._key = settings.key
        self._origin = (base.scheme, base.host, base.port)
        # On this machine another port is another server.
        self._own_hosts = {_OPENROUTER} if is_loopback(base.host) else {_OPENROUTER, base.host.rstrip(".")}
        self._below = f"{path}/"
        self._dialects = {f"{path}/{dialect.path}": dialect for dialect in DIALECTS}

    def is_upstream(self, url: httpx.URL) -> bool:
        """Whether a URL is on the upstream's server."""
        return (url.scheme, url.host, url.port) == self._origin

    def is_unguarded(self, url: httpx.URL) -> bool:
        """Whether a URL is another spelling of the upstream or OpenRouter: requests to it would not be guarded."""
        host = url.host.rstrip(".").lower()
        return not self.is_upstream(url) and any(host == own or host.endswith(f".{own}") for own in self._own_hosts)

    def lets_pass(self, request: httpx.Request) -> bool:
        """Whether a request is passed on unchanged: to another server, or only reading."""
        if request.method in _READING:
            return True
        return not self.is_upstream(request.url) and not self.is_unguarded(request.url)

    def dialect(self, request: httpx.Request) -> Dialect | None:
        """The dialect of an address on the upstream's server; None for an address that is not routed."""
        if request.method != "POST" or not self.is_upstream(request.url):
            return None
        return self._dialects.get(request.url.path)

    def with_key(self, request: httpx.Request) -> httpx.Request:
        """The request, with our key if its URL is below the upstream's base URL and it has no key."""
        ours = self.is_upstream(request.url) and request.url.path.startswith(self._below)
        if self._key is None or "authorization" in request.headers or not ours:
            return request
        headers = [*request.headers.raw, (b"authorization", f"Bearer {self._key}".encode())]
        return httpx.Request(
            request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
        )


def _headers(request: httpx.Request) -> Headers:
    return [(name.decode("ascii").lower(), value.decode("latin-1")) for name, value in request.headers.raw]


def _timeouts(request: httpx.Request) -> Timeouts:
    """The caller's own timeouts. httpx's default is not the caller's choice: then the settings apply."""
    asked = request.extensions.get("timeout")
    if asked is None:
        return Timeouts()
    read = None if asked == _HTTPX_DEFAULT else asked.get("read")
    return Timeouts(asked.get("connect"), asked.get("write"), asked.get("pool"), read=read)


def _check_encoding(headers: Headers) -> None:
    encoding = next((value for name, value in headers if name == "content-encoding"), "identity")
    if encoding != "identity":
        error = InvalidRequestError(
            f"content-encoding {encoding} is not supported: send plain JSON", field="content-encoding"
        )
        error.status = 415
        raise error


def _not_routed(request: httpx.Request, upstream: str) -> CostRefusedError:
    routed = ", ".join(dialect.path for dialect in DIALECTS)
    what = f"{request.method} {request.url.path}"
    return CostRefusedError(f"{what} could cost money, so it was not sent: routed is POST {routed} below {upstream}")


def _refused(error: FreeRouterError, dialect: Dialect) -> httpx.Response:
    trace = Trace()
    status, headers, chunks = refused(error, trace, dialect)
    return httpx.Response(status, headers=encoded(headers), content=b"".join(chunks), extensions={TRACE: trace})


def _also_sync(transport: object) -> httpx.BaseTransport | None:
    """The transport if a thread can use it, to fetch the list of models: ``httpx.MockTransport`` is of both kinds."""
    return transport if isinstance(transport, httpx.BaseTransport) else None


class RoutingTransport(httpx.BaseTransport):
    """An httpx transport that routes chat requests to free models, and passes on or refuses all other requests.

        client = httpx.Client(transport=RoutingTransport())
        openai.OpenAI(base_url="https://openrouter.ai/api/v1", http_client=client)

    Errors are answered in OpenRouter's shape, never raised, so that the SDK above raises its own. The ``Trace`` is in
    ``response.extensions["freerouter"]``.

    Args:
        transport: the inner httpx transport; by default one that uses the environment's proxies.
        settings: the settings; ``api_key``, ``upstream`` and ``seed`` replace theirs.
        router: an existing router to share cooldowns and allowance with; its settings are used.

    Raises:
        SettingsError: a setting is not valid.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        *,
        settings: Settings | None = None,
        api_key: str | None = None,
        upstream: str | None = None,
        seed: int | None = None,
        router: Router | None = None,
    ) -> None:
        router = router or Router(Settings.adjusted(settings, api_key=api_key, upstream=upstream, seed=seed))
        self._wire = HttpxWire(transport)
        self._forwarder = Forwarder(router, self._wire, refresh_for(router, transport))
        self._joined = join(router)
        self._doorman = _Doorman(router.settings)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Route, pass on or refuse a request. Raises RuntimeError after it has been closed."""
        self._forwarder.check_open()
        if self._doorman.lets_pass(request):
            passing = self._doorman.with_key(request)
            return self._wire.transport(str(request.url)).handle_request(passing)
        dialect = self._doorman.dialect(request)
        if dialect is None:
            return _refused(_not_routed(request, self._doorman.upstream), DIALECTS[0])
        headers = _headers(request)
        try:
            _check_encoding(headers)
        except FreeRouterError as error:
            return _refused(error, dialect)
        body = request.read()
        answer = self._forwarder.forward(body, headers, dialect, timeouts=_timeouts(request))
        return self._respond(answer)

    def _respond(self, answer: Answer[Body]) -> httpx.Response:
        extensions = {TRACE: answer.trace}
        headers = encoded(answer.headers)
        return httpx.Response(answer.status, headers=headers, stream=_Chunks(answer.body), extensions=extensions)

    def close(self) -> None:
        """Close the inner transport, and store the models' times."""
        self._forwarder.close()
        self._joined.close()
        self._wire.close()


class AsyncRoutingTransport(httpx.AsyncBaseTransport):
    """The same for ``httpx.AsyncClient``: see ``RoutingTransport``. One inner transport for each event loop."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        settings: Settings | None = None,
        api_key: str | None = None,
        upstream: str | None = None,
        seed: int | None = None,
        router: Router | None = None,
    ) -> None:
        router = router or Router(Settings.adjusted(settings, api_key=api_key, upstream=upstream, seed=seed))
        self._wire = AsyncHttpxWire(transport)
        self._forwarder = AsyncForwarder(router, self._wire, refresh_for(router, _also_sync(transport)))
        self._joined = join(router)
        self._doorman = _Doorman(router.settings)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Route, pass on or refuse a request. Raises RuntimeError after it has been closed."""
        self._forwarder.check_open()
        if self._doorman.lets_pass(request):
            passing = self._doorman.with_key(request)
            return await self._wire.transport(str(request.url)).handle_async_request(passing)
        dialect = self._doorman.dialect(request)
        if dialect is None:
            return _refused(_not_routed(request, self._doorman.upstream), DIALECTS[0])
        headers = _headers(request)
        try:
            _check_encoding(headers)
        except FreeRouterError as error:
            return _refused(error, dialect)
        body = await request.aread()
        answer = await self._forwarder.forward(body, headers, dialect, timeouts=_timeouts(request))
        return self._respond(answer)

    def _respond(self, answer: Answer[AsyncBody]) -> httpx.Response:
        extensions = {TRACE: answer.trace}
        headers = encoded(answer.headers)
        return httpx.Response(answer.status, headers=headers, stream=_AsyncChunks(answer.body), extensions=extensions)

    async def aclose(self) -> None:
        """Close the inner transport, and store the models' times."""
        await self._forwarder.close()
        await self._joined.close_async()
        await self._wire.close()
