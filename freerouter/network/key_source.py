"""KeySource: what an account has left today, read in the background."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from cachetools import TTLCache

from freerouter.network.catalog_source import ONCE, client_on
from freerouter.network.probe import Look
from freerouter.network.wires import SyncTransport

_log = logging.getLogger("freerouter")

_READ_EVERY = 60.0


class KeySource:
    """Reads how many of an account's free requests are left (``GET /key``), in the background.

    Args:
        upstream: base URL of OpenRouter's API.
        learn: is told the account, how many of today's requests are used, and of how many.
        transport: the httpx transport to fetch with.
    """

    def __init__(
        self, upstream: str, learn: Callable[[str, int, int], None], transport: SyncTransport | None = None
    ) -> None:
        self._url = f"{upstream}/key"
        self._learn = learn
        self._transport = transport
        self._lock = threading.Lock()
        self._lately: TTLCache[str, None] = TTLCache(1_000, _READ_EVERY)

    def read(self, account: str, authorization: str) -> threading.Thread | None:
        """Read it soon, at most once a minute for each account; returns the thread that does, if one does."""
        with self._lock:
            if account in self._lately:
                return None
            self._lately[account] = None
        arguments = (account, authorization)
        thread = threading.Thread(target=self._run, args=arguments, name="freerouter-allowance", daemon=True)
        thread.start()
        return thread

    def _run(self, account: str, authorization: str) -> None:
        try:
            with client_on(self._transport, self._url) as client:
                answer = client.get(self._url, headers={"authorization": authorization, **ONCE})
            daily = Look(answer.status_code, answer.content).daily()
            if daily is None:
                _log.debug("allowance: not read: status %d does not state it", answer.status_code)
            else:
                self._learn(account, *daily)
        except Exception as error:  # noqa: BLE001  # the figure is a help, not a need: OpenRouter may not give it
            # The text of an httpx exception may hold a key, so only its name is logged.
            _log.debug("allowance: not read: %s", type(error).__name__)
