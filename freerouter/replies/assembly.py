"""Assembly: builds the whole answer from the events of a stream, in the form of an answer that is not streamed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from freerouter.openrouter.json_values import as_objects

# Fields that grow piece by piece; for all others, the last value counts.
_TEXTS = ("content", "reasoning", "refusal", "reasoning_content", "arguments", "input")
_BLOCK_TEXTS = {"text": "text", "thinking": "thinking", "partial_json": "input"}


class Assembly:
    """Assembles an answer; the shape of the events shows its dialect."""

    def __init__(self) -> None:
        self._response: Mapping[str, Any] | None = None
        self._items: list[Any] = []
        self._message: dict[str, Any] = {}
        self._blocks: dict[Any, dict[str, Any]] = {}
        self._choices: dict[Any, dict[str, Any]] = {}
        self._labels: dict[str, Any] = {}

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take the next event."""
        kind = event.get("type")
        if isinstance(kind, str) and kind.startswith("response."):
            self._feed_response(kind, event)
        elif isinstance(kind, str):
            self._feed_message(kind, event)
        else:
            self._labels |= {name: value for name, value in event.items() if value is not None}
            for choice in as_objects(event.get("choices")):
                self._feed_choice(choice)

    def answer(self) -> dict[str, Any]:
        """The answer so far, with the fields that acceptance checks."""
        if self._response is not None:
            return {**self._response, "output": self._response.get("output") or self._items}
        if self._message or self._blocks:
            return {**self._message, "content": list(self._blocks.values())}
        return {**self._labels, "object": "chat.completion", "choices": list(self._choices.values())}

    def _feed_response(self, kind: str, event: Mapping[str, Any]) -> None:
        if kind == "response.output_item.done":
            self._items.append(event.get("item"))
        elif isinstance(event.get("response"), dict):
            self._response = event["response"]

    def _feed_message(self, kind: str, event: Mapping[str, Any]) -> None:
        block = self._blocks.get(event.get("index"))
        if kind == "message_start" and isinstance(event.get("message"), dict):
            self._message = dict(event["message"])
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            started = event["content_block"]
            self._blocks[event.get("index")] = {**started, "input": ""} if "input" in started else dict(started)
        elif kind == "content_block_delta" and block is not None and isinstance(event.get("delta"), dict):
            for name, field in _BLOCK_TEXTS.items():
                if isinstance(event["delta"].get(name), str):
                    block[field] = (block.get(field) or "") + event["delta"][name]
        elif kind == "message_delta" and isinstance(event.get("delta"), dict):
            self._message.update(event["delta"])

    def _feed_choice(self, choice: Mapping[str, Any]) -> None:
        index = choice.get("index") or 0
        whole = self._choices.setdefault(index, {"index": index, "finish_reason": None, "message": {}})
        whole["finish_reason"] = choice.get("finish_reason") or whole["finish_reason"]
        delta = choice.get("delta")
        if isinstance(delta, dict):
            _grow(whole["message"], delta)


def _grow(whole: dict[str, Any], piece: Mapping[str, Any]) -> None:
    for name, value in piece.items():
        if name == "tool_calls":
            _grow_calls(whole.setdefault(name, []), value)
        elif isinstance(value, dict) and isinstance(whole.get(name, {}), dict):
            _grow(whole.setdefault(name, {}), value)
        elif isinstance(value, str) and name in _TEXTS and isinstance(whole.get(name), str):
            whole[name] += value
        elif isinstance(value, list) and isinstance(whole.get(name), list):
            whole[name] = whole[name] + value
        elif value is not None:
            whole[name] = value


def _grow_calls(whole: list[dict[str, Any]], pieces: Any) -> None:
    for piece in as_objects(pieces):
        index = piece.get("index")
        call = next((call for call in whole if index is not None and call.get("index") == index), None)
        if call is None:
            call = {}
            whole.append(call)
        _grow(call, piece)
