"""Messages: Anthropic's dialect (API reference, "Create a message")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from operator import is_
from typing import Any

from pydantic_core import from_json, to_json

from freerouter.errors import FreeRouterError
from freerouter.openrouter.dialects.base import (
    HEEDED_BY_OPENROUTER,
    NOT_BEGUN,
    NOTHING,
    TOOL,
    Begun,
    Dialect,
    Piece,
    format_need,
    openrouter_error,
    speaker_of,
    type_of,
)
from freerouter.openrouter.dialects.speech import bare_error, error_of, says

_SIGNED = ("thinking", "redacted_thinking")
# Claude Code's older format of a user id.
_SESSION = re.compile(r"user_.*_account_.*_session_([\w-]+)")
_DELTAS = ("text", "thinking", "partial_json")
_CALLS = ("tool_use",)
_SAID = ("text", "thinking", "redacted_thinking")

# Anthropic's error types for statuses (their documentation, "Errors").
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
}


class MessagesDialect(Dialect):
    """``POST /messages``."""

    name = "messages"
    path = "messages"
    asides = ("system",)
    limits = ("max_tokens",)
    structural = HEEDED_BY_OPENROUTER | {
        *("messages", "system", "max_tokens", "thinking", "output_config", "output_format", "stop_sequences"),
        *("safeguards", "speed", "container", "mcp_servers"),
    }
    demanding = frozenset({"thinking", "output_config", "output_format", "stop_sequences"})
    tool_types = (None, "custom", "function", "tool_reference")
    tool_families = ("bash_", "text_editor_", "memory_", "computer_")

    def hard(self, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """An answer's format, and thinking switched off."""
        config = body.get("output_config")
        yield from format_need(config.get("format") if isinstance(config, dict) else None, "output_config.format")
        yield from format_need(body.get("output_format"), "output_format")
        if type_of(body.get("thinking")) == "disabled":
            yield "reasoning:off", "thinking"

    def soft(self, body: Mapping[str, Any]) -> Iterator[str]:
        """Thinking, and stop sequences, which the catalog calls reasoning and stop."""
        if type_of(body.get("thinking")) not in (None, "disabled"):
            yield "reasoning"
        if body.get("stop_sequences"):
            yield "stop"

    def system(self, body: Mapping[str, Any]) -> Any:
        """See the base class."""
        return body.get("system")

    def speakers(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """By the role, except for tool results, which are sent in user messages."""
        return "".join([TOOL if _holds_result(message) else speaker_of(message.get("role")) for message in messages])

    def session(self, body: Mapping[str, Any]) -> Any:
        """Claude Code writes it into ``metadata.user_id``, as JSON, or after its user and account."""
        metadata = body.get("metadata")
        user = metadata.get("user_id") if isinstance(metadata, dict) else None
        if not isinstance(user, str):
            return None
        if user.startswith("{"):
            return _in_json(user)
        found = _SESSION.fullmatch(user)
        return found[1] if found else None

    def without_signed_reasoning(self, body: dict[str, Any]) -> dict[str, Any]:
        """Thinking blocks carry signatures, redacted ones are encrypted."""
        messages = body["messages"]
        cleaned = [_without_thinking(message) for message in messages]
        if all(map(is_, cleaned, messages)):
            return body
        return body | {"messages": cleaned}

    def piece(self, data: Mapping[str, Any]) -> Piece:
        """Read a ``message``, or one of its streaming events."""
        error = error_of(data.get("error"))
        if error is not None or data.get("type") == "error":
            return Piece(error=error or data)
        kind = data.get("type")
        if kind is None:
            return Piece(error=bare_error(data))
        if kind == "message":
            return _whole(data)
        return _event(kind, data)

    def error_body(self, error: FreeRouterError) -> dict[str, Any]:
        """``{"type": "error", "error": {"type", "message", "metadata"}}``."""
        body = openrouter_error(error)
        kind = _ERROR_TYPES.get(error.status, "api_error")
        return {**body, "type": "error", "error": {"type": kind, **body["error"]}}

    def error_event(self, error: FreeRouterError, begun: Begun = NOT_BEGUN) -> bytes:  # noqa: ARG002
        """An ``error`` event."""
        return b"event: error\ndata: " + to_json(self.error_body(error)) + b"\n\n"


def _without_thinking(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if not isinstance(content, list) or not any(type_of(part) in _SIGNED for part in content):
        return message
    return {**message, "content": [part for part in content if type_of(part) not in _SIGNED]}


def _event(kind: Any, data: Mapping[str, Any]) -> Piece:
    match kind:
        case "content_block_start":
            return Piece(token=_speaks(data.get("content_block")))
        case "content_block_delta":
            delta = data.get("delta")
            return Piece(token=isinstance(delta, dict) and any(says(delta.get(name)) for name in _DELTAS))
        case "message_delta":
            return _end(data.get("delta"), data.get("usage"))
    return Piece(done=True) if kind == "message_stop" else NOTHING


def _whole(message: Mapping[str, Any]) -> Piece:
    content = message.get("content")
    spoken = any(_speaks(part) for part in content) if isinstance(content, list) else False
    return _end(message, message.get("usage"))._replace(token=spoken)


def _end(delta: Any, usage: Any) -> Piece:
    reason = delta.get("stop_reason") if isinstance(delta, dict) else None
    return Piece(
        finish="length" if reason == "max_tokens" else reason if isinstance(reason, str) else None,
        usage=usage if isinstance(usage, dict) else None,
    )


def _speaks(block: Any) -> bool:
    """Whether a block holds something for the caller."""
    return type_of(block) in _CALLS or (type_of(block) in _SAID and says(block))


def _holds_result(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, (list, tuple)) and any(type_of(part) == "tool_result" for part in content)


def _in_json(user: str) -> Any:
    try:
        found = from_json(user)
    except ValueError:
        return None
    return found.get("session_id") if isinstance(found, dict) else None


MESSAGES = MessagesDialect()
