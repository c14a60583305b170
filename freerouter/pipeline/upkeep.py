"""Upkeep: what keeps a router's data up to date while it is used."""

from __future__ import annotations

from freerouter.network.alarms import Alarms
from freerouter.network.refresh import Refresh
from freerouter.network.wires import SyncTransport
from freerouter.pipeline.router import Router


def refresh_for(router: Router, transport: SyncTransport | None = None) -> Refresh:
    """Keeps a router's data up to date; an existing catalog is used as it is.

    Args:
        router: receives what is read: what its accounts have left, the models' times, and which have cost money.
        transport: the httpx transport to fetch with.
    """
    fixed = router.catalog is not None
    return Refresh.of(router.settings, router, fixed=fixed, transport=transport, alarms=alarms_for(router))


def alarms_for(router: Router) -> Alarms:
    """The stored cost alarms, which a router heeds from now on and adds to."""
    alarms = Alarms(router)
    router.on_alarm, router.on_alarm_news = alarms.add, alarms.note
    return alarms
