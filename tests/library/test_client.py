"""FreeRouter and AsyncFreeRouter: what they send, return and raise."""

import asyncio
import json

import pytest

import freerouter
from freerouter import (
    AllowanceExhaustedError,
    AsyncFreeRouter,
    CatalogError,
    CostRefusedError,
    FreeRouter,
    FreeRouterError,
    InvalidRequestError,
    NoEligibleModelError,
    Router,
    Settings,
    SettingsError,
    UpstreamError,
    UpstreamUnavailableError,
)
from tests.builders import SEAL
from tests.stage import CATALOG, HELLO, KEY, NOWHERE, at_rest, striking
from tests.sync_async import Client

WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.fixture
def client(way, settings) -> Client:
    return Client(way, settings=settings)


# Asking.


@pytest.mark.parametrize("messages", ["Hello", HELLO, tuple(HELLO)], ids=["text", "list", "tuple"])
def test_a_question_is_answered(client, emulator, messages):
    answer = client.send(messages, temperature=0.5, extra_body={"unheard_of": {"a": [1]}})
    (sent,) = emulator.completions
    assert sent.json == {
        "messages": HELLO,
        "temperature": 0.5,
        "unheard_of": {"a": [1]},
        "model": answer.trace.model,
        **SEAL,
    }
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.model in answer.text == answer.choices[0].message.content
    assert CATALOG.get(answer.model).id == sent.model
    assert answer.usage.cost == 0
    assert answer.trace.ending == "finished"


def test_a_question_is_answered_piece_by_piece(client, emulator):
    chunks, stream = client.stream(temperature=0.5)
    (sent,) = emulator.completions
    assert (sent.json["stream"], sent.json["messages"]) == (True, HELLO)
    assert len(chunks) > 5
    assert "".join(chunk.text for chunk in chunks) == stream.text
    assert sent.model in stream.text
    assert stream.model == stream.trace.model == sent.model
    assert chunks[-1].usage.completion_tokens > 0
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert stream.trace.ending == "finished"


def test_headers_are_sent_along(client, emulator):
    client.send(extra_headers={"X-OpenRouter-Title": "Mine", "Authorization": "Bearer theirs"})
    headers = emulator.completions[-1].headers
    assert (headers["x-openrouter-title"], headers["authorization"]) == ("Mine", "Bearer theirs")


@pytest.mark.parametrize(("needs", "name"), [(["image"], "image"), (["vision"], "image"), (["logprobs"], "logprobs")])
def test_needs_are_required_besides_what_the_request_shows(client, needs, name):
    answer = client.send(needs=needs)
    model = CATALOG.get(answer.model)
    assert name in model.inputs | model.parameters
    assert answer.trace.requirements.found[name] == "asked for besides"


def test_an_answer_that_is_not_accepted_is_asked_of_another_model(client, emulator):
    shown = []

    def accept(answer):
        shown.append(answer)
        return "not the first one" if len(shown) == 1 else None

    answer = client.send(accept=accept)
    first, second = emulator.completions
    assert [CATALOG.get(one["model"]).id for one in shown] == [first.model, second.model]
    assert answer.trace.model == second.model
    assert answer.trace.attempts[0].outcome.reason == "not_accepted"


def test_tools_are_called(client):
    answer = client.send(tools=[WEATHER], tool_choice="required")
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments).keys() == {"city"}
    chunks, _ = client.stream(tools=[WEATHER])
    pieces = [call for c in chunks if c.choices for call in c.choices[0].delta.tool_calls or ()]
    assert json.loads("".join(piece.function.arguments or "" for piece in pieces)).keys() == {"city"}


# Errors.

RAISED = [
    ("daily_limit", AllowanceExhaustedError, 429),
    ("minute_limit", AllowanceExhaustedError, 429),
    ("internal_error", UpstreamUnavailableError, 429),
    ("unauthorized", UpstreamError, 401),
    ("payment_required", UpstreamError, 402),
    ("invalid_request", UpstreamError, 400),
]


@pytest.mark.parametrize(("fault", "kind", "status"), RAISED)
@pytest.mark.parametrize("how", ["send", "stream"])
def test_what_fails_is_raised_with_its_trace(client, emulator, fault, kind, status, how):
    emulator.faults = striking(fault)
    with pytest.raises(FreeRouterError) as caught:
        getattr(client, how)()
    assert caught.type is kind
    assert caught.value.status == status
    assert [a.model for a in caught.value.trace.attempts] == [sent.model for sent in emulator.completions]
    assert caught.value.trace.ending == "failed"


@pytest.mark.parametrize(
    ("parameters", "kind", "word"),
    [
        ({"messages": []}, InvalidRequestError, "messages"),
        ({"model": "openai/gpt-5.4-mini"}, CostRefusedError, "cost money"),
        ({"plugins": [{"id": "web"}]}, CostRefusedError, "web"),
        ({"needs": ["image", "structured_outputs", "audio", "logprobs"]}, NoEligibleModelError, "no free model"),
        ({"stream": "x"}, InvalidRequestError, "stream"),
    ],
)
@pytest.mark.parametrize("how", ["send", "stream"])
def test_what_is_refused_is_raised_and_not_sent(client, emulator, parameters, kind, word, how):
    with pytest.raises(kind, match=word):
        getattr(client, how)(**parameters)
    assert not emulator.completions


@pytest.mark.parametrize(("how", "stream"), [("send", True), ("stream", False)])
def test_streaming_is_asked_for_by_the_method(client, how, stream):
    with pytest.raises(InvalidRequestError, match=r"chat\.stream\(\)"):
        getattr(client, how)(stream=stream)


def test_without_network_it_is_said_so(way):
    nowhere = Settings(upstream=NOWHERE)
    with pytest.raises(CatalogError, match="could not be reached"):
        Client(way, settings=nowhere).send()
    with pytest.raises(UpstreamUnavailableError, match="could not be reached"):
        Client(way, router=Router(nowhere, CATALOG)).send()


@pytest.mark.parametrize("options", [{"api_key": "two words"}, {"upstream": "http://openrouter.ai"}], ids=repr)
@pytest.mark.parametrize("kind", [FreeRouter, AsyncFreeRouter])
def test_settings_that_make_no_sense_are_refused(kind, options):
    with pytest.raises(SettingsError) as caught:
        kind(**options)
    assert "two words" not in str(caught.value)


# The rest.


def test_the_environment_settings_and_arguments_are_taken_in_that_order(monkeypatch, upstream, emulator):
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-environment")
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    for options, key in [
        ({}, "sk-or-environment"),
        ({"settings": Settings(api_key="sk-or-settings")}, "sk-or-settings"),
        ({"settings": Settings(api_key="sk-or-settings"), "api_key": "sk-or-argument"}, "sk-or-argument"),
    ]:
        Client("sync", **options).send()
        assert emulator.completions[-1].headers["authorization"] == f"Bearer {key}"
    at_rest()


def test_models_are_listed_by_what_they_can_do(settings):
    with FreeRouter(settings=settings) as client:
        every, seeing = client.models.list(), client.models.list(needs=["vision", "tools"])
    assert len(every) == 18
    assert {m.id for m in seeing} == {m.id for m in every if "image" in m.inputs and "tools" in m.parameters}

    async def listed():
        async with AsyncFreeRouter(settings=settings) as client:
            return await client.models.list(needs=["vision", "tools"])

    assert [m.id for m in asyncio.run(listed())] == [m.id for m in seeing]


@pytest.mark.parametrize(
    "body", [{"messages": HELLO}, json.dumps({"messages": HELLO}), b'{"messages": [{}]}'], ids=type
)
def test_an_explanation_sends_nothing(settings, emulator, body):
    with FreeRouter(settings=settings) as client:
        explained = client.explain(body, needs=["image"])

    async def explain():
        async with AsyncFreeRouter(settings=settings) as client:
            return await client.explain(body, needs=["image"])

    assert explained == asyncio.run(explain())
    assert sum(row["probability"] for row in explained["eligible"]) == pytest.approx(1)
    assert explained["requirements"]["hard"]["image"] == "asked for besides"
    assert [request.path for request in emulator.requests] == ["/api/v1/models"]


def test_the_same_seed_draws_the_same_models(settings):
    def drawn(seed):
        with FreeRouter(settings=settings, seed=seed) as client:
            return [client.chat.send("Hello").trace.model for _ in range(6)]

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_shared_router_shares_cooldowns_and_brings_its_settings(settings, emulator):
    shared = Router(settings, CATALOG)
    emulator.faults = striking("rate_limited", count=1)
    Client("sync", router=shared).send()
    (cooling,) = shared.health.cooling
    answers = [Client(way, router=shared).send().trace.model for way in ("sync", "async") * 10]
    assert cooling not in answers
    assert not [request for request in emulator.requests if request.path.endswith("/models")]


@pytest.mark.parametrize("name", freerouter.__all__)
def test_every_public_name_is_there(name):
    assert getattr(freerouter, name) is not None
    assert name in dir(freerouter)


def test_an_explanation_knows_the_model_of_a_conversation(settings):
    with FreeRouter(settings=settings) as client:
        answered = client.chat.send("Hello", session_id="s").trace.model
        explained = client.explain({"messages": [{"role": "user", "content": "And?"}], "session_id": "s"})
    assert {row["id"]: row["probability"] for row in explained["eligible"] if row["probability"]} == {answered: 1.0}
