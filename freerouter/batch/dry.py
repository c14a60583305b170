"""Dry: how the requests of a batch would be routed, without sending any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from freerouter.batch.source import Source
from freerouter.errors import FreeRouterError
from freerouter.network.key_source import KeySource
from freerouter.openrouter.headers import caller, outgoing
from freerouter.pipeline import refusals
from freerouter.pipeline.actions import Fail, Request
from freerouter.pipeline.router import Router
from freerouter.pipeline.upkeep import alarms_for

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
        routing = router.route(Request(ask.body, ask.dialect))
        eligible = routing.trace.eligible
        # Without an eligible model, the first step is the error, and nothing is drawn.
        step = None if eligible else routing.next()
        yield Forecast(ask.custom_id, place.line, eligible, step.error if isinstance(step, Fail) else None)


def heed_alarms(router: Router) -> None:
    """Block the models that have cost money before. Raises CostRefusedError when the account itself is blocked."""
    sent = outgoing([], router.settings.key)
    account = caller(sent).account
    alarms_for(router).meet(account, sent)
    cost = router.health.costs.accounts.get(account)
    if cost is not None:
        raise refusals.account_costs(cost)


def read_allowance(router: Router) -> None:
    """Ask OpenRouter what is left of the account's allowance (``GET /key``); no answer leaves it unknown."""
    sent = outgoing([], router.settings.key)
    authorization = dict(sent).get("authorization")
    if authorization is not None:
        source = KeySource(router.settings.upstream, router.learn_allowance)
        reading = source.read(caller(sent).account, authorization)
        if reading is not None:
            reading.join(_PATIENCE)
