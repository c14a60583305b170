"""Faults whose error lacks its wrapper, or is a plain text: the same bytes in every dialect."""

from collections.abc import Callable, Mapping
from typing import Any

from freerouter.emulator.dialects.base import COMMENT, data
from freerouter.emulator.faults.kinds import FaultKind, Strike
from freerouter.emulator.reply import Reply, event_stream, json_reply

_ISSUE = {"code": "invalid_type", "expected": "string", "received": "null", "path": ["messages", 0, "content"]}
_RELAYED = {"raw": '{"error":{"message":"image dimensions exceed"}}', "provider_name": "Emulated"}

_MESSAGE = {"object": "error", "message": "System role not supported", "type": "BadRequestError", "code": 400}
_TEXT = {"error": '{"error":{"message":"overloaded","code":502}}'}
_LIMITED = {"message": "Rate limit exceeded: x", "code": 429}


def _status(status: int, body: Mapping[str, Any]) -> Callable[[Strike], Reply]:
    return lambda _strike: json_reply(body, status)


def _in_200(body: Mapping[str, Any]) -> Callable[[Strike], Reply]:
    return lambda strike: json_reply(body, headers=strike.headers)


def _first(body: Mapping[str, Any]) -> Callable[[Strike], Reply]:
    return lambda strike: event_stream((COMMENT, data(dict(body))), strike.headers)


FLAT: Mapping[str, FaultKind] = {
    "flat_message": FaultKind("400 whose message has no wrapper", _status(400, _MESSAGE)),
    "flat_relayed": FaultKind(
        "400 of the provider without a wrapper",
        _status(400, {"message": "Provider returned error", "code": 400, "metadata": _RELAYED}),
    ),
    "flat_detail": FaultKind("400 that is a detail alone", _status(400, {"detail": "Bad input for this model"})),
    "flat_issues": FaultKind(
        "400 that is a list of issues alone", _status(400, {"issues": [_ISSUE], "name": "ZodError"})
    ),
    "flat_text": FaultKind("502 whose error is a text", _status(502, _TEXT)),
    "flat_limit_in_200": FaultKind("A 200 that is a 429 without a wrapper", _in_200(_LIMITED), stream=False),
    "flat_text_in_200": FaultKind("A 200 whose error is a text", _in_200(_TEXT), stream=False),
    "stream_flat_limit_first": FaultKind(
        "A stream whose first event is a 429 without a wrapper", _first(_LIMITED), json=False
    ),
    "stream_flat_text_first": FaultKind(
        "A stream whose first event is an error that is a text", _first(_TEXT), json=False
    ),
}
