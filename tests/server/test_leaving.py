"""Clients who leave, and clients who are slow: measured on real sockets."""

import socket
import threading

import pytest

from tests.server.stage import Scripted, ask, posted, served
from tests.stage import SOON, striking, until


def gone(emulator) -> bool:
    return bool(emulator.completions) and emulator.completions[-1].closed == "client gone"


def leave_while(server, emulator, body: dict, path: str = "/api/v1/chat/completions") -> float:
    """Ask, wait until the upstream has the request, leave; returns how long the upstream's connection outlived it."""
    with socket.create_connection(server.address) as connection:
        connection.sendall(posted(body, path=path))
        until(lambda: emulator.completions)
        if body.get("stream"):
            connection.recv(10)
    return until(lambda: gone(emulator))


@pytest.mark.parametrize("fault", ["never_answers", "silent_after_headers", "trickles"])
def test_a_client_that_leaves_before_the_answer(server, emulator, fault):
    emulator.faults = striking(fault)
    assert leave_while(server, emulator, ask()) < SOON
    nobody_is_blamed(server, emulator)


@pytest.mark.parametrize("path", ["chat/completions", "responses", "messages"])
def test_a_client_that_leaves_a_stream(server, emulator, path):
    emulator.faults = striking("stream_stalls")
    dialect = path.partition("/")[0]
    assert leave_while(server, emulator, ask(dialect, stream=True), f"/api/v1/{path}") < SOON
    nobody_is_blamed(server, emulator)


def test_a_client_that_leaves_before_a_streams_first_token(server, emulator):
    emulator.faults = striking("stream_silent_after_comments")
    with socket.create_connection(server.address) as connection:
        connection.sendall(posted(ask(stream=True)))
        until(lambda: emulator.completions)
    assert until(lambda: gone(emulator)) < SOON
    nobody_is_blamed(server, emulator)


def nobody_is_blamed(server, emulator) -> None:
    assert len(emulator.completions) == 1
    assert not server.app.router.health.cooling
    until(lambda: emulator.open_connections == 0)
    until(lambda: server.app.running == 0)


def test_a_client_that_leaves_while_it_waits_for_the_minute(upstream, emulator):
    with served(upstream, requests_per_minute=1, max_wait=60) as server:
        assert server.ask().status_code == 200
        with socket.create_connection(server.address) as connection:
            connection.sendall(posted(ask()))
            until(lambda: server.app.running == 1)
        assert until(lambda: server.app.running == 0) < SOON
        assert len(emulator.completions) == 1
        assert "freerouter_clients_left_total 1.0" in server.http.get("/metrics").text


def test_a_client_that_leaves_after_a_large_body_that_came_behind_its_head(server, emulator):
    emulator.faults = striking("never_answers")
    head, _, body = posted(ask(messages=[{"role": "user", "content": "x" * 300_000}])).partition(b"\r\n\r\n")
    with socket.create_connection(server.address) as connection:
        connection.sendall(head + b"\r\n\r\n")
        until(lambda: server.app.running == 1)
        connection.sendall(body)
        until(lambda: emulator.completions)
    assert until(lambda: gone(emulator)) < SOON
    nobody_is_blamed(server, emulator)


def test_two_hundred_who_leave_leave_nothing_behind(server, emulator):
    emulator.faults = striking("never_answers")
    for _ in range(200):
        with socket.create_connection(server.address) as connection:
            connection.sendall(posted(ask()))
    until(lambda: server.app.running == 0, 10)
    until(lambda: emulator.open_connections == 0, 10)
    emulator.faults = None
    assert server.ask().status_code == 200


def test_an_answer_that_was_read_gives_its_connection_back(server, emulator):
    for stream in (False, True):
        for _ in range(5):
            assert server.ask(stream=stream).status_code == 200
    assert emulator.open_connections <= 2


def test_a_stream_left_early_is_told_to_nobody_as_a_failure(server, emulator):
    emulator.faults = striking("stream_stalls")
    leave_while(server, emulator, ask(stream=True))
    until(lambda: 'freerouter_endings_total{ending="abandoned"} 1.0' in server.http.get("/metrics").text)


def test_a_slow_client_holds_up_the_upstream_and_not_our_memory():
    """The upstream can write no more than what fits into the buffers on the way."""
    stuck, written = threading.Event(), [0]
    piece = b"data: " + b'{"choices":[{"delta":{"content":"' + b"x" * 65_000 + b'"}}]}\n\n'

    def script(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        connection.settimeout(0.3)
        try:
            while True:
                written[0] += connection.send(piece)
        except TimeoutError:
            stuck.set()

    with (
        Scripted(script).running() as upstream,
        served(upstream) as server,
        server.http.stream("POST", "/api/v1/chat/completions", json=ask(stream=True)) as response,
    ):
        chunks = response.iter_raw()
        next(chunks)
        assert stuck.wait(10), written
    assert written[0] < 32 * 2**20
