"""Reads JSON of unknown shape: a value of another type counts as absent."""

from collections.abc import Mapping
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the object, or an empty one for any other value."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """Return the items of an array; no items for any other value."""
    return value if isinstance(value, list) else []


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects in an array."""
    return [item for item in items(value) if isinstance(item, Mapping)]


def text(value: Any) -> str:
    """Return the string, or an empty one for any other value."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """Return the finite number; None for any other value, also for a boolean."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < float("inf") else None


def whole(value: Any, default: int) -> int:
    """Return the whole number that is not negative, or the default for any other value."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default
