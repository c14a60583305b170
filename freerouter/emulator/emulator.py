"""The emulator as its users hold it: settings, the app, what it received and what it billed."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from random import Random

from starlette.types import ASGIApp

from freerouter.emulator.app import build
from freerouter.emulator.billing import Charge
from freerouter.emulator.catalog import own_catalog
from freerouter.emulator.faults.rules import Faults
from freerouter.emulator.gateway import Gateway
from freerouter.emulator.limits import Limits
from freerouter.emulator.listings import Listings
from freerouter.emulator.record import Received, Record
from freerouter.emulator.serving import Serving


class Emulator:
    """An OpenRouter on loopback, for tests and demonstrations.

    `catalog` replaces what GET /models serves, byte for byte; `per_minute` and `per_day` bound the
    free requests of the account (None: no limit); `clock` gives unix seconds; `faults` strike as
    their rules say; `chunk_delay` is a pause, in seconds, before each event of a stream; `account_plugins`
    are those that the account has on by default, such as "web". Everything
    that is drawn is drawn from `seed`, but for the faults, which have their own.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        catalog: bytes | None = None,
        per_minute: int | None = 20,
        per_day: int | None = 50,
        clock: Callable[[], float] = time.time,
        faults: Faults | None = None,
        chunk_delay: float = 0,
        account_plugins: Collection[str] = (),
    ) -> None:
        limits = Limits(per_minute, per_day)
        self._clock = clock
        self._record = Record()
        self._gateway = Gateway(own_catalog(), limits, Random(seed), clock, chunk_delay, account_plugins)
        self._serving: Serving | None = None
        self.app: ASGIApp = build(self._gateway, Listings(self._gateway), self._record, clock)
        self.faults = faults
        if catalog is not None:
            self.catalog_body = catalog

    @property
    def catalog_body(self) -> bytes:
        """What GET /models serves; completions go by it too, as long as it is a catalog."""
        return self._gateway.catalog.body

    @catalog_body.setter
    def catalog_body(self, body: bytes) -> None:
        self._gateway.catalog = self._gateway.catalog.serving(body)

    @property
    def faults(self) -> Faults:
        """The faults to come (None takes them away); as they are set, the time of their windows begins."""
        return self._gateway.faults

    @faults.setter
    def faults(self, faults: Faults | None) -> None:
        self._gateway.faults = faults or Faults()
        self._gateway.faults.start(self._clock())

    @property
    def training(self) -> Collection[str]:
        """The models whose only provider trains on prompts."""
        return self._gateway.training

    @training.setter
    def training(self, models: Collection[str]) -> None:
        self._gateway.training = models

    @property
    def denies_training(self) -> bool:
        """Whether the account's privacy settings deny that prompts are used for training."""
        return self._gateway.denies_training

    @denies_training.setter
    def denies_training(self, denied: bool) -> None:
        self._gateway.denies_training = denied

    @property
    def per_day(self) -> int | None:
        """How many free requests a day the account may make: credits that are bought raise it at once."""
        return self._gateway.limits.per_day

    @per_day.setter
    def per_day(self, limit: int | None) -> None:
        self._gateway.limits.per_day = limit

    def key_says(self, *remaining: int | None) -> None:
        """Script what GET /key shows as left of the day, one figure a read; None: the truth, as after the last."""
        self._gateway.limits.key_says(remaining)

    @property
    def requests(self) -> list[Received]:
        """Every request received, in order of arrival."""
        return self._record.requests

    @property
    def completions(self) -> list[Received]:
        """The requests that asked for an answer of a model."""
        return [received for received in self.requests if received.is_completion]

    @property
    def bill(self) -> list[Charge]:
        """What would have cost money."""
        return self._gateway.bill.copy()

    @property
    def open_connections(self) -> int:
        """How many TCP connections are open now."""
        return self._serving.open_connections if self._serving else 0

    def forget(self) -> None:
        """Clear what was received and billed, and give the whole allowance back."""
        self._record.forget()
        self._gateway.forget()

    @contextmanager
    def running(self, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
        """Serve in a thread while the block runs; gives the base URL. Port 0: any free one."""
        self._serving = Serving(self.app, host, port)
        with self._serving.in_thread():
            yield self._serving.url

    def serve(self, host: str = "127.0.0.1", port: int = 8787, ready: Callable[[str], None] | None = None) -> None:
        """Serve until Ctrl-C; `ready` is told the base URL once clients can connect."""
        self._serving = Serving(self.app, host, port)
        if ready is not None:
            ready(self._serving.url)
        self._serving.in_foreground()
