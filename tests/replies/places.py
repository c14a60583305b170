"""The places in which an error can stand: a status, a 200, the first event; in each dialect in its own shape."""

import json
from collections.abc import Callable
from typing import Any

from freerouter.openrouter.dialects import CHAT, MESSAGES, RESPONSES, Dialect
from freerouter.replies.outcome import Outcome, classify
from freerouter.replies.reading import Head
from tests.replies.rows import NOW, Row
from tests.replies.shapes import JSON, SSE

Place = Callable[[Row], Outcome]

# What stands for a status where a dialect masks the number (API reference, "Errors").
TYPE_OF = {
    400: "invalid_request",
    401: "authentication",
    402: "payment_required",
    403: "permission_denied",
    404: "not_found",
    408: "timeout",
    412: "precondition_failed",
    413: "payload_too_large",
    422: "unprocessable",
    429: "rate_limit_exceeded",
    500: "server",
    502: "provider_unavailable",
    503: "provider_overloaded",
}
_CONTEXT = "context_length_exceeded"


def judged(status: int, headers: dict[str, str], body: bytes, *, stream: bool = False, dialect: Any = CHAT) -> Outcome:
    """What comes of a reply, read from its bytes."""
    head = Head(dialect, stream, status, headers)
    if head.reading is None:
        head.feed(body)
    return classify(head.end(), NOW)


def event(data: Any) -> bytes:
    return b": OPENROUTER PROCESSING\n\ndata: " + json.dumps(data).encode() + b"\n\n"


def with_headers(row: Row) -> dict[str, Any]:
    """The error of a reply whose own headers say nothing: OpenRouter repeats them in the body."""
    return row.error | {"metadata": row.metadata | {"headers": row.headers}}


def _status(row: Row, dialect: Dialect, body: Any) -> Outcome:
    return judged(row.status, JSON | row.headers, json.dumps(body).encode(), dialect=dialect)


def chat_status(row: Row) -> Outcome:
    return _status(row, CHAT, {"error": row.error})


def chat_inside(row: Row) -> Outcome:
    return judged(200, JSON, json.dumps({"error": with_headers(row)}).encode())


def chat_event(row: Row) -> Outcome:
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
    return judged(200, SSE, event({"choices": [choice], "error": with_headers(row)}), stream=True)


def kind_of(row: Row) -> str:
    """The error type that stands for the row where its status is masked."""
    kind: str = row.metadata.get("error_type") or TYPE_OF.get(row.status, "")
    return _CONTEXT if row.reason == "context_exceeded" and row.status == 400 else kind


def _masked(row: Row) -> dict[str, Any]:
    """The error without its number."""
    return {name: value for name, value in with_headers(row).items() if name not in ("code", "http_status")}


def _response(row: Row) -> dict[str, Any]:
    """A failed response; one whose context was exceeded has "succeeded" with nothing in it."""
    around = {"id": "resp-1", "object": "response", "output": [], "error_type": kind_of(row)}
    if around["error_type"] == _CONTEXT:
        ended = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "error": None}
        return around | ended | {"usage": {"input_tokens": 3, "output_tokens": 0}}
    return around | {"status": "failed", "error": _masked(row) | {"code": "server_error"}}


def responses_status(row: Row) -> Outcome:
    return _status(row, RESPONSES, {"error": row.error})


def responses_inside(row: Row) -> Outcome:
    return judged(200, JSON, json.dumps(_response(row)).encode(), dialect=RESPONSES)


def responses_event(row: Row) -> Outcome:
    response = _response(row)
    data = event({"type": f"response.{response['status']}", "response": response})
    return judged(200, SSE, data, stream=True, dialect=RESPONSES)


def _message(row: Row) -> dict[str, Any]:
    return {"type": "error", "error": _masked(row) | {"type": "api_error", "error_type": kind_of(row)}}


def messages_status(row: Row) -> Outcome:
    error = {name: value for name, value in row.error.items() if name != "code"}
    return _status(row, MESSAGES, {"type": "error", "error": error | {"type": "api_error"}})


def messages_inside(row: Row) -> Outcome:
    return judged(200, JSON, json.dumps(_message(row)).encode(), dialect=MESSAGES)


def messages_event(row: Row) -> Outcome:
    return judged(200, SSE, event(_message(row)), stream=True, dialect=MESSAGES)


# Where the number stands, and where an error type stands for it.
PLAIN: list[Place] = [chat_status, chat_inside, chat_event, responses_status, messages_status]
MASKED: list[Place] = [responses_inside, responses_event, messages_inside, messages_event]


def can_tell(place: Place, row: Row) -> bool:
    """A masked status has a type, which is OpenRouter's voice."""
    return place in PLAIN or (row.sure and bool(kind_of(row)))
