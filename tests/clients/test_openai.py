"""The openai package: Chat Completions and Responses."""

import json

import openai
import pytest
from pydantic import BaseModel

from tests.clients.stage import CITY, FREE, HELLO, PAID, PNG, TOOL, WEATHER, is_city

PARTS = [
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
]
INPUT = [
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
        ],
    }
]
FUNCTION = {"type": "function", "name": "weather", "description": "Of a city.", "parameters": WEATHER, "strict": False}


class City(BaseModel):
    city: str
    inhabitants: int


@pytest.fixture(params=["/api/v1", "/v1"])
def sdk(server, request):
    with openai.OpenAI(base_url=server.url + request.param, api_key="any", max_retries=0) as client:
        yield client


def test_a_question(sdk, talk):
    answer = sdk.chat.completions.create(model=FREE, messages=HELLO, temperature=0.5, seed=7, user="me")
    assert "Hello" in answer.choices[0].message.content
    assert answer.usage.total_tokens > 0
    assert talk.meant == [{"messages": HELLO, "temperature": 0.5, "seed": 7, "user": "me"}]


def test_a_stream(sdk, talk):
    with sdk.chat.completions.create(
        model=FREE, messages=HELLO, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    assert "Hello" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage.total_tokens > 0
    assert talk.meant == [{"messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}]


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_loop_stays_on_its_model(sdk, talk, stream):
    messages = [{"role": "user", "content": f"How is the weather? {stream}"}]
    for turn in range(2):
        if stream:
            with sdk.chat.completions.stream(model=FREE, messages=messages, tools=[TOOL]) as events:
                message = events.get_final_completion().choices[0].message
        else:
            message = sdk.chat.completions.create(model=FREE, messages=messages, tools=[TOOL]).choices[0].message
        if turn == 0:
            (call,) = message.tool_calls
            assert json.loads(call.function.arguments).keys() == {"city"}
            said = message.model_dump(
                exclude_unset=True, exclude={"tool_calls": {"__all__": {"function": {"parsed_arguments"}}}}
            )
            messages = [*messages, said, {"role": "tool", "tool_call_id": call.id, "content": "It rains."}]
    assert "It rains." in message.content
    first, second = talk.models
    assert first == second
    assert talk.meant[1]["messages"] == json.loads(json.dumps(messages))
    assert talk.meant[1]["tools"] == [TOOL]


def test_a_picture(sdk, talk):
    answer = sdk.chat.completions.create(model=FREE, messages=[{"role": "user", "content": PARTS}])
    assert "an image" in answer.choices[0].message.content
    assert talk.meant == [{"messages": [{"role": "user", "content": PARTS}]}]


def test_a_schema(sdk, talk):
    answer = sdk.chat.completions.parse(model=FREE, messages=HELLO, response_format=City)
    assert isinstance(answer.choices[0].message.parsed, City)
    (sent,) = talk.meant
    assert sent["response_format"]["json_schema"]["schema"]["properties"].keys() == CITY["properties"].keys()


def test_a_paid_model(sdk, talk):
    with pytest.raises(openai.BadRequestError, match="could cost money"):
        sdk.chat.completions.create(model=PAID, messages=HELLO)
    assert talk.received == []


def test_the_models(sdk):
    ids = [model.id for model in sdk.models.list()]
    assert ids[0] == FREE
    assert all(name.endswith(":free") for name in ids[1:])


# Responses.


def test_a_response(sdk, talk):
    answer = sdk.responses.create(model=FREE, input="Hello", instructions="Be brief.", max_output_tokens=400)
    assert "Hello" in answer.output_text
    assert talk.meant == [{"input": "Hello", "instructions": "Be brief.", "max_output_tokens": 400}]


def test_a_response_as_a_stream(sdk, talk):
    with sdk.responses.create(model=FREE, input="Hello", stream=True) as stream:
        events = list(stream)
    assert events[-1].type == "response.completed"
    assert "Hello" in "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert talk.meant == [{"input": "Hello", "stream": True}]


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_loop_of_responses(sdk, talk, stream):
    items = [{"role": "user", "content": f"How is the weather in Responses? {stream}"}]
    for turn in range(2):
        if stream:
            with sdk.responses.stream(model=FREE, input=items, tools=[FUNCTION]) as events:
                answer = events.get_final_response()
        else:
            answer = sdk.responses.create(model=FREE, input=items, tools=[FUNCTION])
        if turn == 0:
            (call,) = [item for item in answer.output if item.type == "function_call"]
            assert json.loads(call.arguments).keys() == {"city"}
            called = call.model_dump(exclude_unset=True, exclude={"parsed_arguments"})
            items = [*items, called, {"type": "function_call_output", "call_id": call.call_id, "output": "It rains."}]
    assert "It rains." in answer.output_text
    first, second = talk.models
    assert first == second
    assert talk.meant[1]["input"] == json.loads(json.dumps(items))


def test_a_picture_for_a_response(sdk, talk):
    assert "an image" in sdk.responses.create(model=FREE, input=INPUT).output_text
    assert talk.meant == [{"input": INPUT}]


def test_a_schema_for_a_response(sdk, talk):
    schema = {"type": "json_schema", "name": "city", "schema": CITY, "strict": True}
    assert is_city(sdk.responses.create(model=FREE, input="A city.", text={"format": schema}).output_text)
    assert isinstance(sdk.responses.parse(model=FREE, input="A city.", text_format=City).output_parsed, City)
    assert talk.meant[0] == {"input": "A city.", "text": {"format": schema}}


def test_a_response_of_a_paid_model(sdk, talk):
    with pytest.raises(openai.BadRequestError, match="could cost money"):
        sdk.responses.create(model=PAID, input="Hello")
    assert talk.received == []
