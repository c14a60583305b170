"""Ready-made checks of an answer: it fits the requested schema, and its tool calls can be executed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from freerouter.errors import InvalidRequestError, SettingsError, install
from freerouter.replies.spoken import Call, Spoken, form_of, spoken, tools_of

Accept = Callable[[Mapping[str, Any]], str | None]
# Says what is wrong with one answer, or None.
_Check = Callable[[Spoken], str | None]
# Says where a value does not fit a schema, or None.
_Fit = Callable[[Any], str | None]

_MISSING = f"checking an answer against a JSON schema needs jsonschema: {install('schema')}"
_NOT_JSON = "the answer is not JSON"
# How models write a tool call into their text: Hermes and Qwen, Llama, Kimi, DeepSeek.
_WRITTEN_CALL = re.compile(
    r"<tool_call>|<function=|<\|tool_calls?_section_begin\|>"
    "|<\N{FULLWIDTH VERTICAL LINE}tool\N{LOWER ONE EIGHTH BLOCK}calls\N{LOWER ONE EIGHTH BLOCK}begin"
)


def as_asked(body: Mapping[str, Any]) -> Accept | None:
    """Check an answer against the format and the tools that its request asks for, in any dialect.

    A schema is JSON Schema, draft 2020-12 unless it names another. A call written into the text is refused.

    Returns:
        None when the request asks for neither.

    Raises:
        SettingsError: the package jsonschema is not installed.
        InvalidRequestError: a schema is not valid.
    """
    checks = [*_tool_checks(body), *_form_checks(body)]
    return _for_each(tuple(checks)) if checks else None


def _tool_checks(body: Mapping[str, Any]) -> Iterator[_Check]:
    tools = tools_of(body)
    if tools:
        yield _carries_out(tools)


def _form_checks(body: Mapping[str, Any]) -> Iterator[_Check]:
    kind, where, schema = form_of(body)
    check = None
    if kind == "json_schema":
        check = _text_fits(_fit({} if schema is None else schema, where))
    elif kind == "json_object":
        check = _text_fits(lambda _: None)
    if check is not None:
        # A tool call comes before the answer that has to fit.
        yield lambda said: None if said.calls else check(said)


def _for_each(checks: tuple[_Check, ...]) -> Accept:
    def accept(answer: Mapping[str, Any]) -> str | None:
        refusals = (check(said) for said in spoken(answer) for check in checks)
        return next((refusal for refusal in refusals if refusal is not None), None)

    return accept


def _text_fits(fit: _Fit) -> _Check:
    def check(said: Spoken) -> str | None:
        try:
            value = _json(said.text)
        except ValueError:
            return _NOT_JSON
        place = fit(value)
        return None if place is None else f"the answer does not fit the schema at {place}"

    return check


def _carries_out(tools: Mapping[str, tuple[str, Any]]) -> _Check:
    fits = {name: _fit({} if schema is None else schema, where) for name, (where, schema) in tools.items()}

    def check(said: Spoken) -> str | None:
        if _WRITTEN_CALL.search(said.text):
            return "the answer writes a tool call as text"
        return next((refusal for call in said.calls if (refusal := _objection(call, fits)) is not None), None)

    return check


def _objection(call: Call, fits: Mapping[str, _Fit]) -> str | None:
    fit = fits.get(call.name) if isinstance(call.name, str) else None
    if fit is None:
        return "the answer calls a tool that was not given"
    try:
        arguments = _json(call.arguments or "{}") if isinstance(call.arguments, str | None) else call.arguments
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        return f"the answer calls {call.name} with arguments that are not a JSON object"
    place = fit(arguments)
    return None if place is None else f"the answer calls {call.name} with arguments that do not fit at {place}"


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _fit(schema: Any, where: str) -> _Fit:
    """Raises SettingsError without jsonschema, InvalidRequestError when the schema is not valid."""
    if schema == {}:
        return lambda _: None
    try:
        from jsonschema import SchemaError  # noqa: PLC0415  # an extra
        from jsonschema.validators import validator_for  # noqa: PLC0415  # an extra
        from referencing import Registry  # noqa: PLC0415  # comes with it
        from referencing.exceptions import Unresolvable  # noqa: PLC0415  # comes with it
    except ModuleNotFoundError:
        raise SettingsError(_MISSING) from None
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        said = getattr(error, "message", "nested too deeply")
        raise InvalidRequestError(f"the JSON schema is not valid: {said}", field=where) from None
    if elsewhere := next(_references_elsewhere(schema), None):
        raise InvalidRequestError(f"the JSON schema refers to {elsewhere}, which is not in it", field=where)
    # An empty registry keeps jsonschema from fetching anything from the network.
    validator = kind(schema, registry=Registry())

    def fit(value: Any) -> str | None:
        try:
            error = next(iter(validator.iter_errors(value)), None)
        except (Unresolvable, RecursionError):
            return "$"
        # Only the path: the error's message would show the content.
        return None if error is None else error.json_path

    return fit


def _references_elsewhere(schema: Any) -> Iterator[str]:
    """The references to targets outside of the schema."""
    if isinstance(schema, dict):
        there = schema.get("$ref")
        if isinstance(there, str) and not there.startswith("#"):
            yield there
        for inner in schema.values():
            yield from _references_elsewhere(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _references_elsewhere(inner)
