import json
import re

import anthropic
import httpx
import pytest

from freerouter.emulator import Emulator, Fault, Faults
from tests.emulator.conftest import KEY, calling
from tests.emulator.test_faults import ERRORS

FREE = "openai/gpt-oss-20b:free"
MODEL = "nvidia/nemotron-3-nano-30b-a3b:free"
CODER = "qwen/qwen3-coder:free"
SEES = "google/gemma-4-31b-it:free"
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 40}}
LINK = {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}
PDF_LINK = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
PLAIN = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
NESTED = {"type": "document", "source": {"type": "content", "content": [IMAGE]}}
PARSER = {"id": "file-parser", "pdf": {"engine": "cloudflare-ai"}}
WEATHER = {
    "name": "weather",
    "description": "Tells the weather.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
    },
}
CLOCK = {"type": "custom", "name": "clock", "input_schema": {"type": "object", "properties": {}}}
PAIR = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}}}
USE = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}


def said(*blocks) -> dict:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def returned(content, *more) -> dict:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": content}
    return {
        "messages": [
            {"role": "user", "content": "What is the weather?"},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm", "signature": "s"}, USE]},
            {"role": "user", "content": [result, *more]},
        ]
    }


def events(response) -> list[dict]:
    """Read a stream by hand: a comment first, then each event under its own name."""
    comment, *framed, rest = response.text.split("\n\n")
    assert (comment, rest) == (": OPENROUTER PROCESSING", "")
    found = []
    for frame in framed:
        name, data = frame.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def kinds(response) -> list[str]:
    """Name the events of a stream, deltas by their own type; those that repeat once."""
    names = [
        event["delta"]["type"] if "index" in event and "delta" in event else event["type"] for event in events(response)
    ]
    return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]


REFUSED = [
    ("no/such", {}, 400, "no/such is not a valid model ID"),
    (FREE, {"fallbacks": [{"model": "no/such"}]}, 400, "no/such is not a valid model ID"),
    (FREE, {"fallbacks": [{"model": "a"}] * 4}, 400, "'models' array must have 3 items or fewer."),
    (FREE, {"models": [FREE], "fallbacks": [{"model": FREE}]}, 400, "'fallbacks' cannot be combined with 'models'."),
    (FREE, {"messages": []}, 400, 'Input required: specify "messages"'),
    ("tencent/hy3-preview:free", {}, 404, "No endpoints found for tencent/hy3-preview:free."),
    (FREE, said(IMAGE), 404, "No endpoints found that support image input"),
    (FREE, said(NESTED), 404, "No endpoints found that support image input"),
    (FREE, returned([IMAGE]), 404, "No endpoints found that support image input"),
    ("microsoft/phi-4-multimodal-instruct:free", {"tools": [WEATHER]}, 404, "No endpoints found that support tool use"),
    (
        "minimax/minimax-m2.5:free",
        {"tools": [WEATHER], "tool_choice": {"type": "any"}},
        404,
        "No endpoints found that support the provided 'tool_choice' value",
    ),
    (
        FREE,
        {"top_k": 2, "provider": {"require_parameters": True}},
        404,
        "No endpoints found that can handle the requested parameters",
    ),
    (FREE, {"thinking": {"type": "disabled"}}, 400, "Reasoning is mandatory"),
    ("openai/gpt-oss-20b", {"provider": {"max_price": {"prompt": 0}}}, 404, "No endpoints found that match"),
    ("microsoft/phi-4-multimodal-instruct:free", {"max_tokens": 40_000}, 400, "This endpoint's maximum context"),
    ("microsoft/phi-4-multimodal-instruct:free", {"system": "word" * 33_000}, 400, "This endpoint's maximum context"),
]


@pytest.mark.parametrize(("model", "fields", "status", "message"), REFUSED)
def test_what_is_turned_away(caller, emulator, model, fields, status, message):
    response = caller.message(model, **fields)
    body = response.json()
    assert (response.status_code, body["type"]) == (status, "error")
    assert body["error"]["type"] == {400: "invalid_request_error", 404: "not_found_error"}[status]
    assert body["error"]["message"].startswith(message)
    assert emulator.bill == []


ACCEPTED = [
    (SEES, said(IMAGE)),
    (SEES, said(LINK)),
    (SEES, said(NESTED)),
    (SEES, returned([IMAGE])),
    ("microsoft/phi-4-multimodal-instruct:free", {"tools": [WEATHER], "tool_choice": {"type": "none"}}),
    ("minimax/minimax-m2.5:free", {"tools": [WEATHER], "tool_choice": {"type": "auto"}}),
    (
        FREE,
        {
            "system": [{"type": "text", "text": "Be brief"}],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "stop_sequences": ["x"],
            "provider": {"require_parameters": True, "max_price": {"prompt": 0, "completion": 0}},
        },
    ),
    (FREE, said(PDF) | {"plugins": [PARSER]}),
    (FREE, said(PLAIN)),
    (FREE, {"service_tier": "standard_only", "metadata": {"user_id": "u"}}),
    (FREE, {"tools": [{"type": "bash_20250124", "name": "bash"}]}),
]


@pytest.mark.parametrize(("model", "fields"), ACCEPTED)
def test_what_passes(caller, emulator, model, fields):
    response = caller.message(model, **fields)
    assert response.status_code == 200
    assert response.json()["usage"]["cost"] == 0
    assert emulator.bill == []
    assert emulator.completions == emulator.requests


COSTS = [
    ("openai/gpt-oss-20b", {}),
    (FREE, said(PDF)),
    (FREE, said(PDF_LINK)),
    (FREE, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    (FREE, {"plugins": [{"id": "web"}]}),
    (FREE, {"service_tier": "priority"}),
]


@pytest.mark.parametrize(("model", "fields"), COSTS)
def test_what_is_billed(caller, emulator, model, fields):
    assert caller.message(model, **fields).json()["usage"]["cost"] > 0
    assert len(emulator.bill) == 1


def test_fallbacks_are_tried_in_order(caller):
    wanted = {"fallbacks": [{"model": CODER}, {"model": SEES}]} | said(IMAGE)
    body = caller.message(FREE, headers={"x-openrouter-metadata": "enabled"}, **wanted).json()
    assert body["model"] == "google/gemma-4-31b-it-20260402:free"
    assert body["openrouter_metadata"]["attempt"] == 3


CHOICES = [
    ("What is the weather?", {}, "weather"),
    ("What does the clock say?", {}, "clock"),
    ("What is the weather?", {"tool_choice": {"type": "tool", "name": "clock"}}, "clock"),
    ("Anything", {"tool_choice": {"type": "any"}}, "weather"),
    ("What is the weather?", {"tool_choice": {"type": "none"}}, None),
]


@pytest.mark.parametrize(("content", "fields", "name"), CHOICES)
def test_which_tool_is_called(caller, content, fields, name):
    messages = [{"role": "user", "content": content}]
    body = caller.message(CODER, messages=messages, tools=[WEATHER, CLOCK], **fields).json()
    assert [block.get("name") for block in body["content"]] == [name]
    assert body["stop_reason"] == ("tool_use" if name else "end_turn")


@pytest.mark.parametrize("content", ["Rain", [{"type": "text", "text": "Rain"}]])
@pytest.mark.parametrize("more", [(), ({"type": "text", "text": "By the way"},)])
def test_after_a_tool_result_comes_text(caller, content, more):
    (block,) = caller.message(CODER, tools=[WEATHER], **returned(content, *more)).json()["content"]
    assert 'The tool says: "Rain"' in block["text"]


@pytest.mark.parametrize(
    ("model", "fields", "thinks"),
    [
        (FREE, {}, True),
        (SEES, {}, False),
        (SEES, {"thinking": {"type": "adaptive"}}, True),
        (SEES, {"output_config": {"effort": "low"}}, True),
        (MODEL, {"thinking": {"type": "disabled"}}, False),
    ],
)
def test_who_thinks(caller, model, fields, thinks):
    assert (caller.message(model, **fields).json()["content"][0]["type"] == "thinking") is thinks


def test_json_fits_the_schema(caller):
    wish = {"output_config": {"format": {"type": "json_schema", "schema": PAIR}}}
    assert json.loads(caller.message(FREE, **wish).json()["content"][-1]["text"]).keys() == {"a", "b"}


def test_max_tokens_are_a_reason_to_stop(caller):
    assert caller.message(CODER, max_tokens=2).json()["stop_reason"] == "max_tokens"


THOUGHT = ["content_block_start", "ping", "thinking_delta", "signature_delta", "content_block_stop"]
STREAMS = [
    (CODER, {}, ["content_block_start", "ping", "text_delta", "content_block_stop"]),
    (MODEL, {}, [*THOUGHT, "content_block_start", "text_delta", "content_block_stop"]),
    (MODEL, {"tools": [WEATHER]}, [*THOUGHT, "content_block_start", "input_json_delta", "content_block_stop"]),
]


@pytest.mark.parametrize(("model", "fields", "between"), STREAMS)
def test_the_order_of_events(caller, model, fields, between):
    response = caller.message(model, stream=True, headers={"x-openrouter-metadata": "enabled"}, **fields)
    assert kinds(response) == ["message_start", *between, "message_delta", "message_stop"]
    start, *_, delta, _ = events(response)
    assert start["message"]["usage"]["output_tokens"] == 0
    assert delta["usage"]["output_tokens"] > 0
    assert delta["usage"]["cost"] == 0
    assert delta["openrouter_metadata"]["strategy"] == "direct"


def struck_by(kind: str) -> Faults:
    return Faults([Fault(kind)])


TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
    524: "timeout_error",
    529: "overloaded_error",
}


@pytest.mark.parametrize(("kind", "status", "message"), [(kind, *row) for kind, row in ERRORS.items()])
def test_errors(caller, emulator, kind, status, message):
    emulator.faults = struck_by(kind)
    response = caller.message()
    body = response.json()
    assert (response.status_code, body["type"], body["error"]["type"]) == (status, "error", TYPES[status])
    assert body["error"]["message"].startswith(message)
    assert body["error"]["error_type"]


def test_what_openrouter_knows_stays_beside_the_message(caller, emulator):
    emulator.faults = struck_by("rate_limited")
    response = caller.message(headers={"x-openrouter-metadata": "enabled"})
    body = response.json()
    assert "temporarily rate-limited upstream" in body["error"]["metadata"]["raw"]
    assert body["openrouter_metadata"]["requested"] == MODEL
    assert response.headers["retry-after"]
    emulator.faults = struck_by("capacity_exhausted")
    assert caller.message().json()["error"]["availability"]["code"] == "capacity_exhausted"


def test_the_allowance_is_that_of_all_dialects(clock):
    with calling(Emulator(per_minute=2, clock=clock)) as caller:
        statuses = [ask().status_code for ask in (caller.chat, caller.respond, caller.message)]
        assert statuses == [200, 200, 429]


def test_a_key_may_come_as_x_api_key(caller):
    with httpx.Client(base_url=caller.http.base_url) as http:
        keyless = http.post("messages", json={})
        assert (keyless.status_code, keyless.json()["error"]["type"]) == (401, "authentication_error")
        assert http.post("messages", json={}, headers={"x-api-key": KEY["authorization"]}).status_code == 400


def is_error(kind: str, status: str):
    return lambda body: (body["type"], body["error"]["type"], body["error"]["error_type"]) == ("error", status, kind)


BODIES = {
    "error_in_200": is_error("provider_unavailable", "api_error"),
    "rate_limited_in_200": is_error("rate_limit_exceeded", "rate_limit_error"),
    "finish_error": is_error("provider_unavailable", "api_error"),
    "null_content": lambda b: b["content"][0]["text"] is None,
    "empty_content": lambda b: b["content"] == [] and b["usage"]["output_tokens"] == 0,
    "null_choices": lambda b: b["content"] is None,
    "empty_choices": lambda b: b["content"] == [],
    "cost_in_usage": lambda b: b["usage"]["cost"] == 0.01 and b["content"],
}


@pytest.mark.parametrize(("kind", "check"), BODIES.items())
def test_faulty_bodies(caller, emulator, kind, check):
    emulator.faults = struck_by(kind)
    response = caller.message()
    assert response.status_code == 200
    assert check(response.json())


COMMENT = r"(: OPENROUTER PROCESSING\n\n)"
OPENING = r"event: message_start\n[^\n]+\n\nevent: content_block_start\n[^\n]+\n\nevent: ping\n[^\n]+\n\n"
TOKENS = r"(event: content_block_delta\ndata: [^\n]+\n\n)+"
ERROR = r'event: error\ndata: \{"type":"error","error":\{"type":"%s"[^\n]+\n\n'
BROKEN = {
    "stream_error_first": COMMENT + ERROR % "api_error",
    "stream_rate_limited_first": COMMENT + ERROR % "rate_limit_error",
    "stream_error_after_role": COMMENT + OPENING + ERROR % "api_error",
    "stream_ends_first": COMMENT,
    "stream_ends_after_role": COMMENT + OPENING,
    "stream_done_first": COMMENT + r"event: message_stop\n[^\n]+\n\n",
    "stream_error_midway": COMMENT + OPENING + TOKENS + ERROR % "api_error",
    "stream_ends_midway": COMMENT + OPENING + TOKENS,
}


@pytest.mark.parametrize(("kind", "text"), BROKEN.items())
def test_faulty_streams(caller, emulator, kind, text):
    emulator.faults = struck_by(kind)
    assert re.fullmatch(text, caller.message(CODER, stream=True).text)


def test_an_empty_stream_has_an_end_and_no_token(caller, emulator):
    emulator.faults = struck_by("empty_content")
    response = caller.message(stream=True)
    assert kinds(response) == ["message_start", "message_delta", "message_stop"]
    assert events(response)[1]["usage"]["output_tokens"] == 0


@pytest.fixture
def client(emulator):
    with (
        emulator.running() as url,
        anthropic.Anthropic(base_url=url.removesuffix("/v1"), api_key="key", max_retries=0) as client,
    ):
        yield client


HELLO = [{"role": "user", "content": "Hello"}]


def test_anthropic(client):
    message = client.messages.create(model=CODER, max_tokens=1000, messages=HELLO)
    (block,) = message.content
    assert "Hello" in block.text
    assert message.usage.output_tokens > 0


@pytest.mark.parametrize("tools", [[], [WEATHER]])
def test_anthropic_streams_what_it_creates(client, tools):
    asked = {"model": MODEL, "max_tokens": 1000, "messages": HELLO, "tools": tools}
    with client.messages.stream(**asked) as stream:
        final = stream.get_final_message()
    whole = client.messages.create(**asked)
    assert [block.type for block in final.content] == [block.type for block in whole.content]
    assert final.stop_reason == whole.stop_reason


def test_anthropic_streams_text(client):
    with client.messages.stream(model=MODEL, max_tokens=1000, messages=HELLO) as stream:
        assert 'You said: "Hello"' in "".join(stream.text_stream)


def test_anthropic_loops_over_tools(client, emulator):
    history = [{"role": "user", "content": "What is the weather?"}]
    asked = {"model": MODEL, "max_tokens": 1000, "tools": [WEATHER], "messages": history}
    first = client.messages.create(**asked)
    use = first.content[-1]
    assert use.input.keys() == {"city", "days"}
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "Rain"}
    history += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = client.messages.create(**asked)
    assert 'The tool says: "Rain"' in second.content[-1].text
    assert len(emulator.completions) == 2


@pytest.mark.parametrize(("block", "shown"), [(IMAGE, "image/png, 30 bytes"), (LINK, "https://example.com/cat.png")])
def test_anthropic_shows_images(client, block, shown):
    message = client.messages.create(model=SEES, max_tokens=1000, **said({"type": "text", "text": "What?"}, block))
    assert f"I received an image ({shown})" in message.content[-1].text


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("daily_limit", anthropic.RateLimitError),
        ("no_endpoints", anthropic.NotFoundError),
        ("unauthorized", anthropic.AuthenticationError),
        ("internal_error", anthropic.InternalServerError),
    ],
)
def test_anthropic_raises_errors(client, emulator, fault, error):
    emulator.faults = struck_by(fault)
    with pytest.raises(error):
        client.messages.create(model=MODEL, max_tokens=1000, messages=HELLO)


@pytest.mark.parametrize("fault", ["stream_error_first", "stream_error_midway"])
def test_anthropic_raises_what_broke_a_stream(client, emulator, fault):
    emulator.faults = struck_by(fault)
    with pytest.raises(anthropic.APIStatusError, match="Provider disconnected"):
        list(client.messages.create(model=MODEL, max_tokens=1000, messages=HELLO, stream=True))
