"""Whole conversations of the SDKs, with nothing but what they send of their own accord: each stays on one model."""

import anthropic
import openai
import pytest

from tests.clients.stage import FREE, TOOL, WEATHER

CITIES = ("Paris", "Rome", "Oslo")
TURNS = 3
MARK = {"cache_control": {"type": "ephemeral"}}


@pytest.fixture
def of_openai(server):
    with openai.OpenAI(base_url=f"{server.url}/api/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def of_anthropic(server):
    with anthropic.Anthropic(base_url=f"{server.url}/api", api_key="any", max_retries=0) as client:
        yield client


def chat(client, city):
    history = [{"role": "system", "content": "A chat."}]
    for turn in range(TURNS):
        history.append({"role": "user", "content": f"What of {city}, {turn}?"})
        answer = client.chat.completions.create(model=FREE, messages=history)
        history.append({"role": "assistant", "content": answer.choices[0].message.content})


def chat_with_tools(client, city):
    history = []
    for turn in range(TURNS):
        history.append({"role": "user", "content": [{"type": "text", "text": f"The weather of {city}, {turn}?"}]})
        for _ in range(2):
            message = client.chat.completions.create(model=FREE, messages=history, tools=[TOOL]).choices[0].message
            history.append(message.model_dump(exclude_none=True))
            history += [
                {"role": "tool", "tool_call_id": call.id, "content": "It rains."} for call in message.tool_calls or ()
            ]


def responses(client, city):
    items = []
    tool = {"type": "function", "name": "weather", "parameters": WEATHER}
    for turn in range(TURNS):
        items.append({"role": "user", "content": f"The weather of {city} now, {turn}?"})
        for _ in range(2):
            answer = client.responses.create(model=FREE, input=items, tools=[tool], instructions="Be brief.")
            for item in answer.output:
                items.append(item.model_dump(exclude_none=True))
                if item.type == "function_call":
                    items.append({"type": "function_call_output", "call_id": item.call_id, "output": "It rains."})


def messages(client, city):
    """Marks the newest message for the cache, as Claude Code does."""
    history = []
    tool = {"name": "weather", "input_schema": WEATHER}

    def add(part):
        for message in history:
            for block in message["content"] if message["role"] == "user" else ():
                block.pop("cache_control", None)
        history.append({"role": "user", "content": [{**part, **MARK}]})

    for turn in range(TURNS):
        add({"type": "text", "text": f"And the weather of {city}, {turn}?"})
        for _ in range(2):
            answer = client.messages.create(model=FREE, max_tokens=500, messages=history, tools=[tool])
            said = [block.model_dump(exclude_none=True) for block in answer.content]
            history.append({"role": "assistant", "content": said})
            calls = [block for block in answer.content if block.type == "tool_use"]
            if not calls:
                break
            for call in calls:
                add({"type": "tool_result", "tool_use_id": call.id, "content": "It rains."})


LOOPS = {
    "chat": ("of_openai", chat),
    "chat with tools": ("of_openai", chat_with_tools),
    "responses": ("of_openai", responses),
    "messages": ("of_anthropic", messages),
}


@pytest.mark.parametrize(("sdk", "hold"), LOOPS.values(), ids=LOOPS)
def test_a_conversation_stays_on_its_model(sdk, hold, request, talk):
    client = request.getfixturevalue(sdk)
    models = []
    for city in CITIES:
        before = len(talk.models)
        hold(client, city)
        models.append(talk.models[before:])
    assert all(len(asked) >= TURNS for asked in models)
    assert [len(set(asked)) for asked in models] == [1] * len(CITIES)


def test_an_id_in_a_header_keeps_first_messages_together(of_anthropic, talk):
    for place in (
        {"extra_headers": {"X-Claude-Code-Session-Id": "7f"}},
        {"metadata": {"user_id": '{"session_id":"7f"}'}},
    ):
        for _ in range(4):
            of_anthropic.messages.create(
                model=FREE, max_tokens=500, messages=[{"role": "user", "content": "Hello"}], **place
            )
    assert len(talk.models) == 8
    assert len(set(talk.models)) == 1
