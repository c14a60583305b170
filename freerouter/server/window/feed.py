"""Feed: the server-sent events of the window. A slow page misses requests and gets a new snapshot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

from freerouter.durations import HOUR
from freerouter.openrouter.json_bodies import encode
from freerouter.server.errors import RefusedError
from freerouter.server.window.history import KEPT, History
from freerouter.server.window.snapshot import Snapshot

# Pages at once, and how long each is served before it connects anew.
PAGES = 16
_LONGEST = HOUR
# Requests that a page may be behind before a snapshot is less than they are.
_BEHIND = 64
# Seconds between two looks at what has changed; the news of a moment go together; when nothing is said, a comment is.
_LOOK = 1.0
_MOMENT = 0.1
_SILENCE = 15.0


class Feed:
    """Serves the events to each page. Costs nothing while no page is open.

    Args:
        history: the last requests; each new one is an event.
        snapshot: makes what is sent at first, and the state.
    """

    def __init__(self, history: History, snapshot: Snapshot) -> None:
        self._history = history
        self._snapshot = snapshot
        self._pages: set[asyncio.Event] = set()
        self._closed = False
        history.on_news = self._wake

    def _wake(self) -> None:
        for page in self._pages:
            page.set()

    def close(self) -> None:
        """The server stops: the events end."""
        self._closed = True
        self._wake()

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The events for one page. Raises RefusedError when too many pages are open."""
        if len(self._pages) >= PAGES:
            raise RefusedError(f"{PAGES} pages are open already: close one", 429)
        shown, news = _Page(self._history, self._snapshot), asyncio.Event()
        self._pages.add(news)
        try:
            said = time.monotonic()
            until = said + _LONGEST
            yield b"retry: 1000\n\n" + shown.snapshot()
            while not self._closed and time.monotonic() < until:
                await _set_within(news, _LOOK)
                news.clear()
                if told := shown.news(time.monotonic(), silent=time.monotonic() - said > _SILENCE):
                    yield told
                    said = time.monotonic()
                    await asyncio.sleep(_MOMENT)
        finally:
            self._pages.discard(news)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


class _Page:
    """What one page has been told."""

    def __init__(self, history: History, snapshot: Snapshot) -> None:
        self._history = history
        self._snapshot = snapshot
        self._number = 0
        self._state: dict[str, Any] = {}
        self._looked = 0.0

    def snapshot(self) -> bytes:
        """Everything."""
        whole = self._snapshot.whole(KEPT)
        self._number = self._history.number
        self._state = {name: value for name, value in whole.items() if name not in ("now", "requests")}
        return event("snapshot", whole)

    def news(self, now: float, *, silent: bool) -> bytes:
        """What has changed; a comment where nothing has, and nothing was said for long."""
        return self._requests() + self._state_at(now) or (b": alive\n\n" if silent else b"")

    def _requests(self) -> bytes:
        """The requests that are new; a snapshot where there are many."""
        new = self._history.since(self._number)
        if self._history.number - self._number > _BEHIND:
            return self.snapshot()
        self._number = self._history.number
        return b"".join([event("request", entry.as_dict()) for entry in new])

    def _state_at(self, now: float) -> bytes:
        """The state, where it has changed since it was last looked at, a second ago or more."""
        if now - self._looked < _LOOK:
            return b""
        self._looked, before, self._state = now, self._state, self._snapshot.state()
        return event("state", self._state) if self._state != before else b""


def event(name: str, data: Any) -> bytes:
    """A server-sent event."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), encode(data))
