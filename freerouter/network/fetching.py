"""Occasional reads over HTTP: the list of models, and single addresses for a diagnosis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic_core import from_json, to_json

from freerouter.errors import CatalogError
from freerouter.network.probe import Probe
from freerouter.network.wires import SyncTransport, environment_proxy, new_transport
from freerouter.openrouter.headers import via
from freerouter.settings import Settings

_LIMIT = 64 * 1024 * 1024
_TIMEOUT = httpx.Timeout(10.0)
_ERROR = 64 * 1024
_PATIENCE = 60.0
_PAGES = 100
# Occasional reads leave no idle connection in the caller's transport: each request would check it.
ONCE = {"connection": "close"}


def fetch_models(
    settings: Settings, transport: SyncTransport | None = None, *, account: bool = False, way: str | None = None
) -> bytes:
    """The whole list of models; several pages are merged.

    Args:
        settings: upstream and key.
        transport: the httpx transport to fetch with.
        account: read what the account's privacy settings allow; needs the key.
        way: ``via`` of the request that wants the list.

    Raises:
        CatalogError: the reply is not such a list. Exceptions of httpx are passed on.
    """
    with client_on(transport, settings.upstream) as client:
        pages = list(_pages(client, settings, account=account, way=way))
    if len(pages) == 1:
        return pages[0]
    try:
        rows = [row for page in pages for row in from_json(page)["data"]]
    except (ValueError, TypeError, KeyError):
        raise CatalogError(f"one of the {len(pages)} pages of the list of models is not valid") from None
    return to_json({"data": rows, "total_count": len(rows), "links": {"next": None}})


def _pages(client: httpx.Client, settings: Settings, *, account: bool, way: str | None) -> Iterator[bytes]:
    url = f"{settings.upstream}/models{'/user' if account else ''}"
    headers = {"accept-encoding": "identity", **ONCE, **dict([via(way)])}
    if account and settings.key is not None:
        headers["authorization"] = f"Bearer {settings.key}"
    room = _LIMIT
    for _ in range(_PAGES):
        body = _page(client, url, headers, room)
        room -= len(body)
        yield body
        following = _next_page(url, body)
        if following is None:
            return
        url = following
    raise CatalogError(f"the list of models has more than {_PAGES} pages")


def _page(client: httpx.Client, url: str, headers: dict[str, str], room: int) -> bytes:
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code != 200:
            raise CatalogError(f"{url} answered with status {response.status_code}{_reason(response)}")
        return _read(response, room)


def _reason(response: httpx.Response) -> str:
    """What an error of another freerouter says; other words may be anything, and are not shown."""
    if "x-freerouter-trace" not in response.headers:
        return ""
    try:
        return f": {from_json(_read(response, _ERROR))['error']['message']}"
    except (CatalogError, ValueError, TypeError, KeyError):
        return ""


def _read(response: httpx.Response, room: int) -> bytes:
    """A body up to the size limit. Raises CatalogError when it is larger, or times out."""
    chunks = []
    deadline = time.monotonic() + _PATIENCE
    for chunk in response.iter_bytes():
        room -= len(chunk)
        if room < 0:
            raise CatalogError(f"the list of models is larger than {_LIMIT >> 20} MiB")
        if time.monotonic() > deadline:
            raise CatalogError(f"the list of models did not come within {_PATIENCE:.0f} s")
        chunks.append(chunk)
    return b"".join(chunks)


def look(settings: Settings, url: str, token: str | None = None) -> Probe:
    """GET an address once, for a diagnosis; errors are part of the result.

    Args:
        settings: the key is sent only to their upstream.
        url: the address.
        token: of a freerouter server there.
    """
    sent = {"accept-encoding": "identity"}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    elif settings.key is not None and url.startswith(f"{settings.upstream}/"):
        sent["authorization"] = f"Bearer {settings.key}"
    started = time.monotonic()
    try:
        with client_on(None, url) as client, client.stream("GET", url, headers=sent) as response:
            date, body = response.headers.get("date"), _read(response, _LIMIT)
            return Probe(response.status_code, body, date, time.monotonic() - started, time.time())
    except Exception as error:  # noqa: BLE001  # any error is part of the result
        # The text of an httpx exception may contain a key, so only its name is shown.
        return Probe(trouble=type(error).__name__)


@contextmanager
def client_on(transport: SyncTransport | None, url: str) -> Iterator[httpx.Client]:
    """A client on this transport, which stays open for its owner; without one, on a transport of its own."""
    inner = transport or new_transport(environment_proxy(url))
    try:
        yield httpx.Client(transport=inner, timeout=_TIMEOUT, follow_redirects=False)
    finally:
        if transport is None:
            inner.close()


def _next_page(url: str, body: bytes) -> str | None:
    """The address of the next page; it must be on the same server, because the key is sent with it.

    Raises:
        CatalogError: it is somewhere else.
    """
    try:
        parsed: Any = from_json(body)
    except ValueError:
        return None  # Catalog.parse reports it
    links = parsed.get("links") if isinstance(parsed, dict) else None
    following = links.get("next") if isinstance(links, dict) else None
    if not isinstance(following, str) or not following:
        return None
    target = urljoin(url, following)
    if urlsplit(target)[:2] != urlsplit(url)[:2]:
        raise CatalogError(f"the list of models continues on another server ({urlsplit(target).netloc}): not followed")
    return target
