"""An offer to speak another protocol is ignored, and the body is read (RFC 9110, 7.8)."""

import json
import socket

import pytest

from freerouter.emulator import Fault, Faults
from tests.stage import until

BODY = json.dumps({"model": "openai/gpt-oss-20b:free", "messages": [{"role": "user", "content": "Hello"}]}).encode()
OFFERS = {
    "java": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n",
    "other case": "connection: keep-alive, upgrade\r\nupgrade: H2C\r\nhttp2-settings: AAMAAABk\r\n",
    "websocket": "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "unknown": "Connection: Upgrade\r\nUpgrade: quux/9\r\n",
    "without Connection": "Upgrade: h2c\r\n",
}


def head(offer: str, length: str) -> bytes:
    fields = f"Host: localhost\r\nAuthorization: Bearer key\r\n{length}\r\n{offer}\r\n"
    return b"POST /api/v1/chat/completions HTTP/1.1\r\n" + fields.encode()


PARTS = {
    "at once": lambda offer: [head(offer, f"Content-Length: {len(BODY)}") + BODY],
    "after the head": lambda offer: [head(offer, f"Content-Length: {len(BODY)}"), BODY[:9], BODY[9:]],
    "in chunks": lambda offer: [
        head(offer, "Transfer-Encoding: chunked"),
        b"%x\r\n%s\r\n" % (len(BODY), BODY),
        b"0\r\n\r\n",
    ],
}


@pytest.fixture
def connection(emulator):
    with emulator.running() as url:
        host, port = url.removeprefix("http://").removesuffix("/api/v1").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield connection


def answer(connection: socket.socket) -> tuple[bytes, dict]:
    """Read one whole answer: the status line and the JSON."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    top, _, rest = received.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in top.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(rest) < length:
        rest += connection.recv(65536)
    return top.split(b"\r\n")[0], json.loads(rest)


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_an_offer_is_ignored_and_the_connection_is_kept(connection, emulator, offer, parts):
    for _ in range(2):
        for part in parts(offer):
            connection.sendall(part)
        status, body = answer(connection)
        assert status == b"HTTP/1.1 200 OK"
        assert "Hello" in body["choices"][0]["message"]["content"]
    assert [received.body for received in emulator.requests] == [BODY, BODY]


def test_a_client_that_offered_and_went_is_noticed(connection, emulator):
    emulator.faults = Faults([Fault("never_answers")])
    connection.sendall(PARTS["at once"](OFFERS["java"])[0])
    until(lambda: emulator.requests)
    connection.close()
    until(lambda: emulator.requests[0].closed == "client gone")
