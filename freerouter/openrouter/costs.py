"""What an answer has cost, by its own word."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any


def cost_of(usage: Mapping[str, Any] | None) -> float | None:
    """USD that an answer cost the caller; None when it does not say (API reference, "Usage accounting").

    With a provider key of the account's own (BYOK), ``cost`` is 0 and the provider bills ``upstream_inference_cost``.
    """
    if not usage:
        return None
    stated = _amount(usage.get("cost"))
    details = usage.get("cost_details")
    if usage.get("is_byok") is True and isinstance(details, Mapping):
        billed = _amount(details.get("upstream_inference_cost"))
        if billed is not None:
            return billed + (stated or 0.0)
    return stated


def _amount(value: Any) -> float | None:
    """A finite amount of money; text is read, too."""
    if not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value).strip().removeprefix("$"))
    except InvalidOperation:
        return None
    return float(amount) if amount.is_finite() else None
