"""The cost and the tokens of an answer, as its usage states them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from freerouter.openrouter.json_values import as_number

_CURRENCY = "$ \tUSDusd"
_INFERENCE = "upstream_inference_"


def cost_of(usage: Mapping[str, Any] | None) -> float | None:
    """USD that an answer cost the caller; None when it is not stated (API reference, "Usage accounting").

    With a provider key of the account's own (BYOK), ``cost`` is 0 and the provider bills ``upstream_inference_cost``.
    """
    if not usage:
        return None
    stated = _amount(usage.get("cost"))
    if stated is None:
        stated = _amount(usage.get("total_cost"))
    if usage.get("is_byok") in (True, "true"):
        billed = _billed(usage.get("cost_details"))
        if billed is not None:
            return billed + (stated or 0.0)
    return stated


def tokens_of(usage: Mapping[str, Any] | None) -> int:
    """Tokens of an answer, reasoning included; 0 when they are not stated."""
    given = usage or {}
    stated = as_number(given.get("completion_tokens", given.get("output_tokens")))
    return 0 if stated is None else int(stated)


def _billed(details: Any) -> float | None:
    """What the provider bills: the whole, or its parts."""
    if not isinstance(details, Mapping):
        return None
    whole = _amount(details.get(f"{_INFERENCE}cost"))
    parts = {name: value for name, value in details.items() if name.startswith(_INFERENCE)}
    return _sum(parts) if whole is None else whole


def _amount(value: Any) -> float | None:
    """A finite amount of money; text is read, too, and an object by its total, or its parts."""
    if isinstance(value, Mapping):
        totals = {name: part for name, part in value.items() if name.startswith("total")}
        return _sum(totals or value)
    try:
        amount = Decimal(str(value).strip(_CURRENCY).replace(",", "."))
    except InvalidOperation:
        return None
    return float(amount) if amount.is_finite() else None


def _sum(parts: Mapping[str, Any]) -> float | None:
    amounts = [amount for part in parts.values() if (amount := _amount(part)) is not None]
    return sum(amounts) if amounts else None
