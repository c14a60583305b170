"""Joining: connects a router with the processes that share its account, over the store that its settings name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from freerouter.errors import SettingsError, install
from freerouter.network.disk_cache import path_for
from freerouter.pipeline.news import News
from freerouter.pipeline.router import Router
from freerouter.settings import Settings
from freerouter.sharing import slots
from freerouter.sharing.condition import OFF, Status
from freerouter.sharing.facts import Fact, Kind, ended, heard, tell
from freerouter.sharing.facts import Key as FactKey
from freerouter.sharing.file_store import FileStore
from freerouter.sharing.outbox import Outbox
from freerouter.sharing.replication import Replication
from freerouter.sharing.stores import Store, StoreError

# The first request waits for what others have learnt, at most so many seconds from the start.
_PATIENCE = 0.25
_MISSING = f'Redis needs its extra: {install("redis")}, or set shared_state = "off"'


class Joined:
    """A router's connection with other processes.

    Attributes:
        router: the router.
    """

    def __init__(self, router: Router, replication: Replication | None) -> None:
        self.router = router
        self._replication = replication

    def status(self) -> Status:
        """Whether it works."""
        return OFF if self._replication is None else self._replication.status()

    def close(self) -> None:
        """Tell what was learnt last, and leave; the router goes on by itself."""
        replication = self._leave()
        if replication is not None:
            replication.close()

    async def close_async(self) -> None:
        """The same, without holding up an event loop."""
        replication = self._leave()
        if replication is not None:
            await replication.close_async()

    def _leave(self) -> Replication | None:
        replication, self._replication = self._replication, None
        if replication is not None:
            self.router.leave()
        return replication


def join(router: Router) -> Joined:
    """Connect a router, unless its settings say otherwise, or it is connected already. It does not wait.

    Raises:
        SettingsError: the package for Redis is not installed.
    """
    make = None if router.news is not None else store_for(router.settings)
    if make is None:
        return Joined(router, None)
    outbox = Outbox()
    replication = Replication(make, outbox, router.hear, router.held, router.clock)
    router.share(News(router, outbox, replication))
    replication.start(_PATIENCE)
    return Joined(router, replication)


def store_for(settings: Settings) -> Callable[[], Store] | None:
    """Makes the store that settings name; None when nothing is shared. Raises SettingsError."""
    if settings.shared_state == "off":
        return None
    url = settings.redis
    if url is None:
        path = path_for(settings, "shared", settings.upstream, "sqlite3")
        return lambda: FileStore(path, _name(), patience=slots.PATIENCE)
    try:
        from freerouter.sharing.redis_store import RedisStore  # noqa: PLC0415  # an extra
    except ModuleNotFoundError:
        raise SettingsError(_MISSING) from None
    return lambda: RedisStore(url, settings.upstream, _name(), patience=slots.PATIENCE)


def _name() -> str:
    return os.urandom(8).hex()


def look(settings: Settings) -> Status:
    """Try the store of these settings. Raises SettingsError."""
    make = store_for(settings)
    if make is None:
        return OFF
    store = make()
    try:
        store.connect()
    except StoreError as error:
        return Status(store.kind, store.where, str(error))
    finally:
        store.close()
    return Status(store.kind, store.where)


def forget_alarms(settings: Settings, clock: Callable[[], float], known: Iterable[FactKey] = ()) -> None:
    """Tell all processes that the cost alarms are removed. Raises StoreError, SettingsError.

    Args:
        settings: say where the store is.
        clock: monotonic seconds.
        known: what alarms are about that the store may have lost.
    """
    make = store_for(settings)
    if make is None:
        return
    store = make()
    try:
        store.connect()
        facts = list(heard(store.snapshot(), clock()))
        about = {*known, *[fact.about for fact in facts if _is_alarm(fact)]}
        over = [ended(Kind.ALARM, each, clock()) for each in about]
        store.publish([told for fact in over if (told := tell(fact, clock()))])
    finally:
        store.close()


def _is_alarm(fact: Fact) -> bool:
    return fact.kind is Kind.ALARM and not fact.over
