"""GET /openapi.json: the server's own surface, for programs that read such descriptions."""

from __future__ import annotations

from functools import cache
from typing import Any

from freerouter import __version__
from freerouter.openrouter.dialects import CHAT, DIALECTS, MESSAGES, RESPONSES, Dialect
from freerouter.openrouter.json_bodies import encode
from freerouter.server import header_table
from freerouter.server.listings import PAGE

_BASE = "/api/v1/"
_SCHEMAS = "#/components/schemas/"

# What an answer has at least; OpenRouter's documentation describes the rest.
_ANSWERED = {
    CHAT: ("id", "model", "choices"),
    RESPONSES: ("id", "model", "output"),
    MESSAGES: ("id", "model", "content"),
}

_TEXT = {"type": "string"}
_COUNT = {"type": "integer"}
_LIMIT = {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 2**53}
_CONVERSATION = {"type": "array", "items": {"type": "object"}, "minItems": 1}


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": [*required], "properties": properties}


def _reference(schema: str) -> dict[str, Any]:
    return {"$ref": f"{_SCHEMAS}{schema}"}


def _either(*schemas: str) -> dict[str, Any]:
    return {"anyOf": [_reference(schema) for schema in schemas]}


_MODEL = _object("id", "name", "context_length", "pricing", id=_TEXT, name=_TEXT)
_MESSAGES_MODEL = _object("type", "id", "display_name", type={"const": "model"}, id=_TEXT, display_name=_TEXT)

_COMPONENTS: dict[str, Any] = {
    "Error": _object(
        "error", error=_object("code", "message", code={"type": ["integer", "string", "null"]}, message=_TEXT)
    ),
    "MessagesError": _object("type", "error", type={"const": "error"}, error=_object("type", "message", message=_TEXT)),
    "Model": _MODEL,
    "Models": _object("data", "total_count", data={"type": "array", "items": _MODEL}, total_count=_COUNT),
    "MessagesModel": _MESSAGES_MODEL,
    "MessagesModels": _object("data", "has_more", data={"type": "array", "items": _MESSAGES_MODEL}),
    # Anthropic's format is for those who send its header.
    "AnyError": _either("Error", "MessagesError"),
    "AnyModel": _either("Model", "MessagesModel"),
    "AnyModels": _either("Models", "MessagesModels"),
    "Status": _object("status", status=_TEXT),
    "Tokens": _object("input_tokens", "estimated", input_tokens=_COUNT, estimated={"const": True}),
    "Explanation": _object(
        "requirements", "eligible", "ineligible", "without", eligible={"type": "array"}, ineligible={"type": "array"}
    ),
    "Description": _object("openapi", "paths", openapi=_TEXT, paths={"type": "object"}),
    "Any": {"type": "object"},
}


def _content(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": _reference(schema)}}


def _answers(
    schema: str, *, error: str = "Error", stream: bool = False, told: dict[str, Any] | None = None
) -> dict[str, Any]:
    content = _content(schema) | ({"text/event-stream": {}} if stream else {})
    answer = {"description": "The answer.", "content": content} | ({"headers": told} if told else {})
    failed = {
        "description": "It failed; the message says why.",
        "content": _content(error),
        "headers": header_table.of_answers(failed=True),
    }
    return {"200": answer, "4XX": failed, "5XX": failed}


def _operation(summary: str, answers: dict[str, Any], asked: str | None = None, *parameters: Any) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": answers}
    if asked is not None:
        operation["requestBody"] = {"required": True, "content": _content(asked)}
    if parameters:
        operation["parameters"] = list(parameters)
    return operation


def _parameter(name: str, place: str, schema: dict[str, Any] = _TEXT) -> dict[str, Any]:
    # An empty value in a query counts as none.
    needed = {"required": True} if place == "path" else {"allowEmptyValue": True}
    return {"name": name, "in": place, "schema": schema, **needed}


def _between(least: int, most: int) -> dict[str, Any]:
    return _COUNT | {"minimum": least, "maximum": most}


def _error(dialect: Dialect) -> str:
    return "MessagesError" if dialect is MESSAGES else "Error"


def _request(dialect: Dialect) -> dict[str, Any]:
    return _object(
        dialect.conversation,
        model={"type": ["string", "null"]},
        # Only true means a stream; the upstream judges any other value.
        stream={"description": "true for a stream of events"},
        **{dialect.conversation: {"anyOf": [_TEXT, _CONVERSATION]} if dialect.text_alone else _CONVERSATION},
        **dict.fromkeys(dialect.limits, _LIMIT),
    )


def _routed(dialect: Dialect) -> dict[str, Any]:
    answers = _answers(f"{dialect.name}_answer", error=_error(dialect), stream=True, told=header_table.of_answers())
    asked = f"{dialect.name}_request"
    return {"post": _operation("Answered by a free model.", answers, asked, *header_table.of_requests())}


def _got(summary: str, schema: str, *parameters: Any) -> dict[str, Any]:
    return {"get": _operation(summary, _answers(schema), None, *parameters)}


def _listed(summary: str, schema: str, *parameters: Any) -> dict[str, Any]:
    answers = _answers(schema, error="AnyError")
    return {"get": _operation(summary, answers, None, *parameters, *header_table.of_lists())}


def _paths() -> dict[str, Any]:
    narrow = [_parameter(name, "query") for name in ("needs", "supported_parameters", "sort")]
    page = [_parameter(name, "query", _between(least, most)) for name, (least, most) in PAGE.items()]
    probe = _answers("Status")
    probe["503"] = {"description": "Not ready.", "content": _content("Status")}
    counted = _answers("Tokens", error="MessagesError", told=header_table.of_estimates())
    metrics = {"200": {"description": "Prometheus' text.", "content": {"text/plain": {"schema": _TEXT}}}}
    dialects = _parameter("dialect", "query", {"enum": [dialect.name for dialect in DIALECTS]})
    return {
        **{f"{_BASE}{dialect.path}": _routed(dialect) for dialect in DIALECTS},
        f"{_BASE}messages/count_tokens": {
            "post": _operation("An estimate of the tokens.", counted, "count_tokens_request")
        },
        f"{_BASE}models": _listed("The free models.", "AnyModels", *narrow, *page),
        f"{_BASE}models/{{author}}/{{slug}}": _listed(
            "One free model.",
            "AnyModel",
            _parameter("author", "path", _TEXT | {"examples": ["openrouter"]}),
            _parameter("slug", "path", _TEXT | {"examples": ["free"]}),
        ),
        f"{_BASE}key": _got("What OpenRouter says of the key.", "Any"),
        "/explain": {
            "post": _operation(
                "What would become of a request.",
                _answers("Explanation"),
                "explain_request",
                dialects,
                *header_table.of_requests(),
            )
        },
        "/health": _got("Whether it runs.", "Status"),
        "/ready": {"get": _operation("Whether it can answer.", probe)},
        "/status": _got("What the window shows.", "Any", _parameter("requests", "query", _between(0, 10**9 - 1))),
        "/metrics": {"get": _operation("What it counts.", metrics | {"4XX": probe["4XX"]})},
        "/openapi.json": _got("This description.", "Description"),
    }


@cache
def description() -> bytes:
    """The description as JSON (OpenAPI 3.1)."""
    bodies = {f"{dialect.name}_request": _request(dialect) for dialect in DIALECTS}
    bodies["explain_request"] = _either(*bodies)
    bodies["count_tokens_request"] = _object("messages", messages=_CONVERSATION, max_tokens=_LIMIT)
    bodies |= {f"{dialect.name}_answer": _object(*_ANSWERED[dialect]) for dialect in DIALECTS}
    schemes = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }
    return encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "freerouter", "version": __version__, "license": {"name": "MIT", "identifier": "MIT"}},
            "paths": _paths(),
            "components": {
                "schemas": _COMPONENTS | bodies,
                "headers": header_table.components(),
                "securitySchemes": schemes,
            },
            # A token is asked for only where the server has one.
            "security": [{}, {"bearer": []}, {"header": []}],
        }
    )
