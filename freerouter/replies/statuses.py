"""Statuses of errors: as numbers in various fields, or by the names that stand for them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

# Where errors keep a status that is a number.
_NUMBERS = ("code", "http_status", "status", "status_code", "statusCode")
# The status that an error type stands for, where the error names none (Responses masks them all as server_error).
_STATUS_OF_TYPE = {
    "context_length_exceeded": 400,
    "max_tokens_exceeded": 400,
    "token_limit_exceeded": 400,
    "string_too_long": 400,
    "invalid_request": 400,
    "invalid_prompt": 400,
    "invalid_image": 400,
    "image_too_large": 400,
    "image_too_small": 400,
    "unsupported_image_format": 400,
    "image_not_found": 400,
    "image_download_failed": 400,
    "authentication": 401,
    "payment_required": 402,
    "permission_denied": 403,
    "content_policy_violation": 403,
    "refusal": 403,
    "not_found": 404,
    "timeout": 408,
    "precondition_failed": 412,
    "payload_too_large": 413,
    "unprocessable": 422,
    "rate_limit_exceeded": 429,
    "server": 500,
    "unmapped": 500,
    "provider_unavailable": 502,
    "provider_overloaded": 503,
}
# The same words as Responses and Messages have them in ``error.code`` and ``error.type``.
_STATUS_OF_NAME = {
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "overloaded_error": 529,
    "invalid_request_error": 400,
    "timeout_error": 504,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    # Google's (google.rpc.Code), where they are not in HTTP's own words.
    "resource_exhausted": 429,
    "unavailable": 503,
    "unauthenticated": 401,
    "invalid_argument": 400,
    "failed_precondition": 400,
    "deadline_exceeded": 504,
    "internal": 500,
}
_STATUS_OF_PHRASE = {status.name.lower(): status.value for status in HTTPStatus if status >= 400}
_BAD_GATEWAY = 502


def status_of(places: tuple[Mapping[str, Any], ...], error_type: str, status: int) -> int:
    """The HTTP status; inside of a 200 what the error names, else what its type stands for, else a bad gateway."""
    if status >= 300:
        return status
    numbers = (_status_number(place.get(name)) for place in places for name in _NUMBERS)
    if number := next(filter(None, numbers), None):
        return number
    named = [error_type, *(place.get(name) for place in places for name in ("code", "type", "status"))]
    return next(filter(None, map(_named, named)), _BAD_GATEWAY)


def _status_number(value: Any) -> int | None:
    """A status of an error, as a number or written as one."""
    if isinstance(value, str) and value.isdecimal() and len(value) == 3:
        value = int(value)
    return int(value) if isinstance(value, int | float) and 300 <= value < 600 else None


def _named(name: Any) -> int | None:
    """The status that a name stands for."""
    if not isinstance(name, str):
        return None
    name = name.lower().replace(" ", "_")
    return _STATUS_OF_TYPE.get(name) or _STATUS_OF_NAME.get(name) or _STATUS_OF_PHRASE.get(name)
