"""News: what has to be fetched because of a request or of its outcome, in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freerouter.memory.health import Caller
from freerouter.network.catalog_source import CatalogSource
from freerouter.network.key_source import AllowanceSource
from freerouter.openrouter.catalog import Catalog
from freerouter.openrouter.headers import Headers
from freerouter.pipeline.router import Router
from freerouter.replies.outcome import Gate, Lasting, Outcome

if TYPE_CHECKING:
    import httpx  # noqa: TID251  # a name for the type checker: the transport is only handed through


class News:
    """Knows when the catalog and an account's allowance are to be read anew; none of it makes a request wait.

    Args:
        catalogs: where the catalog comes from; None when it is fixed.
        allowances: where allowances are read; None when they are not.
    """

    def __init__(self, catalogs: CatalogSource | None = None, allowances: AllowanceSource | None = None) -> None:
        self._catalogs = catalogs
        self._allowances = allowances
        self._met: set[str] = set()

    @classmethod
    def of(cls, router: Router, transport: httpx.BaseTransport | None = None) -> News:
        """What a router needs to hear; a catalog that it has already is used as it is.

        Args:
            router: is told what its accounts have left.
            transport: the httpx transport to fetch with.
        """
        settings = router.settings
        catalogs = CatalogSource(settings, transport=transport) if router.catalog is None else None
        return cls(catalogs, AllowanceSource(settings.upstream, router.learn_allowance, transport))

    def get(self) -> Catalog | None:
        """The catalog of now; None when it is fixed. Raises CatalogError."""
        return None if self._catalogs is None else self._catalogs.get()

    async def get_async(self) -> Catalog | None:
        """The catalog of now; None when it is fixed. Raises CatalogError."""
        return None if self._catalogs is None else await self._catalogs.get_async()

    def meet(self, caller: Caller, headers: Headers) -> None:
        """A request of an account: at the first one, its allowance is read."""
        if self._allowances is not None and caller.account not in self._met:
            self._met.add(caller.account)
            self._read(caller, headers)

    def react(self, outcome: Outcome, caller: Caller, headers: Headers) -> None:
        """A model is gone: the catalog is old. The day is used up: by how much?"""
        if outcome.lasting is Lasting.GONE and self._catalogs is not None:
            self._catalogs.expire()
        if outcome.gate is Gate.DAY:
            self._read(caller, headers)

    def _read(self, caller: Caller, headers: Headers) -> None:
        authorization = dict(headers).get("authorization")
        if self._allowances is not None and authorization is not None:
            self._allowances.read(caller.account, authorization)
