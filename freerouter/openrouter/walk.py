"""One walk over a request: finds images, clips, documents and tools by their type, at any place.

Data is not searched: schemas, the parameters of tools, the inputs and arguments of calls, metadata, and
unknown fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.dialects.base import Dialect, listed
from freerouter.openrouter.documents import Document, form_of, texts_of
from freerouter.openrouter.tokens import LONG

# The types of parts, blocks or items that are media, in any dialect.
MEDIA = {
    "image_url": "image",
    "input_image": "image",
    "image": "image",
    "computer_screenshot": "image",
    "computer_call_output": "image",
    "image_generation_call": "image",
    "input_audio": "audio",
    "audio": "audio",
    "audio_url": "audio",
    "video_url": "video",
    "input_video": "video",
    "video": "video",
    "file": "file",
    "input_file": "file",
    "document": "file",
}
# The fields that hold more parts; the images and audio of an answer are beside its text.
_INSIDE = frozenset({"content", "output", "images", "audio", "tools", "tool"})
_BESIDE_TEXT = _INSIDE - {"content"} | {"type"}
_TEXTS = {str, type(None)}
_content_of = itemgetter("content")
# Types with known content: each part in it must be valid.
_MESSAGES = frozenset({None, "message"})
_KNOWN = _MESSAGES | {"tool_result", "function_call_output"}
# Lists of tools that were shown earlier, and offer none.
_REPORTS = frozenset({"mcp_list_tools", "tool_removal"})
_DEEPEST = 60


class Offer(NamedTuple):
    """Tools and their place in the request: a list of them, or a single one."""

    where: str
    tools: Sequence[Any]
    single: bool = False

    def place(self, index: int) -> str:
        """The place of one of them."""
        return self.where if self.single else f"{self.where}[{index}]"


_OFFERS = ("tools", "functions")


@dataclass(slots=True)
class Contents:
    """The findings of a walk over a request.

    Attributes:
        needs: each input modality, with the place where it was found first.
        offers: the tools, those in namespaces and in the conversation included.
        pdf: the place of the first PDF; it works on any model, through a free parser.
        media: number of images, clips and documents.
        payload: their long strings, which are hardly ever text.
    """

    needs: dict[str, str] = field(default_factory=dict)
    offers: list[Offer] = field(default_factory=list)
    pdf: str | None = None
    media: int = 0
    payload: list[str] = field(default_factory=list)


def walk(body: Mapping[str, Any], dialect: Dialect) -> Contents:
    """Walk over a request, the whole history with its tool results and earlier answers included.

    Raises:
        InvalidRequestError: the conversation is missing, empty or of the wrong type; names the field.
    """
    name = dialect.conversation
    conversation = body.get(name)
    has_more = dialect.asides or "tools" in body or "functions" in body
    if not has_more and conversation and isinstance(conversation, list) and _are_plain(conversation):
        return _plain(name)
    found = Contents({"text": name})
    for offer in _OFFERS:
        if offer in body:
            _tools(listed(body, offer), offer, found, 0)
    for aside in dialect.asides:
        if isinstance(body.get(aside), (list, tuple)):
            _parts(body[aside], aside, found, 0)
    if not (isinstance(conversation, str) and dialect.text_alone):
        _messages(_not_empty(conversation, name), name, found)
    return found


@cache
def _plain(name: str) -> Contents:
    """The findings for most requests, with text only. One shared value: it is never changed."""
    return Contents({"text": name})


def _not_empty(messages: Any, where: str) -> Sequence[Any]:
    if not isinstance(messages, (list, tuple)) or not messages:
        complaint = "is missing" if messages is None else "must be a list with at least one message"
        raise InvalidRequestError(f"{where} {complaint}", field=where)
    return messages


def _messages(messages: Sequence[Any], where: str, found: Contents) -> None:
    if _are_plain(messages):
        return
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            raise InvalidRequestError(f"{where}[{index}] must be an object", field=f"{where}[{index}]")
        _thing(message, f"{where}[{index}]", found, 0)


def _are_plain(messages: Sequence[Any]) -> bool:
    """Whether all messages hold only text, as in most conversations; one check for all is faster than one for each."""
    try:
        texts_alone = {*map(type, map(_content_of, messages))} <= _TEXTS
        return texts_alone and _BESIDE_TEXT.isdisjoint(set().union(*messages))
    except (KeyError, TypeError):  # a message without content, or not a message
        return False


def _thing(thing: Mapping[str, Any], where: str, found: Contents, depth: int) -> None:
    """Record a message, an item, a part or a block, and its content."""
    if depth > _DEEPEST:
        raise InvalidRequestError("the request is nested too deeply")
    kind = thing.get("type")
    if not isinstance(kind, str):
        kind = None
    elif kind in MEDIA:
        _medium(MEDIA[kind], thing, where, found, depth)
        return
    for name, value in thing.items():
        if name in _INSIDE and value is not None:
            _LOOKS[name](value, kind, f"{where}.{name}", found, depth + 1)


def _content(value: Any, kind: str | None, where: str, found: Contents, depth: int) -> None:
    """The parts of a message or of a tool's result; an unknown type may hold anything."""
    if isinstance(value, (list, tuple)):
        _parts(value, where, found, depth, known=kind in _KNOWN)
    elif isinstance(value, dict) and kind is not None:
        _thing(value, where, found, depth)
    elif kind in _MESSAGES and not isinstance(value, str):
        raise InvalidRequestError(f"{where} must be text or a list of parts", field=where)


def _parts(parts: Sequence[Any], where: str, found: Contents, depth: int, *, known: bool = False) -> None:
    for index, part in enumerate(parts):
        if isinstance(part, dict) and isinstance(part.get("type"), str):
            _thing(part, f"{where}[{index}]", found, depth)
        elif known:
            place = f"{where}[{index}]"
            raise InvalidRequestError(f"{place} must be an object with a type", field=place)


def _output(value: Any, kind: str | None, where: str, found: Contents, depth: int) -> None:
    """The result of a tool."""
    if isinstance(value, (list, tuple, dict)):
        _content(value, kind or "", where, found, depth)


def _images(value: Any, kind: str | None, where: str, found: Contents, depth: int) -> None:
    """The images of an earlier answer."""
    if kind in _MESSAGES:
        for image in listed({where: value}, where):
            _medium("image", image, where, found, depth)


def _audio(value: Any, kind: str | None, where: str, found: Contents, depth: int) -> None:
    """The audio of an earlier answer."""
    if kind in _MESSAGES:
        _medium("audio", value, where, found, depth)


def _more_tools(value: Any, kind: str | None, where: str, found: Contents, depth: int) -> None:
    """Tools defined within the conversation."""
    if kind not in _REPORTS and isinstance(value, (list, tuple)):
        _tools([tool for tool in value if isinstance(tool, dict)], where, found, depth)


def _addition(value: Any, kind: str | None, where: str, found: Contents, depth: int) -> None:
    """A tool added within a conversation; a reference points to a tool defined elsewhere."""
    if kind != "tool_addition" or not isinstance(value, dict):
        return
    if value.get("type") == "tool_definition":
        value, where = value.get("definition"), f"{where}.definition"
    found.offers.append(Offer(where, (value,), single=True))
    _namespaces((value,), where, found, depth)


def _tools(tools: Sequence[Any], where: str, found: Contents, depth: int) -> None:
    if tools:
        found.offers.append(Offer(where, tools))
        _namespaces(tools, where, found, depth)


def _namespaces(tools: Sequence[Any], where: str, found: Contents, depth: int) -> None:
    """Tools may hold tools."""
    if depth > _DEEPEST:
        raise InvalidRequestError("the request is nested too deeply")
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise InvalidRequestError(f"{where}[{index}] must be an object", field=f"{where}[{index}]")
        if "tools" in tool:
            place = f"{where}[{index}].tools"
            _tools(listed(tool, "tools", place), place, found, depth + 1)


def _medium(modality: str, thing: Any, where: str, found: Contents, depth: int) -> None:
    """Count a medium and its payload, and record its need; a text is not a medium, and a PDF needs no file input."""
    form = form_of(thing) if modality == "file" else None
    if form is Document.TEXT:
        source = thing.get("source")
        if isinstance(source, dict) and "content" in source:
            _content(source["content"], "", f"{where}.source.content", found, depth + 1)
        return
    found.media += 1
    found.payload += [text for text in texts_of(thing) if len(text) >= LONG]
    if form is Document.PDF:
        found.pdf = found.pdf or where
    else:
        found.needs.setdefault(modality, where)


_LOOKS = {
    "content": _content,
    "output": _output,
    "images": _images,
    "audio": _audio,
    "tools": _more_tools,
    "tool": _addition,
}
