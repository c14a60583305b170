"""The ways in: the server, the library and the transport, each in front of the played upstream."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from freerouter import FreeRouter, FreeRouterError, Router, RoutingTransport, Settings
from freerouter.network.wires import HttpxWire
from freerouter.server import Access, App, tokens
from tests.field.answers import errors_in, events, message_in, parsed, text_in
from tests.server.stage import serving
from tests.stage import at_rest

HEADERS = {"content-type": "application/json", "authorization": "Bearer any"}


@dataclass(frozen=True, slots=True)
class Call:
    """A request as a caller makes it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    timeout: float = 20


@dataclass(frozen=True, slots=True)
class Got:
    """What a caller gets: a reply, or an exception in its stead (then ``shown`` is its text, and there is no body)."""

    status: int
    text: str = ""
    error: bool = False
    message: str = ""
    shown: str = ""
    retry_after: float | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Clock:
    """The machine's clock, which a test can set forward."""

    ahead: float = 0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


Ask = Callable[[Call], Got]


def settings_of(upstream: str, folder: str, **given: Any) -> Settings:
    """Settings of a player: our own limit of requests a minute is out of the way, and nothing waits unless told to."""
    usual = {"api_key": "sk-or-v1-0123456789abcdef", "requests_per_minute": 10**6, "max_wait": 0, "cache_dir": folder}
    return Settings(**{"upstream": upstream, **usual, **given})


@contextmanager
def way_in(way: str, settings: Settings, options: list[str], clock: Clock) -> Iterator[Ask]:
    """A way in by its name."""
    router = Router(settings, clock=clock)
    with {"server": _server, "library": _library, "transport": _transport}[way](router, options) as ask:
        yield ask
    at_rest()


@contextmanager
def _server(router: Router, options: list[str]) -> Iterator[Ask]:
    with serving(App(router, access_of(options))) as server:
        yield lambda call: over_http(server.http, server.url, call)


def access_of(options: list[str]) -> Access:
    """What options of ``freerouter serve`` say of who may use it."""
    given = dict(zip(options[::2], options[1::2], strict=True))
    origins = (given.pop("--cors"),) if "--cors" in given else ()
    access = Access(tokens(given.pop("--token", "")), origins=origins)
    assert not given, f"options that no case has had so far: {given}"
    return access


@contextmanager
def _transport(router: Router, _options: list[str]) -> Iterator[Ask]:
    parts = urlsplit(router.settings.upstream)
    with httpx.Client(transport=RoutingTransport(httpx.HTTPTransport(verify=False), router=router)) as http:
        yield lambda call: over_http(http, f"{parts.scheme}://{parts.netloc}", call)


def over_http(http: httpx.Client, origin: str, call: Call) -> Got:
    """Send a request, and read the reply as far as it comes."""
    body = b""
    try:
        url = origin + call.path
        with http.stream(call.method, url, content=call.body, headers=call.headers, timeout=call.timeout) as response:
            for piece in response.iter_raw():
                body += piece
    except httpx.ReadTimeout:
        return Got(0, error=True, shown=f"no answer within {call.timeout} s")
    except httpx.HTTPError as error:
        return Got(0, error=True, shown=f"{type(error).__name__}: {error}", body=body)
    return read(response, body)


def read(response: httpx.Response, body: bytes) -> Got:
    """What a caller reads in a reply."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    streamed = headers.get("content-type", "").startswith("text/event-stream")
    said = events(body) if streamed else [parsed(body)]
    errors = errors_in(said)
    after = headers.get("retry-after")
    return Got(
        response.status_code,
        text_in(said),
        bool(errors) or response.status_code >= 400,
        message_in(errors),
        body.decode("utf-8", "replace"),
        None if after is None else float(after),
        headers,
        body,
    )


@contextmanager
def _library(router: Router, _options: list[str]) -> Iterator[Ask]:
    with FreeRouter(router=router, wire=HttpxWire(httpx.HTTPTransport(verify=False))) as client:
        yield lambda call: by_library(client, json.loads(call.body))


def by_library(client: FreeRouter, body: dict[str, Any]) -> Got:
    """Ask with the body's fields as keywords, streamed if it says so."""
    messages = body.pop("messages")
    try:
        if body.pop("stream", False):
            with client.chat.stream(messages, **body) as stream:
                return Got(200, "".join(chunk.text for chunk in stream))
        return Got(200, client.chat.send(messages, **body).text)
    except FreeRouterError as error:
        shown = f"{error} {json.dumps(error.metadata, default=str)}"
        return Got(error.status, error=True, message=str(error), shown=shown, retry_after=error.retry_after)
