"""The anthropic package: Messages."""

import json

import anthropic
import pytest

from tests.clients.stage import CITY, FREE, HELLO, PAID, PNG, WEATHER, is_city

TOOL = {"name": "weather", "description": "Of a city.", "input_schema": WEATHER}
PARTS = [
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    {"type": "text", "text": "What is this?"},
]


@pytest.fixture(params=["/api", ""])
def sdk(server, request):
    with anthropic.Anthropic(base_url=server.url + request.param, api_key="any", max_retries=0) as client:
        yield client


def text_of(message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_a_question(sdk, talk):
    answer = sdk.messages.create(model=FREE, max_tokens=500, messages=HELLO, system="Be brief.", stop_sequences=["XYZ"])
    assert "Hello" in text_of(answer)
    assert answer.usage.output_tokens > 0
    assert talk.meant == [{"max_tokens": 500, "messages": HELLO, "system": "Be brief.", "stop_sequences": ["XYZ"]}]


def test_a_stream(sdk, talk):
    with sdk.messages.stream(model=FREE, max_tokens=500, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        answer = stream.get_final_message()
    assert text == text_of(answer)
    assert "Hello" in text
    assert answer.stop_reason == "end_turn"
    assert talk.meant == [{"max_tokens": 500, "messages": HELLO, "stream": True}]


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_loop_stays_on_its_model(sdk, talk, stream):
    messages = [{"role": "user", "content": f"How is the weather, Claude? {stream}"}]
    for turn in range(2):
        asked = {"model": FREE, "max_tokens": 500, "messages": messages, "tools": [TOOL]}
        if stream:
            with sdk.messages.stream(**asked) as events:
                answer = events.get_final_message()
        else:
            answer = sdk.messages.create(**asked)
        if turn == 0:
            assert answer.stop_reason == "tool_use"
            (call,) = [block for block in answer.content if block.type == "tool_use"]
            assert call.input.keys() == {"city"}
            said = [block.model_dump(exclude_unset=True, exclude={"parsed_output"}) for block in answer.content]
            result = {"type": "tool_result", "tool_use_id": call.id, "content": "It rains."}
            messages = [*messages, {"role": "assistant", "content": said}, {"role": "user", "content": [result]}]
    assert "It rains." in text_of(answer)
    first, second = talk.models
    assert first == second
    assert talk.meant[1]["messages"] == json.loads(json.dumps(messages))
    assert talk.meant[1]["tools"] == [TOOL]


def test_a_picture(sdk, talk):
    answer = sdk.messages.create(model=FREE, max_tokens=500, messages=[{"role": "user", "content": PARTS}])
    assert "an image" in text_of(answer)
    assert talk.meant == [{"max_tokens": 500, "messages": [{"role": "user", "content": PARTS}]}]


def test_a_schema(sdk, talk):
    form = {"format": {"type": "json_schema", "schema": CITY}}
    answer = sdk.messages.create(model=FREE, max_tokens=500, messages=HELLO, output_config=form)
    assert is_city(text_of(answer))
    assert talk.meant == [{"max_tokens": 500, "messages": HELLO, "output_config": form}]


def test_a_paid_model(sdk, talk):
    with pytest.raises(anthropic.BadRequestError, match="could cost money") as caught:
        sdk.messages.create(model="claude-opus-9", max_tokens=500, messages=HELLO)
    assert caught.value.body["error"]["type"] == "invalid_request_error"
    with pytest.raises(anthropic.BadRequestError):
        sdk.messages.create(model=PAID, max_tokens=500, messages=HELLO)
    assert talk.received == []


def test_the_models(sdk):
    ids = [model.id for model in sdk.models.list()]
    assert ids[0] == FREE
    assert all(name.endswith(":free") for name in ids[1:])


def test_tokens_are_counted_without_asking_anybody(sdk, talk):
    assert 0 < sdk.messages.count_tokens(model=FREE, messages=HELLO).input_tokens < 100
    assert talk.received == []
