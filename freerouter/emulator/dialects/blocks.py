"""Reads a Messages request: its content blocks, tools, thinking and format, in the words of Chat Completions."""

from collections.abc import Iterator, Mapping
from typing import Any

from freerouter.emulator.ask import Body
from freerouter.emulator.dialects import tools
from freerouter.emulator.lenient import items, mapping, objects, text
from freerouter.emulator.refusals import Refusal, invalid_request

Block = Mapping[str, Any]

# Fields that are translated, and those that ask nothing of a model.
_TRANSLATED = frozenset({
    "fallbacks", "messages", "output_config", "service_tier", "stop_sequences", "system", "thinking", "tool_choice",
    "tools",
})  # fmt: skip
_SILENT = frozenset({"betas", "container", "context_management", "inference_geo", "mcp_servers", "speed"})
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def in_chat(given: Body) -> Body | Refusal:
    """Return the request as a chat completion request; one with two lists of fallbacks is refused."""
    if given.get("models") and given.get("fallbacks"):
        return invalid_request("'fallbacks' cannot be combined with 'models'.")
    said = [message for turn in objects(given.get("messages")) for message in _messages(turn)]
    body = {key: value for key, value in given.items() if key not in _TRANSLATED | _SILENT}
    body["messages"] = [*_system(given.get("system")), *said] if said else []
    return body | {key: value for key, value in _fields(given) if value}


def _fields(given: Body) -> Iterator[tuple[str, Any]]:
    output = mapping(given.get("output_config"))
    tier = given.get("service_tier")
    fallbacks = [mapping(entry).get("model") for entry in items(given.get("fallbacks"))]
    yield "models", fallbacks or given.get("models")
    yield "tools", [_tool(tool) for tool in objects(given.get("tools"))]
    yield "tool_choice", _tool_choice(given.get("tool_choice"))
    yield "reasoning", _thinking(mapping(given.get("thinking")), output.get("effort"))
    yield "response_format", _format(mapping(output.get("format")))
    yield "stop", given.get("stop_sequences")
    yield "service_tier", "default" if tier == "standard_only" else tier


def _tool(tool: Block) -> dict[str, Any]:
    kind = text(tool.get("type"))
    return tools.function(tool, "input_schema") if kind in ("", "custom") else tools.hosted(kind)


def _tool_choice(choice: Any) -> Any:
    wish = mapping(choice)
    if wish.get("type") == "tool":
        return {"type": "function", "function": {"name": wish.get("name")}}
    return _CHOICES.get(text(wish.get("type")))


def _thinking(thinking: Block, effort: Any) -> dict[str, Any]:
    if thinking.get("type") == "disabled":
        return {"enabled": False}
    wanted = {"enabled": True, "max_tokens": thinking.get("budget_tokens")} if thinking else {}
    return wanted | ({"effort": effort} if effort else {})


def _format(wish: Block) -> dict[str, Any]:
    if wish.get("type") != "json_schema":
        return {}
    return {"type": "json_schema", "json_schema": {"schema": wish.get("schema"), "strict": True}}


def _system(system: Any) -> list[dict[str, Any]]:
    return [{"role": "system", "content": system}] if system else []


def _messages(turn: Block) -> Iterator[dict[str, Any]]:
    """Yield a turn as messages: its text and media and calls, then each tool result as one of its own."""
    content = turn.get("content")
    if not items(content):
        yield {"role": turn.get("role"), "content": content}
        return
    blocks = objects(content)
    calls = [_call(block) for block in blocks if block.get("type") == "tool_use"]
    results = [block for block in blocks if block.get("type") == "tool_result"]
    parts = _parts([block for block in blocks if block.get("type") not in ("tool_use", "tool_result")])
    if parts or calls:
        yield {"role": turn.get("role"), "content": parts} | ({"tool_calls": calls} if calls else {})
    for result in results:
        yield {"role": "tool", "tool_call_id": result.get("tool_use_id"), "content": _content(result.get("content"))}


def _call(block: Block) -> dict[str, Any]:
    called = {"name": block.get("name"), "arguments": block.get("input")}
    return {"id": block.get("id"), "type": "function", "function": called}


def _content(content: Any) -> Any:
    return _parts(objects(content)) if items(content) else content


def _parts(blocks: list[Block]) -> list[dict[str, Any]]:
    return [part for block in blocks for part in _of_block(block)]


def _of_block(block: Block) -> Iterator[dict[str, Any]]:
    """Yield the parts that a block amounts to; one of an unknown type as it is."""
    kind, source = text(block.get("type")), mapping(block.get("source"))
    if kind == "image":
        yield {"type": "image_url", "image_url": {"url": _address(source)}}
    elif kind == "document" and source.get("type") == "text":
        yield {"type": "text", "text": source.get("data")}
    elif kind == "document" and source.get("type") == "content":
        yield from _parts(objects(source.get("content")))
    elif kind == "document":
        yield {"type": "file", "file": {"filename": block.get("title"), "file_data": _address(source)}}
    elif kind == "thinking":
        yield {"type": "text", "text": block.get("thinking")}
    else:
        yield dict(block)


def _address(source: Block) -> str:
    """Return where the data are: a URL, a data URL, or the id of a file."""
    if source.get("type") == "base64":
        return f"data:{text(source.get('media_type'))};base64,{text(source.get('data'))}"
    return text(source.get("url")) or text(source.get("file_id"))
