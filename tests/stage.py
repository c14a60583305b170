"""What the tests with I/O share: settings, a scripted upstream, and a way to wait."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from freerouter import AsyncRoutingTransport, Catalog, Router, RoutingTransport, Settings
from freerouter.emulator import Emulator, Fault, Faults

KEY = "sk-or-v1-canary-0123456789"
NOWHERE = "http://127.0.0.1:9/api/v1"
URL = "https://openrouter.ai/api/v1"
HELLO = [{"role": "user", "content": "Hello"}]
BODY = {"messages": HELLO}

# The emulator's own catalog, and a model of it that nothing is wrong with.
CATALOG = Catalog.parse(Emulator().catalog_body)
TODAY = datetime.now(UTC).date()
PLAIN = "nvidia/nemotron-3-nano-30b-a3b:free"


# What must happen soon happens within this, also on a slow machine that does much else; what hangs takes longer.
SOON = 5.0
# How long a test waits for what must happen at all.
_PATIENCE = 30.0


def until(condition: Callable[[], Any], seconds: float = _PATIENCE) -> float:
    """Wait until the condition holds; return how long that took."""
    start = time.perf_counter()
    while not condition():
        assert time.perf_counter() - start < seconds, "it did not come to pass"
        time.sleep(0.001)
    return time.perf_counter() - start


async def until_async(condition: Callable[[], Any], seconds: float = _PATIENCE) -> float:
    """Wait, in an event loop, until the condition holds; return how long that took."""
    start = time.perf_counter()
    while not condition():
        assert time.perf_counter() - start < seconds, "it did not come to pass"
        await asyncio.sleep(0.001)
    return time.perf_counter() - start


def at_rest() -> None:
    """Wait for what is read in the background."""
    for thread in threading.enumerate():
        if thread.name.startswith("freerouter-"):
            thread.join(_PATIENCE)


def striking(kind: str, **rule: Any) -> Faults:
    return Faults([Fault(kind, **rule)])


def router(**settings: Any) -> Router:
    """A router that has a catalog, and whose own limits are out of the way."""
    return Router(Settings(**{"requests_per_minute": 1_000_000, "seed": 1, **settings}), CATALOG)


def completion(text: str = "Hi", **fields: Any) -> dict[str, Any]:
    """A plain answer of OpenRouter's."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost": 0}
    return {"id": "gen-1", "object": "chat.completion", "created": 1, "model": PLAIN, "choices": [choice]} | {
        "usage": usage,
        **fields,
    }


def events(*chunks: dict[str, Any] | bytes) -> bytes:
    """A stream of server-sent events."""
    return b"".join(c if isinstance(c, bytes) else b"data: " + json.dumps(c).encode() + b"\n\n" for c in chunks)


def chunk(content: Any, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """One chunk of a streamed answer."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": finish}
    return {
        "id": "gen-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": PLAIN,
        "choices": [choice],
    } | fields


class Upstream:
    """A scripted upstream: answers every request with what ``reply`` makes, and remembers them; in any thread."""

    def __init__(self, reply: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.reply = reply or (lambda _: httpx.Response(200, json=completion()))
        self.requests: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.reply(request)

    @property
    def sent(self) -> list[httpx.Request]:
        """Those that asked for an answer; others may be read in the background."""
        return [request for request in self.requests if request.method == "POST"]

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]


def exchange(way: str, request: httpx.Request, inner: Any = None, **options: Any) -> httpx.Response:
    """Send a request through a routing transport, ``sync`` or ``async``, and read the whole answer."""
    if way == "sync":
        return _exchange(request, inner, options)
    return asyncio.run(_exchange_async(request, inner, options))


def _exchange(request: httpx.Request, inner: Any, options: dict[str, Any]) -> httpx.Response:
    transport = RoutingTransport(inner, **options)
    try:
        response = transport.handle_request(request)
        response.read()
        return response
    finally:
        transport.close()


async def _exchange_async(request: httpx.Request, inner: Any, options: dict[str, Any]) -> httpx.Response:
    transport = AsyncRoutingTransport(inner, **options)
    try:
        response = await transport.handle_async_request(request)
        await response.aread()
        return response
    finally:
        await transport.aclose()


def in_threads(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """What comes of some pieces of work, each in a thread, all of them started at the same time."""
    results: list[Any] = []
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> None:
        barrier.wait()
        results.append(work())

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return results
