"""An offer to speak another protocol is ignored, and the body is read (RFC 9110, 7.8)."""

import json
import socket

import pytest

from tests.emulator.test_upgrade import OFFERS, PARTS, answer
from tests.server.stage import posted, raw, statuses
from tests.stage import until

BODY = {"model": "openai/gpt-oss-20b:free", "messages": [{"role": "user", "content": "Hello"}]}
INNER = b"GET /api/v1/key HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture
def connection(server):
    with socket.create_connection(server.address, timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_an_offer_is_ignored_and_the_connection_is_kept(connection, emulator, offer, parts):
    for _ in range(2):
        for part in parts(f"Content-Type: application/json\r\n{offer}"):
            connection.sendall(part)
        status, body = answer(connection)
        assert status == b"HTTP/1.1 200 OK"
        assert "Hello" in body["choices"][0]["message"]["content"]
    assert [received.json["messages"] for received in emulator.completions] == [BODY["messages"]] * 2
    assert not any(
        name in received.headers for received in emulator.completions for name in ("upgrade", "http2-settings")
    )


@pytest.mark.parametrize("pause", [False, True])
def test_a_body_is_never_taken_for_the_next_request(connection, emulator, pause):
    head, _, _ = posted(INNER, f"content-length: {len(INNER)}", "connection: upgrade", "upgrade: h2c").partition(INNER)
    connection.sendall(head if pause else head + INNER)
    if pause:
        connection.sendall(INNER[:9])
        connection.sendall(INNER[9:])
    status, body = answer(connection)
    assert status.startswith(b"HTTP/1.1 400 ")
    assert "JSON" in body["error"]["message"]
    connection.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    assert not emulator.completions


def test_an_offer_byte_by_byte(connection, emulator):
    for byte in posted(BODY, f"content-length: {len(json.dumps(BODY))}", "connection: upgrade", "upgrade: h2c"):
        connection.sendall(bytes([byte]))
    assert answer(connection)[0] == b"HTTP/1.1 200 OK"


def test_an_offer_on_the_last_request_of_a_connection(server):
    data = json.dumps(BODY).encode()
    lines = (f"content-length: {len(data)}", "connection: close, upgrade", "upgrade: h2c")
    received = raw(server.address, posted(data, *lines))
    assert statuses(received) == [200]
    assert b"connection: close" in received


def test_offers_one_after_the_other_without_waiting(server, emulator):
    data = json.dumps(BODY).encode()
    one = posted(data, f"content-length: {len(data)}", "connection: upgrade", "upgrade: h2c")
    assert statuses(raw(server.address, one * 3)) == [200] * 3
    until(lambda: len(emulator.completions) == 3)


@pytest.mark.parametrize("target", [b"openrouter.ai:443", b"/health"])
def test_it_is_no_proxy(server, target):
    request = b"CONNECT " + target + b" HTTP/1.1\r\nhost: localhost\r\n\r\n"
    assert statuses(raw(server.address, request + INNER)) == [400]
