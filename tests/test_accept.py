"""Answers that are checked on request: through the library and the transports, whole and streamed, in each dialect."""

import json

import httpx
import pytest

from freerouter import AttemptsFailedError, InvalidRequestError
from tests.stage import HELLO, NOWHERE, Upstream, chunk, completion, events, exchange, router
from tests.sync_async import Client

SSE = {"content-type": "text/event-stream"}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORM = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}
GOOD, BAD = '{"city": "Rome"}', '{"town": "Rome"}'
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": CITY}}

ASKED = {
    "chat": {"messages": HELLO, "response_format": FORM},
    "responses": {"input": "Hello", "text": {"format": {"type": "json_schema", "name": "city", "schema": CITY}}},
    "messages": {
        "messages": HELLO,
        "max_tokens": 50,
        "output_config": {"format": {"type": "json_schema", "schema": CITY}},
    },
}
PATHS = {"chat": "chat/completions", "responses": "responses", "messages": "messages"}


def named(*datas):
    return b"".join(f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode() for data in datas)


def of_chat(text: str, *, stream: bool) -> bytes:
    if stream:
        return events(chunk(text[:5]), chunk(text[5:]), chunk("", "stop"), b"data: [DONE]\n\n")
    return json.dumps(completion(text)).encode()


def of_responses(text: str, *, stream: bool) -> bytes:
    item = {"type": "message", "content": [{"type": "output_text", "text": text}]}
    whole = {"object": "response", "status": "completed", "output": [] if stream else [item]}
    if not stream:
        return json.dumps(whole).encode()
    pieces = [{"type": "response.output_text.delta", "delta": piece} for piece in (text[:5], text[5:])]
    done = {"type": "response.output_item.done", "item": item}
    return named(*pieces, done, {"type": "response.completed", "response": whole})


def of_messages(text: str, *, stream: bool) -> bytes:
    message = {"type": "message", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
    if not stream:
        return json.dumps(message).encode()
    pieces = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
        for piece in (text[:5], text[5:])
    ]
    return named(
        {"type": "message_start", "message": message | {"content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *pieces,
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    )


TOLD = {"chat": of_chat, "responses": of_responses, "messages": of_messages}


def replying(*bodies: bytes, stream: bool) -> Upstream:
    """Answers with one after the other."""
    left = list(bodies)
    headers = SSE if stream else {"content-type": "application/json"}
    return Upstream(lambda _: httpx.Response(200, content=left.pop(0), headers=headers))


def routed(way: str, dialect: str, upstream: Upstream, *, stream: bool, headers=None, body=None, **settings):
    asked = (body or ASKED[dialect]) | ({"stream": True} if stream else {})
    request = httpx.Request("POST", f"{NOWHERE}/{PATHS[dialect]}", json=asked, headers=headers)
    return exchange(way, request, upstream.transport, router=router(upstream=NOWHERE, **settings))


HEADER = {"x-freerouter-accept": "true"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("dialect", ASKED)
def test_an_answer_that_does_not_fit_is_asked_of_another_model(way, dialect, stream):
    good, bad = (TOLD[dialect](text, stream=stream) for text in (GOOD, BAD))
    upstream = replying(bad, good, stream=stream)
    response = routed(way, dialect, upstream, stream=stream, headers=HEADER)
    assert (response.content, len(upstream.sent)) == (good, 2)
    assert response.extensions["freerouter"].attempts[0].outcome.reason == "not_accepted"
    assert response.extensions["freerouter"].ending == "finished"
    assert "x-freerouter-accept" not in upstream.sent[0].headers


ASKED_FOR = {
    "neither": (None, False, False),
    "the header": ({"x-freerouter-accept": "True"}, False, True),
    "the setting": (None, True, True),
    "the header wins": ({"x-freerouter-accept": "false"}, True, False),
}


@pytest.mark.parametrize(("headers", "setting", "checked"), ASKED_FOR.values(), ids=ASKED_FOR)
def test_a_header_or_the_setting_asks_for_it(way, headers, setting, checked):
    good, bad = (of_chat(text, stream=False) for text in (GOOD, BAD))
    response = routed(way, "chat", replying(bad, good, stream=False), stream=False, headers=headers, accept=setting)
    assert response.content == (good if checked else bad)


@pytest.mark.parametrize("dialect", ASKED)
def test_a_stream_that_ends_in_an_error_is_asked_of_another_model_too(way, dialect):
    good = TOLD[dialect](GOOD, stream=True)
    first = good[: good.index(b"\n\n", len(good) // 2) + 2]
    upstream = replying(first, good, stream=True)
    response = routed(way, dialect, upstream, stream=True, headers=HEADER)
    assert (response.content, len(upstream.sent)) == (good, 2)


def test_without_anything_to_check_a_stream_is_not_held_back(way):
    body = {"messages": HELLO}
    cut = events(chunk("Hel"))
    response = routed(way, "chat", replying(cut, stream=True), stream=True, headers=HEADER, body=body)
    assert response.content.startswith(cut)


@pytest.mark.parametrize("how", ["send", "stream"])
def test_a_bad_schema_is_refused_before_anything_is_sent(way, how):
    upstream = Upstream()
    bad = {"type": "function", "function": {"name": "f", "parameters": {"type": 5}}}
    with pytest.raises(InvalidRequestError) as caught:
        getattr(Client(way, upstream), how)(tools=[bad], accept=True)
    assert caught.value.field == "tools[0].function.parameters"
    assert not upstream.sent


def call_pieces(arguments: str) -> bytes:
    """A tool call that comes in pieces."""
    first = {"index": 0, "id": "c", "type": "function", "function": {"name": "weather", "arguments": arguments[:4]}}
    rest = {"index": 0, "function": {"arguments": arguments[4:]}}
    deltas = [{"content": None, "tool_calls": [call]} for call in (first, rest)]
    pieces = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return events(*pieces, chunk(None, "tool_calls"), b"data: [DONE]\n\n")


def test_the_arguments_of_a_streamed_call_are_checked(way):
    upstream = replying(call_pieces(BAD), call_pieces(GOOD), stream=True)
    chunks, _ = Client(way, upstream).stream(tools=[WEATHER], accept=True)
    calls = [call for piece in chunks for call in piece.choices[0].delta.tool_calls or ()]
    assert "".join(call.function.arguments for call in calls) == GOOD
    assert len(upstream.sent) == 2


def test_a_call_that_is_written_as_text_is_asked_of_another_model(way):
    upstream = replying(of_chat("<tool_call>{}", stream=False), of_chat("Hi", stream=False), stream=False)
    assert Client(way, upstream).send(tools=[WEATHER], accept=True).text == "Hi"


def test_a_test_of_the_callers_own_sees_a_streamed_answer_whole(way):
    seen = []

    def accept(answer):
        seen.append(answer)
        return "not the first" if len(seen) == 1 else None

    upstream = replying(of_chat("Hello", stream=True), of_chat("Again", stream=True), stream=True)
    _, stream = Client(way, upstream).stream(accept=accept)
    assert stream.text == "Again"
    assert seen[0]["choices"][0]["message"]["content"] == "Hello"
    assert seen[0]["choices"][0]["finish_reason"] == "stop"
    assert seen[0]["model"]


def test_where_no_answer_fits_it_is_an_error_that_says_so(way):
    upstream = Upstream(lambda _: httpx.Response(200, json=completion(BAD)))
    with pytest.raises(AttemptsFailedError) as caught:
        Client(way, upstream).send(response_format=FORM, accept=True)
    assert {attempt.outcome.message for attempt in caught.value.trace.attempts} == {
        "the answer does not fit the schema at $"
    }
