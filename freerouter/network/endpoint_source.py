"""EndpointSource: the times and the uptime that OpenRouter states for a model's providers, read in the background."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from freerouter.durations import MINUTE
from freerouter.memory.timings import Stated
from freerouter.network.background import BackgroundReads
from freerouter.network.probe import Probe
from freerouter.network.wires import SyncTransport

_READ_EVERY = 10 * MINUTE


class EndpointSource(BackgroundReads):
    """Reads what is stated about a model (``GET /models/{id}/endpoints``); it costs no request.

    Args:
        upstream: base URL of OpenRouter's API.
        learn: called with the model and what is stated about it.
        transport: the httpx transport to fetch with.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        upstream: str,
        learn: Callable[[str, Stated], None],
        transport: SyncTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstream = upstream
        self._tell = learn
        super().__init__("endpoints", _READ_EVERY, transport, clock)

    def url(self, name: str) -> str:
        """See BackgroundReads."""
        return f"{self._upstream}/models/{quote(name, safe='/:')}/endpoints"

    def learn(self, name: str, probe: Probe) -> bool:
        """See BackgroundReads."""
        stated = probe.stated()
        if stated is not None:
            self._tell(name, stated)
        return stated is not None
