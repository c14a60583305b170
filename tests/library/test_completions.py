"""Typed answers of FreeRouter and AsyncFreeRouter: lenient, and nothing is lost."""

import asyncio
import copy
import json
import pickle

import httpx
import pytest

from freerouter import (
    AsyncFreeRouter,
    ChatCompletion,
    FreeRouter,
    FreeRouterError,
    StreamInterruptedError,
    UpstreamError,
)
from freerouter.network.wires import AsyncHttpxWire, HttpxWire
from tests.stage import NOWHERE, Upstream, chunk, completion, events, router
from tests.sync_async import Client

PART = {"type": "text", "text": "Hi"}
JSON = {"content-type": "application/json"}


def test_unknown_fields_are_kept_wherever_they_are(way):
    raw = completion("Hi", provider="Nvidia", new={"deep": [1]})
    raw["choices"][0] |= {"logprobs": None, "odd": 1}
    raw["choices"][0]["message"] |= {"annotations": [{"type": "url_citation"}], "reasoning_details": [{"x": 1}]}
    raw["usage"] |= {"prompt_tokens_details": {"cached_tokens": 3}}
    answer = Client(way, Upstream(lambda _: httpx.Response(200, json=raw))).send()
    assert answer.model_dump(exclude_unset=True) == raw
    assert answer.new == {"deep": [1]}
    assert answer.choices[0].message.annotations == [{"type": "url_citation"}]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "Hi"}, "Hi"),
        ({"content": None, "reasoning": "hm"}, ""),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, PART, PART]}, "HiHi"),
        ({"content": ["Hi", {"type": "image_url", "image_url": {"url": "x"}}]}, "Hi"),
    ],
)
def test_the_text_of_an_answer_is_the_content_or_the_texts_among_its_parts(way, message, text):
    raw = completion()
    raw["choices"][0]["message"] = {"role": "assistant", **message}
    assert Client(way, Upstream(lambda _: httpx.Response(200, json=raw))).send().text == text


def streaming(*chunks) -> Upstream:
    body = events(*chunks, b"data: [DONE]\n\n")
    return Upstream(lambda _: httpx.Response(200, content=body, headers={"content-type": "text/event-stream"}))


def test_half_a_surrogate_pair_in_a_piece_is_text_all_the_same(way):
    chunks, stream = Client(way, streaming(chunk("a \ud83d"), chunk("\ude00 b"), chunk("", "stop"))).stream()
    assert stream.text == "a \ud83d\ude00 b"
    assert [chunk.text for chunk in chunks] == ["a \ud83d", "\ude00 b", ""]
    raw = completion("cut \ud83d")
    upstream = Upstream(lambda _: httpx.Response(200, content=json.dumps(raw).encode(), headers=JSON))
    assert Client(way, upstream).send().text == "cut \ud83d"


ODD = [
    {"choices": "none"},
    {"choices": [{"delta": 7}]},
    {"choices": [{"delta": {"content": "x", "tool_calls": "y"}}]},
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_chunk_of_an_odd_shape_is_an_error_of_ours(way, odd):
    with pytest.raises(StreamInterruptedError, match="malformed") as caught:
        Client(way, streaming(chunk("so far"), odd, chunk("", "stop"))).stream()
    assert caught.value.text.startswith("so far")
    assert caught.value.trace.model


def test_an_answer_of_an_odd_shape_is_an_error_of_ours(way):
    raw = completion()
    raw["choices"][0]["message"]["tool_calls"] = "secret"
    with pytest.raises(StreamInterruptedError, match="tool_calls") as caught:
        Client(way, Upstream(lambda _: httpx.Response(200, json=raw))).send()
    assert "secret" not in str(caught.value)


SIDE_FIELDS = {
    "null labels": {"id": None, "created": None, "model": None},
    "odd labels": {"id": 7, "created": "now", "model": ["m"]},
    "null counts": {"usage": {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None, "cost": None}},
    "odd counts": {"usage": {"prompt_tokens": "3", "completion_tokens": 1.5, "cost": "0"}},
    "no usage": {"usage": None},
    "odd usage": {"usage": [1]},
}
IN_THE_MESSAGE = {
    "reasoning as a list": {"reasoning": [{"text": "hm"}]},
    "reasoning as an object": {"reasoning": {"text": "hm"}},
    "arguments as an object": {"tool_calls": [{"index": None, "function": {"name": "f", "arguments": {"a": 1}}}]},
    "null among the calls": {"tool_calls": [None]},
    "an odd refusal": {"refusal": ["no"], "role": 5},
}


@pytest.mark.parametrize("fields", SIDE_FIELDS.values(), ids=SIDE_FIELDS)
def test_odd_fields_beside_an_answer_are_taken_as_they_are(way, fields):
    upstream = Upstream(lambda _: httpx.Response(200, json=completion("Hi", **fields)))
    answer = Client(way, upstream).send()
    assert answer.text == "Hi"
    chunks, stream = Client(way, streaming(chunk("Hi", **fields), chunk("", "stop", **fields))).stream()
    assert stream.text == "Hi"
    for name, value in fields.items():
        if name != "usage":
            assert getattr(answer, name) == getattr(chunks[0], name) == value


@pytest.mark.parametrize("fields", IN_THE_MESSAGE.values(), ids=IN_THE_MESSAGE)
def test_odd_fields_within_a_message_are_taken_as_they_are(way, fields):
    raw = completion()
    raw["choices"][0] |= {"index": None, "message": {"content": "Hi", **fields}}
    assert Client(way, Upstream(lambda _: httpx.Response(200, json=raw))).send().text == "Hi"
    piece = {"choices": [{"index": None, "delta": {"content": "Hi", **fields}}]}
    _, stream = Client(
        way, streaming(piece, {"choices": [{"delta": None}]}, {"choices": None}, chunk("", "stop"))
    ).stream()
    assert stream.text == "Hi"


def test_reading_a_stream_twice_goes_on_where_it_was():
    client = FreeRouter(wire=HttpxWire(streaming(*STREAM).transport), router=router(upstream=NOWHERE))
    with client, client.chat.stream("Hello") as stream:
        first = next(iter(stream))
        others = [piece.text for piece in stream]
        assert list(stream) == []
    assert [first.text, *others] == ["a", "b", "c", ""]
    assert stream.text == "abc"


def test_an_async_stream_that_is_read_twice_goes_on_where_it_was():
    async def read():
        wire = AsyncHttpxWire(streaming(*STREAM).transport)
        async with (
            AsyncFreeRouter(wire=wire, router=router(upstream=NOWHERE)) as client,
            client.chat.stream("Hi") as stream,
        ):
            first = await anext(aiter(stream))
            return [first.text, *[piece.text async for piece in stream], *[piece.text async for piece in stream]]

    assert asyncio.run(read()) == ["a", "b", "c", ""]


STREAM = (chunk("a"), chunk("b"), chunk("c"), chunk("", "stop"))


# What an answer, a trace and an error are outside of their program.


def answered() -> ChatCompletion:
    def reply(request: httpx.Request) -> httpx.Response:
        return (
            httpx.Response(502, json={"error": {"code": 502, "message": "no"}})
            if len(upstream.sent) == 1
            else httpx.Response(200, json=completion("Hi", model="a/dated-20260101"))
        )

    upstream = Upstream(reply)
    return Client("sync", upstream).send("Hello")


def failed() -> FreeRouterError:
    upstream = Upstream(lambda _: httpx.Response(401, json={"error": {"code": 401, "message": "User not found."}}))
    with pytest.raises(UpstreamError) as caught:
        Client("sync", upstream).send("Hello")
    return caught.value


COPIES = {"pickled": lambda value: pickle.loads(pickle.dumps(value)), "copied": copy.deepcopy}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_answers_traces_attempts_and_errors_can_be_copied(copied):
    answer, error = answered(), failed()
    again = copied(answer)
    assert again == answer
    assert again.answered_by == answer.answered_by
    assert copied(answer.trace).as_dict() == again.trace.as_dict() == answer.trace.as_dict()
    assert copied(answer.trace.attempts[0]) == answer.trace.attempts[0]
    told = copied(error)
    assert (type(told), str(told), told.status, told.body) == (UpstreamError, str(error), 401, error.body)
    assert told.trace.as_dict() == error.trace.as_dict()


def test_what_answered_is_told_by_its_id_beside_what_openrouter_sent():
    answer = answered()
    assert answer.model == "a/dated-20260101"
    assert answer.answered_by == answer.trace.model == answer.trace.headers()["x-freerouter-model"]
    _, stream = Client("sync", streaming(*STREAM)).stream()
    assert stream.answered_by == stream.trace.model


def test_representations_are_short():
    answer = answered()
    _, stream = Client("async", streaming(*STREAM)).stream()
    with FreeRouter(router=router(upstream=NOWHERE)) as client:
        shown = [answer, answer.trace, answer.trace.attempts[0], failed(), failed().trace, stream, client]
        assert all(len(repr(each)) < 160 for each in shown)
    assert repr(answer) == f"<ChatCompletion 'Hi' by {answer.answered_by}>"
    assert repr(stream) == f"<AsyncChatStream 'abc' by {stream.answered_by}>"
    assert len(repr(ChatCompletion(choices=[{"message": {"content": "x" * 1_000}}]))) < 160


def test_a_notebook_shows_the_text_the_model_and_the_attempts():
    answer = answered()
    shown = answer._repr_markdown_()
    assert shown.startswith("Hi\n")
    assert f"*{answer.answered_by}*" in shown
    assert all(str(attempt) in shown for attempt in answer.trace.attempts)
    assert len(answer.trace.attempts) == 2
