"""Whether a listed price is zero for every time of day and every prompt length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

_MUST_BE_PRICED = ("prompt", "completion")
# Keys of a conditional price that state its condition, not a cost (openrouter-facts.md, section 2).
_CONDITIONS = frozenset({"min_prompt_tokens", "utc_start", "utc_end", "utc_days"})
_NO_PRICES = ("discount", "overrides")


def charges(pricing: Mapping[str, Any]) -> Iterator[str]:
    """Every price, as text, that is not zero, or not stated."""
    for key in _MUST_BE_PRICED:
        if pricing.get(key) is None:
            yield f"price of {key} is not stated"
    for key, price in pricing.items():
        if key not in _NO_PRICES and not is_zero(price):
            yield f"price of {key} is {price}"
    for override in pricing.get("overrides") or ():
        for key, price in override.items():
            if key not in _CONDITIONS and not is_zero(price):
                yield f"price of {key} is {price} {_condition(override)}"


def is_zero(price: Any) -> bool:
    """Whether a price is zero; a missing one counts as zero."""
    if price == "0" or price is None:
        return True
    try:
        return Decimal(str(price)) == 0
    except InvalidOperation:
        return False


def _condition(override: Mapping[str, Any]) -> str:
    words = []
    if "min_prompt_tokens" in override:
        words.append(f"from {override['min_prompt_tokens']} prompt tokens")
    if "utc_start" in override or "utc_end" in override:
        words.append(f"from {_time(override.get('utc_start'))} to {_time(override.get('utc_end'))} UTC")
    if "utc_days" in override:
        words.append(f"on days {override['utc_days']}")
    return " ".join(words) or "at times"


def _time(clock: Any) -> str:
    """A time of day from its number in the list: 830 is half past eight."""
    return f"{clock // 100:02}:{clock % 100:02}" if isinstance(clock, int) else str(clock)
