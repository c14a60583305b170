"""What a request leaves in memory is gone when it ends: nothing waits for the search for garbage."""

import gc
import socket
from collections import Counter

import httpx
import pytest

from tests.server.stage import ask, posted, served
from tests.stage import striking, until

OURS = ("freerouter.server", "freerouter.pipeline", "freerouter.replies", "freerouter.errors", "aiohttp")
TIMEOUTS = {"first_token_timeout": 0.1, "idle_timeout": 0.1, "reply_timeout": 0.1}


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def garbage() -> dict[str, int]:
    """Our objects that nobody holds but they themselves, by kind."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    found = Counter(type(each).__qualname__ for each in gc.garbage if type(each).__module__.startswith(OURS))
    gc.garbage.clear()
    return found


@pytest.mark.parametrize(
    ("fault", "stream"),
    [
        (None, False),
        (None, True),
        ("bad_gateway", False),
        ("resets", False),
        ("short_body", False),
        ("never_answers", False),
        ("stale_keep_alive", False),
        ("stream_error_midway", True),
        ("stream_reset_midway", True),
        ("stream_stalls", True),
    ],
)
def test_a_request_leaves_nothing(upstream, emulator, no_collector, fault, stream):
    with served(upstream, max_attempts=2, **TIMEOUTS) as server:
        server.ask()
        garbage()
        if fault:
            emulator.faults = striking(fault)
        for dialect in ("chat", "responses", "messages"):
            server.ask(dialect, stream=stream)
        until(lambda: server.app.running == 0)
        assert garbage() == {}


def test_a_connection_leaves_nothing(server, no_collector):
    for _ in range(2):
        with httpx.Client(base_url=server.url) as http:
            assert http.get("/health").status_code == 200
        with socket.create_connection(server.address) as broken:
            broken.sendall(b"GET / HTTP/1.1\r\nhost\r\n\r\n")
            assert broken.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert server.ask().status_code == 200
    assert garbage() == {}


def test_a_client_that_leaves_leaves_nothing(server, emulator, no_collector):
    emulator.faults = striking("stream_stalls")
    server.http.get("/health")
    garbage()
    with socket.create_connection(server.address) as connection:
        connection.sendall(posted(ask(stream=True)))
        assert connection.recv(10)
    until(lambda: emulator.completions[-1].closed == "client gone")
    until(lambda: server.app.running == 0)
    assert garbage() == {}
