"""Responses: OpenAI's newer dialect, stateless at OpenRouter (API reference, "Create a response")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_json

from freerouter.errors import FreeRouterError
from freerouter.openrouter.dialects.base import (
    HEEDED_BY_OPENROUTER,
    Dialect,
    Piece,
    common_needs,
    format_need,
    opening,
    openrouter_error,
    reasoning_on,
)

_SPOKEN = ("message", "function_call", "custom_tool_call", "image_generation_call")


class ResponsesDialect(Dialect):
    """``POST /responses``."""

    name = "responses"
    path = "responses"
    conversation = "input"
    text_alone = True
    asides = ("instructions",)
    limits = ("max_output_tokens",)
    structural = HEEDED_BY_OPENROUTER | {
        *("input", "instructions", "prompt", "previous_response_id", "conversation", "truncation", "include"),
        *("text", "reasoning", "max_output_tokens", "modalities"),
    }
    demanding = frozenset({"text", "modalities", "reasoning"})
    tool_types = ("function", "custom", "local_shell", "namespace", "computer")
    endings = (b'"response.completed"', b'"response.incomplete"')

    def hard(self, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """An answer's format, its modalities, and reasoning switched off."""
        yield from common_needs(body)
        text = body.get("text")
        yield from format_need(text.get("format") if isinstance(text, dict) else None, "text.format")

    def soft(self, body: Mapping[str, Any]) -> Iterator[str]:
        """Reasoning, where it is asked for."""
        if reasoning_on(body):
            yield "reasoning"

    def anchors(self, body: Mapping[str, Any]) -> tuple[Any, Any, bool]:
        """See the contract."""
        asked = body["input"]
        items = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
        system, other = opening(items)
        return body.get("instructions") or system, other, str(items[-1].get("type", "")).endswith("_output")

    def without_signed_reasoning(self, body: dict[str, Any]) -> dict[str, Any]:
        """Reasoning items carry signatures or encrypted content."""
        items = body["input"]
        if isinstance(items, str) or not any(item.get("type") == "reasoning" for item in items):
            return body
        return body | {"input": [item for item in items if item.get("type") != "reasoning"]}

    def piece(self, data: Mapping[str, Any]) -> Piece:
        """Read a ``response``, or one of its streaming events."""
        kind = data.get("type")
        if not isinstance(kind, str):
            return _whole(data)
        if kind in ("error", "response.error"):
            return Piece(error=data["error"] if isinstance(data.get("error"), dict) else data)
        response = data.get("response")
        if kind in ("response.completed", "response.incomplete", "response.failed"):
            return _whole(response if isinstance(response, dict) else {})._replace(done=True)
        item = data.get("item")
        called = kind == "response.output_item.added" and isinstance(item, dict) and "name" in item
        return Piece(token=called or bool(kind.endswith(".delta") and data.get("delta")))

    def error_body(self, error: FreeRouterError) -> dict[str, Any]:
        """``{"error": {"code", "message", "metadata"}}``."""
        return openrouter_error(error)

    def error_event(self, error: FreeRouterError) -> bytes:
        """A ``response.failed`` event."""
        inner = openrouter_error(error)["error"]
        failure = {"code": "server_error", "message": inner["message"], "metadata": inner["metadata"]}
        response = {"object": "response", "status": "failed", "error": failure, "output": []}
        data = to_json({"type": "response.failed", "response": response})
        return b"event: response.failed\ndata: " + data + b"\n\n"


def _whole(response: Mapping[str, Any]) -> Piece:
    output, usage, error = response.get("output"), response.get("usage"), response.get("error")
    status = response.get("status")
    if status == "failed" and not error:
        error = {"message": "the response failed"}
    if error and not isinstance(error, dict):
        error = {"message": str(error)}
    return Piece(
        token=any(_says(item) for item in output) if isinstance(output, list) else False,
        finish={"completed": "stop", "incomplete": "length"}.get(str(status)),
        error=error or None,
        usage=usage if isinstance(usage, dict) else None,
    )


def _says(item: Any) -> bool:
    """Whether an item of the output holds something for the caller."""
    if not isinstance(item, dict) or item.get("type") not in (*_SPOKEN, "reasoning"):
        return False
    if item["type"] not in ("message", "reasoning"):
        return True
    content = [*(item.get("content") or ()), *(item.get("summary") or ())]
    return any(isinstance(part, dict) and (part.get("text") or part.get("refusal")) for part in content)


RESPONSES = ResponsesDialect()
