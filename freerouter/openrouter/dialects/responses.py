"""Responses: OpenAI's newer dialect, stateless at OpenRouter (API reference, "Create a response")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from freerouter.errors import FreeRouterError
from freerouter.openrouter.dialects.base import (
    HEEDED_BY_OPENROUTER,
    MODEL,
    NOT_BEGUN,
    SYSTEM,
    TOOL,
    Begun,
    Dialect,
    Piece,
    common_needs,
    format_need,
    openrouter_error,
    reasoning_on,
    speaker_of,
    type_of,
)
from freerouter.openrouter.dialects.speech import bare_error, error_of, says

# Items that the caller reads or executes; other items report what OpenRouter did itself.
_SPOKEN = frozenset(
    {"message", "reasoning", "function_call", "custom_tool_call", "image_generation_call", "computer_call"}
    | {"local_shell_call", "shell_call", "apply_patch_call", "tool_search_call"}
)
_ENDS = {"response.completed": "completed", "response.incomplete": "incomplete", "response.failed": "failed"}
# Errors that are sent as a success without output (API reference, "Errors").
_OVERFLOWS = ("context_length_exceeded", "max_tokens_exceeded", "token_limit_exceeded", "string_too_long")
# What a response has at least, where no event has said it.
_RESPONSE: Mapping[str, Any] = {
    "object": "response",
    "output": [],
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    **dict.fromkeys(("completed_at", "incomplete_details", "instructions", "metadata")),
    **dict.fromkeys(("temperature", "top_p", "frequency_penalty", "presence_penalty")),
}


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
        """Reasoning, if it is requested."""
        if reasoning_on(body):
            yield "reasoning"

    def messages(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The items; a text is the user's."""
        items: str | Sequence[Mapping[str, Any]] = body["input"]
        return [{"role": "user", "content": items}] if isinstance(items, str) else items

    def system(self, body: Mapping[str, Any]) -> Any:
        """See the base class."""
        return body.get("instructions")

    def speakers(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """By the role; an item without one is a tool's result, or the model's, or outside of the conversation."""
        return "".join(map(_speaker, messages))

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
            return Piece(error=error_of(data.get("error")) or data)
        if kind in _ENDS:
            response = data.get("response")
            response = response if isinstance(response, dict) else {}
            if "error_type" in data:
                response = {"error_type": data["error_type"], **response}
            ended = _whole(response, _ENDS[kind])
            return ended._replace(done=True)
        if kind == "response.output_item.added":
            item = data.get("item")
            return Piece(token=isinstance(item, dict) and "name" in item)
        if kind == "response.output_item.done":
            return Piece(token=_says(data.get("item")))
        return Piece(token=kind.endswith(".delta") and says(data.get("delta")))

    def error_body(self, error: FreeRouterError) -> dict[str, Any]:
        """``{"error": {"code", "message", "metadata"}}``."""
        return openrouter_error(error)

    def error_event(self, error: FreeRouterError, begun: Begun = NOT_BEGUN) -> bytes:
        """A ``response.failed`` event, with all fields that OpenRouter's Python SDK asks of one."""
        inner = openrouter_error(error)["error"]
        failure = {"code": "server_error", "message": inner["message"], "metadata": inner["metadata"]}
        number = begun.last.get("sequence_number")
        following = number + 1 if isinstance(number, int) else 0
        response = {**_response(begun), "status": "failed", "error": failure}
        data = to_json({"type": "response.failed", "sequence_number": following, "response": response})
        return b"event: response.failed\ndata: " + data + b"\n\n"


def _response(begun: Begun) -> dict[str, Any]:
    """The response as its events have shown it; the first one does, and the last one may."""
    shown = {**_RESPONSE, "id": begun.id, "created_at": begun.now, "model": begun.model}
    for event in (begun.first, begun.last):
        told = event.get("response")
        if isinstance(told, dict):
            shown |= {name: value for name, value in told.items() if value is not None}
    return shown


def _whole(response: Mapping[str, Any], ending: str | None = None) -> Piece:
    """Read a response; ``ending`` is its status if it does not state one."""
    output, usage = response.get("output"), response.get("usage")
    token = any(_says(item) for item in output) if isinstance(output, list) else False
    return Piece(
        token=token,
        finish=_finish(response, ending),
        error=_error(response, ending, token=token),
        usage=usage if isinstance(usage, dict) else None,
    )


def _finish(response: Mapping[str, Any], ending: str | None) -> str | None:
    details = response.get("incomplete_details")
    if isinstance(details, dict) and details.get("reason") == "content_filter":
        return "content_filter"
    return {"completed": "stop", "incomplete": "length"}.get(str(response.get("status") or ending))


def _reason(response: Mapping[str, Any]) -> Any:
    """Why a response is incomplete."""
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return reason if reason in _OVERFLOWS else None


def _error(response: Mapping[str, Any], ending: str | None, *, token: bool) -> Mapping[str, Any] | None:
    """The error of a response, with its type, which is at the top level (API reference, "Errors": codes are masked)."""
    error, kind = error_of(response.get("error")), response.get("error_type") or _reason(response)
    if error is None and kind in _OVERFLOWS and not token:
        error = {"message": "the request is too long for this model"}
    if error is None and (response.get("status") or ending) == "failed":
        error = {"message": "the response failed"}
    if error is None:
        return bare_error(response) if "output" not in response and "status" not in response else None
    return {**error, "error_type": kind} if isinstance(kind, str) and "error_type" not in error else error


def _says(item: Any) -> bool:
    """Whether an item of the output holds something for the caller."""
    return type_of(item) in _SPOKEN and says(item)


def _speaker(item: Mapping[str, Any]) -> str:
    kind = type_of(item)
    if kind is None or kind == "message" or "role" in item:
        return speaker_of(item.get("role"))
    if kind.endswith("_output"):
        return TOOL
    return MODEL if kind.endswith("_call") or kind == "reasoning" else SYSTEM


RESPONSES = ResponsesDialect()
