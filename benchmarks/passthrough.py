"""The bare pass-through: ASGI and aiohttp, and nothing that decides; what a server in Python cannot be faster than.

    uvicorn benchmarks.passthrough:app

It is kept honest: it reads the whole request, hands it on over a pool of kept-alive connections, and hands the answer
on in the pieces that it comes in, under its own status and content-type. It checks, counts and retries nothing.
"""

from __future__ import annotations

import os
from typing import Any

import aiohttp

_UPSTREAM = os.environ.get("UPSTREAM", "")
_session: aiohttp.ClientSession | None = None


async def app(scope: Any, receive: Any, send: Any) -> None:
    global _session  # noqa: PLW0603  # made in the running event loop
    if scope["type"] == "lifespan":
        await receive()
        _session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await _session.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    assert _session is not None
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {"content-type": "application/json", "authorization": "Bearer none"}
    async with _session.post(_UPSTREAM + scope["path"], data=body, headers=headers) as response:
        kept = [(k.lower().encode(), v.encode()) for k, v in response.headers.items() if k.lower() in _KEPT]
        await send({"type": "http.response.start", "status": response.status, "headers": kept})
        if "content-length" in response.headers:
            await send({"type": "http.response.body", "body": await response.read()})
            return
        async for chunk in response.content.iter_any():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


_KEPT = ("content-type", "content-length")
