"""Bytes above 127 in headers pass as they came, both ways, and a failure before the first byte is still an answer."""

import json
import socket

import pytest

from freerouter.pipeline.delivery import AsyncBody
from freerouter.server import Access
from tests.server.stage import PATHS, Scripted, ask, posted, raw, read_request, served, statuses
from tests.server.test_listings import metrics
from tests.stage import PLAIN, chunk, completion, events

NOTES = {"latin-1": "café".encode("latin-1"), "utf-8": "café …".encode(), "neither": b"\x80\xff\xfe"}
WHOLE = json.dumps(completion()).encode()
STREAM = events(chunk("Hi"), chunk("", "stop"), b"data: [DONE]\n\n")


def answering(kind: bytes, body: bytes, note: bytes):
    def script(connection: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\nx-note: %b\r\ncontent-length: %d\r\n" % (kind, note, len(body))
        connection.sendall(head + b"connection: close\r\n\r\n" + body)

    return Scripted(script)


@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES)
@pytest.mark.parametrize("stream", [False, True])
def test_from_upstream(note, stream):
    kind, body = (b"text/event-stream", STREAM) if stream else (b"application/json", WHOLE)
    with answering(kind, body, note).running() as upstream, served(upstream) as server:
        received = raw(server.address, posted(ask(model=PLAIN, stream=stream)))
        counted = metrics(server)
    assert statuses(received) == [200]
    assert b"\r\nx-note: " + note + b"\r\n" in received
    assert counted['freerouter_requests_total{dialect="chat",status="200"}'] == 1


@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES)
@pytest.mark.parametrize("stream", [False, True])
def test_to_upstream(note, stream):
    heads: list[bytes] = []

    def read(connection: socket.socket) -> bytes:
        heads.append(read_request(connection))
        return heads[-1]

    kind, body = (b"text/event-stream", STREAM) if stream else (b"application/json", WHOLE)
    script = answering(kind, body, b"1")
    script._read = read
    data = json.dumps(ask(model=PLAIN, stream=stream)).encode()
    request = posted(data, f"content-length: {len(data)}", "x-openrouter-title: NOTE").replace(b"NOTE", note)
    with script.running() as upstream, served(upstream) as server:
        assert statuses(raw(server.address, request)) == [200]
    assert any(b"\r\nx-openrouter-title: " + note + b"\r\n" in head for head in heads)


def unsendable(self, status, headers, origin):
    return [*headers, ("x-bad", "a\0b")] if status == 200 else headers


async def broken(self):
    raise RuntimeError("a defect")
    yield b""


ANSWERED, CHUNKS = (Access, "answered"), (AsyncBody, "__aiter__")


@pytest.mark.parametrize(
    ("what", "defect", "stream"),
    [(ANSWERED, unsendable, False), (ANSWERED, unsendable, True), (CHUNKS, broken, True)],
    ids=["whole", "stream", "first chunk"],
)
def test_a_defect_before_the_first_byte_is_answered(server, dialect, what, defect, stream, monkeypatch):
    monkeypatch.setattr(*what, defect)
    received = raw(server.address, posted(ask(dialect, stream=stream), path=f"/api/v1/{PATHS[dialect]}"))
    assert statuses(received) == [400]
    said = json.loads(received.partition(b"\r\n\r\n")[2])
    assert "freerouter itself is at fault" in said["error"]["message"]
    assert (said.get("type") == "error") == (dialect == "messages")
    counted = metrics(server)
    assert counted[f'freerouter_requests_total{{dialect="{dialect}",status="400"}}'] == 1
    assert f'freerouter_requests_total{{dialect="{dialect}",status="200"}}' not in counted
