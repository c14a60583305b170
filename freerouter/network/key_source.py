"""KeySource: what an account has left today, read in the background."""

from __future__ import annotations

import time
from collections.abc import Callable

from freerouter.network.background import BackgroundReads
from freerouter.network.probe import Probe
from freerouter.network.wires import SyncTransport

_READ_EVERY = 60.0


class KeySource(BackgroundReads):
    """Reads how many of an account's free requests are left (``GET /key``).

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
        self._tell = learn
        super().__init__("allowance", _READ_EVERY, transport, clock)

    def url(self, name: str) -> str:  # noqa: ARG002  # the same for each account
        """See BackgroundReads."""
        return self._url

    def learn(self, name: str, probe: Probe) -> bool:
        """See BackgroundReads."""
        daily = probe.daily()
        if daily is not None:
            self._tell(name, *daily)
        return daily is not None
