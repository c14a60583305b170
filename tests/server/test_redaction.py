"""The server's own key stays in: whatever the upstream repeats of it."""

import asyncio
import json

import pytest

from freerouter.server.redaction import Redaction
from tests.server.stage import Scripted, ask, served
from tests.stage import KEY, chunk, events


def answering(body: bytes, *lines: str, status: str = "401 Unauthorized", kind: str = "application/json"):
    head = [f"HTTP/1.1 {status}", f"content-type: {kind}", "connection: close", *lines]

    def script(connection):
        connection.sendall("\r\n".join([*head, "", ""]).encode() + body)

    return Scripted(script)


def test_an_error_that_repeats_the_key():
    error = json.dumps({"error": {"code": 401, "message": f"the key {KEY} is not valid"}}).encode()
    script = answering(error, f"x-echo: Bearer {KEY}", f"content-length: {len(error)}")
    with script.running() as upstream, served(upstream) as server:
        answer = server.ask()
    assert answer.status_code == 401
    assert "the key [redacted] is not valid" in answer.text
    assert KEY not in answer.text + str(answer.headers)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_repeats_it_in_headers_and_events(stream):
    error = {"error": {"code": 502, "message": f"sent with {KEY}"}, "choices": []}
    body = events(chunk("Hi"), error) if stream else json.dumps(chunk("")).encode()
    whole = {
        "id": "gen-1",
        "model": "m",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": KEY}}],
    }
    body = body if stream else json.dumps(whole).encode()
    kind = "text/event-stream" if stream else "application/json"
    script = answering(body, f"x-echo: {KEY}", status="200 OK", kind=kind)
    with script.running() as upstream, served(upstream) as server:
        answer = server.http.post("/api/v1/chat/completions", json=ask(stream=stream))
    assert (answer.status_code, answer.headers["x-echo"]) == (200, "[redacted]")
    assert "[redacted]" in answer.text
    assert KEY not in answer.text


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_key_in_pieces(size):
    whole = f"data: one sk {KEY} two {KEY[:9]}\n\ndata: {KEY}sk-or".encode()

    async def pieces():
        for start in range(0, len(whole), size):
            yield whole[start : start + size]

    async def collect():
        return [piece async for piece in Redaction(KEY).stream(pieces())]

    received = asyncio.run(collect())
    assert b"".join(received) == whole.replace(KEY.encode(), b"[redacted]")
    assert b"" not in received


def test_without_a_key_nothing_changes():
    plain = Redaction(None)
    assert plain.body(b"sk-or-x") == b"sk-or-x"
    assert plain.headers([("a", "b")]) == [("a", "b")]
