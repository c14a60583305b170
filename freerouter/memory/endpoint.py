"""Endpoint: where requests are sent, with its state: the allowances, and whether it is down."""

from __future__ import annotations

from dataclasses import dataclass

from freerouter.memory.allowance import Allowances
from freerouter.memory.outage import Outage


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests are sent.

    Attributes:
        url: base URL of the API.
        allowances: what the accounts in use may still send there.
        outage: whether it is down.
    """

    url: str
    allowances: Allowances
    outage: Outage
