"""BackgroundReads: occasional reads with a key, in one background thread, each at most once in a while."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from cachetools import TTLCache

from freerouter import forks
from freerouter.network.fetching import ONCE, client_on
from freerouter.network.probe import Probe
from freerouter.network.wires import SyncTransport

_log = logging.getLogger("freerouter")

_MOST = 1_000


class BackgroundReads(ABC):
    """Reads an address for each name that is asked for, soon and not too often; requests do not wait for it.

    Args:
        what: the subject, for the log and the thread's name.
        every: seconds between two reads for one name.
        transport: the httpx transport to fetch with.
        clock: monotonic seconds.
    """

    def __init__(
        self, what: str, every: float, transport: SyncTransport | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._transport = transport
        self._lately: TTLCache[str, None] = TTLCache(_MOST, every, clock)
        self._start_over()
        forks.in_child(self._start_over)

    def _start_over(self) -> None:
        # A thread does not survive a fork; the parent reads for the waiting names.
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, str]] = deque()
        self._reader: threading.Thread | None = None

    def read(self, name: str, authorization: str) -> threading.Thread | None:
        """Read it soon.

        Returns:
            the thread that reads it, which ends when no name waits; None if it was read recently, or too many wait.
        """
        with self._lock:
            if name in self._lately or len(self._waiting) >= _MOST:
                return None
            self._lately[name] = None
            self._waiting.append((name, authorization))
            return self._reader or self._start()

    def _start(self) -> threading.Thread:
        reader = threading.Thread(target=self._run, name=f"freerouter-{self._what}", daemon=True)
        reader.start()
        self._reader = reader
        return reader

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            self._fetch(*waiting)

    def _next(self) -> tuple[str, str] | None:
        """The name to read for next; None when none waits, which ends the thread."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._reader = None
            return None

    def _fetch(self, name: str, authorization: str) -> None:
        url = self.url(name)
        try:
            with client_on(self._transport, url) as client:
                answer = client.get(url, headers={"authorization": authorization, **ONCE})
            if not self.learn(name, Probe(answer.status_code, answer.content)):
                _log.debug("%s: not read: status %d does not state it", self._what, answer.status_code)
        except Exception as error:  # noqa: BLE001  # the figure is optional: OpenRouter may not give it
            # The text of an httpx exception may contain a key, so only its name is logged.
            _log.debug("%s: not read: %s", self._what, type(error).__name__)

    @abstractmethod
    def url(self, name: str) -> str:
        """The address to read for a name."""

    @abstractmethod
    def learn(self, name: str, probe: Probe) -> bool:
        """Use what was read. Returns whether it states what was wanted."""
