"""What one client may take of the server: sizes, times, and how many at once."""

import asyncio
import socket
import threading

import httpx
import pytest
from uvicorn.server import ServerState

from freerouter.server import Limits, protocol
from freerouter.server.running import configure
from tests.server.stage import ask, posted, raw, served, statuses
from tests.stage import PLAIN, striking, until

SMALL = Limits(body=1000)
PIECE = b"x" * 100


@pytest.fixture
def small(upstream):
    with served(upstream, limits=SMALL) as server:
        yield server


def chunks(count: int):
    yield b'{"messages":[{"role":"user","content":"'
    for _ in range(count):
        yield PIECE
    yield b'"}]}'


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", ["/api/v1/chat/completions", "/v1/messages/count_tokens", "/explain"])
def test_a_body_that_is_too_large(small, emulator, announced, path):
    content = b"".join(chunks(11)) if announced else chunks(11)
    response = small.http.post(path, content=content, headers={"content-type": "application/json"})
    assert (response.status_code, response.headers["connection"]) == (413, "close")
    assert response.json()["error"]["metadata"]["error_type"] == "payload_too_large"
    assert small.ask().status_code == 200
    assert len(emulator.completions) == 1


def test_a_body_of_just_the_size(small):
    body = b"".join(chunks(9))
    body += b" " * (1000 - len(body))
    headers = {"content-type": "application/json"}
    assert small.http.post("/api/v1/chat/completions", content=body, headers=headers).status_code == 200
    assert small.http.post("/api/v1/chat/completions", content=body + b" ", headers=headers).status_code == 413


def test_a_body_without_end_is_not_read_to_its_end(small):
    sent = 0
    with socket.create_connection(small.address, timeout=5) as connection:
        connection.sendall(posted(b"", "transfer-encoding: chunked"))
        try:
            while sent < 50 * 2**20:
                connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
                sent += 65536
        except OSError:
            pass
    assert sent < 20 * 2**20


def test_a_client_that_asks_first_hears_it_before_it_sends(small):
    head = posted(b"", "content-length: 100000", "expect: 100-continue")
    assert statuses(raw(small.address, head)) == [413]
    short = posted(b"", f"content-length: {len(b''.join(chunks(1)))}", "expect: 100-continue")
    with socket.create_connection(small.address, timeout=5) as connection:
        connection.sendall(short)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")


def test_a_picture_of_ten_megabytes_arrives(server, emulator):
    picture = "data:image/png;base64," + "A" * 10_000_000
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": picture}}]
    assert server.ask(messages=[{"role": "user", "content": parts}]).status_code == 200
    assert emulator.completions[-1].json["messages"][0]["content"] == parts


def test_a_slow_body(upstream, emulator):
    with served(upstream, limits=Limits(body_seconds=0.1)) as server:
        answer = raw(server.address, posted(b'{"mess', "content-length: 1000"))
        assert statuses(answer) == [408]
        assert b"connection: close" in answer
        assert server.app.running == 0
    assert not emulator.completions


@pytest.mark.parametrize("size", [33_000, 60_000])
def test_headers_that_are_too_large(server, size):
    response = server.ask(headers={"x-large": "x" * size})
    assert (response.status_code, response.json()["error"]["code"]) == (431, 431)


@pytest.mark.parametrize(
    "endless", [b"x-large: " + b"x" * 200_000, b"".join(b"x-%d: y\r\n" % i for i in range(20_000))], ids=["one", "many"]
)
def test_headers_without_end(server, endless):
    assert statuses(raw(server.address, b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + endless)) in ([431], [])
    assert server.http.get("/health").status_code == 200


def test_a_url_without_end(server):
    assert statuses(raw(server.address, b"GET /" + b"x" * 300_000)) in ([431], [400], [])
    assert server.http.get(f"/{'x' * 1000}").status_code == 404


class Connection(asyncio.Transport):
    """A connection that is none: keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False
        self.socket = socket.socket()

    def get_extra_info(self, name, default=None):
        return self.socket if name == "socket" else default

    def pause_reading(self):
        """It is for the test to say what comes."""

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed


@pytest.mark.parametrize("pieces", [1, 2, 200])
def test_what_comes_with_its_head_in_one_piece_is_no_head(pieces):
    """However many bytes come at once: only a head without end is one."""

    async def never_answers(scope, receive, send):
        await asyncio.Event().wait()

    async def feed():
        connection = Connection()
        made = protocol.Protocol(configure(never_answers), ServerState(), {})
        made.connection_made(connection)
        data = posted(ask(messages=[{"role": "user", "content": "x" * 200_000}])) * 2
        size = len(data) // pieces + 1
        for start in range(0, len(data), size):
            made.data_received(data[start : start + size])
        made.connection_lost(None)
        connection.socket.close()
        return connection.written

    assert asyncio.run(feed()) == b""


@pytest.mark.parametrize("sent", [b"", b"GET /health HT", b"GET /health HTTP/1.1\r\nhost: loc"])
def test_a_slow_head(server, monkeypatch, sent):
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.1)
    with socket.create_connection(server.address, timeout=5) as connection:
        connection.sendall(sent)
        assert connection.recv(100) == b""


@pytest.mark.parametrize("sent", [b"\r\n", b"GET /health HT"])
def test_a_slow_head_after_an_answer(server, monkeypatch, sent):
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.1)
    with socket.create_connection(server.address, timeout=5) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert b"alive" in connection.recv(1000)
        connection.sendall(sent)
        assert connection.recv(100) == b""


def test_a_slow_head_behind_a_request_does_not_cost_its_answer(server, emulator, monkeypatch):
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.05)
    emulator._gateway.chunk_delay = 0.1
    with socket.create_connection(server.address, timeout=5) as connection:
        connection.sendall(posted(ask(stream=True)) + b"GET /hea")
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert b"data: [DONE]" in received


def test_a_connection_in_use_is_not_taken_for_slow(server, emulator, monkeypatch):
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.05)
    emulator._gateway.chunk_delay = 0.02
    assert server.ask(stream=True).status_code == 200
    assert server.ask(stream=True).status_code == 200


def test_more_at_once_than_are_allowed(upstream, emulator):
    emulator.faults = striking("never_answers", count=2)
    with served(upstream, limits=Limits(requests=2)) as server:
        waiting = [socket.create_connection(server.address) for _ in range(2)]
        for connection in waiting:
            connection.sendall(posted(ask(model=PLAIN)))
        until(lambda: len(emulator.completions) == 2)
        response = server.ask()
        assert (response.status_code, response.headers["retry-after"]) == (429, "1")
        assert "x-should-retry" not in response.headers  # an SDK's own retry is what helps here
        assert response.json()["error"]["metadata"]["error_type"] == "rate_limit_exceeded"
        assert server.http.get("/health").status_code == 200
        for connection in waiting:
            connection.close()
        until(lambda: server.app.running == 0)
        assert server.ask().status_code == 200
    assert len(emulator.completions) == 3


def test_a_hundred_streams_at_once(server, emulator):
    emulator._gateway.chunk_delay = 0.01
    results: list[int] = []

    def stream():
        with httpx.Client(base_url=server.url, timeout=20) as http:
            results.append(http.post("/api/v1/chat/completions", json=ask(stream=True)).status_code)

    threads = [threading.Thread(target=stream) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [200] * 100
    until(lambda: server.app.running == 0)
