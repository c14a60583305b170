"""Probe: the result of a GET, which may be an error."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic_core import from_json

from freerouter.errors import CatalogError
from freerouter.openrouter.catalog import Catalog


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

    def daily(self) -> tuple[int, int] | None:
        """Today's free requests, used and of how many, in an answer of ``GET /key``; None when it is not stated."""
        try:
            daily = self.json()["data"]["free_model_daily_requests"]
            return int(daily["used"]), int(daily["limit"])
        except (TypeError, KeyError, ValueError):
            return None
