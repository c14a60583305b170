"""Health: how the models fare: which are cooling and for how long, beside the lessons and the costs."""

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
# Whatever a model asks for: a limit of a day is over after a day.
_LONGEST_HINT = DAY


class Record(NamedTuple):
    """How a model fares.

    Attributes:
        strikes: failures in a row.
        ready: when its cooldown ends, in the clock's seconds; 0 when it has none.
        since: when its last failure was.
        refused: a hash of the last body that it has refused; empty when there is none.
    """

    strikes: int = 0
    ready: float = 0.0
    since: float = 0.0
    refused: str = ""


_WELL = Record()


class Health:
    """How the models fare. Not thread-safe: its owner holds a lock.

    Attributes:
        cooling: ids that are to be left alone, each with the time at which it is ready, in the clock's seconds.
        lessons: what failures have taught about models.
        costs: which models and accounts turned out to cost money.
    """

    def __init__(self, clock: Callable[[], float], rng: Random) -> None:
        self.cooling: dict[str, float] = {}
        self.lessons = Lessons(clock)
        self.costs = Costs()
        self._records: dict[str, Record] = {}
        self._first_ready = math.inf  # no cooldown is over before
        self._clock = clock
        self._rng = rng

    def wake(self) -> None:
        """Forget the cooldowns that are over; how often a model has failed in a row is kept."""
        now = self._clock()
        if now < self._first_ready:
            return
        for model in [model for model, ready in self.cooling.items() if ready <= now]:
            del self.cooling[model]
        self._first_ready = min(self.cooling.values(), default=math.inf)

    def ready_in(self, model: str) -> float | None:
        """For how many more seconds a model is left alone; None when it is not."""
        seconds = self.cooling.get(model, 0.0) - self._clock()
        return seconds if seconds > 0 else None

    def cool(self, model: str, outcome: Outcome) -> float:
        """Leave a model alone for the longer of what it asks for and a time that doubles with each failure in a row.

        Returns:
            the seconds for which it is left alone from now on.
        """
        now = self._clock()
        record = self._records.get(model, _WELL)
        hint = min(outcome.seconds or 0.0, _LONGEST_HINT)
        if record.ready > now and not hint:
            return record.ready - now  # sent before the cooldown began: the same failure, not another one
        seconds = max(hint, self._backoff(record.strikes, light=outcome.light))
        ready = max(record.ready, now + seconds)
        # A failure during a cooldown is of a request that was sent before it: no further strike.
        strikes = record.strikes if record.ready > now else record.strikes + 1
        self._records[model] = Record(strikes, ready, now, record.refused)
        self.cooling[model] = ready
        self._first_ready = min(self._first_ready, ready)
        return ready - now

    def _backoff(self, strikes: int, *, light: bool) -> float:
        first = LIGHT_COOLDOWN if light else FIRST_COOLDOWN
        # The exponent is bounded, too: a float overflows after a thousand failures.
        seconds: float = min(first * 2 ** min(strikes, 10), LONGEST_COOLDOWN)
        return seconds * self._rng.uniform(0.8, 1.0)

    def refuse(self, model: str, body: str) -> bool:
        """A model has refused a request; tells if it had refused another one just before, which makes it the model's.

        Args:
            model: its id.
            body: a hash of the request's body.
        """
        record = self._records.get(model, _WELL)
        self._records[model] = record._replace(refused=body)
        return record.refused not in ("", body)

    def restore(self, model: str, sent_at: float) -> None:
        """A model has answered what was sent at this time: the failures before that are forgotten."""
        if not self._records:
            return
        record = self._records.get(model)
        if record is not None and record.since <= sent_at:
            del self._records[model]
            self.cooling.pop(model, None)

    def record(self, model: str) -> Record:
        """How a model fares, to be put back by ``put_back``."""
        return self._records.get(model, _WELL)

    def put_back(self, model: str, record: Record) -> None:
        """Take back what has been noted of a model since: it was not the model's failure."""
        self._records[model] = record
        if record.ready > self._clock():
            self.cooling[model] = record.ready
        else:
            self.cooling.pop(model, None)
