"""The beginning of a request's last message, for ``--show-content``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from freerouter.errors import FreeRouterError
from freerouter.openrouter.json_bodies import parse
from freerouter.pipeline.aside import LARGE

_SHOWN = 400


def last_message(body: bytes) -> str:
    """The text that is shown; empty for a large body, and where there is none."""
    if len(body) > LARGE:
        return ""
    try:
        given = parse(body)
    except FreeRouterError:
        return ""
    said = given.get("messages") or given.get("input")
    last = said[-1] if isinstance(said, list) and said else said
    return " ".join(_texts(last.get("content") if isinstance(last, dict) else last))[:_SHOWN]


def _texts(content: Any) -> Iterator[str]:
    parts = content if isinstance(content, list) else [content]
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            yield text
