"""GETs that are handed on: what they may take, and which web pages may ask for them."""

import socket
import time

import pytest

from freerouter.server import Access, Limits, passing
from tests.server.stage import Scripted, raw, served, statuses
from tests.stage import KEY, SOON, until


def upstream_that(script):
    """An upstream that plays the script for GETs, too."""

    class OnGets(Scripted):
        def _accept(self, listener):
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    head = self._read(connection)
                    if b"GET /api/v1/credits " in head:
                        script(connection)
                    else:
                        connection.sendall(b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")

    return OnGets(script)


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
GET = b"GET /api/v1/credits HTTP/1.1\r\nhost: localhost\r\n\r\n"


def test_it_comes_as_it_is_read():
    def script(connection):
        connection.sendall(HEAD + b'{"data":')
        assert connection.recv(1) == b""  # waits for the server, which closes when its client leaves

    with upstream_that(script).running() as upstream, served(upstream) as server:
        with socket.create_connection(server.address, timeout=5) as connection:
            connection.sendall(GET)
            received = b""
            while b'{"data":' not in received:
                received += connection.recv(1000)
        until(lambda: server.app.running == 0)


def test_one_that_is_too_large_is_cut(caplog):
    def script(connection):
        connection.sendall(HEAD)
        try:
            for _ in range(1000):
                connection.sendall(b" " * 65536)
        except OSError:
            pass

    limits = Limits(passed_bytes=100_000)
    with upstream_that(script).running() as upstream, served(upstream, limits=limits) as server:
        received = raw(server.address, GET)
    assert len(received) < 1_000_000
    assert not received.endswith(b"0\r\n\r\n")
    assert caplog.messages == []


def test_one_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(passing, "_SECONDS", 0.2)

    def script(connection):
        connection.settimeout(30)
        connection.recv(1)

    with upstream_that(script).running() as upstream, served(upstream) as server:
        started = time.monotonic()
        answer = server.http.get("/api/v1/credits")
        assert time.monotonic() - started < SOON
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == 429


def test_they_have_a_share_of_the_limit(upstream):
    def script(connection):
        connection.settimeout(30)
        connection.recv(1)

    limits = Limits(passed=1)
    with (
        upstream_that(script).running() as silent,
        served(silent, limits=limits) as server,
        socket.create_connection(server.address, timeout=5) as first,
    ):
        first.sendall(GET)
        until(lambda: server.app._passing._running == 1)
        assert statuses(raw(server.address, GET)) == [429]
        first.close()
        until(lambda: server.app._passing._running == 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://lab.test"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({}, 200),
    ],
)
def test_a_page_of_another_site_gets_nothing_with_our_key(upstream, emulator, headers, status):
    with served(upstream, Access(origins=("http://lab.test",))) as server:
        assert server.http.get("/api/v1/credits", headers=headers).status_code == status
    asked = [request for request in emulator.requests if request.path.endswith("/credits")]
    assert [request.headers["authorization"] for request in asked] == [f"Bearer {KEY}"] * (status == 200)
