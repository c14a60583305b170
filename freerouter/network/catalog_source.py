"""CatalogSource: the list of models over HTTP, in pages; a stale list is better than an error."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import TypeVar

import anyio

from freerouter import forks
from freerouter.durations import DAY
from freerouter.errors import CatalogError
from freerouter.network.disk_cache import CatalogCopy
from freerouter.network.fetching import fetch_models
from freerouter.network.wires import SyncTransport
from freerouter.openrouter.catalog import Catalog
from freerouter.settings import Settings

_log = logging.getLogger("freerouter")

# A refresh that would drop more than this part of the free models must be confirmed by a second one. A catalog older
# than a day is replaced without that (a short program makes no second refresh).
_PLAUSIBLE_LOSS = 0.8
_CREDIBLE = DAY
_FIRST_RETRY = 5.0
_EXPIRE_EVERY = 60.0
_GLANCE = 0.005

T = TypeVar("T")


class CatalogSource:
    """Supplies the catalog: a fresh one at once, a stale one during a refresh, the copy on disk without network.

    One refresh runs at a time, in a daemon thread of its own, for sync and async callers alike.

    Args:
        settings: upstream, key, age and folder.
        transport: the httpx transport to fetch with; by default httpx's own, with the environment's proxies.
        account: read ``/models/user``, what the account's privacy settings allow; needs the key.
        wall: seconds since 1970.
        rng: for the jitter between failed refreshes.
        then: called in the background after each refresh.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: SyncTransport | None = None,
        account: bool | None = None,
        wall: Callable[[], float] = time.time,
        rng: Random | None = None,
        then: Callable[[], None] | None = None,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._account = settings.account_models if account is None else account
        self._wall = wall
        self._rng = rng or forks.new_random()
        self._then = then
        self._copy = CatalogCopy(settings, account=self._account)
        self._catalog: Catalog | None = None
        self._due = 0.0
        self._fetched = 0.0
        self._expirable = 0.0
        self._failures = self.failed = 0
        self._doubted = False
        self._start_over()
        forks.in_child(self._start_over)

    def _start_over(self) -> None:
        # A thread does not survive a fork: the child refreshes by itself.
        self._lock = threading.Lock()
        self._refresh: Future[Catalog] | None = None
        self._copying: Future[None] | None = None

    def get(self, way: str | None = None) -> Catalog:
        """The catalog, at once if there is one.

        Args:
            way: ``via`` of the request that wants it, by which a circle of servers is found.

        Raises:
            CatalogError: OpenRouter cannot be reached, and there is no copy.
        """
        if self._catalog is None:
            self._read_copy()
        found = self._at_hand(way)
        return found.result() if isinstance(found, Future) else found

    async def get_async(self, way: str | None = None) -> Catalog:
        """The catalog, at once if there is one. Raises CatalogError like ``get``."""
        if self._catalog is None:
            await _done(self._reading())
        found = self._at_hand(way)
        return await _done(found) if isinstance(found, Future) else found

    def latest(self, patience: float) -> Catalog:
        """A fresh catalog, or the current one if a refresh does not finish within so many seconds.

        For programs that end before a refresh in the background would. Raises CatalogError as ``get`` does.
        """
        self.get()
        with self._lock:
            refresh = self._refresh
        if refresh is not None:
            with suppress(CatalogError, TimeoutError):
                refresh.result(patience)
        return self.get()

    def _at_hand(self, way: str | None = None) -> Catalog | Future[Catalog]:
        """The catalog if there is one, refreshed if it is stale; else the refresh that fetches the first one."""
        with self._lock:
            if self._catalog is None:
                return self._begin(way)
            if not self._is_fresh():
                self._begin(way)
            return self._catalog

    def _is_fresh(self) -> bool:
        # A due time beyond the maximum age is from before the clock was set back: the catalog is stale. A second is for
        # rounding.
        return 0 < self._due - self._wall() <= self._settings.catalog_age + 1

    def expire(self) -> None:
        """A model is gone: refresh in the background, at most once a minute."""
        now = self._wall()
        with self._lock:
            if now < self._expirable:
                return
            self._expirable = now + _EXPIRE_EVERY
        self.refresh()

    def refresh(self) -> Future[Catalog]:
        """Start a refresh in the background, or return the future of the running one."""
        with self._lock:
            return self._begin()

    def _begin(self, way: str | None = None) -> Future[Catalog]:
        if self._refresh is None:
            future: Future[Catalog] = Future()
            threading.Thread(target=self._run, args=(future, way), name="freerouter-catalog", daemon=True).start()
            self._refresh = future
        return self._refresh

    def _run(self, future: Future[Catalog], way: str | None) -> None:
        try:
            catalog = self._believe(fetch_models(self._settings, self._transport, account=self._account, way=way))
        except CatalogError as error:
            self._after_failure(error)
            future.set_exception(error)
        except Exception as error:  # noqa: BLE001  # any error must reach the waiting caller
            # The text of an httpx exception may contain a key, so only its name is shown.
            failure = CatalogError(f"{self._settings.upstream} could not be reached ({type(error).__name__})")
            self._after_failure(failure)
            future.set_exception(failure)
        else:
            with self._lock:
                self._refresh = None
            future.set_result(catalog)
            if self._then is not None:
                self._then()

    def _after_failure(self, error: CatalogError) -> None:
        _log.warning("catalog: not refreshed: %s", error)
        with self._lock:
            pause = min(_FIRST_RETRY * 2 ** min(self._failures, 10), self._settings.catalog_age)
            self._failures += 1
            self.failed += 1
            self._due = self._wall() + pause * self._rng.uniform(0.5, 1.0)
            self._refresh = None

    def _believe(self, body: bytes) -> Catalog:
        """Use a new catalog, unless it drops so many models that it must be confirmed."""
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
        _log.warning("catalog: %d of %d free models are missing: fetching it again", len(lost), len(free))
        return True

    def _reading(self) -> Future[None]:
        """Read the copy in a thread, once for all who wait for it: reading and parsing it takes long for a loop."""
        with self._lock:
            if self._copying is None or (self._copying.done() and self._catalog is None):
                self._copying = Future()
                threading.Thread(
                    target=self._copy_into, args=(self._copying,), name="freerouter-copy", daemon=True
                ).start()
            return self._copying

    def _copy_into(self, future: Future[None]) -> None:
        try:
            self._read_copy()
        except Exception as error:  # noqa: BLE001  # any error must reach the waiting caller
            future.set_exception(error)
        else:
            future.set_result(None)

    def _read_copy(self) -> None:
        copy = self._copy.read()
        if copy is None:
            return
        try:
            catalog = Catalog.parse(copy[0])
        except CatalogError as error:
            _log.warning("catalog: the copy in %s is not usable: %s", self._copy.path, error)
            return
        with self._lock:
            if self._catalog is None:
                self._catalog = catalog
                self._fetched = copy[1]
                self._due = copy[1] + self._settings.catalog_age


async def _done(future: Future[T]) -> T:
    while not future.done():  # noqa: ASYNC110  # waiting in a thread would delay the end of a program
        await anyio.sleep(_GLANCE)
    return future.result()
