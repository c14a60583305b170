"""An upstream that streams: asyncio's protocols and nothing else, each event stamped with the time it is sent at.

python -m benchmarks.upstream PORT FILE_OF_MODELS
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

EVENTS = 20
INTERVAL = 0.05

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_EVENT = (
    b'data: {"id":"gen-1","object":"chat.completion.chunk","created":1781723748,"model":"author/model:free",'
    b'"choices":[{"index":0,"delta":{"content":"%d "},"finish_reason":%s}]}\n\n'
)
_DONE = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Upstream(asyncio.Protocol):
    """Answers a GET with the list of models, and a POST with a stream."""

    models = b"{}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._read = b""
        if head.startswith(b"GET"):
            answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            self._transport.write(answer % (len(self.models), self.models))
        else:
            self._transport.write(_HEAD)
            self._send(EVENTS)

    def _send(self, left: int) -> None:
        if self._transport.is_closing():
            return
        event = _EVENT % (time.monotonic_ns(), b'"stop"' if left == 1 else b"null")
        if left == 1:
            self._transport.write(chunk(event + _DONE) + b"0\r\n\r\n")
            return
        self._transport.write(chunk(event))
        asyncio.get_running_loop().call_later(INTERVAL, self._send, left - 1)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    Upstream.models = Path(sys.argv[2]).read_bytes()
    asyncio.run(serve(int(sys.argv[1])))
