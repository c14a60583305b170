"""GET /openapi.json: the server's own surface, for programs that read such descriptions."""

from __future__ import annotations

from functools import cache
from typing import Any

from freerouter import __version__
from freerouter.openrouter.dialects import CHAT, DIALECTS, MESSAGES, RESPONSES, Dialect
from freerouter.openrouter.json_bodies import encode
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


_MODEL = _object("id", "name", "context_length", "pricing", id=_TEXT, name=_TEXT)

_COMPONENTS: dict[str, Any] = {
    "Error": _object(
        "error", error=_object("code", "message", code={"type": ["integer", "string", "null"]}, message=_TEXT)
    ),
    "MessagesError": _object("type", "error", type={"const": "error"}, error=_object("type", "message", message=_TEXT)),
    "Model": _MODEL,
    "Models": _object("data", "total_count", data={"type": "array", "items": _MODEL}, total_count=_COUNT),
    "Status": _object("status", status=_TEXT),
    "Tokens": _object("input_tokens", "estimated", input_tokens=_COUNT, estimated={"const": True}),
    "Explanation": _object(
        "requirements", "eligible", "ineligible", "without", eligible={"type": "array"}, ineligible={"type": "array"}
    ),
    "Description": _object("openapi", "paths", openapi=_TEXT, paths={"type": "object"}),
    "Any": {"type": "object"},
}


def _reference(schema: str) -> dict[str, Any]:
    return {"$ref": f"{_SCHEMAS}{schema}"}


def _content(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": _reference(schema)}}


def _answers(schema: str, *, error: str = "Error", stream: bool = False) -> dict[str, Any]:
    content = _content(schema) | ({"text/event-stream": {}} if stream else {})
    failed = {"description": "It failed; the message says why.", "content": _content(error)}
    return {"200": {"description": "The answer.", "content": content}, "4XX": failed, "5XX": failed}


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
    answers = _answers(f"{dialect.name}_answer", error=_error(dialect), stream=True)
    return {"post": _operation("Answered by a free model.", answers, f"{dialect.name}_request")}


def _got(summary: str, schema: str, *parameters: Any) -> dict[str, Any]:
    return {"get": _operation(summary, _answers(schema), None, *parameters)}


def _paths() -> dict[str, Any]:
    narrow = [_parameter(name, "query") for name in ("needs", "supported_parameters", "sort")]
    page = [_parameter(name, "query", _between(least, most)) for name, (least, most) in PAGE.items()]
    probe = _answers("Status")
    probe["503"] = {"description": "Not ready.", "content": _content("Status")}
    counted = _answers("Tokens", error="MessagesError")
    metrics = {"200": {"description": "Prometheus' text.", "content": {"text/plain": {"schema": _TEXT}}}}
    dialects = _parameter("dialect", "query", {"enum": [dialect.name for dialect in DIALECTS]})
    return {
        **{f"{_BASE}{dialect.path}": _routed(dialect) for dialect in DIALECTS},
        f"{_BASE}messages/count_tokens": {
            "post": _operation("An estimate of the tokens.", counted, "count_tokens_request")
        },
        f"{_BASE}models": _got("The free models.", "Models", *narrow, *page),
        f"{_BASE}models/{{author}}/{{slug}}": _got(
            "One free model.",
            "Model",
            _parameter("author", "path", _TEXT | {"examples": ["openrouter"]}),
            _parameter("slug", "path", _TEXT | {"examples": ["free"]}),
        ),
        f"{_BASE}key": _got("What OpenRouter says of the key.", "Any"),
        "/explain": {
            "post": _operation("What would become of a request.", _answers("Explanation"), "explain_request", dialects)
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
    bodies["explain_request"] = {"anyOf": [_reference(name) for name in bodies]}
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
            "components": {"schemas": _COMPONENTS | bodies, "securitySchemes": schemes},
            # A token is asked for only where the server has one.
            "security": [{}, {"bearer": []}, {"header": []}],
        }
    )
