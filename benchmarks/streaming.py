"""A client of streams: when the first token came, and how long each one took from the upstream to here."""

from __future__ import annotations

import asyncio
import re
import time
from typing import NamedTuple

_STAMP = re.compile(rb'"content":\s*"(\d{9,}) ?"')


class Seen(NamedTuple):
    """Seconds: from the request to the first token, and of each token from the upstream's hands to ours."""

    first: list[float]
    each: list[float]


def request(key: str) -> bytes:
    body = b'{"model":"free","stream":true,"messages":[{"role":"user","content":"Count to twenty."}]}'
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


async def watch(port: int, key: str, seen: Seen) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    sent = time.monotonic_ns()
    writer.write(request(key))
    tokens = 0
    while data := await reader.read(2**16):
        now = time.monotonic_ns()
        for match in _STAMP.finditer(data):
            if not tokens:
                seen.first.append((now - sent) / 1e9)
            tokens += 1
            seen.each.append((now - int(match[1])) / 1e9)
    writer.close()
    if not tokens:
        raise RuntimeError(f"no token came from port {port}")


async def _watch_all(port: int, key: str, streams: int, spread: float) -> Seen:
    seen = Seen([], [])
    tasks = []
    for _ in range(streams):
        tasks.append(asyncio.create_task(watch(port, key, seen)))
        await asyncio.sleep(spread)
    await asyncio.gather(*tasks)
    return seen


def streams(port: int, key: str, count: int, spread: float = 0.0) -> Seen:
    """Open so many streams, one after the other with a pause between their beginnings, and watch all to their ends."""
    return asyncio.run(_watch_all(port, key, count, spread))
