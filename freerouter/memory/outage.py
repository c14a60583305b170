"""Outage: detects that OpenRouter itself fails, not a model, and pauses requests."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from freerouter.durations import MINUTE
from freerouter.memory.health import ModelHealth

# When this many different models in a row fail alike, it is not a coincidence.
IN_A_ROW = 5
_FIRST_REST = 2.0
_LONGEST_REST = MINUTE
# While a probe is in progress, other requests are told to wait about this long.
_PROBE = 1.0


class Outage:
    """Whether OpenRouter itself is down. Not thread-safe: its owner holds a lock.

    Only failures that name no provider count: web pages, 5xx, broken connections. An outage starts when enough
    different models in a row have failed alike, for any requests. Then nothing is sent for a while. After that, one
    request at a time is sent as a probe, and the first answer of OpenRouter or a provider ends the outage.

    Attributes:
        reason: what the failures have in common; empty when there is no outage.
    """

    def __init__(self, clock: Callable[[], float], rng: Random) -> None:
        self.reason = ""
        self._clock = clock
        self._rng = rng
        self._alike = ""
        self._failed: dict[str, ModelHealth] = {}
        self._until = 0.0
        self._rests = 0
        self._probing: object | None = None

    def failed(self, model: str, alike: str, before: ModelHealth, enough: int) -> dict[str, ModelHealth] | None:
        """Record a failure that may be OpenRouter's.

        Args:
            model: its id.
            alike: what failures of the same kind have in common.
            before: the condition of the model before this failure.
            enough: different models in a row that make an outage.

        Returns:
            for an outage, the models that are not at fault, each with its condition before; else None.
        """
        if alike != self._alike:
            self._alike, self._failed = alike, {}
        self._failed.setdefault(model, before)
        if self.reason:
            self._rest()
            return {model: before}
        if len(self._failed) < enough:
            return None
        return self.begin(alike)

    def begin(self, reason: str) -> dict[str, ModelHealth]:
        """Start an outage. Returns the models that are not at fault, each with its condition before."""
        self.reason = reason
        self._rest()
        innocent, self._failed = self._failed, {}
        return innocent

    def _rest(self) -> None:
        """A pause that doubles, with jitter; failures of requests sent before it do not start a new one."""
        now = self._clock()
        if now < self._until:
            return
        seconds = min(_FIRST_REST * 2 ** min(self._rests, 10), _LONGEST_REST)
        self._until = now + seconds * self._rng.uniform(0.8, 1.0)
        self._rests += 1

    def alive(self) -> None:
        """OpenRouter has sent its own error or relayed a provider's reply: it is not down."""
        if self._alike:
            self._alike, self._failed = "", {}
            self.reason, self._until, self._rests, self._probing = "", 0.0, 0, None

    def rest(self, request: object) -> float:
        """Seconds that a request must wait; 0 when it may be sent (during an outage, as the only probe)."""
        if not self.reason or self._probing is request:
            return 0.0
        left = self._until - self._clock()
        if left > 0:
            return left
        if self._probing is not None:
            return _PROBE
        self._probing = request
        return 0.0

    def left(self) -> float:
        """Seconds for which nothing is sent; 0 when there is no outage."""
        return max(self._until - self._clock(), 0.0)

    def is_probe(self, request: object) -> bool:
        """Whether this request is the probe."""
        return self._probing is request

    def done(self, request: object) -> None:
        """A request has ended: if it was the probe, another one may be sent."""
        if self._probing is request:
            self._probing = None
