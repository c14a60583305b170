"""Responses and Messages, the reply side: what is an answer, a first token, an end and an error, and how ours look."""

import json
from typing import Any

import pytest

from freerouter.errors import AllowanceExhaustedError, CostRefusedError, StreamInterruptedError
from freerouter.openrouter.dialects import CHAT, MESSAGES, RESPONSES, Begun
from freerouter.replies.ending import Tail
from freerouter.replies.events import Events
from freerouter.replies.evidence import Voice, read_evidence
from freerouter.replies.reading import Flaw, Head, read_event
from tests.replies.shapes import ANSWERED, ERROR, JSON, SSE

SAYS = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
CALLS = {"type": "function_call", "name": "f", "arguments": "{}"}
THINKS = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}
FILTERED = {"reason": "content_filter"}
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
        "cut short": (response(status="incomplete", usage=SOME), ANSWERED),
        "cut short, and nothing counted": (response(status="incomplete"), Flaw.EMPTY),
        "filtered": (response(status="incomplete", incomplete_details=FILTERED, usage=SOME), Flaw.EMPTY),
        "nothing, with tokens counted": (response(usage=SOME), Flaw.EMPTY),
        "output null": (response() | {"output": None, "usage": SOME}, Flaw.EMPTY),
        "a blank": (
            response({"type": "message", "content": [{"type": "output_text", "text": " "}]}, usage=SOME),
            Flaw.EMPTY,
        ),
        "empty reasoning": (response({"type": "reasoning", "id": "rs_1", "summary": []}, usage=SOME), Flaw.EMPTY),
        "error {} beside an answer": (response(SAYS, error={}), ANSWERED),
        "error false beside an answer": (response(SAYS, error=False), ANSWERED),
        "an empty error beside an answer": (response(SAYS, error=""), ANSWERED),
        "an error without a wrapper": ({"object": "error", "message": "no", "code": 400}, ERROR),
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
        "cut short": (message(reason="max_tokens", usage=SOME), ANSWERED),
        "cut short, and nothing counted": (message(reason="max_tokens"), Flaw.EMPTY),
        "nothing, with tokens counted": (message(usage=SOME), Flaw.EMPTY),
        "content null": (message() | {"content": None, "usage": SOME}, Flaw.EMPTY),
        "a blank": (message({"type": "text", "text": "\n"}, usage=SOME), Flaw.EMPTY),
        "empty thinking": (message({"type": "thinking", "thinking": "", "signature": "x"}, usage=SOME), Flaw.EMPTY),
        "error {} beside an answer": (message({"type": "text", "text": "Hi"}, error={}), ANSWERED),
        "error false beside an answer": (message({"type": "text", "text": "Hi"}, error=False), ANSWERED),
        "an empty error beside an answer": (message({"type": "text", "text": "Hi"}, error=""), ANSWERED),
        "an error without a wrapper": ({"object": "error", "message": "no", "code": 400}, ERROR),
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
    return [data if isinstance(data, bytes) else named(data) for data in datas]


def named(data: Any) -> bytes:
    return f"event: {data.get('type')}\ndata: {json.dumps(data)}\n\n".encode()


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
            Flaw.EMPTY,
        ),
        "no room for a token": (
            (CREATED, {"type": "response.incomplete", "response": response(status="incomplete", usage=SOME)}),
            ANSWERED,
        ),
        "an item that came at once": ((CREATED, {"type": "response.output_item.done", "item": SAYS}), ANSWERED),
        "a blank": ((CREATED, TEXT | {"delta": " "}), Flaw.NO_TOKEN),
        "an item whose type is a list": (
            (CREATED, {"type": "response.output_item.done", "item": SAYS | {"type": ["message"]}}),
            Flaw.NO_TOKEN,
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
        "an end with tokens counted": ((START, END, STOP), Flaw.EMPTY),
        "no room for a token": ((START, END | {"delta": {"stop_reason": "max_tokens"}}, STOP), ANSWERED),
        "a blank": ((START, BLOCK, DELTA | {"delta": {"type": "text_delta", "text": " "}}), Flaw.NO_TOKEN),
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


LARGE = response(
    {"type": "message", "content": [{"type": "output_text", "text": "x" * 2_000_000}]}, usage={"cost": 0.5}
)
ENDINGS = {
    "responses": {
        "completed": ((TEXT, {"type": "response.completed", "response": response(SAYS)}), True, False, None),
        "incomplete": (
            (TEXT, {"type": "response.incomplete", "response": response(status="incomplete")}),
            True,
            False,
            None,
        ),
        "without a status": ((TEXT, {"type": "response.completed", "response": {}}), True, False, None),
        "a broken event": (
            (TEXT, b"data: oops\n\n", {"type": "response.completed", "response": response(SAYS)}),
            False,
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
        "stopped without a reason": ((DELTA, STOP), False, False, None),
        "a broken event": ((DELTA, b"data: oops\n\n", END, STOP), False, False, None),
        "a long end with its cost": (
            (DELTA, END | {"usage": {"cost": 0.5}, "x": "x" * 500_000}, STOP),
            True,
            False,
            0.5,
        ),
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


OVERFLOWS = ["context_length_exceeded", "max_tokens_exceeded", "token_limit_exceeded", "string_too_long"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", ["completed", "incomplete"])
@pytest.mark.parametrize("kind", OVERFLOWS)
def test_an_overflow_that_comes_as_an_empty_success_is_an_error(kind, status, streamed):
    overflow = response(status=status, error_type=kind, usage=SOME)
    head = Head(RESPONSES, streamed, 200, SSE if streamed else JSON)
    data = {"type": f"response.{status}", "response": overflow}
    head.feed(named(data) if streamed else json.dumps(overflow).encode())
    evidence = read_evidence(head.end())
    assert (evidence.error_type, evidence.status) == (kind, 400)


def test_an_answer_whose_last_part_did_not_fit_is_an_answer_all_the_same():
    body = response(SAYS, status="incomplete", error_type="max_tokens_exceeded")
    assert RESPONSES.piece(body).error is None


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_failed_response_tells_its_words_its_voice_and_its_type(streamed):
    error = {"code": "server_error", "message": "no", "metadata": {"provider_name": "P"}}
    failed = response(status="failed", error=error, error_type="rate_limit_exceeded")
    head = Head(RESPONSES, streamed, 200, SSE if streamed else JSON)
    data = {"type": "response.failed", "response": failed}
    head.feed(named(data) if streamed else json.dumps(failed).encode())
    evidence = read_evidence(head.end())
    assert (evidence.message, evidence.voice, evidence.status) == ("no", Voice.PROVIDER, 429)
    assert evidence.error_type == "rate_limit_exceeded"


WORDS = {400: "invalid_request_error", 429: "rate_limit_error", 502: "api_error"}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error.status))
def test_an_error_of_messages_has_a_type_of_anthropics(error):
    body = MESSAGES.error_body(error)
    assert body["type"] == "error"
    assert body["error"]["type"] == WORDS[error.status]


CUT = StreamInterruptedError("cut")
KNOWN = Begun(id="trace-1", model="acme/a:free", now=1_790_000_000)
LABELS = {"id": "x-1", "model": "acme/a-2026", "created": 1_790_000_007}
SHOWN = {"id": "x-1", "model": "acme/a-2026", "created_at": 1_790_000_007, "tools": [{"type": "web"}], "output": []}
# What the closing event calls its answer: id, model, time.
OURS = ("trace-1", "acme/a:free", 1_790_000_000)
THEIRS = ("x-1", "acme/a-2026", 1_790_000_007)
BEGUN = {
    "chat: nothing is known": (CHAT, KNOWN, OURS),
    "chat: the last chunk says it": (CHAT, KNOWN._replace(last=LABELS), THEIRS),
    "chat: only the first chunk says it": (CHAT, KNOWN._replace(first=LABELS, last={"usage": {}}), THEIRS),
    "chat: a chunk says a part": (CHAT, KNOWN._replace(last={"id": "x-1", "model": None}), ("x-1", *OURS[1:])),
    "responses: nothing is known": (RESPONSES, KNOWN, OURS),
    "responses: it was created": (
        RESPONSES,
        KNOWN._replace(first={"type": "response.created", "response": SHOWN}, last={"type": "x", "response": None}),
        THEIRS,
    ),
    "responses: the first event was odd": (RESPONSES, KNOWN._replace(first={"response": []}), OURS),
    "responses: an event says a part": (
        RESPONSES,
        KNOWN._replace(first={"response": {"id": "x-1"}}),
        ("x-1", *OURS[1:]),
    ),
}


@pytest.mark.parametrize(("dialect", "begun", "labels"), BEGUN.values(), ids=BEGUN)
def test_the_event_that_ends_a_broken_stream_has_what_is_known(dialect, begun, labels):
    (data,) = Events().feed(dialect.error_event(CUT, begun))
    event = json.loads(data)
    answer = event if dialect is CHAT else event["response"]
    assert (answer["id"], answer["model"], answer["created" if dialect is CHAT else "created_at"]) == labels
    assert read_event(dialect, data).error is not None
    assert answer.get("status", "failed") == "failed"


def test_a_response_that_failed_shows_what_it_was_asked():
    begun = KNOWN._replace(first={"type": "response.created", "response": SHOWN}, last={"sequence_number": 7})
    (data,) = Events().feed(RESPONSES.error_event(CUT, begun))
    event = json.loads(data)
    assert event["sequence_number"] == 8
    assert event["response"]["tools"] == SHOWN["tools"]


def test_the_first_event_is_known_however_long_a_stream_is():
    tail = Tail(RESPONSES)
    for event in events({"type": "response.created", "response": SHOWN}, *[TEXT] * 5_000):
        tail.feed(event)
    assert tail.end().first["response"] == SHOWN


def test_an_odd_first_event_is_none():
    tail = Tail(CHAT)
    tail.feed(b": comment\n\ndata: {odd\n\n")
    assert tail.end().first == {}
