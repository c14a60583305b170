"""Reads a Responses request: its input items, tools and format, in the words of Chat Completions."""

from collections.abc import Iterator, Mapping
from typing import Any

from freerouter.emulator.ask import Body
from freerouter.emulator.dialects import tools
from freerouter.emulator.lenient import items, mapping, objects, text
from freerouter.emulator.refusals import Refusal, invalid_request

Item = Mapping[str, Any]

# Fields that are translated, and those that ask nothing of a model.
_TRANSLATED = frozenset({"input", "instructions", "tools", "tool_choice", "text", "max_output_tokens"})
_SILENT = frozenset({
    "background", "include", "max_tool_calls", "previous_response_id", "prompt", "prompt_cache_options",
    "safety_identifier", "store", "truncation",
})  # fmt: skip


def in_chat(given: Body) -> Body | Refusal:
    """Return the request as a chat completion request; one that relies on stored state is refused."""
    if given.get("store") is True or given.get("previous_response_id") is not None:
        return invalid_request("This API is stateless: store and previous_response_id are not supported")
    said = list(_messages(given.get("input")))
    body = {key: value for key, value in given.items() if key not in _TRANSLATED | _SILENT}
    body["messages"] = [*_instructions(given), *said] if said else []
    return body | {key: value for key, value in _fields(given) if value}


def _fields(given: Body) -> Iterator[tuple[str, Any]]:
    formatting = mapping(given.get("text"))
    yield "max_tokens", given.get("max_output_tokens")
    yield "tools", [_tool(tool) for tool in objects(given.get("tools"))]
    yield "tool_choice", _tool_choice(given.get("tool_choice"))
    yield "response_format", _format(mapping(formatting.get("format")))
    yield "verbosity", formatting.get("verbosity")


def _tool(tool: Item) -> dict[str, Any]:
    kind = text(tool.get("type"))
    return tools.function(tool, "parameters") if kind == "function" else tools.hosted(kind)


def _tool_choice(choice: Any) -> Any:
    wish = mapping(choice)
    if wish.get("type") == "allowed_tools":
        return wish.get("mode")
    return {"type": "function", "function": {"name": wish.get("name")}} if wish else choice


def _format(wish: Item) -> Any:
    if wish.get("type") == "json_schema":
        return {"type": "json_schema", "json_schema": {key: wish.get(key) for key in ("name", "schema", "strict")}}
    return None if wish.get("type") == "text" else wish


def _instructions(given: Body) -> list[dict[str, Any]]:
    words = text(given.get("instructions"))
    return [{"role": "system", "content": words}] if words else []


def _messages(said: Any) -> Iterator[dict[str, Any]]:
    """Yield a message for each item; what is no part of the conversation is passed over."""
    if text(said):
        yield {"role": "user", "content": said}
    for item in objects(said):
        kind = text(item.get("type")) or "message"
        if kind == "message":
            yield {"role": item.get("role"), "content": _content(item.get("content"))}
        elif kind.endswith("_output"):
            yield {"role": "tool", "tool_call_id": item.get("call_id"), "content": _content(item.get("output"))}
        elif kind == "reasoning":
            yield {"role": "assistant", "content": _content(item.get("content"))}
        elif kind.endswith("_call"):
            yield {"role": "assistant", "content": None, "tool_calls": [_call(item)]}


def _call(item: Item) -> dict[str, Any]:
    called = {"name": item.get("name"), "arguments": item.get("arguments") or item.get("input")}
    return {"id": item.get("call_id"), "type": "function", "function": called}


def _content(content: Any) -> Any:
    return [_part(part) for part in objects(content)] if items(content) else content


def _part(part: Item) -> dict[str, Any]:
    """Return a part as a chat part; one of an unknown type as it is."""
    kind = text(part.get("type"))
    if kind in ("input_text", "output_text", "reasoning_text"):
        return {"type": "text", "text": part.get("text")}
    if kind == "input_image":
        url = part.get("image_url") or part.get("file_id")
        return {"type": "image_url", "image_url": {"url": url, "detail": part.get("detail")}}
    if kind == "input_file":
        data = part.get("file_data") or part.get("file_url")
        return {"type": "file", "file": {"filename": part.get("filename"), "file_data": data}}
    return dict(part)
