"""The siblings of an error: the same fault in each place and each dialect in which OpenRouter tells it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.field.answers import parsed
from tests.field.cases import as_bytes, request_of, stored

Json = dict[str, Any]

PATHS = {"chat": "chat/completions", "responses": "responses", "messages": "messages"}
PLACES = ("status", "inside", "event")

# Cases whose fault has no siblings, and why.
LEFT_OUT = {
    "503-html-worker": "a page stands in the way to OpenRouter, so it has a status alone",
    "cloudflare-403": "a page stands in the way to OpenRouter, so it has a status alone",
    "retry-after-1": "what is right is told of a load, and the Retry-After header goes with a status alone",
}
# What OpenRouter calls a status where it masks the number (API reference, "Errors").
_TYPES = {
    400: "invalid_request",
    401: "authentication",
    402: "payment_required",
    403: "permission_denied",
    404: "not_found",
    413: "payload_too_large",
    429: "rate_limit_exceeded",
}
# Anthropic's names for statuses.
_NAMES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


def error_cases() -> dict[str, Json]:
    """The cases whose odd reply is an error with a status."""
    cases = stored()["cases"].items()
    return {name: case for name, case in cases if "reply" in case and case["reply"]["status"] >= 400}


def siblings() -> Iterator[tuple[str, str, str]]:
    """Each case with each dialect and place that its fault can be told in."""
    for name, case in error_cases().items():
        if name not in LEFT_OUT:
            wrapped = "error" in _told(case)
            for dialect, shapes in _SHAPES.items():
                # Without its wrapper an error is a provider's own body, which only chat hands on inside something.
                places = PLACES if wrapped or dialect == "chat" else ("status",)
                yield from ((name, dialect, place) for place in places if place in shapes)


def sibling(name: str, dialect: str, place: str) -> Json:
    """A case as it is told in another place or dialect."""
    case = error_cases()[name]
    status = case["reply"]["status"]
    inside = place != "status"
    told = _SHAPES[dialect][place](_told(case, with_headers=inside), status)
    body = told if isinstance(told, str) else json.dumps(told)
    headers = {"content-type": "text/event-stream"} if place == "event" else case["reply"]["headers"]
    if place == "inside":
        headers = {"content-type": "application/json"}
    reply = {"status": 200 if inside else status, "headers": headers, "body": body}
    requests = {at: _request(case, at, dialect, stream=place == "event") for at in case["requests"]}
    return {**case, "path": f"/api/v1/{PATHS[dialect]}", "reply": reply, "requests": requests}


def _told(case: Json, *, with_headers: bool = False) -> Json:
    """The error's body; where no header can come along, its metadata holds the rate limit's."""
    body = parsed(as_bytes(case["reply"]["body"])) or {}
    limits = {name: value for name, value in case["reply"]["headers"].items() if name.startswith("X-RateLimit")}
    if with_headers and limits:
        body["error"].setdefault("metadata", {})["headers"] = limits
    return body


def _request(case: Json, at: str, dialect: str, *, stream: bool) -> str:
    """The request in a dialect: its model, and its last message as far as that is text."""
    given = json.loads(request_of(case, at))
    last = given["messages"][-1]["content"]
    text = last if isinstance(last, str) else "Hi"
    asked = {
        "chat": given,
        "responses": {"model": given["model"], "input": text},
        "messages": {"model": given["model"], "max_tokens": 500, "messages": [{"role": "user", "content": text}]},
    }
    return json.dumps(asked[dialect] | ({"stream": True} if stream else {}))


def _as_it_is(body: Json, _status: int) -> Json:
    return body


def _chunk(body: Json, _status: int) -> str:
    choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": "error"}
    around = {"id": "gen-9", "object": "chat.completion.chunk", "created": 1_750_000_000, "model": "{{MODEL}}"}
    event = around | {"choices": [choice], "error": body["error"]} if "error" in body else body
    return f"data: {json.dumps(event)}\n\n"


def _failed_response(body: Json, status: int) -> Json:
    """A response that failed, with the code masked; an overflow is dressed as an end by length."""
    error = body["error"]
    metadata = error.get("metadata") or {}
    response = {"id": "resp_9", "object": "response", "created_at": 1_750_000_000, "model": "{{MODEL}}", "output": []}
    response["usage"] = {"input_tokens": 3, "output_tokens": 0, "total_tokens": 3}
    if "context" in error["message"] or "too long" in error["message"]:
        ended = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "error": None}
        return response | ended | {"error_type": "context_length_exceeded"}
    stated = {"code": "server_error", "message": error["message"], "metadata": metadata}
    kind = metadata.get("error_type") or _TYPES.get(status, "unmapped")
    return response | {"status": "failed", "incomplete_details": None, "error": stated, "error_type": kind}


def _response_event(body: Json, status: int) -> str:
    response = _failed_response(body, status)
    kind = f"response.{response['status']}"
    event = {"type": kind, "sequence_number": 0, "response": response}
    return f"event: {kind}\ndata: {json.dumps(event)}\n\n"


def _message_error(body: Json, status: int) -> Json:
    if "error" not in body:
        return body
    error = body["error"]
    metadata = error.get("metadata") or {}
    kind = metadata.get("error_type") or _TYPES.get(status, "unmapped")
    told = {"type": _NAMES.get(status, "api_error"), "message": error["message"], "error_type": kind}
    return {"type": "error", "error": told | {"metadata": metadata}}


def _message_event(body: Json, status: int) -> str:
    return f"event: error\ndata: {json.dumps(_message_error(body, status))}\n\n"


_SHAPES: dict[str, dict[str, Callable[[Json, int], Json | str]]] = {
    # As a status in chat it is the case itself.
    "chat": {"inside": _as_it_is, "event": _chunk},
    "responses": {"status": _as_it_is, "inside": _failed_response, "event": _response_event},
    "messages": {"status": _message_error, "inside": _message_error, "event": _message_event},
}
