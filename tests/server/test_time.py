"""How long a stream may take, and what is no sign of life in one."""

import json
import socket
import time

import pytest

from freerouter.server import app
from tests.server.stage import PATHS, Scripted, ask, posted, served
from tests.stage import SOON, chunk, events, until

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
FIRST = {
    "chat": events(chunk("Hi")),
    "messages": events(
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    ),
    "responses": events(
        {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}},
        {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "Hi"},
    ),
}


def dripping(first: bytes, piece: bytes, pause: float = 0.02):
    """A stream that begins, and goes on without end."""

    def script(connection):
        connection.sendall(STREAM + first)
        try:
            while True:
                time.sleep(pause)
                connection.sendall(piece)
        except OSError:
            pass

    return Scripted(script)


def test_a_stream_without_end_ends_with_an_error_in_the_shape_of_its_dialect(dialect):
    piece = FIRST[dialect][FIRST[dialect].rindex(b"data: ") :]
    with dripping(FIRST[dialect], piece).running() as upstream, served(upstream, stream_timeout=0.5) as server:
        started = time.monotonic()
        answer = server.ask(dialect, stream=True)
        assert time.monotonic() - started < SOON
        assert not server.app.router.health.cooling
    last = answer.content.rstrip(b"\n").rpartition(b"data: ")[2]
    assert "took longer than stream_timeout (0.5 s)" in json.dumps(json.loads(last))


@pytest.mark.parametrize("junk", [b"x" * 1000, b": comment", b"event: x", b": comment\n\n"])
def test_junk_is_no_sign_of_life(junk):
    with dripping(FIRST["chat"], junk).running() as upstream, served(upstream, idle_timeout=0.4) as server:
        started = time.monotonic()
        answer = server.ask(stream=True)
        assert time.monotonic() - started < SOON
    assert "broke off before its end" in answer.text


@pytest.mark.parametrize("junk", [b"x" * 1000, b": comment\n\n", events(chunk(""))])
def test_before_the_first_token_neither_junk_nor_reading_puts_the_time_off(junk):
    with (
        dripping(b"", junk).running() as upstream,
        served(upstream, first_token_timeout=0.4, max_attempts=1) as server,
    ):
        started = time.monotonic()
        answer = server.ask(stream=True)
        assert time.monotonic() - started < SOON
    assert answer.status_code == 429
    assert "timeout" in answer.text


def test_a_client_that_does_not_read_is_let_go(monkeypatch, caplog):
    monkeypatch.setattr(app, "_LAST_WORDS", 0.1)
    piece = events(chunk("x" * 65_000))
    with (
        dripping(FIRST["chat"], piece, 0).running() as upstream,
        served(upstream, stream_timeout=0.5) as server,
        socket.create_connection(server.address, timeout=5) as connection,
    ):
        connection.sendall(posted(ask(stream=True), path=f"/api/v1/{PATHS['chat']}"))
        until(lambda: server.app.running == 1)
        until(lambda: server.app.running == 0)
    assert caplog.messages == []
