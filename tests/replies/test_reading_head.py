"""Head: a reply is judged by what it holds, and by no more of it than that takes."""

from typing import Any

import pytest

from freerouter.openrouter.dialects import CHAT
from freerouter.replies.outcome import classify
from freerouter.replies.reading import LIMIT, Flaw, Head, Reading
from freerouter.replies.verdicts import Verdict
from tests.replies.shapes import (
    ANSWERED,
    BODIES,
    COMMENT,
    DONE,
    END,
    ERROR,
    HEADERS,
    HI,
    JSON,
    ROLE,
    SSE,
    STREAMS,
    answer,
    chunk,
    said,
    usage,
)


def read(head: Head, chunks: list[bytes]) -> Reading:
    """What a driver does: feed until there is a reading."""
    for piece in chunks:
        head.feed(piece)
        if head.reading is not None:
            return head.reading
    return head.end()


def whole(body: bytes, headers: dict[str, str] = JSON, status: int = 200) -> Reading:
    return read(Head(CHAT, False, status, headers), [body])


def streamed(*chunks: bytes, headers: dict[str, str] = SSE) -> Reading:
    return read(Head(CHAT, True, 200, headers), list(chunks))


def kind(reading: Reading) -> Any:
    if reading.flaw is not None:
        return reading.flaw
    return ANSWERED if reading.error is None else ERROR


@pytest.mark.parametrize("shape", BODIES)
def test_whole_answers(shape):
    body, expected = BODIES[shape]
    reading = whole(body)
    assert kind(reading) == expected
    assert (classify(reading, 0.0).verdict is Verdict.ANSWERED) is (expected == ANSWERED)


@pytest.mark.parametrize("shape", HEADERS)
def test_the_headers_of_a_whole_answer(shape):
    headers, expected = HEADERS[shape]
    body = answer(said(content="Hi"))
    reading = whole(body, {name: value.format(length=len(body)) for name, value in headers.items()})
    assert kind(reading) == expected


@pytest.mark.parametrize("shape", STREAMS)
def test_streams(shape):
    data, expected = STREAMS[shape]
    reading = streamed(data)
    assert kind(reading) == expected
    assert (classify(reading, 0.0).verdict is Verdict.ANSWERED) is (expected == ANSWERED)


@pytest.mark.parametrize("shape", STREAMS)
def test_a_stream_means_the_same_wherever_it_is_cut(shape):
    data, _ = STREAMS[shape]
    expected = streamed(data)
    for cut in range(len(data)):
        assert streamed(data[:cut], data[cut:]) == expected
    assert streamed(*(data[i : i + 1] for i in range(len(data)))) == expected


@pytest.mark.parametrize("shape", BODIES)
def test_a_whole_answer_means_the_same_wherever_it_is_cut(shape):
    body, _ = BODIES[shape]
    body = body[:400] if len(body) > 10_000 else body
    expected = whole(body)
    for cut in range(len(body)):
        head = Head(CHAT, False, 200, JSON)
        assert read(head, [body[:cut], body[cut:]]) == expected


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
@pytest.mark.parametrize("shape", STREAMS)
def test_what_is_held_is_what_came(shape, size):
    data, _ = STREAMS[shape]
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    head = Head(CHAT, True, 200, SSE)
    read(head, pieces)
    assert head.chunks == pieces[: len(head.chunks)]


def test_nothing_is_read_beyond_the_first_token():
    head = Head(CHAT, True, 200, SSE)
    for piece in (COMMENT, ROLE, COMMENT):
        head.feed(piece)
        assert head.reading is None
    head.feed(HI)
    assert head.reading is not None
    assert head.chunks == [COMMENT, ROLE, COMMENT, HI]


def test_a_finish_without_tokens_is_held_to_the_end():
    head = Head(CHAT, True, 200, SSE)
    for piece in (ROLE, END, usage(7)):
        head.feed(piece)
        assert head.reading is None
    head.feed(DONE)
    assert head.reading is not None
    assert head.reading.usage == {"completion_tokens": 7, "cost": 0}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("comments", [1, 1_000])
def test_comments_are_no_tokens(comments, stream):
    head = Head(CHAT, stream, 200, SSE)
    for _ in range(comments):
        head.feed(COMMENT)
        assert head.reading is None
    assert kind(head.end()) == (Flaw.NO_TOKEN if stream else Flaw.WRONG_TYPE)


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (JSON, b'{"error":{"code":429}}', ERROR),
        (JSON, answer(said(content="Hi")), Flaw.WRONG_TYPE),
        (JSON, answer(said()), Flaw.WRONG_TYPE),
        ({"content-type": "text/html"}, b"<html></html>", Flaw.HTML),
        ({"content-type": "text/plain"}, HI, Flaw.WRONG_TYPE),
        ({}, HI, ANSWERED),
        ({"content-type": "text/event-stream; charset=utf-8"}, HI, ANSWERED),
        ({"content-type": "Text/Event-Stream"}, HI, ANSWERED),
        (SSE | {"content-encoding": "gzip"}, HI, Flaw.ENCODED),
    ],
)
def test_what_comes_in_place_of_a_stream(headers, body, expected):
    assert kind(streamed(body, headers=headers)) == expected


@pytest.mark.parametrize("flaw", [Flaw.BROKEN, Flaw.TIMEOUT])
@pytest.mark.parametrize("stream", [False, True])
def test_what_breaks_off_before_it_can_be_judged(stream, flaw):
    head = Head(CHAT, stream, 200, SSE if stream else JSON)
    head.feed(ROLE)
    assert head.broken(flaw) == Reading(200, SSE if stream else JSON, flaw)


def test_an_error_that_breaks_off_is_known_by_its_status():
    head = Head(CHAT, False, 429, JSON)
    head.feed(b'{"error":')
    assert classify(head.broken(Flaw.BROKEN), 0.0).reason == "rate_limited_upstream"


@pytest.mark.parametrize("headers", [JSON, SSE])
def test_what_is_too_large_is_no_answer(headers):
    head, piece = Head(CHAT, False, 200, headers), b" " * (LIMIT // 4)  # the same bytes again: they cost no memory
    for _ in range(4):
        head.feed(piece)
        assert head.reading is None
    head.feed(b" ")
    assert kind(head.reading) == Flaw.TOO_LARGE


def test_comments_without_end_are_too_large_in_the_end():
    head, piece = Head(CHAT, True, 200, SSE), b":" + b" " * (LIMIT // 4 - 2) + b"\n"
    for _ in range(4):
        head.feed(piece)
        assert head.reading is None
    head.feed(COMMENT)
    assert kind(head.reading) == Flaw.TOO_LARGE


def test_a_token_wins_over_the_size_of_the_chunk_that_brings_it():
    assert kind(streamed(HI + COMMENT * 10_000 + chunk({"content": "!"}))) == ANSWERED
