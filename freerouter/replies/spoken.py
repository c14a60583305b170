"""Text and tool calls of a whole answer, and the format and tools of its request, found by shape in any dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from freerouter.openrouter.json_values import as_object, as_objects

_FIELDS = ("parameters", "input_schema")


class Call(NamedTuple):
    """A tool that an answer calls.

    Attributes:
        name: of the tool.
        arguments: JSON as text, or an object already.
    """

    name: Any
    arguments: Any


class Spoken(NamedTuple):
    """One answer: its text, and its tool calls."""

    text: str
    calls: tuple[Call, ...]


def spoken(answer: Mapping[str, Any]) -> Iterator[Spoken]:
    """The answers in a reply; there is one unless more were requested."""
    choices = answer.get("choices")
    if isinstance(choices, list) and choices:
        for choice in as_objects(choices):
            yield _of_message(choice.get("message"))
    elif "output" in answer:
        yield _of_items(as_objects(answer.get("output")))
    else:
        yield _of_blocks(answer.get("content"))


def _of_message(message: Any) -> Spoken:
    message = message if isinstance(message, dict) else {}
    named = [as_object(call.get("function")) for call in as_objects(message.get("tool_calls")) if "function" in call]
    if isinstance(message.get("function_call"), dict):
        named.append(message["function_call"])
    return Spoken(_text(message.get("content")), tuple(_call(one, "arguments") for one in named))


def _of_items(items: list[dict[str, Any]]) -> Spoken:
    said = "".join(_text(item.get("content")) for item in items if item.get("type") == "message")
    return Spoken(said, tuple(_call(item, "arguments") for item in items if item.get("type") == "function_call"))


def _of_blocks(content: Any) -> Spoken:
    called = [block for block in as_objects(content) if block.get("type") == "tool_use"]
    return Spoken(_text(content), tuple(_call(block, "input") for block in called))


def _call(holder: Mapping[str, Any], field: str) -> Call:
    return Call(holder.get("name"), holder.get(field))


def _text(content: Any) -> str:
    """A text, or the texts among parts."""
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in as_objects(content) if part.get("type") in ("text", "output_text"))
    return "".join(text for text in texts if isinstance(text, str))


def tools_of(body: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """The named tools of a request, each with the place of its parameters and their schema, if it has one."""
    found: dict[str, tuple[str, Any]] = {}
    for where, tool in _given(body):
        found |= _tool(tool, where)
    return found


def _given(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Tools at the top level, and those added within the conversation (Codex's items, Anthropic's blocks)."""
    for field in ("tools", "functions", "deferred_tools"):
        yield from _numbered(body.get(field), field)
    for at, item in _numbered(body.get("input"), "input"):
        if as_object(item).get("type") == "additional_tools":
            yield from _numbered(item.get("tools"), f"{at}.tools")
    for at, message in [*_numbered(body.get("messages"), "messages"), ("", {"content": body.get("system")})]:
        for place, block in _numbered(as_object(message).get("content"), f"{at}.content"):
            if as_object(block).get("type") == "tool_addition":
                yield f"{place}.tool", block.get("tool")


def _numbered(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    return ((f"{where}[{index}]", item) for index, item in enumerate(_listed(value)))


def _tool(tool: Any, where: str) -> dict[str, tuple[str, Any]]:
    tool = as_object(tool)
    if isinstance(tool.get("function"), dict):
        tool, where = tool["function"], f"{where}.function"
    name = tool.get("name")
    if not isinstance(name, str):
        return {}
    if tool.get("type") == "namespace":
        return _in_namespace(name, tool, where)
    field = next((field for field in _FIELDS if tool.get(field) is not None), None)
    return {name: (f"{where}.{field}", None if field is None else tool[field])}


def _in_namespace(name: str, tool: Mapping[str, Any], where: str) -> dict[str, tuple[str, Any]]:
    """The tools of a namespace; clients and models join the names in different ways."""
    found: dict[str, tuple[str, Any]] = {}
    for at, inner in _numbered(tool.get("tools"), f"{where}.tools"):
        for inner_name, place in _tool(inner, at).items():
            found |= dict.fromkeys((inner_name, f"{name}.{inner_name}", f"{name}__{inner_name}"), place)
    return found


def form_of(body: Mapping[str, Any]) -> tuple[str, str, Any]:
    """The form of answer that a request asks for: its type, the place of its schema, and the schema."""
    for path in (("response_format",), ("text", "format"), ("output_config", "format"), ("output_format",)):
        form: Any = body
        for step in path:
            form = as_object(form).get(step)
        if isinstance(form, dict) and isinstance(form.get("type"), str):
            inner, where = form.get("json_schema"), ".".join(path)
            if isinstance(inner, dict):
                return form["type"], f"{where}.json_schema.schema", inner.get("schema")
            return form["type"], f"{where}.schema", form.get("schema")
    return "text", "", None


def _listed(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()
