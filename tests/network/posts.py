"""Sending a body through a wire alone."""

import asyncio
import socket

from freerouter.network.wire_protocols import Timeouts
from freerouter.network.wires import AsyncHttpxWire, HttpxWire
from tests.stage import PLAIN

PLAIN_BODY = b'{"model": "%b", "messages": [{"role": "user", "content": "Hello"}]}' % PLAIN.encode()
STREAM_BODY = PLAIN_BODY[:-1] + b', "stream": true}'
HEADERS = [("authorization", "Bearer key"), ("content-type", "application/json")]


def post(way: str, url: str, body: bytes = PLAIN_BODY, times: int = 1, **timeouts) -> bytes:
    """Send a body through a wire of its own and read the whole reply, so many times; returns the last one."""
    limits = Timeouts(**timeouts)
    return _post(url, body, times, limits) if way == "sync" else asyncio.run(_post_async(url, body, times, limits))


def _post(url, body, times, limits) -> bytes:
    wire = HttpxWire()
    try:
        for _ in range(times):
            reply = wire.open(url, HEADERS, body, limits)
            try:
                read = b"".join(reply.chunks)
            finally:
                reply.close()
        return read
    finally:
        wire.close()


async def _post_async(url, body, times, limits) -> bytes:
    wire = AsyncHttpxWire()
    try:
        for _ in range(times):
            reply = await wire.open(url, HEADERS, body, limits)
            try:
                read = b"".join([chunk async for chunk in reply.chunks])
            finally:
                await reply.close()
        return read
    finally:
        await wire.close()


def closed_port() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/api/v1/chat/completions"
