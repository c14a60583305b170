"""KeySource: what an account has left today, read in the background."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from cachetools import TTLCache

from freerouter import forks
from freerouter.network.fetching import ONCE, client_on
from freerouter.network.probe import Probe
from freerouter.network.wires import SyncTransport

_log = logging.getLogger("freerouter")

_READ_EVERY = 60.0
_ACCOUNTS = 1_000


class KeySource:
    """Reads how many of an account's free requests are left (``GET /key``), in one background thread for all accounts.

    Args:
        upstream: base URL of OpenRouter's API.
        learn: called with the account, how many of today's requests are used, and of how many.
        transport: the httpx transport to fetch with.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        upstream: str,
        learn: Callable[[str, int, int], None],
        transport: SyncTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = f"{upstream}/key"
        self._learn = learn
        self._transport = transport
        self._lately: TTLCache[str, None] = TTLCache(_ACCOUNTS, _READ_EVERY, clock)
        self._start_over()
        forks.in_child(self._start_over)

    def _start_over(self) -> None:
        # A thread does not survive a fork; the parent reads the waiting accounts.
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, str]] = deque()
        self._reader: threading.Thread | None = None

    def read(self, account: str, authorization: str) -> threading.Thread | None:
        """Read it soon, at most once a minute for each account.

        Returns:
            the thread that reads it, which ends when no account waits; None if it was read recently, or too many wait.
        """
        with self._lock:
            if account in self._lately or len(self._waiting) >= _ACCOUNTS:
                return None
            self._lately[account] = None
            self._waiting.append((account, authorization))
            return self._reader or self._start()

    def _start(self) -> threading.Thread:
        reader = threading.Thread(target=self._run, name="freerouter-allowance", daemon=True)
        reader.start()
        self._reader = reader
        return reader

    def _run(self) -> None:
        while (account := self._next()) is not None:
            self._fetch(*account)

    def _next(self) -> tuple[str, str] | None:
        """The account to read next; None when no account waits, which ends the thread."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._reader = None
            return None

    def _fetch(self, account: str, authorization: str) -> None:
        try:
            with client_on(self._transport, self._url) as client:
                answer = client.get(self._url, headers={"authorization": authorization, **ONCE})
            daily = Probe(answer.status_code, answer.content).daily()
            if daily is None:
                _log.debug("allowance: not read: status %d does not state it", answer.status_code)
            else:
                self._learn(account, *daily)
        except Exception as error:  # noqa: BLE001  # the figure is optional: OpenRouter may not give it
            # The text of an httpx exception may contain a key, so only its name is logged.
            _log.debug("allowance: not read: %s", type(error).__name__)
