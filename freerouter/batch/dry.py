"""Dry: how the requests of a batch would be routed, without sending any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from freerouter.batch.source import Source
from freerouter.errors import FreeRouterError
from freerouter.network.key_source import KeySource
from freerouter.openrouter.headers import Caller, outgoing
from freerouter.pipeline import refusals
from freerouter.pipeline.actions import Fail, Refused, Request
from freerouter.pipeline.router import Router

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """How one request would be routed.

    Attributes:
        custom_id: the caller's name for it.
        line: its line, counted from 1.
        eligible: how many models it could be drawn from.
        error: why it would be refused; None when it would be sent.
    """

    custom_id: str
    line: int
    eligible: int
    error: FreeRouterError | None = None


def forecasts(source: Source, router: Router) -> Iterator[Forecast]:
    """How each request would be routed. Raises BatchError, which names the line."""
    for place, ask in source.asks():
        routing = router.route(Request(ask.body, ask.dialect, Caller(router.own)))
        eligible = 0 if isinstance(routing, Refused) else routing.reachable()
        # Without an eligible model, the first step is the error, and nothing is drawn.
        step = None if eligible else routing.next()
        yield Forecast(ask.custom_id, place.line, eligible, step.error if isinstance(step, Fail) else None)


def heed_alarms(router: Router) -> None:
    """Raises CostRefusedError when the account itself is blocked because it has cost money."""
    cost = router.health.costs.accounts.get(router.own)
    if cost is not None:
        raise refusals.account_costs(cost)


def read_allowance(router: Router) -> None:
    """Ask OpenRouter what is left of the account's allowance (``GET /key``); no answer leaves it unknown."""
    authorization = dict(outgoing([], router.settings.key)).get("authorization")
    if authorization is not None:
        reading = KeySource(router.settings.upstream, router.learn_allowance).read(router.own, authorization)
        if reading is not None:
            reading.join(_PATIENCE)
