"""Responses and Messages, the reply side: what is an answer, a first token, an end and an error, and how ours look."""

import json
from typing import Any

import pytest

from freerouter.errors import AllowanceExhaustedError, CostRefusedError, StreamInterruptedError
from freerouter.openrouter.dialects import MESSAGES, RESPONSES
from freerouter.replies.events import Events
from freerouter.replies.reading import Flaw, Head, Tail, read_event
from tests.replies.shapes import ANSWERED, ERROR, JSON, SSE

SAYS = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
CALLS = {"type": "function_call", "name": "f", "arguments": "{}"}
THINKS = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}
SOME, NONE = {"output_tokens": 7}, {"output_tokens": 0}


def response(*output: Any, status: str = "completed", **rest: Any) -> dict[str, Any]:
    return {"object": "response", "status": status, "output": list(output), "error": None, **rest}


def message(*content: Any, reason: str | None = "end_turn", **rest: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(content), "stop_reason": reason, **rest}


WHOLE = {
    "responses": {
        "text": (response(SAYS), ANSWERED),
        "a call": (response(CALLS), ANSWERED),
        "reasoning alone": (response(THINKS), ANSWERED),
        "a refusal": (response({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}), ANSWERED),
        "cut short": (response(status="incomplete"), ANSWERED),
        "nothing, with tokens counted": (response(usage=SOME), ANSWERED),
        "nothing": (response(usage=NONE), Flaw.EMPTY),
        "an empty text": (response({"type": "message", "content": [{"type": "output_text", "text": ""}]}), Flaw.EMPTY),
        "failed": (response(status="failed", error={"code": "server_error", "message": "no"}), ERROR),
        "failed without a word": (response(status="failed"), ERROR),
        "an error in words": (response(SAYS, error="no"), ERROR),
        "no output": ({"object": "response", "status": "in_progress"}, Flaw.NO_CHOICES),
        "an error instead": ({"error": {"code": 502, "message": "no"}}, ERROR),
    },
    "messages": {
        "text": (message({"type": "text", "text": "Hi"}), ANSWERED),
        "a call": (message({"type": "tool_use", "name": "f", "input": {}}, reason="tool_use"), ANSWERED),
        "thinking alone": (message({"type": "thinking", "thinking": "Hm"}), ANSWERED),
        "hidden thinking": (message({"type": "redacted_thinking", "data": "x"}), ANSWERED),
        "cut short": (message(reason="max_tokens"), ANSWERED),
        "nothing, with tokens counted": (message(usage=SOME), ANSWERED),
        "nothing": (message(usage=NONE), Flaw.EMPTY),
        "an empty text": (message({"type": "text", "text": ""}), Flaw.EMPTY),
        "no end": (message(reason=None), Flaw.NO_CHOICES),
        "content that is none": ({"type": "message", "content": "Hi", "stop_reason": "end_turn"}, Flaw.EMPTY),
        "an error instead": ({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}, ERROR),
        "an error in words": ({"type": "error", "error": "no"}, ERROR),
    },
}
DIALECTS = {"responses": RESPONSES, "messages": MESSAGES}


def rows(table: dict[str, dict[str, Any]]) -> list[Any]:
    return [
        pytest.param(DIALECTS[dialect], *row, id=f"{dialect}, {name}")
        for dialect, shapes in table.items()
        for name, row in shapes.items()
    ]


def kind(reading: Any) -> Any:
    return reading.flaw or (ANSWERED if reading.error is None else ERROR)


@pytest.mark.parametrize(("dialect", "body", "expected"), rows(WHOLE))
def test_whole_answers(dialect, body, expected):
    head = Head(dialect, False, 200, JSON)
    head.feed(json.dumps(body).encode())
    assert kind(head.end()) == expected


def events(*datas: Any) -> list[bytes]:
    return [f"event: {data.get('type')}\ndata: {json.dumps(data)}\n\n".encode() for data in datas]


CREATED = {"type": "response.created", "response": response(status="in_progress")}
TEXT = {"type": "response.output_text.delta", "delta": "Hi"}
START = {"type": "message_start", "message": message(reason=None, usage=NONE)}
BLOCK = {"type": "content_block_start", "content_block": {"type": "text", "text": ""}}
DELTA = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}}
END, STOP = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": SOME}, {"type": "message_stop"}

STREAMS = {
    "responses": {
        "a text": ((CREATED, TEXT), ANSWERED),
        "an empty delta, then a text": ((CREATED, TEXT | {"delta": ""}, TEXT), ANSWERED),
        "reasoning": ((CREATED, {"type": "response.reasoning_text.delta", "delta": "Hm"}), ANSWERED),
        "a call": ((CREATED, {"type": "response.output_item.added", "item": CALLS}), ANSWERED),
        "an item, and nothing": ((CREATED, {"type": "response.output_item.added", "item": SAYS}), Flaw.NO_TOKEN),
        "an end without a token": ((CREATED, {"type": "response.completed", "response": response()}), Flaw.EMPTY),
        "an end with tokens counted": (
            (CREATED, {"type": "response.completed", "response": response(usage=SOME)}),
            ANSWERED,
        ),
        "a failure": ((CREATED, {"type": "response.failed", "response": response(status="failed")}), ERROR),
        "an error": ((CREATED, {"type": "error", "code": "server_error", "message": "no"}), ERROR),
        "an error in an error": (({"type": "response.error", "error": {"code": 429, "message": "no"}},), ERROR),
        "nothing more": ((CREATED,), Flaw.NO_TOKEN),
    },
    "messages": {
        "a text": ((START, BLOCK, DELTA), ANSWERED),
        "thinking": ((START, {"type": "content_block_delta", "delta": {"thinking": "Hm"}}), ANSWERED),
        "a call": ((START, {"type": "content_block_start", "content_block": {"type": "tool_use"}}), ANSWERED),
        "pings alone": ((START, {"type": "ping"}), Flaw.NO_TOKEN),
        "an end without a token": ((START, END | {"usage": NONE}, STOP), Flaw.EMPTY),
        "an end with tokens counted": ((START, END, STOP), ANSWERED),
        "an error": ((START, {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}), ERROR),
        "nothing more": ((START, BLOCK), Flaw.NO_TOKEN),
    },
}


@pytest.mark.parametrize(("dialect", "datas", "expected"), rows(STREAMS))
def test_streams_until_they_can_be_judged(dialect, datas, expected):
    head = Head(dialect, True, 200, SSE)
    for event in events(*datas):
        if head.reading is None:
            head.feed(event)
    assert kind(head.end()) == expected


LARGE = response({"type": "message", "content": [{"type": "output_text", "text": "x" * 20_000}]}, usage={"cost": 0.5})
ENDINGS = {
    "responses": {
        "completed": ((TEXT, {"type": "response.completed", "response": response(SAYS)}), True, False, None),
        "incomplete": (
            (TEXT, {"type": "response.incomplete", "response": response(status="incomplete")}),
            True,
            False,
            None,
        ),
        "an end too long to be kept": ((TEXT, {"type": "response.completed", "response": LARGE}), True, False, 0.5),
        "failed": ((TEXT, {"type": "response.failed", "response": response(status="failed")}), False, True, None),
        "cut": ((TEXT,), False, False, None),
    },
    "messages": {
        "stopped": ((DELTA, END, STOP), True, False, None),
        "its cost": ((DELTA, END | {"usage": {"cost": 0.5}}, STOP), True, False, 0.5),
        "an error": ((DELTA, {"type": "error", "error": {"message": "no"}}), False, True, None),
        "cut": ((DELTA,), False, False, None),
    },
}


@pytest.mark.parametrize(("dialect", "datas", "finished", "failed", "cost"), rows(ENDINGS))
def test_how_a_stream_ended(dialect, datas, finished, failed, cost):
    tail = Tail(dialect)
    for event in events(*datas):
        tail.feed(event)
    ending = tail.end()
    assert (ending.finished, ending.error is not None) == (finished, failed)
    assert (ending.usage or {}).get("cost") == cost


ERRORS = [
    CostRefusedError("no", field="model"),
    AllowanceExhaustedError("later", retry_after=3),
    StreamInterruptedError("cut"),
]


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_our_own_errors_are_read_as_errors_by_the_same_dialect(dialect, error):
    body = dialect.error_body(error)
    assert body["error"]["message"] == error.message
    assert dialect.piece(body).error is not None
    (data,) = Events().feed(dialect.error_event(error))
    piece = read_event(dialect, data)
    assert piece.error is not None
    assert piece.error["message"] == error.message


WORDS = {400: "invalid_request_error", 429: "rate_limit_error", 502: "api_error"}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error.status))
def test_an_error_of_messages_has_a_type_of_anthropics(error):
    body = MESSAGES.error_body(error)
    assert body["type"] == "error"
    assert body["error"]["type"] == WORDS[error.status]
