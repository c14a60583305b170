"""CatalogSource: the list of models over HTTP, in pages, stale rather than none."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import urljoin, urlsplit

import anyio
import httpx
from pydantic_core import from_json, to_json

from freerouter.errors import CatalogError
from freerouter.network.disk_cache import Copy
from freerouter.network.probe import Look
from freerouter.network.wires import environment_proxy, new_transport
from freerouter.openrouter.catalog import Catalog
from freerouter.settings import Settings

_log = logging.getLogger("freerouter")

_LIMIT = 64 * 1024 * 1024
_TIMEOUT = httpx.Timeout(10.0)
_PATIENCE = 60.0
_PAGES = 100
# A refresh that would drop more than this part of the free models is believed only the second time; but what is known
# for longer than a day casts no doubt on what is new (a short program has no second time).
_PLAUSIBLE_LOSS = 0.8
_CREDIBLE = 86_400.0
_FIRST_RETRY = 5.0
_EXPIRE_EVERY = 60.0
_GLANCE = 0.005
# What is read once in a while leaves no connection behind in the caller's transport: each request would look at it.
ONCE = {"connection": "close"}


class CatalogSource:
    """Keeps a catalog at hand: a fresh one at once, a stale one while a refresh runs, the copy on disk without network.

    One refresh runs at a time, in a daemon thread of its own, for sync and async callers alike.

    Args:
        settings: upstream, key, age and folder.
        transport: the httpx transport to fetch with; by default httpx's own, with the environment's proxies.
        account: read ``/models/user``, what the account's privacy settings allow; needs the key.
        wall: seconds since 1970.
        rng: for the jitter between failed refreshes.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.BaseTransport | None = None,
        account: bool | None = None,
        wall: Callable[[], float] = time.time,
        rng: Random | None = None,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._account = settings.account_models if account is None else account
        self._wall = wall
        self._rng = rng or Random()
        self._copy = Copy(settings, account=self._account)
        self._catalog: Catalog | None = None
        self._due = 0.0
        self._fetched = 0.0
        self._expirable = 0.0
        self._failures = 0
        self._doubted = False
        self._start_over()
        # A thread does not survive a fork: the child refreshes by itself.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_Weakly(self._start_over))

    def _start_over(self) -> None:
        self._lock = threading.Lock()
        self._refresh: Future[Catalog] | None = None

    def get(self) -> Catalog:
        """A catalog, at once if there is any.

        Raises:
            CatalogError: OpenRouter cannot be reached, and there is no copy.
        """
        found = self._at_hand()
        return found.result() if isinstance(found, Future) else found

    async def get_async(self) -> Catalog:
        """A catalog, at once if there is any. Raises CatalogError as ``get`` does."""
        found = self._at_hand()
        if isinstance(found, Future):
            while not found.done():  # noqa: ASYNC110  # waiting in a thread would keep a program from ending
                await anyio.sleep(_GLANCE)
            return found.result()
        return found

    def latest(self, patience: float) -> Catalog:
        """A fresh catalog, or the one at hand if none comes within so many seconds.

        For programs that end before a refresh in the background would. Raises CatalogError as ``get`` does.
        """
        self.get()
        with self._lock:
            refresh = self._refresh
        if refresh is not None:
            with suppress(CatalogError, TimeoutError):
                refresh.result(patience)
        return self.get()

    def _at_hand(self) -> Catalog | Future[Catalog]:
        """A catalog if there is any, which is refreshed if it is stale; else the refresh that brings the first."""
        if self._catalog is None:
            self._read_copy()
        with self._lock:
            if self._catalog is None:
                return self._begin()
            if not self._is_fresh():
                self._begin()
            return self._catalog

    def _is_fresh(self) -> bool:
        # What is due later than its age allows was noted before the clock was set back: it is stale. A second is for
        # rounding.
        return 0 < self._due - self._wall() <= self._settings.catalog_age + 1

    def expire(self) -> None:
        """A model turned out to be gone: fetch anew in the background, at most once a minute."""
        now = self._wall()
        with self._lock:
            if now < self._expirable:
                return
            self._expirable = now + _EXPIRE_EVERY
        self.refresh()

    def refresh(self) -> Future[Catalog]:
        """Fetch anew in the background, unless that is going on already; the future is of whichever it is."""
        with self._lock:
            return self._begin()

    def _begin(self) -> Future[Catalog]:
        if self._refresh is None:
            future: Future[Catalog] = Future()
            threading.Thread(target=self._run, args=(future,), name="freerouter-catalog", daemon=True).start()
            self._refresh = future
        return self._refresh

    def _run(self, future: Future[Catalog]) -> None:
        try:
            catalog = self._believe(self._fetch())
        except CatalogError as error:
            self._after_failure(error)
            future.set_exception(error)
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller who waits must hear of it
            # The text of an httpx exception may hold a key, so only its name is shown.
            failure = CatalogError(f"{self._settings.upstream} could not be reached ({type(error).__name__})")
            self._after_failure(failure)
            future.set_exception(failure)
        else:
            with self._lock:
                self._refresh = None
            future.set_result(catalog)

    def _after_failure(self, error: CatalogError) -> None:
        _log.warning("catalog: not refreshed: %s", error)
        with self._lock:
            pause = min(_FIRST_RETRY * 2 ** min(self._failures, 10), self._settings.catalog_age)
            self._failures += 1
            self._due = self._wall() + pause * self._rng.uniform(0.5, 1.0)
            self._refresh = None

    def _believe(self, body: bytes) -> Catalog:
        """Take a new catalog into use, unless it is too bad to be believed at once."""
        catalog = Catalog.parse(body)
        with self._lock:
            now = self._wall()
            self._failures = 0
            if not self._doubted and self._catalog is not None and self._is_doubtful(catalog, self._catalog, now):
                self._doubted = True
                self._due = now + min(_FIRST_RETRY, self._settings.catalog_age)
                return self._catalog
            self._doubted = False
            self._catalog = catalog
            self._fetched = now
            self._due = now + self._settings.catalog_age
        self._copy.write(body)
        return catalog

    def _is_doubtful(self, new: Catalog, known: Catalog, now: float) -> bool:
        today = datetime.fromtimestamp(now, UTC).date()
        free = {model.id for model in known.free(today)}
        lost = free.difference(model.id for model in new.free(today))
        if len(lost) <= _PLAUSIBLE_LOSS * len(free) or now - self._fetched > _CREDIBLE:
            return False
        _log.warning("catalog: %d of %d free models are missing: asking again", len(lost), len(free))
        return True

    def _read_copy(self) -> None:
        copy = self._copy.read()
        if copy is None:
            return
        try:
            catalog = Catalog.parse(copy[0])
        except CatalogError as error:
            _log.warning("catalog: the copy in %s is of no use: %s", self._copy.path, error)
            return
        with self._lock:
            if self._catalog is None:
                self._catalog = catalog
                self._fetched = copy[1]
                self._due = copy[1] + self._settings.catalog_age

    # Over HTTP.

    def _fetch(self) -> bytes:
        """The whole list; several pages are made into one."""
        with client_on(self._transport, self._settings.upstream) as client:
            pages = list(self._pages(client))
        if len(pages) == 1:
            return pages[0]
        try:
            rows = [row for page in pages for row in from_json(page)["data"]]
        except (ValueError, TypeError, KeyError):
            raise CatalogError(f"one of the {len(pages)} pages of the list of models is none") from None
        return to_json({"data": rows, "total_count": len(rows), "links": {"next": None}})

    def _pages(self, client: httpx.Client) -> Iterator[bytes]:
        url = f"{self._settings.upstream}/models{'/user' if self._account else ''}"
        room = _LIMIT
        for _ in range(_PAGES):
            body = self._page(client, url, room)
            room -= len(body)
            yield body
            following = _next_page(url, body)
            if following is None:
                return
            url = following
        raise CatalogError(f"the list of models has more than {_PAGES} pages")

    def _page(self, client: httpx.Client, url: str, room: int) -> bytes:
        headers = {"accept-encoding": "identity", **ONCE}
        if self._account and self._settings.key is not None:
            headers["authorization"] = f"Bearer {self._settings.key}"
        with client.stream("GET", url, headers=headers) as response:
            if response.status_code != 200:
                raise CatalogError(f"{url} answered with status {response.status_code}")
            return _read(response, room)


def _read(response: httpx.Response, room: int) -> bytes:
    """A body of at most so many bytes. Raises CatalogError when it is larger, or does not come in time."""
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


def look(settings: Settings, url: str) -> Look:
    """GET an address once, for a diagnosis; whatever happens is what was seen.

    Args:
        settings: the key goes with a request to their upstream, and nowhere else.
        url: where to look.
    """
    sent = {"accept-encoding": "identity"}
    if settings.key is not None and url.startswith(f"{settings.upstream}/"):
        sent["authorization"] = f"Bearer {settings.key}"
    started = time.monotonic()
    try:
        with client_on(None, url) as client, client.stream("GET", url, headers=sent) as response:
            date, body = response.headers.get("date"), _read(response, _LIMIT)
            return Look(response.status_code, body, date, time.monotonic() - started, time.time())
    except Exception as error:  # noqa: BLE001  # whatever it is, it is what was seen
        # The text of an httpx exception may hold a key, so only its name is shown.
        return Look(trouble=type(error).__name__)


@contextmanager
def client_on(transport: httpx.BaseTransport | None, url: str) -> Iterator[httpx.Client]:
    """A client on this transport, which stays open: its owner may be using it. Without one, on one of its own."""
    inner = transport or new_transport(environment_proxy(url))
    try:
        yield httpx.Client(transport=inner, timeout=_TIMEOUT, follow_redirects=False)
    finally:
        if transport is None:
            inner.close()


def _next_page(url: str, body: bytes) -> str | None:
    """The address of the next page; it must be on the same server, since the key goes with it.

    Raises:
        CatalogError: it is somewhere else.
    """
    try:
        parsed: Any = from_json(body)
    except ValueError:
        return None  # Catalog.parse says what it is
    links = parsed.get("links") if isinstance(parsed, dict) else None
    following = links.get("next") if isinstance(links, dict) else None
    if not isinstance(following, str) or not following:
        return None
    target = urljoin(url, following)
    if urlsplit(target)[:2] != urlsplit(url)[:2]:
        raise CatalogError(f"the list of models goes on at another server ({urlsplit(target).netloc}): not followed")
    return target


class _Weakly:
    """Calls a method for as long as its object is alive: a fork hook cannot be taken back."""

    def __init__(self, method: Callable[[], None]) -> None:
        self._method = weakref.WeakMethod(method)

    def __call__(self) -> None:
        method = self._method()
        if method is not None:
            method()
