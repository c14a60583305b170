import json
import re

import openai
import pytest
from openrouter import OpenRouter
from pydantic import BaseModel

from freerouter.emulator import FAULTS, Fault, Faults
from tests.emulator.test_faults import ERRORS

FREE = "openai/gpt-oss-20b:free"
MODEL = "nvidia/nemotron-3-nano-30b-a3b:free"
CODER = "qwen/qwen3-coder:free"
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 40, "detail": "auto"}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
PDF = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}
PARSER = {"id": "file-parser", "pdf": {"engine": "cloudflare-ai"}}
WEATHER = {
    "type": "function",
    "name": "weather",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
    },
}
CLOCK = {"type": "function", "name": "clock", "strict": False, "parameters": {"type": "object", "properties": {}}}
CALLED = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}


class Pair(BaseModel):
    a: int
    b: str


def said(*parts) -> dict:
    return {"input": [{"role": "user", "content": list(parts)}]}


def returned(output) -> dict:
    result = {"type": "function_call_output", "call_id": "c1", "output": output}
    return {"input": [{"role": "user", "content": "What is the weather?"}, CALLED, result]}


def events(response) -> list[dict]:
    """Read a stream by hand: a comment first, each event under its own name, [DONE] last."""
    comment, *framed, done, rest = response.text.split("\n\n")
    assert (comment, done, rest) == (": OPENROUTER PROCESSING", "data: [DONE]", "")
    found = []
    for frame in framed:
        name, data = frame.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def kinds(response) -> list[str]:
    """Name the events of a stream, those that repeat once."""
    names = [event["type"].removeprefix("response.") for event in events(response)]
    return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]


REFUSED = [
    ("no/such", {}, 400, "no/such is not a valid model ID"),
    ("tencent/hy3-preview:free", {}, 404, "No endpoints found for tencent/hy3-preview:free."),
    (FREE, {"input": []}, 400, 'Input required: specify "input"'),
    (FREE, {"input": "", "instructions": "Be brief"}, 400, 'Input required: specify "input"'),
    (FREE, {"models": ["a", "b", "c", "d"]}, 400, "'models' array must have 3 items or fewer."),
    (FREE, {"store": True}, 400, "This API is stateless"),
    (FREE, {"previous_response_id": "resp_1"}, 400, "This API is stateless"),
    (FREE, said(IMAGE), 404, "No endpoints found that support image input"),
    (FREE, returned([IMAGE]), 404, "No endpoints found that support image input"),
    ("google/gemma-4-31b-it:free", said(AUDIO), 404, "No endpoints found that support input audio"),
    ("microsoft/phi-4-multimodal-instruct:free", {"tools": [WEATHER]}, 404, "No endpoints found that support tool use"),
    (
        "minimax/minimax-m2.5:free",
        {"tools": [WEATHER], "tool_choice": {"type": "function", "name": "weather"}},
        404,
        "No endpoints found that support the provided 'tool_choice' value",
    ),
    (
        FREE,
        {"top_logprobs": 2, "provider": {"require_parameters": True}},
        404,
        "No endpoints found that can handle the requested parameters",
    ),
    (FREE, {"reasoning": {"effort": "none"}}, 400, "Reasoning is mandatory"),
    ("openai/gpt-oss-20b", {"provider": {"max_price": {"prompt": 0}}}, 404, "No endpoints found that match"),
    ("microsoft/phi-4-multimodal-instruct:free", {"input": "word" * 33_000}, 400, "This endpoint's maximum context"),
    ("microsoft/phi-4-multimodal-instruct:free", {"max_output_tokens": 40_000}, 400, "This endpoint's maximum context"),
]


@pytest.mark.parametrize(("model", "fields", "status", "message"), REFUSED)
def test_what_is_turned_away(caller, emulator, model, fields, status, message):
    response = caller.respond(model, **fields)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, status)
    assert error["message"].startswith(message)
    assert emulator.bill == []


ACCEPTED = [
    ("google/gemma-4-31b-it:free", said(IMAGE)),
    ("qwen/qwen3.5-omni-flash:free", said(AUDIO)),
    ("microsoft/phi-4-multimodal-instruct:free", {"tools": [WEATHER], "tool_choice": "none"}),
    ("minimax/minimax-m2.5:free", {"tools": [WEATHER], "tool_choice": "auto"}),
    (
        FREE,
        {
            "temperature": 1,
            "max_output_tokens": 50,
            "text": {"format": {"type": "text"}},
            "truncation": "auto",
            "provider": {"require_parameters": True, "max_price": {"prompt": 0, "completion": 0}},
        },
    ),
    (FREE, {"store": False, "previous_response_id": None, "session_id": "s"}),
    (FREE, said(PDF) | {"plugins": [PARSER]}),
    ("openrouter/free", {"models": [FREE]}),
]


@pytest.mark.parametrize(("model", "fields"), ACCEPTED)
def test_what_passes(caller, emulator, model, fields):
    response = caller.respond(model, **fields)
    assert response.status_code == 200
    assert response.json()["usage"]["cost"] == 0
    assert emulator.bill == []
    assert emulator.completions == emulator.requests


COSTS = [
    ("openai/gpt-oss-20b", {}),
    (FREE, said(PDF)),
    (FREE, {"tools": [{"type": "web_search_preview"}]}),
    (FREE, {"tools": [{"type": "openrouter:web_search"}]}),
    (FREE, {"plugins": [{"id": "web"}]}),
    (FREE, {"service_tier": "priority"}),
]


@pytest.mark.parametrize(("model", "fields"), COSTS)
def test_what_is_billed(caller, emulator, model, fields):
    assert caller.respond(model, **fields).json()["usage"]["cost"] > 0
    assert len(emulator.bill) == 1


def test_a_response_repeats_what_was_asked(caller):
    asked = {"instructions": "Be brief", "temperature": 0.5, "tools": [WEATHER], "tool_choice": "none"}
    response = caller.respond("nvidia/nemotron-3-ultra-550b-a55b:free", metadata={"a": "b"}, **asked)
    body = response.json()
    assert asked.items() <= body.items()
    assert body["metadata"] == {"a": "b"}
    assert body["model"] == "nvidia/nemotron-3-ultra-550b-a55b-20260604:free"
    assert body["id"].startswith("resp_")
    assert response.headers["x-generation-id"].startswith("gen-")
    assert caller.get("generation", id=response.headers["x-generation-id"]).status_code == 200


def test_metadata_come_when_asked_for(caller):
    headers = {"x-openrouter-metadata": "enabled"}
    assert caller.respond("openrouter/free", headers=headers).json()["openrouter_metadata"]["strategy"] == "free"
    streamed = events(caller.respond("openrouter/free", headers=headers, stream=True))
    assert streamed[-1]["response"]["openrouter_metadata"]["strategy"] == "free"


CHOICES = [
    ("What is the weather?", {}, "weather"),
    ("What does the clock say?", {}, "clock"),
    ("What is the weather?", {"tool_choice": {"type": "function", "name": "clock"}}, "clock"),
    ("Anything", {"tool_choice": "required"}, "weather"),
    ("Anything", {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [CLOCK]}}, "weather"),
    ("What is the weather?", {"tool_choice": "none"}, None),
]


@pytest.mark.parametrize(("content", "fields", "name"), CHOICES)
def test_which_tool_is_called(caller, content, fields, name):
    output = caller.respond(CODER, input=content, tools=[WEATHER, CLOCK], **fields).json()["output"]
    assert [item.get("name") for item in output] == [name]


@pytest.mark.parametrize("output", ["Rain", [{"type": "input_text", "text": "Rain"}]])
def test_after_a_tool_result_comes_text(caller, output):
    (message,) = caller.respond(CODER, tools=[WEATHER], **returned(output)).json()["output"]
    assert 'The tool says: "Rain"' in message["content"][0]["text"]


def test_reasoning_of_an_earlier_turn_is_read_and_counted(caller):
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "x" * 99}],
    }
    asked = [{"role": "user", "content": "Hello"}]
    with_it, without = (caller.respond(input=[*before, *asked]).json()["usage"] for before in ([thought], []))
    assert with_it["input_tokens"] > without["input_tokens"]


def test_max_output_tokens_leave_a_response_incomplete(caller):
    body = caller.respond(CODER, max_output_tokens=2).json()
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert body["output"][0]["status"] == "incomplete"
    assert kinds(caller.respond(CODER, max_output_tokens=2, stream=True))[-1] == "incomplete"


MESSAGE = ["output_item.added", "content_part.added", "{}.delta", "{}.done", "content_part.done", "output_item.done"]
CALL = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
STREAMS = [
    (CODER, {}, [kind.format("output_text") for kind in MESSAGE]),
    (MODEL, {}, [kind.format(part) for part in ("reasoning_text", "output_text") for kind in MESSAGE]),
    (CODER, {"tools": [WEATHER]}, CALL),
]


@pytest.mark.parametrize(("model", "fields", "between"), STREAMS)
def test_the_order_of_events(caller, model, fields, between):
    response = caller.respond(model, stream=True, **fields)
    assert kinds(response) == ["created", "in_progress", *between, "completed"]
    last = events(response)[-1]["response"]
    assert [event["item"] for event in events(response) if event["type"] == "response.output_item.done"] == last[
        "output"
    ]
    assert last["usage"]["cost"] == 0


def struck_by(kind: str) -> Faults:
    return Faults([Fault(kind)])


BODIES = {
    "error_in_200": lambda b: (b["status"], b["error"]["code"], b["output"]) == ("failed", "server_error", []),
    "rate_limited_in_200": lambda b: (b["status"], b["error"]["code"]) == ("failed", "rate_limit_exceeded"),
    "finish_error": lambda b: b["status"] == "failed" and b["error_type"] == "provider_unavailable",
    "null_content": lambda b: b["output"][0]["content"] is None,
    "empty_content": lambda b: b["output"] == [] and b["usage"]["output_tokens"] == 0,
    "null_choices": lambda b: b["output"] is None,
    "empty_choices": lambda b: b["output"] == [],
    "cost_in_usage": lambda b: b["usage"]["cost"] == 0.01 and b["output"],
}


@pytest.mark.parametrize(("kind", "check"), BODIES.items())
def test_faulty_bodies(caller, emulator, kind, check):
    emulator.faults = struck_by(kind)
    response = caller.respond()
    assert response.status_code == 200
    assert check(response.json())


COMMENT = r"(: OPENROUTER PROCESSING\n\n)"
OPENING = r"(event: response\.(created|in_progress|\w+\.added)\ndata: [^\n]+\n\n)+"
TOKENS = r"(event: response\.\w+\.delta\ndata: [^\n]+\n\n)+"
FAILED = r'event: response\.failed\ndata: [^\n]+"status":"failed"[^\n]+"code":"server_error"[^\n]+\n\n'
ERROR = r'event: error\ndata: \{"type":"error","sequence_number":0,"code":"%s","message":"[^\n]+\n\n'
BROKEN = {
    "stream_error_first": COMMENT + ERROR % "server_error",
    "stream_rate_limited_first": COMMENT + ERROR % "rate_limit_exceeded",
    "stream_error_after_role": COMMENT + OPENING + FAILED,
    "stream_ends_first": COMMENT,
    "stream_ends_after_role": COMMENT + OPENING,
    "stream_done_first": COMMENT + r"data: \[DONE\]\n\n",
    "stream_error_midway": COMMENT + OPENING + TOKENS + FAILED,
    "stream_ends_midway": COMMENT + OPENING + TOKENS,
}


@pytest.mark.parametrize(("kind", "text"), BROKEN.items())
def test_faulty_streams(caller, emulator, kind, text):
    emulator.faults = struck_by(kind)
    assert re.fullmatch(text, caller.respond(CODER, stream=True).text)


def test_an_empty_stream_has_an_end_and_no_token(caller, emulator):
    emulator.faults = struck_by("empty_content")
    response = caller.respond(stream=True)
    assert kinds(response) == ["created", "in_progress", "completed"]
    assert events(response)[-1]["response"]["usage"]["output_tokens"] == 0


@pytest.mark.parametrize("kind", [name for name in ERRORS if FAULTS[name].account])
def test_errors_with_a_status_are_those_of_chat(caller, emulator, kind):
    emulator.faults = struck_by(kind)
    responses, chat = caller.respond(), caller.chat()
    assert (responses.status_code, responses.json()) == (chat.status_code, chat.json())


@pytest.fixture
def client(emulator):
    with emulator.running() as url, openai.OpenAI(base_url=url, api_key="key", max_retries=0) as client:
        yield client


def test_openai(client):
    response = client.responses.create(model=CODER, input="Hello")
    assert "Hello" in response.output_text
    assert response.usage.total_tokens > 0


@pytest.mark.parametrize(("model", "tools"), [(CODER, []), (MODEL, []), (MODEL, [WEATHER])])
def test_openai_streams(client, model, tools):
    with client.responses.stream(model=model, input="Hello", tools=tools) as stream:
        final = stream.get_final_response()
    assert final.status == "completed"
    whole = client.responses.create(model=model, input="Hello", tools=tools)
    assert [item.type for item in final.output] == [item.type for item in whole.output]


def test_openai_streams_raw_events(client):
    *_, last = client.responses.create(model=MODEL, input="Hello", stream=True)
    assert last.type == "response.completed"
    assert "Hello" in last.response.output_text


def test_openai_parses(client):
    assert isinstance(client.responses.parse(model=FREE, input="Hello", text_format=Pair).output_parsed, Pair)


def test_openai_parses_a_stream(client):
    with client.responses.stream(model=FREE, input="Hello", text_format=Pair) as stream:
        assert isinstance(stream.get_final_response().output_parsed, Pair)


def test_openai_loops_over_tools(client, emulator):
    history = [{"role": "user", "content": "What is the weather?"}]
    first = client.responses.create(model=MODEL, input=history, tools=[WEATHER])
    call = first.output[-1]
    assert json.loads(call.arguments).keys() == {"city", "days"}
    history += [item.model_dump(exclude_none=True) for item in first.output]
    history.append({"type": "function_call_output", "call_id": call.call_id, "output": "Rain"})
    second = client.responses.create(model=MODEL, input=history, tools=[WEATHER])
    assert 'The tool says: "Rain"' in second.output_text
    assert len(emulator.completions) == 2


def test_openai_shows_images(client):
    content = [{"type": "input_text", "text": "What is this?"}, IMAGE]
    response = client.responses.create(model="google/gemma-4-31b-it:free", input=[{"role": "user", "content": content}])
    assert "I received an image (image/png, 30 bytes)" in response.output_text
    assert "What is this?" in response.output_text


def test_openai_raises_what_was_refused(client):
    with pytest.raises(openai.NotFoundError, match="image input"):
        client.responses.create(model=FREE, **said(IMAGE))


def test_openai_meets_a_failure_in_mid_stream(client, emulator):
    emulator.faults = struck_by("stream_error_midway")
    *_, last = client.responses.create(model=MODEL, input="Hello", stream=True)
    assert (last.type, last.response.error.code) == ("response.failed", "server_error")


@pytest.fixture
def openrouter(emulator):
    with emulator.running() as url, OpenRouter(server_url=url, api_key="key") as client:
        yield client


@pytest.mark.parametrize("tools", [[], [WEATHER]])
def test_openrouter(openrouter, tools):
    result = openrouter.responses.send(model=MODEL, input="Hello", tools=tools, x_open_router_metadata="enabled")
    assert result.output[-1].type == ("function_call" if tools else "message")
    assert result.usage.cost == 0
    assert result.openrouter_metadata.strategy == "direct"


@pytest.mark.parametrize("tools", [[], [WEATHER]])
def test_openrouter_streams(openrouter, tools):
    with openrouter.responses.send(model=MODEL, input="Hello", tools=tools, stream=True) as stream:
        events = list(stream)
    assert "UNKNOWN" not in {event.type for event in events}
    assert events[-1].response.status == "completed"


def test_openrouter_reads_a_failure(openrouter, emulator):
    emulator.faults = struck_by("error_in_200")
    result = openrouter.responses.send(model=MODEL, input="Hello")
    assert (result.status, result.error.code, result.error_type) == ("failed", "server_error", "provider_unavailable")
