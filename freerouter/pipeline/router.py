"""Router: decides where requests are sent; long-lived, shared by all requests; no I/O."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from freerouter.errors import FreeRouterError
from freerouter.memory.allowance import Figures
from freerouter.memory.timings import Stated
from freerouter.openrouter.catalog import Catalog, Model
from freerouter.openrouter.requirements import canonical
from freerouter.pipeline.actions import Refused, Request
from freerouter.pipeline.planning import make_plan
from freerouter.pipeline.routing import Routing
from freerouter.pipeline.state import State
from freerouter.pipeline.tracking import Trace
from freerouter.pipeline.weighing import Ranking, standings
from freerouter.preferences import Preference
from freerouter.replies.verdicts import Gate
from freerouter.settings import Settings


class Router(State):
    """Decides where requests are sent; long-lived and thread-safe. It does no I/O: callers supply all data.

    Args:
        settings: the settings.
        catalog: what OpenRouter offers; without one, requests fail until ``update`` brings it.
        clock: monotonic seconds, for cooldowns and deadlines.
        wall: seconds since 1970, for calendar days and dates in replies.
        rng: random number generator; by default seeded by the settings.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        catalog: Catalog | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        rng: Random | None = None,
    ) -> None:
        super().__init__(settings or Settings(), catalog, clock, wall, rng)

    def route(self, request: Request) -> Routing | Refused:
        """Start to route a request: analyse it and find the eligible models."""
        trace = Trace()
        try:
            plan = make_plan(self, request, trace)
        except FreeRouterError as error:
            error.trace = trace
            trace.ending = "failed"
            return Refused(request, trace, error.bare())
        return Routing(self, request, plan, trace)

    def learn_allowance(self, account: str, used: int, limit: int) -> None:
        """Record what ``GET /key`` says: how many free requests an account has used today, and of how many."""
        with self.lock:
            was_shut = self.endpoint.allowances.settle(account).gate is Gate.DAY
            self.endpoint.allowances.learn(account, used, limit)
            if self.news is not None:
                self._tell_allowance(account, was_shut=was_shut)

    def _tell_allowance(self, account: str, *, was_shut: bool) -> None:
        assert self.news is not None  # noqa: S101  # its caller has looked
        if was_shut and self.endpoint.allowances.settle(account).gate is None:
            self.news.opened(account, self.clock())
        self.news.day(account)

    def learn_stated(self, model: str, stated: Stated) -> None:
        """Record what OpenRouter states about a model (``GET /models/{id}/endpoints``)."""
        with self.lock:
            self.timings.state(model, stated)

    def learn_allowed(self, account: str, models: frozenset[str]) -> None:
        """Record which models an account is offered (``GET /models/user``): it hides the others that are free."""
        with self.lock:
            free = () if self.catalog is None else self.catalog.free(self.index().today)
            self.training.listed(account, [model.id for model in free if model.id not in models])

    def knows_training(self, account: str) -> bool:
        """Whether it was read lately which models an account is offered."""
        with self.lock:
            return self.training.knows(account)

    def restore_timings(self, stored: object) -> None:
        """Take over the models' times that an earlier process has stored."""
        with self.lock:
            self.timings.restore(stored)

    def new_timings(self) -> dict[str, Any]:
        """The models' times, to store them; empty when nothing was measured since the last call."""
        with self.lock:
            return self.timings.unstored()

    def allowance_left(self, account: str) -> int | None:
        """How many free requests an account has left today; None when it is not known."""
        with self.lock:
            return self.endpoint.allowances.left(account)

    def figures(self, account: str) -> Figures:
        """What is shown of an account's allowance."""
        with self.lock:
            return self.endpoint.allowances.figures(account)

    def gate(self, account: str) -> tuple[Gate, float] | None:
        """Which allowance of an account is used up, and for how many seconds; None when it may send."""
        with self.lock:
            return self.endpoint.allowances.shut(account)

    def is_day_used_up(self, account: str) -> bool:
        """Whether OpenRouter has said that an account's free requests of today are used up."""
        with self.lock:
            return self.endpoint.allowances.settle(account).gate is Gate.DAY

    def models(self, needs: Iterable[str] = ()) -> list[Model]:
        """The free models that can be asked for our own account, and can do all of these, such as ``tools``, ``image``.

        Raises:
            CatalogError: there is no catalog.
            InvalidRequestError: a need is a typing error of a known one.
        """
        wanted = canonical(needs)
        with self.lock:
            index = self.index()
            index.check(wanted, "needs")
            barred = self._barred()
            return [model for model in index.having(wanted) if model.id not in barred]

    def barred(self) -> Mapping[str, str]:
        """The models that are not asked for our own account, whatever a request needs, each with the reason."""
        with self.lock:
            return self._barred()

    def _barred(self) -> Mapping[str, str]:
        costs = self.health.costs
        barred = {model: costs.reason(model) for model in costs.models}
        return {**barred, **self.training.barred(self.own)} if self.settings.train == "deny" else barred

    def standings(self) -> tuple[str, dict[str, Ranking]]:
        """How the models stand under the usual preference, by quality where that is uniform: what counts, and by id."""
        preference = Preference("quality") if self.usual.is_uniform else self.usual
        with self.lock:
            measured = self.timings.measured() if preference.is_measured else None
            return preference.kind, standings(self.index().models, preference, measured)

    def trains(self, account: str) -> dict[str, str]:
        """Whether each model may train on an account's prompts: ``yes``, ``no`` or ``unknown``."""
        with self.lock:
            return {model.id: self.training.of(account, model.id) for model in self.index().models}

    def cooling(self) -> dict[str, float]:
        """The models that are cooling down, by id, each with the seconds left."""
        with self.lock:
            ready = {model: self.health.ready_in(model) for model in self.health.cooling}
        return {model: seconds for model, seconds in ready.items() if seconds is not None}

    def explain(self, request: Request) -> dict[str, Any]:
        """How a request would be routed, without sending it.

        Returns:
            ``{"requirements", "preference": {"prefer", "sharpness"}, "train", "eligible": [{"id", "probability",
            "rank", "value", "why", "gives_up", "cooling_s", "trains"}], "ineligible": [{"id", "reasons"}], "without":
            [{"need", "found", "more"}]}`` over all models whose id ends in ``:free`` and all with a price of zero.
            ``probability`` is the chance of being asked first, ``rank`` and ``why`` are those under the preference,
            ``cooling_s`` is the seconds left of a model's cooldown, ``trains`` says whether it may train on prompts.
            ``without`` says how many more models would be eligible without each single need.

        Raises:
            FreeRouterError: the request would be refused, whichever models are eligible.
        """
        routing = self.route(request)
        if isinstance(routing, Refused):
            raise routing.error
        return routing.explain()
