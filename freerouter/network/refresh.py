"""Refresh: when the list of models, an account's allowance and the cost alarms are read again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

import anyio
import anyio.to_thread

from freerouter.memory.timings import Stated
from freerouter.network.alarms import Alarms
from freerouter.network.catalog_source import CatalogSource
from freerouter.network.endpoint_source import EndpointSource
from freerouter.network.key_source import KeySource
from freerouter.network.timings_file import TimingsFile
from freerouter.network.user_models_source import UserModelsSource
from freerouter.network.wires import SyncTransport
from freerouter.openrouter.catalog import Catalog
from freerouter.openrouter.headers import Caller, Headers
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Gate, Lasting
from freerouter.settings import Settings

_ACCOUNTS = 1_000
# Seconds that a request waits for the list of models that its account is offered.
_PATIENCE = 3.0
_GLANCE = 0.005


class Learner(Protocol):
    """What receives what is read: the router."""

    def learn_allowance(self, account: str, used: int, limit: int) -> None:
        """How many free requests an account has used today, and of how many."""
        ...

    def learn_allowed(self, account: str, models: frozenset[str]) -> None:
        """Which models an account is offered."""
        ...

    def learn_stated(self, model: str, stated: Stated) -> None:
        """What OpenRouter states about a model."""
        ...

    def restore_timings(self, stored: object) -> None:
        """What was stored of the models' times."""
        ...

    def new_timings(self) -> dict[str, Any]:
        """The models' times, to store them; empty when nothing is new."""
        ...


class Refresh:
    """Decides when the catalog and an account's allowance are read again; requests do not wait for it.

    Args:
        catalogs: where the catalog comes from; None when it is fixed.
        allowances: where allowances are read; None when they are not.
        endpoints: where it is read what OpenRouter states about a model; None when it is not.
        user_models: where it is read what an account is offered; None when it is not.
        keep: stores what was measured, if there is anything new.
        alarms: the cost alarms; None when they are not stored.
    """

    def __init__(
        self,
        catalogs: CatalogSource | None = None,
        allowances: KeySource | None = None,
        endpoints: EndpointSource | None = None,
        user_models: UserModelsSource | None = None,
        keep: Callable[[], None] | None = None,
        alarms: Alarms | None = None,
    ) -> None:
        self._alarms = alarms
        self._catalogs = catalogs
        self._allowances = allowances
        self._endpoints = endpoints
        self._user_models = user_models
        self._keep = keep
        self._met: set[str] = set()

    @classmethod
    def of(
        cls,
        settings: Settings,
        learner: Learner,
        *,
        fixed: bool = False,
        transport: SyncTransport | None = None,
        alarms: Alarms | None = None,
    ) -> Refresh:
        """The refresh for these settings; what was stored of the models' times is read at once.

        Args:
            settings: upstream, key, and how old the catalog may be.
            learner: receives what is read.
            fixed: the catalog is given, and does not change.
            transport: the httpx transport to fetch with.
            alarms: the cost alarms.
        """
        timings = TimingsFile(settings)
        learner.restore_timings(timings.read())

        def keep() -> None:
            rows = learner.new_timings()
            if rows:
                timings.write(rows)

        upstream = settings.upstream
        return cls(
            None if fixed else CatalogSource(settings, transport=transport, then=keep),
            KeySource(upstream, learner.learn_allowance, transport),
            EndpointSource(upstream, learner.learn_stated, transport),
            UserModelsSource(upstream, learner.learn_allowed, transport),
            keep,
            alarms,
        )

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

    def heed_alarms(self, caller: Caller, headers: Headers) -> None:
        """Look up what is blocked because it has cost money.

        Args:
            caller: the sender of a request.
            headers: of the request; an account is known by its key.
        """
        if self._alarms is not None:
            self._alarms.meet(caller.account, headers)

    def meet(self, caller: Caller, headers: Headers, *, shut: bool = False) -> None:
        """Note a request of an account: at the first one, its allowance is read.

        Args:
            caller: the sender of the request.
            headers: of the request; its key is used.
            shut: the day's allowance seems to be used up: it is read again, at most once a minute.
        """
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

    def use(self, model: str, headers: Headers) -> None:
        """A model is asked because of what was measured: read what OpenRouter states about it, where a key is there."""
        authorization = dict(headers).get("authorization")
        if self._endpoints is not None and authorization is not None:
            self._endpoints.read(model, authorization)

    def allowed(self, caller: Caller, headers: Headers, *, known: bool) -> None:
        """Read which models an account is offered; a request that needs it waits for the first reading.

        Args:
            caller: the sender of the request.
            headers: of the request; its key is used.
            known: it has been read before: do not wait.
        """
        reading = self._read_allowed(caller, headers)
        if reading is not None and not known:
            reading.join(_PATIENCE)

    async def allowed_async(self, caller: Caller, headers: Headers, *, known: bool) -> None:
        """See ``allowed``."""
        reading = self._read_allowed(caller, headers)
        if reading is not None and not known:
            with anyio.move_on_after(_PATIENCE):
                while reading.is_alive():  # noqa: ASYNC110  # waiting in a thread would delay the end of a program
                    await anyio.sleep(_GLANCE)

    def _read_allowed(self, caller: Caller, headers: Headers) -> threading.Thread | None:
        authorization = dict(headers).get("authorization")
        if self._user_models is None or authorization is None:
            return None
        return self._user_models.read(caller.account, authorization)

    def close(self) -> None:
        """Store what was measured."""
        if self._keep is not None:
            self._keep()

    async def close_async(self) -> None:
        """The same, without holding up an event loop; a cancelled task stores it, too."""
        if self._keep is not None:
            with anyio.CancelScope(shield=True):
                # The program may have filled anyio's own threads with work of its own.
                await anyio.to_thread.run_sync(self._keep, limiter=anyio.CapacityLimiter(1))

    def _read(self, caller: Caller, headers: Headers) -> None:
        authorization = dict(headers).get("authorization")
        if self._allowances is not None and authorization is not None:
            self._allowances.read(caller.account, authorization)
