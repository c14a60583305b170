"""Cooldowns, what a model turned out to lack, and what is gone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from cachetools import TTLCache

from freerouter.openrouter.headers import Caller
from freerouter.openrouter.requirements import Requirements, lack_in_words
from freerouter.replies.outcome import Lasting, Outcome

FIRST_COOLDOWN = 30.0
LONGEST_COOLDOWN = 600.0
LIGHT_COOLDOWN = 5.0
_MEMORY = 3_600.0
_LESSONS = 10_000


class Lesson(NamedTuple):
    """What a failure has taught: a model, the kind of thing, and for whom or for what it holds."""

    model: str
    kind: Lasting
    about: Any

    def applies(self, requirements: Requirements, caller: Caller) -> bool:
        """Whether this request should not go to the model."""
        match self.kind:
            case Lasting.GONE:
                return True
            case Lasting.LACKS:
                return self.about in requirements.need.hard or self.about == requirements.need
            case Lasting.CONTEXT:
                return bool(requirements.context >= self.about)
            case Lasting.APP:
                return bool(self.about == caller.app)
            case Lasting.PRIVACY:
                return bool(self.about == caller.account)
            case Lasting.MODERATED:
                return False

    def __str__(self) -> str:
        match self.kind:
            case Lasting.GONE:
                return "gone, by its own answer"
            case Lasting.LACKS if isinstance(self.about, str):
                return f"{lack_in_words(self.about)}, by its own answer"
            case Lasting.CONTEXT:
                return f"context is less than {self.about}, by its own answer"
            case Lasting.APP:
                return "reserved for other apps"
            case Lasting.PRIVACY:
                return "hidden by the account's privacy settings"
            case _:
                return "refused such a request within the last hour"


class Health:
    """How the models fare. Not thread-safe: its owner holds a lock.

    Attributes:
        cooling: ids that are to be left alone, each with the time at which it is ready, in the clock's seconds.
        cost_alarms: ids that turned out to cost money, barred for good, with the cost in USD.
    """

    def __init__(self, clock: Callable[[], float], rng: Random) -> None:
        self.cooling: dict[str, float] = {}
        self.cost_alarms: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self._strikes: dict[str, int] = {}
        self._first_ready = math.inf  # no cooldown is over before
        self._lessons: TTLCache[Lesson, None] = TTLCache(_LESSONS, _MEMORY, clock)
        self._taught = False  # asking the cache itself whether it is empty takes a microsecond
        self._clock = clock
        self._rng = rng

    def wake(self) -> None:
        """Forget the cooldowns that are over."""
        now = self._clock()
        if now < self._first_ready:
            return
        for model in [model for model, ready in self.cooling.items() if ready <= now]:
            del self.cooling[model], self._since[model]
        self._first_ready = min(self.cooling.values(), default=math.inf)

    def ready_in(self, model: str) -> float | None:
        """For how many more seconds a model is left alone; None when it is not."""
        seconds = self.cooling.get(model, 0.0) - self._clock()
        return seconds if seconds > 0 else None

    def cool(self, model: str, outcome: Outcome) -> float:
        """Leave a model alone for as long as it asks, else for a time that doubles with each failure in a row.

        Returns:
            the seconds for which it is left alone from now on.
        """
        now = self._clock()
        cooling: float = self.cooling.get(model, 0.0)
        seconds: float | None
        seconds = outcome.seconds
        if seconds is None and cooling > now:
            return cooling - now  # sent before the cooldown began: the same failure, not another one
        if seconds is None:
            seconds = LIGHT_COOLDOWN if outcome.light else self._backoff(model)
        ready = max(cooling, now + seconds)
        self.cooling[model], self._since[model] = ready, now
        self._first_ready = min(self._first_ready, ready)
        return ready - now

    def _backoff(self, model: str) -> float:
        strikes = self._strikes.get(model, 0)
        self._strikes[model] = strikes + 1
        # The exponent is bounded, too: a float overflows after a thousand failures.
        seconds: float = min(FIRST_COOLDOWN * 2 ** min(strikes, 10), LONGEST_COOLDOWN)
        return seconds * self._rng.uniform(0.8, 1.0)

    def restore(self, model: str, sent_at: float) -> None:
        """A model has answered what was sent at this time: the failures before that are forgotten."""
        if (self._strikes or self.cooling) and self._since.get(model, sent_at) <= sent_at:
            self._strikes.pop(model, None)
            self.cooling.pop(model, None)
            self._since.pop(model, None)

    def learn(self, model: str, outcome: Outcome, requirements: Requirements, caller: Caller) -> None:
        """Remember for an hour what a failure says about a model, beyond a cooldown."""
        about: Any = None
        match outcome.lasting:
            case None | Lasting.MODERATED:
                return
            case Lasting.LACKS:
                # A model that complains of what was not asked for is unfit for such requests, whatever the reason.
                about = outcome.lacks if outcome.lacks in requirements.need.hard else requirements.need
            case Lasting.CONTEXT:
                about = requirements.context
            case Lasting.APP:
                about = caller.app
            case Lasting.PRIVACY:
                about = caller.account
            case Lasting.GONE:
                pass
        self._lessons[Lesson(model, outcome.lasting, about)] = None
        self._taught = True

    def bar_for_cost(self, model: str, cost: float) -> None:
        """An answer has cost money: never send to this model again."""
        self.cost_alarms[model] = cost

    def barred(self, requirements: Requirements, caller: Caller) -> frozenset[str]:
        """Ids that are out of the question for this request, by what has been learnt."""
        if not self._taught and not self.cost_alarms:
            return _NONE
        self._taught = len(self._lessons) > 0
        lessons = {lesson.model for lesson in self._lessons if lesson.applies(requirements, caller)}
        return frozenset(lessons.union(self.cost_alarms))

    def all_objections(self, requirements: Requirements, caller: Caller) -> dict[str, list[str]]:
        """Each barred model with the reasons, in words."""
        barred = sorted(self.barred(requirements, caller))
        return {model: list(self.objections(model, requirements, caller)) for model in barred}

    def objections(self, model: str, requirements: Requirements, caller: Caller) -> Iterator[str]:
        """Every reason, in words, why a model is barred."""
        if model in self.cost_alarms:
            yield f"an answer of it cost ${self.cost_alarms[model]}"
        for lesson in self._lessons:
            if lesson.model == model and lesson.applies(requirements, caller):
                yield str(lesson)


_NONE: frozenset[str] = frozenset()
