"""Which conversation is on which model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from cachetools import TTLCache

from freerouter.openrouter.dialects import Dialect
from freerouter.openrouter.json_bodies import encode

# OpenRouter forgets a conversation after ten idle minutes (docs: "Auto Router", session stickiness).
_IDLE = 600.0
_CONVERSATIONS = 100_000

# What a body without a session is known by.
_MARKS = frozenset({"session_id", "prompt_cache_key", "tools"})

Stickiness = Literal["auto", "session", "off"]


class Conversations:
    """Remembers the model of each conversation of each account. Not thread-safe: its owner holds a lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._models: TTLCache[tuple[str, str], str] = TTLCache(_CONVERSATIONS, _IDLE, clock)

    def model(self, account: str, conversation: str) -> str | None:
        """The id of the model that a conversation is on."""
        model: str | None = self._models.get((account, conversation))
        return model

    def renew(self, account: str, conversation: str, model: str) -> None:
        """The model has answered: the conversation is on it for ten more minutes."""
        self._models[account, conversation] = model


class Conversation(NamedTuple):
    """What a conversation is known by, and whether this request of it has to stay on its model."""

    key: str
    stays: bool


def conversation(body: dict[str, Any], dialect: Dialect, header: str | None, sticky: Stickiness) -> Conversation | None:
    """Which conversation a request belongs to; None when that does not matter.

    The order is the documented one of the Auto Router: ``session_id``, the ``x-session-id`` header,
    ``prompt_cache_key``; then, for a request that offers tools, a hash of how the conversation began, so that a tool
    loop stays on the model that asked for the tool.

    Args:
        body: the request.
        dialect: how it is written.
        header: the value of ``x-session-id``.
        sticky: ``auto`` all of these, ``session`` only those with an id, ``off`` none.
    """
    if sticky == "off" or (header is None and _MARKS.isdisjoint(body)):
        return None
    name = _named(body.get("session_id")) or header or _named(body.get("prompt_cache_key"))
    if name:
        return Conversation(f"id:{name}", stays=True)
    if sticky == "session" or not body.get("tools"):
        return None
    system, first, in_tool_loop = dialect.anchors(body)
    beginning = encode({"system": system, "first": first})
    return Conversation(f"hash:{hashlib.blake2b(beginning, digest_size=16).hexdigest()}", in_tool_loop)


def _named(value: Any) -> str | None:
    return value if isinstance(value, str) else None
