"""Siblings: what a worker tells the others, so that each shows all requests and counts those of each token."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from freerouter.server.app import App
from freerouter.server.window.history import KEPT, PastRequest

# Seconds after which a worker of which nothing is heard is taken for gone.
_SILENT = 3.0


class SiblingNews(NamedTuple):
    """What has happened in a worker.

    Attributes:
        number: of the worker.
        running: how many requests are running in it.
        entries: its requests that are over.
        tokens: names of tokens, one for each request that was counted.
    """

    number: int
    running: int
    entries: tuple[PastRequest, ...]
    tokens: tuple[str, ...]


class Past(NamedTuple):
    """What a worker knows of all requests: for one that has just been started.

    Attributes:
        number, answered: as in History.
        entries: newest first.
    """

    number: int
    answered: int
    entries: tuple[PastRequest, ...]


class Siblings:
    """The other workers, as one of them sees them.

    Args:
        number: of this worker.
        app: whose requests are told, and which is told of others.
        clock: monotonic seconds.
    """

    def __init__(self, number: int, app: App, clock: Callable[[], float] = time.monotonic) -> None:
        self._number = number
        self._app = app
        self._clock = clock
        self._entries: deque[PastRequest] = deque(maxlen=KEPT)
        self._tokens: list[str] = []
        self._running: dict[int, tuple[int, float]] = {}
        app.window.history.on_own = self._entries.append
        app.tokens.on_count = self._tokens.append

    def news(self) -> bytes:
        """What has happened here since the last call."""
        told = SiblingNews(self._number, self._app.running, tuple(self._entries), tuple(self._tokens))
        self._entries.clear()
        self._tokens.clear()
        self._forget_silent()
        return pickle.dumps(told)

    def past(self) -> bytes:
        """What is known here of all requests."""
        history = self._app.window.history
        return pickle.dumps(Past(history.number, history.answered, tuple(history.last())))

    def hear(self, payload: bytes) -> None:
        """Another worker has told its news."""
        told = _read(payload)
        if not isinstance(told, SiblingNews):
            return
        self._running[told.number] = told.running, self._clock()
        for entry in told.entries:
            self._app.window.history.hear(entry)
        for name in told.tokens:
            self._app.tokens.hear(name)
        self._forget_silent()

    def learn(self, payload: bytes) -> None:
        """Another worker has told the past."""
        told = _read(payload)
        if isinstance(told, Past) and not self._app.window.history.number:
            self._app.window.history.adopt(*told)

    def _forget_silent(self) -> None:
        since = self._clock() - _SILENT
        self._running = {number: told for number, told in self._running.items() if told[1] > since}
        self._app.elsewhere = sum(running for running, _ in self._running.values())


def _read(payload: bytes) -> Any:
    """What a worker wrote; None when it is of a version that is too different."""
    try:
        return pickle.loads(payload)  # noqa: S301  # only our own processes have the other end of the channel
    except Exception:  # noqa: BLE001  # whatever a class of another version makes of it
        return None
