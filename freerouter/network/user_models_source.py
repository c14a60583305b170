"""UserModelsSource: the models that an account's privacy settings allow, read in the background."""

from __future__ import annotations

import time
from collections.abc import Callable

from freerouter.durations import MINUTE
from freerouter.network.background import BackgroundReads
from freerouter.network.probe import Probe
from freerouter.network.wires import SyncTransport

_READ_EVERY = 10 * MINUTE


class UserModelsSource(BackgroundReads):
    """Reads which models an account is offered (``GET /models/user``); it costs no request.

    Args:
        upstream: base URL of OpenRouter's API.
        learn: called with the account and the ids of its models.
        transport: the httpx transport to fetch with.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        upstream: str,
        learn: Callable[[str, frozenset[str]], None],
        transport: SyncTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = f"{upstream}/models/user"
        self._tell = learn
        super().__init__("user-models", _READ_EVERY, transport, clock)

    def url(self, name: str) -> str:  # noqa: ARG002  # the same for each account
        """See BackgroundReads."""
        return self._url

    def learn(self, name: str, probe: Probe) -> bool:
        """See BackgroundReads."""
        catalog = probe.catalog()
        if catalog is None or probe.continues():
            return False
        self._tell(name, frozenset(model.id for model in catalog.models))
        return True
