"""Health: the condition of the models: cooldowns, lessons and costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from freerouter.durations import DAY
from freerouter.memory.costs import Costs
from freerouter.memory.lessons import Lessons
from freerouter.replies.outcome import Outcome

FIRST_COOLDOWN = 30.0
LONGEST_COOLDOWN = 600.0
LIGHT_COOLDOWN = 5.0
# The longest cooldown, for any hint: a daily limit is over after a day.
_LONGEST_HINT = DAY


class ModelHealth(NamedTuple):
    """The condition of a model.

    Attributes:
        strikes: failures in a row.
        ready: when its cooldown ends, in the clock's seconds; 0 when it has none.
        since: time of its last failure.
        refused: a hash of the last body that it refused; empty without one.
    """

    strikes: int = 0
    ready: float = 0.0
    since: float = 0.0
    refused: str = ""


_WELL = ModelHealth()


class Health:
    """The condition of all models. Not thread-safe: its owner holds a lock.

    Attributes:
        cooling: ids of cooling models, each with the end of its cooldown, in the clock's seconds.
        lessons: what failures have taught about models.
        costs: the models and accounts that have cost money.
    """

    def __init__(self, clock: Callable[[], float], rng: Random) -> None:
        self.cooling: dict[str, float] = {}
        self.lessons = Lessons(clock)
        self.costs = Costs(clock)
        self._records: dict[str, ModelHealth] = {}
        self._first_ready = math.inf  # no cooldown ends before
        self._clock = clock
        self._rng = rng

    def wake(self) -> None:
        """Forget the cooldowns that have ended; keep how often a model has failed in a row."""
        now = self._clock()
        if now < self._first_ready:
            return
        for model in [model for model, ready in self.cooling.items() if ready <= now]:
            del self.cooling[model]
        self._first_ready = min(self.cooling.values(), default=math.inf)

    def ready_in(self, model: str) -> float | None:
        """The seconds left of a model's cooldown; None without a cooldown."""
        seconds = self.cooling.get(model, 0.0) - self._clock()
        return seconds if seconds > 0 else None

    def cool(self, model: str, outcome: Outcome) -> float:
        """Start a cooldown: the longer of the model's own hint and a time that doubles with each failure in a row.

        Returns:
            the seconds of the cooldown from now on.
        """
        now = self._clock()
        record = self._records.get(model, _WELL)
        hint = min(outcome.seconds or 0.0, _LONGEST_HINT)
        if record.ready > now and not hint:
            return record.ready - now  # sent before the cooldown began: the same failure, not another one
        seconds = max(hint, self._backoff(record.strikes, light=outcome.light))
        ready = max(record.ready, now + seconds)
        # A failure during a cooldown belongs to a request sent before it: it is not a further strike.
        strikes = record.strikes if record.ready > now else record.strikes + 1
        self._records[model] = ModelHealth(strikes, ready, now, record.refused)
        self.cooling[model] = ready
        self._first_ready = min(self._first_ready, ready)
        return ready - now

    def _backoff(self, strikes: int, *, light: bool) -> float:
        first = LIGHT_COOLDOWN if light else FIRST_COOLDOWN
        # The exponent is bounded, too: a float overflows after a thousand failures.
        seconds: float = min(first * 2 ** min(strikes, 10), LONGEST_COOLDOWN)
        return seconds * self._rng.uniform(0.8, 1.0)

    def hear(self, model: str, strikes: int, since: float, ready: float) -> None:
        """Another process has started a cooldown; one that lasts longer stays."""
        record = self._records.get(model, _WELL)
        if ready <= record.ready:
            return
        self._records[model] = ModelHealth(max(strikes, record.strikes), ready, since, record.refused)
        self.cooling[model] = ready
        self._first_ready = min(self._first_ready, ready)

    def refuse(self, model: str, body: str) -> bool:
        """Record a refusal. Returns whether the model had just refused another one: then it is at fault.

        Args:
            model: its id.
            body: a hash of the request's body.
        """
        record = self._records.get(model, _WELL)
        self._records[model] = record._replace(refused=body)
        return record.refused not in ("", body)

    def restore(self, model: str, sent_at: float) -> bool:
        """A model has answered a request sent at this time: forget its failures before that.

        Returns:
            whether there were any.
        """
        if not self._records:
            return False
        record = self._records.get(model)
        if record is None or record.since > sent_at:
            return False
        del self._records[model]
        self.cooling.pop(model, None)
        return True

    def record(self, model: str) -> ModelHealth:
        """The condition of a model, to restore with ``put_back``."""
        return self._records.get(model, _WELL)

    def put_back(self, model: str, record: ModelHealth) -> None:
        """Restore the earlier condition of a model: the failure was not its own."""
        self._records[model] = record
        if record.ready > self._clock():
            self.cooling[model] = record.ready
        else:
            self.cooling.pop(model, None)
