"""Lines: the request of each line of the input, checked before anything is sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.dialects import CHAT, DIALECTS, Dialect
from freerouter.openrouter.json_bodies import encode, parse
from freerouter.replies.acceptance import Accept, as_asked

# As OpenAI's Batch API writes them, and as OpenRouter's base URL has them.
_DIALECTS = {f"{prefix}/{dialect.path}": dialect for prefix in ("/v1", "/api/v1") for dialect in DIALECTS}
_URLS = ", ".join(f"/v1/{dialect.path}" for dialect in DIALECTS)


@dataclass(frozen=True, slots=True)
class Ask:
    """The request of a line.

    Attributes:
        custom_id: the caller's name for it.
        dialect: the API format of its body.
        body: the request.
    """

    custom_id: str
    dialect: Dialect
    body: dict[str, Any]


class Form(ABC):
    """A format of requests, one per line; stateless.

    Attributes:
        stamp: everything except the line itself that decides what is sent for it.
        accept: the check of each answer; None if every answer is accepted.
    """

    stamp: bytes = b""
    accept: Accept | None = None

    @abstractmethod
    def read(self, number: int, line: bytes) -> Ask:
        """The request of a line.

        Args:
            number: of the line, counted from 1.
            line: its text in the input.

        Raises:
            InvalidRequestError: it cannot be sent; names the field.
        """


class Requests(Form):
    """Requests in the input format of OpenAI's Batch API: ``custom_id``, ``method``, ``url`` and ``body``."""

    def read(self, number: int, line: bytes) -> Ask:
        """See Form."""
        given = _given(number, line)
        if given.get("method", "POST") != "POST":
            raise InvalidRequestError("method must be POST", field="method")
        dialect = _DIALECTS.get(str(given.get("url", "/v1/chat/completions")))
        if dialect is None:
            raise InvalidRequestError(f"url must be one of {_URLS}", field="url")
        return Ask(_custom_id(given), dialect, _body(given))


class Prompts(Form):
    """Plain prompts: each line is a user's message.

    Args:
        system: the system message before each of them.
        schema: a JSON schema for each answer; an answer that does not fit is refused, and another model is asked.

    Raises:
        InvalidRequestError: the schema is not valid.
        SettingsError: the package jsonschema is not installed.
    """

    def __init__(self, system: str | None = None, schema: Mapping[str, Any] | None = None) -> None:
        self._before = [] if system is None else [{"role": "system", "content": system}]
        self._rest: dict[str, Any] = {}
        if schema is not None:
            form = {"name": "answer", "strict": True, "schema": dict(schema)}
            self._rest = {"response_format": {"type": "json_schema", "json_schema": form}}
            self.accept = as_asked(self._rest)
        self.stamp = encode({"messages": self._before, **self._rest})

    def read(self, number: int, line: bytes) -> Ask:
        """See Form."""
        try:
            prompt = line.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            raise InvalidRequestError("it is not UTF-8") from None
        messages = [*self._before, {"role": "user", "content": prompt}]
        return Ask(f"prompt-{number}", CHAT, {"messages": messages, **self._rest})


def _given(number: int, line: bytes) -> dict[str, Any]:
    """What a line says. Raises InvalidRequestError; a text in the first line is probably a prompt."""
    try:
        return parse(line)
    except InvalidRequestError as error:
        if number > 1 or line.removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
            raise
        hint = "for plain prompts use --prompts (in Python, BatchOptions(Prompts()))"
        raise InvalidRequestError(f"{error.message}; {hint}") from None


def _custom_id(given: Mapping[str, Any]) -> str:
    name = given.get("custom_id")
    if not isinstance(name, str) or not name:
        raise InvalidRequestError("custom_id must be a text that is not empty", field="custom_id")
    if not name.isprintable():
        raise InvalidRequestError("custom_id must be printable", field="custom_id")
    return name


def _body(given: Mapping[str, Any]) -> dict[str, Any]:
    body = given.get("body")
    if not isinstance(body, dict):
        raise InvalidRequestError("body must be an object: the request to send", field="body")
    if body.get("stream"):
        raise InvalidRequestError("body.stream must be left out: a batch keeps whole answers", field="body.stream")
    return body
