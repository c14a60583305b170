"""What tests of several packages play on: a request walked without I/O, scripted wires, and clients of both kinds."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from freerouter import AsyncFreeRouter, Catalog, FreeRouter, FreeRouterError, Router, Settings, Trace
from freerouter.emulator import Emulator, Fault, Faults, Received
from freerouter.network.refresh import Refresh
from freerouter.network.wire_protocols import Broken, Timeouts
from freerouter.network.wires import LIMITS, AsyncHttpxWire, HttpxWire
from freerouter.pipeline.actions import Fail, Request, Send, Wait
from freerouter.pipeline.routing import Routing
from freerouter.replies.reading import Reading
from tests.builders import Clock, catalog_of, row
from tests.stage import KEY

# 2026-09-01, 12:00:10 UTC: fifty seconds of the minute and half of the day are left.
NOON = 1_788_264_010.0
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}

# Short enough for a test, long enough for a busy machine.
SHORT = {"first_token_timeout": 0.4, "idle_timeout": 0.4, "reply_timeout": 0.4}


def models(count: int, **changes: Any) -> Catalog:
    """So many models, alike but for their names m/0:free, m/1:free, ..."""
    return catalog_of(*(row(f"m/{number}:free", **changes) for number in range(count)))


@dataclass
class Stage:
    """A router whose clocks stand still until they are told otherwise."""

    router: Router
    clock: Clock
    wall: Clock

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.wall.advance(seconds)


def stage(catalog: Catalog, **settings: Any) -> Stage:
    clock, wall = Clock(), Clock(NOON)
    adjusted = Settings(**{"seed": 1, "requests_per_minute": 10**6, **settings})
    return Stage(Router(adjusted, catalog, clock=clock, wall=wall), clock, wall)


ANSWER = Reading(200, {"content-type": "application/json"}, body={"choices": []}, usage={"cost": 0})
Judge = Callable[[str], Reading]


@dataclass
class Walked:
    """What became of a request: the models that it was sent to, the error it failed with, the seconds to wait."""

    routing: Routing
    sent: list[str]
    bodies: list[dict[str, Any]]
    error: FreeRouterError | None = None
    wait: float | None = None

    @property
    def answered(self) -> bool:
        return self.error is None and self.wait is None

    @property
    def trace(self) -> Trace:
        return self.routing.trace


def walk(router: Router, answer: Judge, body: Any = None, **request: Any) -> Walked:
    """Drive one request without I/O; ``answer`` says what each model replies. A wait ends the walk."""
    routing = router.route(Request(HELLO if body is None else body, **request))
    walked = Walked(routing, [], [])
    while True:
        match routing.next():
            case Wait(seconds):
                walked.wait = seconds
                return walked
            case Fail(error):
                walked.error = error
                return walked
            case Send() as send:
                walked.sent.append(send.model.id)
                walked.bodies.append(json.loads(send.body))
                outcome = routing.judge(answer(send.model.id))
                routing.record(outcome)
                if outcome.verdict == "answered":
                    return walked


def always(reading: Reading) -> Judge:
    return lambda _model: reading


def once(reading: Reading) -> Judge:
    """The first model replies this, the others answer."""
    replies = iter([reading])
    return lambda _model: next(replies, ANSWER)


def error_reading(status: int, message: str, headers: dict[str, str] | None = None, **fields: Any) -> Reading:
    """An error as it comes over HTTP."""
    error = {"code": status, "message": message, **fields}
    return Reading(status, headers or {}, error={"error": error})


def struck(kind: str, models: str = "*", *, count: int | None = None) -> Faults:
    return Faults([Fault(kind, models, count=count)])


@dataclass
class Played:
    """What a caller of the library got: text and the models that its pieces name, or an exception."""

    text: str = ""
    models: set[str] = field(default_factory=set)
    error: FreeRouterError | None = None
    trace: Trace | None = None

    def heard(self, model: str) -> None:
        self.models.add(model)


def emulated_router(emulator: Emulator, url: str, **settings: Any) -> Router:
    """A router for an emulator, with its catalog at hand and our own limit of requests a minute out of the way."""
    given = {"upstream": url, "api_key": KEY, "seed": 1, "requests_per_minute": 10**6, **settings}
    return Router(Settings(**given), Catalog.parse(emulator.catalog_body))


def sync_client(router: Router) -> FreeRouter:
    """A client that talks to nobody but the models: what Refresh reads beside has its own tests."""
    client = FreeRouter(router=router, wire=HttpxWire(httpx.HTTPTransport(verify=False, limits=LIMITS)))
    client._forwarder._refresh = client._forwarder._sending._refresh = Refresh()
    return client


def async_client(router: Router) -> AsyncFreeRouter:
    client = AsyncFreeRouter(router=router, wire=AsyncHttpxWire(httpx.AsyncHTTPTransport(verify=False, limits=LIMITS)))
    client._forwarder._refresh = client._forwarder._sending._refresh = Refresh()
    return client


def play(client: FreeRouter, *, stream: bool, **body: Any) -> Played:
    played = Played()
    try:
        if stream:
            with client.chat.stream("Hello", **body) as chunks:
                played.trace = chunks.trace
                for chunk in chunks:
                    played.heard(chunk.model)
                played.text = chunks.text
        else:
            answer = client.chat.send("Hello", **body)
            played.heard(answer.model)
            played.text, played.trace = answer.text, answer.trace
    except FreeRouterError as error:
        played.error, played.trace = error, error.trace
    return played


async def play_async(client: AsyncFreeRouter, *, stream: bool, **body: Any) -> Played:
    played = Played()
    try:
        if stream:
            async with client.chat.stream("Hello", **body) as chunks:
                played.trace = chunks.trace
                async for chunk in chunks:
                    played.heard(chunk.model)
                played.text = chunks.text
        else:
            answer = await client.chat.send("Hello", **body)
            played.heard(answer.model)
            played.text, played.trace = answer.text, answer.trace
    except FreeRouterError as error:
        played.error, played.trace = error, error.trace
    return played


def play_either(way: str, router: Router, *, stream: bool, warm: bool = False, **body: Any) -> Played:
    """One request of a client that is made for it; ``warm``: on a connection that has been used before."""
    if way == "sync":
        with sync_client(router) as client:
            if warm:
                client.chat.send("Hello")
            return play(client, stream=stream, **body)

    async def main() -> Played:
        async with async_client(router) as client:
            if warm:
                await client.chat.send("Hello")
            return await play_async(client, stream=stream, **body)

    return asyncio.run(main())


def sent_to(received: list[Received]) -> list[str]:
    return [request.model or "" for request in received]


class ScriptedReply:
    """A reply of given chunks, which breaks off after them if it is told to."""

    def __init__(self, chunks: list[bytes], *, broken: bool = False, headers: Any = None) -> None:
        self.status = 200
        self.headers = list((headers or {"content-type": "text/event-stream"}).items())
        self.due = float("inf")
        self.closed = 0
        self.chunks = self._play(chunks, broken)

    def _play(self, chunks: list[bytes], broken: bool) -> Iterator[bytes]:
        yield from chunks
        if broken:
            raise Broken("cut")

    def close(self) -> None:
        self.closed += 1


class ScriptedWire:
    """A wire that plays replies, or raises what stands in their place, one after the other."""

    def __init__(self, *replies: ScriptedReply | Exception) -> None:
        self.sent: list[bytes] = []
        self._replies = iter(replies)

    def open(self, url: str, headers: Any, body: bytes, timeouts: Timeouts) -> ScriptedReply:
        self.sent.append(body)
        reply = next(self._replies)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self) -> None:
        pass
