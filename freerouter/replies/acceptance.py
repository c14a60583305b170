"""Ready-made tests of an answer: it fits the schema asked for, its tool calls can be carried out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from freerouter.errors import InvalidRequestError, SettingsError

Accept = Callable[[Mapping[str, Any]], str | None]

_MISSING = "checking an answer against a JSON schema needs jsonschema: pip install 'freerouter-client[schema]'"


def fits_schema(schema: Mapping[str, Any]) -> Accept:
    """Refuse an answer whose text is not JSON that fits a schema (JSON Schema, draft 2020-12 unless it says another).

    Raises:
        SettingsError: the package jsonschema is not installed.
        InvalidRequestError: the schema is none.
    """
    try:
        from jsonschema import SchemaError  # noqa: PLC0415  # an extra
        from jsonschema.validators import validator_for  # noqa: PLC0415  # an extra
    except ModuleNotFoundError:
        raise SettingsError(_MISSING) from None
    kind = validator_for(schema)
    try:
        kind.check_schema(dict(schema))
    except SchemaError as error:
        raise InvalidRequestError(f"the JSON schema is none: {error.message}", field="schema") from None
    validator = kind(schema)

    def accept(completion: Mapping[str, Any]) -> str | None:
        text = _message(completion).get("content")
        try:
            value = json.loads(text) if isinstance(text, str) else None
        except ValueError:
            return "the answer is no JSON"
        error = next(iter(validator.iter_errors(value)), None)
        # The path alone: the error's own message would show the content.
        return None if error is None else f"the answer does not fit the schema at {error.json_path}"

    return accept


def calls_tools(tools: Sequence[Mapping[str, Any]]) -> Accept:
    """Refuse an answer that calls a tool which was not given, or with arguments that are no JSON object."""
    given = {tool["function"]["name"] for tool in tools if "function" in tool}

    def accept(completion: Mapping[str, Any]) -> str | None:
        return next(_objections(_message(completion), given), None)

    return accept


def as_asked(body: Mapping[str, Any]) -> Accept:
    """Hold an answer against what its request asks for: the ``json_schema`` of response_format, and the tools.

    Raises:
        SettingsError, InvalidRequestError: see ``fits_schema``.
    """
    checks = []
    if body.get("tools"):
        checks.append(calls_tools(body["tools"]))
    form = body.get("response_format")
    if isinstance(form, Mapping) and form.get("type") == "json_schema":
        fits = fits_schema(form.get("json_schema", {}).get("schema", {}))
        # A tool call comes before the answer that has to fit.
        checks.append(lambda completion: None if _message(completion).get("tool_calls") else fits(completion))

    def accept(completion: Mapping[str, Any]) -> str | None:
        return next((refusal for check in checks if (refusal := check(completion)) is not None), None)

    return accept


def _message(completion: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = completion.get("choices")
    message = choices[0].get("message") if isinstance(choices, list) and choices else None
    return message if isinstance(message, dict) else {}


def _objections(message: Mapping[str, Any], given: set[str]) -> Iterator[str]:
    for call in message.get("tool_calls") or ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        if function.get("name") not in given:
            yield "the answer calls a tool that was not given"
        try:
            arguments = json.loads(function.get("arguments") or "{}")
        except (TypeError, ValueError):
            arguments = None
        if not isinstance(arguments, dict):
            yield f"the answer calls {function.get('name')} with arguments that are no JSON object"
