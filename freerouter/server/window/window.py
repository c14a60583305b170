"""Window: answers for the page at ``/``: its files, its login, its events, and the same as JSON."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from freerouter.errors import InvalidRequestError
from freerouter.network.refresh import Refresh
from freerouter.openrouter.headers import Headers
from freerouter.openrouter.json_bodies import encode, parse
from freerouter.pipeline.router import Router
from freerouter.server import paths, sessions
from freerouter.server.errors import RefusedError
from freerouter.server.exchange import Exchange
from freerouter.server.record import Record
from freerouter.server.security import Access
from freerouter.server.window.feed import Feed
from freerouter.server.window.history import KEPT, History
from freerouter.server.window.snapshot import Snapshot
from freerouter.sharing.condition import OFF, Status

_STATIC = files("freerouter.server.window") / "static"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_LONGEST_LOGIN = 4096
_SAFE: Headers = [
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
]
_FRESH = [("cache-control", "no-cache")]
_PRIVATE = [("cache-control", "no-store")]
_JSON = [("content-type", "application/json")]
_EVENTS = [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]


class Window:
    """The page, and what it reads.

    Args:
        router: what it knows is shown.
        access: the tokens.
        refresh: what reads the list of models.
        running: how many requests are running.
        shared: tells what is shared with other processes.
    """

    def __init__(
        self,
        router: Router,
        access: Access,
        refresh: Refresh,
        running: Callable[[], int],
        shared: Callable[[], Status] = lambda: OFF,
    ) -> None:
        self._access = access
        self.history = History()
        asks = bool(access.tokens)
        self._snapshot = Snapshot(router, self.history, refresh, running, shared, asks_for_token=asks)
        self._feed = Feed(self.history, self._snapshot)
        self.handlers: dict[paths.Place | paths.WindowPlace, Callable[[Exchange], Awaitable[None]]] = {
            "page": self._page,
            "asset": self._asset,
            "status": self._status,
            "events": self._events,
            "login": self._login,
            "logout": self._logout,
        }

    def tell(self, record: Record) -> None:
        """An exchange is over."""
        self.history.add(record)

    def close(self) -> None:
        """The server stops: the pages are let go."""
        self._feed.close()

    async def _page(self, exchange: Exchange) -> None:
        """The page; a client of the API that has a wrong base URL is told where the API is."""
        accepted = exchange.by_name.get("accept") or "*/*"
        if "text/html" not in accepted and "*/*" not in accepted:
            raise paths.nothing(exchange.method, exchange.path)
        await _answer_with_file(exchange, "index.html")

    async def _asset(self, exchange: Exchange) -> None:
        await _answer_with_file(exchange, exchange.path.removeprefix(paths.ASSETS))

    async def _status(self, exchange: Exchange) -> None:
        snapshot = encode(self._snapshot.whole(_wanted(exchange.query)))
        headers = _JSON + _SAFE + _PRIVATE + self._access.cors(exchange.origin)
        await exchange.answer(200, headers, snapshot)

    async def _events(self, exchange: Exchange) -> None:
        headers = _EVENTS + _SAFE + self._access.cors(exchange.origin)
        if exchange.method == "HEAD":
            await exchange.answer(200, headers, b"")
            return
        chunks = self._feed.events()
        try:
            await exchange.begin(200, headers, chunks)
            await exchange.unless_gone(exchange.stream(chunks))
        finally:
            await chunks.aclose()

    async def _login(self, exchange: Exchange) -> None:
        """Exchange a token for a cookie."""
        _check_size(exchange.by_name.get("content-length", ""))
        given = _token_in(await exchange.body())
        exchange.let_go()
        found = [token for token in self._access.tokens if token.is_shown_in([given])]
        if not found:
            raise RefusedError("the token is wrong", 401)
        await self._set_cookie(exchange, sessions.issue(found[0], time.time()))

    async def _logout(self, exchange: Exchange) -> None:
        await self._set_cookie(exchange, "")

    async def _set_cookie(self, exchange: Exchange, value: str) -> None:
        secure = (exchange.origin or "").startswith("https:")
        cookie = sessions.cookie(exchange.by_name.get("host", ""), value, secure=secure)
        await exchange.answer(200, [*_JSON, *_SAFE, *_PRIVATE, ("set-cookie", cookie)], b'{"status":"done"}')


async def _answer_with_file(exchange: Exchange, name: str) -> None:
    body = _file(name)
    if body is None:
        raise paths.nothing(exchange.method, exchange.path)
    kind = _TYPES[name.rpartition(".")[2]]
    await exchange.answer(200, [("content-type", kind), *_SAFE, *_FRESH], body)


@cache
def _files() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in _STATIC.iterdir()}


def _file(name: str) -> bytes | None:
    return _files().get(name)


def _wanted(query: str) -> int:
    """How many requests a program wants to see. Raises InvalidRequestError."""
    given = parse_qs(query).get("requests", [str(KEPT)])[-1]
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise InvalidRequestError("requests must be a whole number", field="requests")
    return min(int(given), KEPT)


def _check_size(length: str) -> None:
    """Raises RefusedError: anyone may send a token, so nothing larger is read."""
    if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= _LONGEST_LOGIN):
        raise RefusedError(f"a login has at most {_LONGEST_LOGIN} bytes, and says how many", 413)


def _token_in(body: bytes) -> str:
    given: Any = parse(body).get("token")
    if not isinstance(given, str):
        raise InvalidRequestError('send {"token": "..."}', field="token")
    return given.strip()
