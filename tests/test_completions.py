"""Typed answers of FreeRouter and AsyncFreeRouter: lenient, and nothing is lost."""

import json

import httpx
import pytest

from freerouter import StreamInterruptedError
from tests.stage import Upstream, chunk, completion, events
from tests.sync_async import Client

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
    [({"content": "Hi"}, "Hi"), ({"content": None, "reasoning": "hm"}, ""), ({"content": [{"type": "text"}]}, "")],
)
def test_the_text_of_an_answer_is_the_content_if_that_is_text(way, message, text):
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
    {"choices": [{"index": "x", "delta": {"content": "more"}}]},
    {"choices": "none"},
    {"choices": [{"delta": 7}]},
    {"choices": [{"delta": {"content": "x", "tool_calls": "y"}}]},
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_chunk_of_an_odd_shape_is_an_error_of_ours(way, odd):
    with pytest.raises(StreamInterruptedError, match="odd") as caught:
        Client(way, streaming(chunk("so far"), odd, chunk("", "stop"))).stream()
    assert caught.value.text.startswith("so far")
    assert caught.value.trace.model


def test_an_answer_of_an_odd_shape_is_an_error_of_ours(way):
    raw = completion()
    raw["choices"][0]["message"]["tool_calls"] = "secret"
    with pytest.raises(StreamInterruptedError, match="tool_calls") as caught:
        Client(way, Upstream(lambda _: httpx.Response(200, json=raw))).send()
    assert "secret" not in str(caught.value)
