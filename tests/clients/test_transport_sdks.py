"""The real SDKs, with the routing slipped in under them."""

import asyncio
import json

import httpx
import openai
import pytest
from openrouter import OpenRouter
from openrouter.components import ChatResult
from openrouter.errors import OpenRouterError
from pydantic import BaseModel

from freerouter import AsyncRoutingTransport, Router, RoutingTransport
from tests.stage import CATALOG, HELLO, KEY, striking, until, until_async

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class City(BaseModel):
    city: str
    inhabitants: int


@pytest.fixture
def shared(settings) -> Router:
    return Router(settings, CATALOG)


# openai, sync.


@pytest.fixture
def sdk(upstream, shared):
    http = httpx.Client(transport=RoutingTransport(router=shared))
    with openai.OpenAI(base_url=upstream, api_key=KEY, http_client=http) as client:
        yield client


def test_openai_gets_an_answer(sdk, emulator):
    answer = sdk.chat.completions.create(model="openrouter/free", messages=HELLO)
    (sent,) = emulator.completions
    assert sent.model in answer.choices[0].message.content
    assert answer.usage.total_tokens > 0
    assert sent.headers["authorization"] == f"Bearer {KEY}"


def test_openai_sees_who_answered(sdk, emulator):
    raw = sdk.chat.completions.with_raw_response.create(model="openrouter/free", messages=HELLO)
    assert raw.headers["x-freerouter-model"] == emulator.completions[0].model
    assert raw.http_response.extensions["freerouter"].model == emulator.completions[0].model


def test_openai_streams(sdk, emulator):
    chunks = list(sdk.chat.completions.create(model="openrouter/free", messages=HELLO, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert emulator.completions[0].model in text
    assert len(chunks) > 5
    assert chunks[-1].usage.total_tokens > 0


def test_openai_leaves_a_stream_early(sdk, emulator):
    emulator.faults = striking("stream_stalls")
    with sdk.chat.completions.create(model="openrouter/free", messages=HELLO, stream=True) as stream:
        next(iter(stream))
    until(lambda: emulator.completions[-1].closed == "client gone")


@pytest.mark.parametrize("choice", ["auto", "required", {"type": "function", "function": {"name": "weather"}}], ids=str)
def test_openai_calls_tools(sdk, choice):
    answer = sdk.chat.completions.create(model="openrouter/free", messages=HELLO, tools=[TOOL], tool_choice=choice)
    (call,) = answer.choices[0].message.tool_calls
    assert json.loads(call.function.arguments).keys() == {"city"}


def test_openai_goes_through_a_tool_loop_on_one_model(sdk, emulator):
    messages = [*HELLO]
    for _ in range(4):
        answer = sdk.chat.completions.create(model="openrouter/free", messages=messages, tools=[TOOL])
        calls = answer.choices[0].message.tool_calls or []
        messages.append(answer.choices[0].message.model_dump(exclude_none=True))
        messages += [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in calls]
        if not calls:
            break
    assert not calls
    assert len(emulator.completions) > 1
    assert len({sent.model for sent in emulator.completions}) == 1


def test_openai_parses_into_a_pydantic_model(sdk, emulator):
    answer = sdk.chat.completions.parse(model="openrouter/free", messages=HELLO, response_format=City)
    assert isinstance(answer.choices[0].message.parsed, City)
    assert "structured_outputs" in CATALOG.get(emulator.completions[0].model).parameters


def test_openai_asks_one_free_model_by_its_id(sdk, emulator):
    for _ in range(3):
        sdk.chat.completions.create(model="openai/gpt-oss-20b:free", messages=HELLO)
    assert {sent.model for sent in emulator.completions} == {"openai/gpt-oss-20b:free"}


RAISED = [
    ("daily_limit", openai.RateLimitError, 1),
    ("internal_error", openai.RateLimitError, 5),
    ("unauthorized", openai.AuthenticationError, 1),
    ("payment_required", openai.APIStatusError, 1),
    ("guardrail", openai.PermissionDeniedError, 1),
    ("invalid_request", openai.BadRequestError, 1),
]


@pytest.mark.parametrize(("fault", "kind", "sends"), RAISED, ids=[row[0] for row in RAISED])
@pytest.mark.parametrize("stream", [False, True])
def test_openai_raises_its_own_errors_and_does_not_try_again(sdk, emulator, fault, kind, sends, stream):
    emulator.faults = striking(fault)
    with pytest.raises(kind) as caught:
        sdk.chat.completions.create(model="openrouter/free", messages=HELLO, stream=stream)
    assert len(emulator.completions) == sends
    assert caught.value.body["message"]
    assert len(caught.value.body["metadata"]["attempts"]) == sends


def test_openai_raises_a_rate_limit_error_when_the_allowance_is_used_up(sdk, emulator):
    emulator.faults = striking("daily_limit", count=1)
    for _ in range(3):
        with pytest.raises(openai.RateLimitError, match="free requests of today are used up"):
            sdk.chat.completions.create(model="openrouter/free", messages=HELLO)
    assert len(emulator.completions) == 1


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "openai/gpt-5.4-mini"}, openai.BadRequestError),
        ({"extra_body": {"plugins": [{"id": "web"}]}}, openai.BadRequestError),
        ({"messages": []}, openai.BadRequestError),
        ({"modalities": ["text", "audio"]}, openai.NotFoundError),
        ({"max_tokens": 10_000_000}, openai.NotFoundError),
    ],
)
def test_openai_raises_what_is_refused_and_nothing_is_sent(sdk, emulator, fields, kind):
    with pytest.raises(kind):
        sdk.chat.completions.create(**{"model": "openrouter/free", "messages": HELLO, **fields})
    assert not emulator.completions


def test_openai_raises_when_a_stream_breaks_off(sdk, emulator):
    emulator.faults = striking("stream_cut_midway")
    stream = sdk.chat.completions.create(model="openrouter/free", messages=HELLO, stream=True)
    read = []
    with pytest.raises(openai.APIError, match="broke off"):
        read.extend(chunk for chunk in stream)
    assert len(emulator.completions) == 1


def test_openai_lists_models_and_pays_for_no_embedding(sdk, emulator):
    assert len(list(sdk.models.list())) > 18
    with pytest.raises(openai.BadRequestError, match="could cost money"):
        sdk.embeddings.create(model="openai/text-embedding-3-small", input="x")
    assert not emulator.bill


# openai, async.


def with_async_sdk(upstream, shared, work):
    async def run():
        http = httpx.AsyncClient(transport=AsyncRoutingTransport(router=shared))
        async with openai.AsyncOpenAI(base_url=upstream, api_key=KEY, http_client=http) as client:
            return await work(client)

    return asyncio.run(run())


def test_async_openai_gets_answers_side_by_side(upstream, shared, emulator):
    async def work(client):
        asked = (client.chat.completions.create(model="openrouter/free", messages=HELLO) for _ in range(20))
        return await asyncio.gather(*asked)

    answers = with_async_sdk(upstream, shared, work)
    assert len({CATALOG.get(answer.model).id for answer in answers}) > 5
    assert len(emulator.completions) == 20


def test_async_openai_streams_and_leaves_early(upstream, shared, emulator):
    async def work(client):
        stream = await client.chat.completions.create(model="openrouter/free", messages=HELLO, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
        assert emulator.completions[0].model in text
        emulator.faults = striking("stream_stalls")
        async with await client.chat.completions.create(model="openrouter/free", messages=HELLO, stream=True) as stream:
            await anext(aiter(stream))
        await until_async(lambda: emulator.completions[-1].closed == "client gone")

    with_async_sdk(upstream, shared, work)


@pytest.mark.parametrize(("fault", "kind", "sends"), RAISED, ids=[row[0] for row in RAISED])
def test_async_openai_raises_its_own_errors_and_does_not_try_again(upstream, shared, emulator, fault, kind, sends):
    emulator.faults = striking(fault)

    async def work(client):
        with pytest.raises(kind):
            await client.chat.completions.create(model="openrouter/free", messages=HELLO)

    with_async_sdk(upstream, shared, work)
    assert len(emulator.completions) == sends


# openrouter.


@pytest.fixture
def openrouter(upstream, shared):
    with httpx.Client(transport=RoutingTransport(router=shared)) as http:
        yield OpenRouter(server_url=upstream, api_key=KEY, client=http)


def test_openrouter_gets_an_answer_with_its_metadata(openrouter, emulator):
    answer = openrouter.chat.send(messages=HELLO, x_open_router_metadata="enabled")
    (sent,) = emulator.completions
    assert sent.model in answer.choices[0].message.content
    assert answer.openrouter_metadata.requested == sent.model
    assert answer.usage.cost == 0


def test_openrouter_streams(openrouter, emulator):
    with openrouter.chat.send(messages=HELLO, stream=True) as stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert emulator.completions[0].model in text


def test_openrouter_lists_models(openrouter):
    assert {model.id for model in openrouter.models.list().result.data} >= {m.id for m in CATALOG.models[:5]}


@pytest.mark.parametrize(
    ("fault", "status", "sends"), [("daily_limit", 429, 1), ("internal_error", 429, 5), ("unauthorized", 401, 1)]
)
def test_openrouter_raises_its_own_errors_and_does_not_try_again(openrouter, emulator, fault, status, sends):
    emulator.faults = striking(fault)
    with pytest.raises(OpenRouterError) as caught:
        openrouter.chat.send(messages=HELLO)
    assert caught.value.status_code == status
    assert len(emulator.completions) == sends


def test_async_openrouter_gets_an_answer_and_a_stream(upstream, shared, emulator):
    async def work():
        async with httpx.AsyncClient(transport=AsyncRoutingTransport(router=shared)) as http:
            client = OpenRouter(server_url=upstream, api_key=KEY, async_client=http)
            answer = await client.chat.send_async(messages=HELLO)
            async with await client.chat.send_async(messages=HELLO, stream=True) as stream:
                chunks = [chunk async for chunk in stream]
            listed = await client.models.list_async()
        return answer, chunks, listed

    answer, chunks, listed = asyncio.run(work())
    assert isinstance(answer, ChatResult)
    assert len(chunks) > 5
    assert listed.result.data
    assert len(emulator.completions) == 2
