"""The models of the official SDKs validate what the server answers: whole answers, streams, errors."""

import json
from typing import Any

import anthropic
import httpx
import openai
import pytest
from anthropic.types import ErrorResponse, Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseFailedEvent, ResponseStreamEvent
from openrouter import OpenRouter, components, errors
from pydantic import TypeAdapter

from tests.server.stage import PATHS, Served
from tests.stage import HELLO, KEY, striking

WHOLE = {
    "chat": (ChatCompletion, components.ChatResult),
    "responses": (Response, components.OpenResponsesResult),
    "messages": (Message,),
}
EVENTS = {
    "chat": (ChatCompletionChunk, components.ChatStreamChunk),
    "responses": (ResponseStreamEvent, components.StreamEvents),
    "messages": (RawMessageStreamEvent,),
}
# The event that ends a broken stream; the model of openai's chunks knows no errors, its client raises them.
BROKEN = {
    "chat": (components.ChatStreamChunk,),
    "responses": (ResponseFailedEvent, components.StreamEventsResponseFailed),
    "messages": (ErrorResponse,),
}
# Faults with the status that the caller sees, and OpenRouter's model of such an error.
FAILURES = {
    "invalid_request": (400, "BadRequestResponseErrorData"),
    "unauthorized": (401, "UnauthorizedResponseErrorData"),
    "payment_required": (402, "PaymentRequiredResponseErrorData"),
    "guardrail": (403, "ForbiddenResponseErrorData"),
    "internal_error": (429, "TooManyRequestsResponseErrorData"),
}


def check(models: tuple[Any, ...], value: Any) -> None:
    for model in models:
        found = TypeAdapter(model).validate_python(value)
        assert not getattr(found, "is_unknown", False), value


def check_error(name: str, response: httpx.Response, status: int, model: str) -> None:
    assert response.status_code == status
    if name == "messages":
        check((ErrorResponse,), response.json())
    else:
        check((getattr(components, model),), response.json()["error"])


def events(text: str) -> list[dict]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    found = [json.loads(line) for line in lines if line != "[DONE]"]
    return [event for event in found if event.get("type") != "ping"]


@pytest.mark.parametrize("name", PATHS)
def test_a_whole_answer(server, name):
    check(WHOLE[name], server.ask(name).json())


@pytest.mark.parametrize("name", PATHS)
def test_each_event_of_a_stream(server, name):
    found = events(server.ask(name, stream=True).text)
    assert len(found) > 5
    for event in found:
        check(EVENTS[name], event)


@pytest.mark.parametrize("name", PATHS)
def test_the_event_that_ends_a_broken_stream(server, emulator, name):
    emulator.faults = striking("stream_cut_midway")
    *before, last = events(server.ask(name, stream=True).text)
    for event in before:
        check(EVENTS[name], event)
    check(BROKEN[name], last)
    if name == "responses":
        assert last["sequence_number"] == before[-1]["sequence_number"] + 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", FAILURES)
@pytest.mark.parametrize("name", PATHS)
def test_an_error(server, emulator, name, fault, stream):
    emulator.faults = striking(fault)
    status, model = FAILURES[fault]
    check_error(name, server.ask(name, stream=stream), status, model)


@pytest.mark.parametrize(
    ("asked", "status", "model"),
    [("openai/gpt-4o", 400, "BadRequestResponseErrorData"), ("a/gone:free", 404, "NotFoundResponseErrorData")],
)
@pytest.mark.parametrize("name", PATHS)
def test_an_error_of_freerouters_own(server, name, asked, status, model):
    check_error(name, server.ask(name, model=asked), status, model)


# The clients themselves, which are lenient unless they are told not to be.


def ask_openai(server: Served, *, stream: bool) -> None:
    with openai.OpenAI(
        base_url=f"{server.url}/api/v1", api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as sdk:
        answer = sdk.chat.completions.create(model="openrouter/free", messages=HELLO, stream=stream)
        assert list(answer)
        answer = sdk.responses.create(model="openrouter/free", input="Hello", stream=stream)
        assert list(answer)


def ask_anthropic(server: Served, *, stream: bool) -> None:
    with anthropic.Anthropic(
        base_url=f"{server.url}/api", api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as sdk:
        assert list(sdk.messages.create(model="openrouter/free", max_tokens=500, messages=HELLO, stream=stream))


def ask_openrouter(server: Served, *, stream: bool) -> None:
    with OpenRouter(server_url=f"{server.url}/api/v1", api_key=KEY) as sdk:
        for answer in (
            sdk.chat.send(model="openrouter/free", messages=HELLO, stream=stream),
            sdk.beta.responses.send(model="openrouter/free", input="Hello", stream=stream),
        ):
            assert list(answer)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("ask", [ask_openai, ask_anthropic, ask_openrouter])
def test_a_strict_client_takes_an_answer(server, ask, stream):
    ask(server, stream=stream)


def test_openrouters_client_raises_an_error_of_its_own(server, emulator):
    emulator.faults = striking("internal_error")
    with OpenRouter(server_url=f"{server.url}/api/v1", api_key=KEY) as sdk:
        with pytest.raises(errors.TooManyRequestsResponseError, match="whichever model is asked"):
            sdk.chat.send(model="openrouter/free", messages=HELLO, retries=None)
        with pytest.raises(errors.TooManyRequestsResponseError, match="whichever model is asked"):
            sdk.beta.responses.send(model="openrouter/free", input="Hello", retries=None)


def test_openrouters_client_sees_how_a_broken_stream_ended(server, emulator):
    emulator.faults = striking("stream_cut_midway")
    with OpenRouter(server_url=f"{server.url}/api/v1", api_key=KEY) as sdk:
        with sdk.chat.send(model="openrouter/free", messages=HELLO, stream=True) as stream:
            assert "broke off" in list(stream)[-1].error.message
        with sdk.beta.responses.send(model="openrouter/free", input="Hello", stream=True) as stream:
            assert "broke off" in list(stream)[-1].response.error.message
