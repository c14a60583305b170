"""The official SDKs talk to the emulator directly, as they would to OpenRouter."""

import json

import openai
import pytest
from openrouter import OpenRouter

from tests.emulator.test_answers import WEATHER

HELLO = [{"role": "user", "content": "Hello"}]
MODEL = "qwen/qwen3-coder:free"


@pytest.fixture
def openai_sdk(emulator):
    with emulator.running() as url, openai.OpenAI(base_url=url, api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture
def openrouter_sdk(emulator):
    with emulator.running() as url, OpenRouter(server_url=url, api_key="key") as client:
        yield client


def test_openai(openai_sdk):
    completion = openai_sdk.chat.completions.create(model=MODEL, messages=HELLO)
    assert "Hello" in completion.choices[0].message.content
    assert completion.usage.total_tokens > 0


def test_openai_streams(openai_sdk):
    stream = openai_sdk.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    chunks = list(stream)
    assert "Hello" in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert chunks[-1].usage.total_tokens > 0


def test_openai_calls_tools(openai_sdk):
    completion = openai_sdk.chat.completions.create(model=MODEL, messages=HELLO, tools=[WEATHER])
    (call,) = completion.choices[0].message.tool_calls
    assert json.loads(call.function.arguments).keys() == {"city", "days"}


def test_openai_streams_tool_calls(openai_sdk):
    with openai_sdk.chat.completions.stream(model=MODEL, messages=HELLO, tools=[WEATHER]) as stream:
        completion = stream.get_final_completion()
    (call,) = completion.choices[0].message.tool_calls
    assert json.loads(call.function.arguments).keys() == {"city", "days"}


def test_openai_lists_models(openai_sdk, emulator):
    assert {m.id for m in openai_sdk.models.list()} == {m["id"] for m in json.loads(emulator.catalog_body)["data"]}


def test_openai_raises_what_was_refused(openai_sdk):
    with pytest.raises(openai.NotFoundError, match="tool use"):
        openai_sdk.chat.completions.create(
            model="microsoft/phi-4-multimodal-instruct:free", messages=HELLO, tools=[WEATHER]
        )


def test_openrouter(openrouter_sdk):
    result = openrouter_sdk.chat.send(model=MODEL, messages=HELLO, x_open_router_metadata="enabled")
    assert "Hello" in result.choices[0].message.content
    assert result.usage.cost == 0
    assert result.openrouter_metadata.strategy == "direct"


def test_openrouter_streams(openrouter_sdk):
    with openrouter_sdk.chat.send(model=MODEL, messages=HELLO, stream=True, x_open_router_metadata="enabled") as stream:
        chunks = list(stream)
    assert "Hello" in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert chunks[-1].usage.cost == 0
    assert chunks[-1].openrouter_metadata.attempt == 1


def test_openrouter_calls_tools(openrouter_sdk):
    (call,) = openrouter_sdk.chat.send(model=MODEL, messages=HELLO, tools=[WEATHER]).choices[0].message.tool_calls
    assert json.loads(call.function.arguments).keys() == {"city", "days"}


def test_openrouter_streams_tool_calls(openrouter_sdk):
    with openrouter_sdk.chat.send(model=MODEL, messages=HELLO, tools=[WEATHER], stream=True) as stream:
        pieces = [call for c in stream if c.choices for call in c.choices[0].delta.tool_calls or ()]
    assert json.loads("".join(piece.function.arguments or "" for piece in pieces)).keys() == {"city", "days"}


def test_openrouter_lists_models(openrouter_sdk):
    assert openrouter_sdk.models.list().result.data
