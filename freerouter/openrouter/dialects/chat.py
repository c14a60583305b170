"""Chat Completions: OpenRouter's own dialect (API reference, "Create a chat completion")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from freerouter.errors import FreeRouterError
from freerouter.openrouter.dialects.base import (
    HEEDED_BY_OPENROUTER,
    NOT_BEGUN,
    NOTHING,
    TOKEN,
    Begun,
    Dialect,
    Piece,
    by_role,
    common_needs,
    format_need,
    openrouter_error,
    reasoning_on,
)
from freerouter.openrouter.dialects.speech import bare_error, error_of, says

_TOKENS = frozenset(
    {"content", "reasoning", "tool_calls", "refusal", "images", "audio", "reasoning_details", "reasoning_content"}
    | {"function_call"}
)
# The error of a choice that gives no details.
_UNSAID: Mapping[str, Any] = {}


def _served(error: Mapping[str, Any] | None, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """An error with the provider that a chunk names beside it."""
    provider = data.get("provider")
    return {"provider": provider, **error} if error and isinstance(provider, str) and provider else error


class ChatDialect(Dialect):
    """``POST /chat/completions``."""

    name = "chat"
    path = "chat/completions"
    limits = ("max_tokens", "max_completion_tokens")
    structural = HEEDED_BY_OPENROUTER | {
        *("messages", "max_tokens", "max_completion_tokens", "functions", "function_call", "modalities"),
        *("response_format", "structured_outputs", "reasoning", "reasoning_effort", "include_reasoning"),
        # audio is about the output, not about audio input.
        "audio",
    }
    demanding = frozenset({"response_format", "modalities", "reasoning", "reasoning_effort"})
    tool_types = ("function", "custom")

    def hard(self, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """An answer's format, its modalities, and reasoning switched off."""
        yield from common_needs(body)
        yield from format_need(body.get("response_format"), "response_format")

    def soft(self, body: Mapping[str, Any]) -> Iterator[str]:
        """Reasoning, if it is requested."""
        if reasoning_on(body):
            yield "reasoning"

    def speakers(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """By the role."""
        return by_role(messages)

    def without_signed_reasoning(self, body: dict[str, Any]) -> dict[str, Any]:
        """``reasoning_details`` carries signatures and encrypted blocks; the plain ``reasoning`` text stays."""
        messages = body["messages"]
        for message in messages:  # any() over a generator takes twice as long
            if "reasoning_details" in message:
                break
        else:
            return body
        return body | {
            "messages": [{k: v for k, v in message.items() if k != "reasoning_details"} for message in messages]
        }

    def piece(self, data: Mapping[str, Any]) -> Piece:
        """Read a ``chat.completion`` or a ``chat.completion.chunk``."""
        error, usage = data.get("error"), data.get("usage")
        token, finish = False, None
        choices = data.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict):
                continue
            said = choice.get("delta") or choice.get("message")
            if isinstance(said, dict):
                token = token or _says(said)
            finish = choice.get("finish_reason") or finish
            if choice.get("error") or finish == "error":
                error = error or choice.get("error") or _UNSAID
        if choices is None and not error:
            error = bare_error(data)
        if finish is None and not error and usage is None and error is not _UNSAID:
            return TOKEN if token else NOTHING
        error = error if error is _UNSAID else _served(error_of(error), data)
        usage = usage if isinstance(usage, dict) else None
        return Piece(token, finish if isinstance(finish, str) else None, error, usage)

    def choices(self, data: Mapping[str, Any]) -> Iterator[tuple[int, bool]]:
        """See the base class."""
        choices = data.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                index = choice.get("index")
                yield index if isinstance(index, int) else 0, bool(choice.get("finish_reason"))

    def error_body(self, error: FreeRouterError) -> dict[str, Any]:
        """``{"error": {"code", "message", "metadata"}}``."""
        return openrouter_error(error)

    def error_event(self, error: FreeRouterError, begun: Begun = NOT_BEGUN) -> bytes:
        """A chunk with a top-level ``error`` (API reference, "Streaming": errors after the first token).

        OpenRouter's Python SDK refuses a chunk without the labels of the earlier ones.
        """
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
        labels = {"id": begun.id, "object": "chat.completion.chunk", "created": begun.now, "model": begun.model}
        for chunk in (begun.first, begun.last):
            labels |= {name: chunk[name] for name in labels if chunk.get(name) is not None}
        return b"data: " + to_json({**labels, **openrouter_error(error), "choices": [choice]}) + b"\n\n"


def _says(said: Mapping[str, Any]) -> bool:
    """Whether a message, or a piece of one, holds something for the caller."""
    for name, value in said.items():  # noqa: SIM110  # any() over a generator takes twice as long
        if value and name in _TOKENS and says(value):
            return True
    return False


CHAT = ChatDialect()
