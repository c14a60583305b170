"""Refresh: when the list of models, an account's allowance and the cost alarms are read again."""

from __future__ import annotations

from collections.abc import Callable

from freerouter.network.alarms import Alarms
from freerouter.network.catalog_source import CatalogSource
from freerouter.network.key_source import KeySource
from freerouter.network.wires import SyncTransport
from freerouter.openrouter.catalog import Catalog
from freerouter.openrouter.headers import Caller, Headers
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Gate, Lasting
from freerouter.settings import Settings

_ACCOUNTS = 1_000


class Refresh:
    """Decides when the catalog and an account's allowance are read again; requests do not wait for it.

    Args:
        catalogs: where the catalog comes from; None when it is fixed.
        allowances: where allowances are read; None when they are not.
        alarms: the cost alarms; None when they are not stored.
    """

    def __init__(
        self,
        catalogs: CatalogSource | None = None,
        allowances: KeySource | None = None,
        alarms: Alarms | None = None,
    ) -> None:
        self._alarms = alarms
        self._catalogs = catalogs
        self._allowances = allowances
        self._met: set[str] = set()

    @classmethod
    def of(
        cls,
        settings: Settings,
        learn: Callable[[str, int, int], None],
        *,
        fixed: bool = False,
        transport: SyncTransport | None = None,
        alarms: Alarms | None = None,
    ) -> Refresh:
        """The refresh for these settings.

        Args:
            settings: upstream, key, and how old the catalog may be.
            learn: called with the account, how many of today's free requests are used, and of how many.
            fixed: the catalog is given, and does not change.
            transport: the httpx transport to fetch with.
            alarms: the cost alarms.
        """
        catalogs = None if fixed else CatalogSource(settings, transport=transport)
        return cls(catalogs, KeySource(settings.upstream, learn, transport), alarms)

    def get(self, way: str | None = None) -> Catalog | None:
        """The catalog of now; None when it is fixed. Raises CatalogError.

        Args:
            way: ``via`` of the request that wants it.
        """
        return None if self._catalogs is None else self._catalogs.get(way)

    async def get_async(self, way: str | None = None) -> Catalog | None:
        """See ``get``."""
        return None if self._catalogs is None else await self._catalogs.get_async(way)

    @property
    def failed(self) -> int:
        """How often the catalog could not be read."""
        return 0 if self._catalogs is None else self._catalogs.failed

    def meet(self, caller: Caller, headers: Headers, *, shut: bool = False) -> None:
        """Note a request of an account: at the first one, its allowance is read, and its cost alarms are looked up.

        Args:
            caller: the sender of the request.
            headers: of the request; its key is used.
            shut: the day's allowance seems to be used up: it is read again, at most once a minute.
        """
        if self._alarms is not None:
            self._alarms.meet(caller.account, headers)
        if shut or caller.account not in self._met:
            self._remember(caller.account)
            self._read(caller, headers)

    def _remember(self, account: str) -> None:
        # Forgetting all accounts now and then costs one GET for each, and limits the memory that unknown keys can fill.
        if len(self._met) >= _ACCOUNTS:
            self._met.clear()
        self._met.add(account)

    def react(self, outcome: Outcome, caller: Caller, headers: Headers) -> None:
        """A model that is gone means an old catalog: refresh it. An exhausted day means: read the allowance."""
        if outcome.lasting is Lasting.GONE and self._catalogs is not None:
            self._catalogs.expire()
        if outcome.gate is Gate.DAY:
            self._read(caller, headers)

    def _read(self, caller: Caller, headers: Headers) -> None:
        authorization = dict(headers).get("authorization")
        if self._allowances is not None and authorization is not None:
            self._allowances.read(caller.account, authorization)
