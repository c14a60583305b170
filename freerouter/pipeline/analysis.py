"""Step 1, Request Analysis: from a request's body to what it requires of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.dialects import CHAT, Dialect
from freerouter.openrouter.dialects.base import tool_choice
from freerouter.openrouter.json_bodies import encode, parse
from freerouter.openrouter.requirements import Need, Requirements, canonical
from freerouter.openrouter.tokens import measure
from freerouter.openrouter.walk import Contents, walk

_WORD = re.compile(r"\w[\w.:-]{0,59}", re.ASCII)
# What most requests need: one shared value, because its hash is computed only once.
_PLAIN = Need(frozenset({"text"}), frozenset(), strict=False, output=0)


def analyze(
    body: bytes | str | dict[str, Any],
    dialect: Dialect = CHAT,
    *,
    extra: Iterable[str] = (),
    written: bytes | bytearray | None = None,
    contents: Contents | None = None,
) -> Requirements:
    """Find what a request requires.

    Args:
        body: the request, as JSON or already parsed.
        dialect: its API format.
        extra: more capabilities to require, such as ``tools`` or ``image``.
        written: the JSON that a parsed body came from; serialised again when not given.
        contents: the findings of a walk over the request; the walk is done here when not given.

    Raises:
        InvalidRequestError: the request is not valid; names the field.
    """
    if written is None:
        written = _written(body)
    if not isinstance(body, dict):
        body = parse(body)
    if contents is None:
        contents = walk(body, dialect)
    if not (extra or contents.offers or contents.media) and body.keys() <= dialect.silent:
        # Nearly every request: a conversation in text, and nothing that a model could lack.
        return Requirements(_PLAIN, contents.needs, measure(written), body.get("stream") is True)
    found = _needed(body, dialect, contents, extra)
    soft, strict = _preferred(body, dialect), _strict(body)
    if contents.pdf is not None and not strict:  # the parser compensates for it
        soft = soft.union(("file",))
    output = _output(body, dialect)
    is_plain = len(found) == 1 and not (soft or strict or output) and "text" in found
    need = _PLAIN if is_plain else Need(frozenset(found), soft, strict, output)
    tokens = measure(written, contents.media, contents.payload)
    return Requirements(need, found, tokens, body.get("stream") is True, contents.pdf, contents.media)


def _needed(body: dict[str, Any], dialect: Dialect, contents: Contents, extra: Iterable[str]) -> dict[str, str]:
    """What no model without it will do, and where each need was found."""
    found = dict(contents.needs)
    if contents.offers:
        found.update(_tools(body, contents))
    if not dialect.demanding.isdisjoint(body):
        for capability, where in dialect.hard(body):
            _check_form(capability, where)
            found.setdefault(capability, where)
    if extra:
        for capability in canonical(extra):
            _check_form(capability, "needs")
            found.setdefault(capability, "asked for besides")
    return found


def _check_form(capability: str, field: str) -> None:
    """A capability may be unknown, but it stands in logs, in tables and on the page, so it must be a word."""
    if _WORD.fullmatch(capability) is None:
        detail = "must name capabilities, each at most 60 letters, digits, and . _ : -"
        raise InvalidRequestError(f"{field} {detail}, not {capability[:100]!r}", field=field)


def _preferred(body: dict[str, Any], dialect: Dialect) -> frozenset[str]:
    """The parameters that a model had better know."""
    soft = frozenset(body) - dialect.structural
    if nulls := [name for name in soft if body[name] is None]:
        soft = soft.difference(nulls)
    return soft if dialect.demanding.isdisjoint(body) else soft.union(dialect.soft(body))


def _strict(body: Mapping[str, Any]) -> bool:
    provider = body.get("provider")
    if provider is None:
        return False
    if not isinstance(provider, dict):
        raise InvalidRequestError("provider must be an object", field="provider")
    return provider.get("require_parameters") is True


def _tools(body: Mapping[str, Any], contents: Contents) -> Iterator[tuple[str, str]]:
    """The needs for tools, and for a forced tool call."""
    choice, where = tool_choice(body)
    if choice != "none":
        yield "tools", contents.offers[0].where
        if choice == "required":
            yield "tool_choice", where


def _written(body: bytes | str | dict[str, Any]) -> bytes:
    """A request's JSON."""
    if isinstance(body, dict):
        return encode(body)
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body


def _output(body: Mapping[str, Any], dialect: Dialect) -> int:
    """Output tokens that the request asks for: the largest value among its fields."""
    most = 0
    for name in dialect.limits:
        value = body.get(name)
        if value is None:
            continue
        if type(value) is bool or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
            raise InvalidRequestError(f"{name} must be a number of tokens", field=name)
        if value > most:
            most = int(value)
    return most
