"""The openrouter package, OpenRouter's own."""

import json

import pytest
from openrouter import OpenRouter
from openrouter.errors import BadRequestResponseError

from tests.clients.stage import CITY, FREE, HELLO, PAID, PNG, TOOL, is_city

PARTS = [
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": CITY}}


@pytest.fixture
def sdk(server):
    with OpenRouter(server_url=server.base, api_key="any") as client:
        yield client


def test_a_question(sdk, talk):
    answer = sdk.chat.send(model=FREE, messages=HELLO, temperature=0.5, seed=7, x_open_router_metadata="enabled")
    assert "Hello" in answer.choices[0].message.content
    assert answer.usage.cost == 0
    assert answer.openrouter_metadata.strategy == "direct"
    assert talk.meant == [{"messages": HELLO, "temperature": 0.5, "seed": 7, "stream": False}]


def test_a_stream(sdk, talk):
    with sdk.chat.send(model=FREE, messages=HELLO, stream=True) as stream:
        chunks = list(stream)
    assert "Hello" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage.cost == 0
    assert talk.meant == [{"messages": HELLO, "stream": True}]


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_loop_stays_on_its_model(sdk, talk, stream):
    messages = [{"role": "user", "content": f"How is the weather, OpenRouter? {stream}"}]
    first = sdk.chat.send(model=FREE, messages=messages, tools=[TOOL]).choices[0].message
    (call,) = first.tool_calls
    assert json.loads(call.function.arguments).keys() == {"city"}
    called = {"id": call.id, "type": "function", "function": call.function.model_dump()}
    messages += [{"role": "assistant", "content": None, "tool_calls": [called]}]
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "It rains."}]
    if stream:
        with sdk.chat.send(model=FREE, messages=messages, tools=[TOOL], stream=True) as events:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in events if chunk.choices)
    else:
        text = sdk.chat.send(model=FREE, messages=messages, tools=[TOOL]).choices[0].message.content
    assert "It rains." in text
    assert len(set(talk.models)) == 1
    assert talk.meant[1] == {"messages": messages, "tools": [TOOL], "stream": stream}


def test_a_picture(sdk, talk):
    answer = sdk.chat.send(model=FREE, messages=[{"role": "user", "content": PARTS}])
    assert "an image" in answer.choices[0].message.content
    assert talk.meant == [{"messages": [{"role": "user", "content": PARTS}], "stream": False}]


def test_a_schema(sdk, talk):
    answer = sdk.chat.send(model=FREE, messages=HELLO, response_format=SCHEMA)
    assert is_city(answer.choices[0].message.content)
    assert talk.meant == [{"messages": HELLO, "response_format": SCHEMA, "stream": False}]


def test_a_paid_model(sdk, talk):
    with pytest.raises(BadRequestResponseError, match="could cost money"):
        sdk.chat.send(model=PAID, messages=HELLO)
    assert talk.received == []


def test_the_models(sdk):
    ids = [model.id for model in sdk.models.list().result.data]
    assert ids[0] == FREE
    assert all(name.endswith(":free") for name in ids[1:])


def test_the_models_page_by_page(sdk):
    whole = [model.id for model in sdk.models.list().result.data]
    page, pages = sdk.models.list(limit=7), []
    while page is not None:
        pages += [model.id for model in page.result.data]
        page = page.next()
    assert pages == whole
