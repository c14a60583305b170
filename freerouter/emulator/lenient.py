"""Reads JSON of unknown shape: what is not of the shape that is asked for counts as absent."""

from collections.abc import Mapping
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the object, an empty one when it is none."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """Return the items of an array, none when it is none."""
    return value if isinstance(value, list) else []


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects in an array."""
    return [item for item in items(value) if isinstance(item, Mapping)]


def text(value: Any) -> str:
    """Return the string, an empty one when it is none."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """Return the finite number, None when it is none; a boolean is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < float("inf") else None


def whole(value: Any, default: int) -> int:
    """Return the whole number that is not negative, the default when it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default
