"""What network/httpcore_extensions relies on: when httpcore looks up the time to read, and who traces a request."""

import asyncio
from typing import Any

import httpx

from freerouter.network import httpcore_extensions
from freerouter.network.httpcore_extensions import ReadLimits, Watch
from freerouter.network.wire_protocols import Timeouts
from tests.network.posts import HEADERS, PLAIN_BODY


class Noting(ReadLimits):
    """ReadLimits that write down each look at the time to read."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__(Timeouts(), 0.0)
        self.seen = seen

    def get(self, name: str, default: Any = None) -> Any:
        if name == "read":
            self.seen.append("look")
        return 10.0


def seen_by(way: str, url: str, **more: Any) -> list[str]:
    """What happens, in its order, when a body is sent twice over one transport."""
    seen: list[str] = []

    def request() -> httpx.Request:
        made = httpx.Request("POST", url, headers=dict(HEADERS), content=PLAIN_BODY)
        watch = Watch(made.extensions)
        note = {"sync": watch.note, "async": watch.note_async}[way]

        def trace(event: str, info: object) -> Any:
            seen.append(event)
            return note(event, info)

        made.extensions |= {"timeout": Noting(seen), "trace": trace}
        return made

    def post() -> None:
        with httpx.HTTPTransport() as transport:
            for _ in range(2):
                response = transport.handle_request(request())
                seen.append("head")
                response.read()
                response.close()

    async def post_async() -> None:
        async with httpx.AsyncHTTPTransport() as transport:
            for _ in range(2):
                response = await transport.handle_async_request(request())
                seen.append("head")
                await response.aread()
                await response.aclose()

    post() if way == "sync" else asyncio.run(post_async())
    return seen


def test_the_time_to_read_is_looked_up_for_the_head_and_again_for_the_body(way, chat):
    looks = [event for event in seen_by(way, chat) if event in ("look", "head")]
    assert looks == ["look", "head", "look"] * 2


def test_a_request_is_traced_until_it_is_known_over_which_connection_it_goes(way, chat):
    events = [event for event in seen_by(way, chat) if event not in ("look", "head")]
    made, used = events[:-1], events[-1]
    assert made[0].startswith("connection.")
    assert used.startswith("http11.")
    assert not any(event == used for event in made[:1])


def test_a_read_begins_with_the_time_that_is_left(monkeypatch):
    now = 100.0
    monkeypatch.setattr(httpcore_extensions.time, "monotonic", lambda: now)
    limits = ReadLimits(Timeouts(connect=3, first=10, idle=4), due=110.0)
    seen = [limits.get("read")]
    now = 107.0
    seen.append(limits.get("read"))
    limits.idle = 4
    seen.append(limits.get("read"))
    now = 200.0
    seen.append(limits.get("read"))
    assert seen == [10, 3, 4, 4]
    assert limits.get("connect") == 3
    assert limits.get("other", 1) == 1
    assert ReadLimits(Timeouts(), due=0.0).get("read") > 0
