"""Content and errors in the parts of a reply, in any dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from freerouter.openrouter.json_values import object_in

# Fields that describe a part, and are not content.
_LABELS = frozenset(
    {"type", "id", "index", "format", "role", "status", "object", "call_id", "item_id", "phase"}
    | {"signature", "annotations", "citations", "logprobs", "cache_control"}
)
# Blanks, and marks without a width.
_INVISIBLE = " \t\r\n\u200b\u200c\u200d\u2060\ufeff"
# Where an error without a wrapper has its text.
_WORDS = ("message", "detail", "msg", "error_description", "issues", "errors")


def says(value: Any) -> bool:
    """Whether a value holds content for the caller: a text that is not blank, outside of label fields."""
    if isinstance(value, str):
        return bool(value) and not value.isspace() and bool(value.strip(_INVISIBLE))
    if isinstance(value, dict):
        return any(says(inner) for name, inner in value.items() if name not in _LABELS)
    return isinstance(value, list) and any(map(says, value))


def error_of(value: Any) -> Mapping[str, Any] | None:
    """The error that a field called ``error`` holds; None for null, and for what is empty or false, inside, too."""
    if not value:
        return None
    if isinstance(value, dict):
        return value if any(value.values()) else None
    return (_written(value) if isinstance(value, str) else None) or {"message": str(value)}


def _written(text: str) -> Mapping[str, Any] | None:
    """An error object that is serialised as text."""
    nested = object_in(text)
    return None if nested is None else error_of(nested.get("error")) or nested


def bare_error(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """An error without its wrapper, if the reply holds nothing else."""
    is_error = data.get("object") == "error" or any(says(data.get(name)) for name in _WORDS)
    return data if is_error else None
