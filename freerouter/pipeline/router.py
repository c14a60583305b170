"""Router: decides where requests go; long-lived, shared by all requests; no I/O."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from freerouter.errors import FreeRouterError
from freerouter.openrouter.catalog import Catalog, Model
from freerouter.openrouter.requirements import canonical
from freerouter.pipeline.actions import Refused, Request
from freerouter.pipeline.planning import make_plan
from freerouter.pipeline.routing import Routing
from freerouter.pipeline.state import State
from freerouter.pipeline.tracking import Trace
from freerouter.replies.verdicts import Gate
from freerouter.settings import Settings


class Router(State):
    """Decides where requests go; long-lived and thread-safe. It does no I/O: what it needs to know it is told.

    Args:
        settings: what can be adjusted.
        catalog: what OpenRouter offers; without one, requests fail until ``update`` brings it.
        clock: monotonic seconds, for cooldowns and deadlines.
        wall: seconds since 1970, for days and for dates in replies.
        rng: where chance comes from; seeded by the settings when it is not given.
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
        """Take a request on its way: analyse it and find which models are eligible."""
        trace = Trace()
        try:
            plan = make_plan(self, request, trace)
        except FreeRouterError as error:
            error.trace = trace
            trace.ending = "failed"
            return Refused(request, trace, error.bare())
        return Routing(self, request, plan, trace)

    def learn_allowance(self, account: str, used: int, limit: int) -> None:
        """``GET /key`` says how many of an account's free requests of today are used, of how many."""
        with self.lock:
            self.endpoint.allowances.learn(account, used, limit)

    def allowance_left(self, account: str) -> int | None:
        """How many free requests an account has left today; None when nobody knows."""
        with self.lock:
            return self.endpoint.allowances.left(account)

    def is_day_used_up(self, account: str) -> bool:
        """Whether OpenRouter has said that an account's free requests of today are used up."""
        with self.lock:
            return self.endpoint.allowances.settle(account).gate is Gate.DAY

    def models(self, needs: Iterable[str] = ()) -> list[Model]:
        """The free models that the settings let in and that can do all of these, such as ``tools`` or ``image``.

        Raises:
            CatalogError: there is no catalog.
        """
        with self.lock:
            return self.index().having(canonical(needs))

    def cooling(self) -> dict[str, float]:
        """The models that are left alone for now, by id, each with the seconds for which it is."""
        with self.lock:
            ready = {model: self.health.ready_in(model) for model in self.health.cooling}
        return {model: seconds for model, seconds in ready.items() if seconds is not None}

    def explain(self, request: Request) -> dict[str, Any]:
        """What would become of a request, without sending it.

        Returns:
            ``{"requirements", "eligible": [{"id", "probability", "gives_up", "cooling_s"}], "ineligible": [{"id",
            "reasons"}], "without": [{"need", "found", "more"}]}`` over all models whose id ends in ``:free`` and all
            that are priced zero; ``probability`` is the chance of being asked first, ``cooling_s`` the seconds for
            which a model is left alone, and ``without`` says which single need, left out, would admit how many more.

        Raises:
            FreeRouterError: the request would be refused, whichever models are eligible.
        """
        routing = self.route(request)
        if isinstance(routing, Refused):
            raise routing.error
        return routing.explain()
