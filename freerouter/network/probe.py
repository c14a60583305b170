"""Probe: the result of a GET, which may be an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any, NamedTuple

from pydantic_core import from_json

from freerouter.errors import CatalogError
from freerouter.memory.timings import Stated
from freerouter.openrouter.catalog import Catalog
from freerouter.openrouter.json_values import as_number, as_object, as_objects
from freerouter.openrouter.prices import is_zero


class Probe(NamedTuple):
    """The result of a GET.

    Attributes:
        status: of the response; None when there was none.
        body: its bytes.
        date: its ``Date``.
        seconds: how long it took.
        at: when it arrived, in seconds since 1970 by our own clock.
        trouble: why there was no response.
    """

    status: int | None = None
    body: bytes = b""
    date: str | None = None
    seconds: float = 0.0
    at: float = 0.0
    trouble: str = ""

    def json(self) -> Any:
        """The body, parsed; None when it is not JSON."""
        try:
            return from_json(self.body)
        except ValueError:
            return None

    def catalog(self) -> Catalog | None:
        """The list of models in the body; None when there is none."""
        try:
            return Catalog.parse(self.body) if self.status == 200 else None
        except CatalogError:
            return None

    def continues(self) -> bool:
        """Whether a list goes on with another page."""
        return bool(as_object(as_object(self.json()).get("links")).get("next"))

    def daily(self) -> tuple[int, int] | None:
        """Today's free requests, used and of how many, in an answer of ``GET /key``; None when it is not stated."""
        try:
            daily = self.json()["data"]["free_model_daily_requests"]
            return int(daily["used"]), int(daily["limit"])
        except (TypeError, KeyError, ValueError):
            return None

    def stated(self) -> Stated | None:
        """What an answer of ``GET /models/{id}/endpoints`` states about a model's free providers; None without any.

        Times are the median of the providers, and of each the median (p50) of its last 30 minutes; one that is up is
        enough for the uptime.
        """
        endpoints = as_objects(as_object(as_object(self.json()).get("data")).get("endpoints"))
        free = [endpoint for endpoint in endpoints if self.status == 200 and _is_free(endpoint)]
        if not free:
            return None
        latency = _median(endpoint.get("latency_last_30m") for endpoint in free)  # milliseconds
        throughput = _median(endpoint.get("throughput_last_30m") for endpoint in free)  # tokens per second
        uptimes = [uptime for endpoint in free if (uptime := as_number(endpoint.get("uptime_last_30m"))) is not None]
        return Stated(
            None if latency is None else latency / 1000,
            None if throughput is None else 1 / throughput,
            min(max(*uptimes, 0.0) / 100, 1.0) if uptimes else None,
        )


def _is_free(endpoint: Mapping[str, Any]) -> bool:
    """The list has the paid variant's providers, too."""
    prices = as_object(endpoint.get("pricing"))
    return all(price is not None and is_zero(price) for price in (prices.get("prompt"), prices.get("completion")))


def _median(values: Iterable[Any]) -> float | None:
    """The median of the positive numbers; each may be one of several percentiles."""
    numbers = [as_number(as_object(value).get("p50") if isinstance(value, dict) else value) for value in values]
    known = [number for number in numbers if number is not None and number > 0]
    return median(known) if known else None
