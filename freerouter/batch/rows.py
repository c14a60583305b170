"""Rows: an answer or an error as a line of the output, in the format of OpenAI's Batch API."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic_core import from_json, to_json

from freerouter.errors import FreeRouterError, InvalidRequestError
from freerouter.openrouter.json_bodies import parse
from freerouter.pipeline.tracking import Trace

_BREAKS = bytes.maketrans(b"\r\n", b"  ")


def answer_line(custom_id: str, status: int, request_id: str, body: bytes, about: dict[str, Any]) -> bytes:
    """A request that was answered: ``{"id", "custom_id", "response", "error": null, "freerouter"}``.

    Args:
        custom_id: the caller's name for the request.
        status: of the response.
        request_id: OpenRouter's id for it.
        body: of the response, inserted unchanged.
        about: see ``story``.
    """
    head = to_json({"id": _row_id(custom_id), "custom_id": custom_id})[:-1]
    response = to_json({"status_code": status, "request_id": request_id})[:-1]
    tail = to_json({"error": None, "freerouter": about})[1:]
    return head + b',"response":' + response + b',"body":' + _on_one_line(body) + b"}," + tail + b"\n"


def error_line(custom_id: str, error: FreeRouterError, about: dict[str, Any]) -> bytes:
    """A request that failed: ``{"id", "custom_id", "response": null, "error", "freerouter"}``.

    Args:
        custom_id: the caller's name for the request.
        error: the error; ``code`` is OpenRouter's error type, ``status_code`` the HTTP status.
        about: see ``story``.
    """
    said = {"code": error.error_type, "message": error.message, "status_code": error.status}
    row = {"id": _row_id(custom_id), "custom_id": custom_id, "response": None, "error": said, "freerouter": about}
    return to_json(row) + b"\n"


def story(trace: Trace, *, resent: bool) -> dict[str, Any]:
    """The object ``freerouter`` of a line: which model answered, after which attempts.

    Args:
        trace: of the request.
        resent: the request was running when an earlier run ended.
    """
    about: dict[str, Any] = {"model": trace.model, "attempts": [attempt.as_dict() for attempt in trace.attempts]}
    if trace.given_up:
        about["given_up"] = trace.given_up
    return about | {"resent": True} if resent else about


def _row_id(custom_id: str) -> str:
    return f"batch_req_{hashlib.blake2b(custom_id.encode(), digest_size=12).hexdigest()}"


def _on_one_line(body: bytes) -> bytes:
    """JSON without line breaks: they can only be between tokens, where a space means the same."""
    try:
        parse(body)
    except InvalidRequestError:  # NaN and Infinity, which some servers write, are not JSON
        return to_json(from_json(body))
    return body.strip().translate(_BREAKS)
