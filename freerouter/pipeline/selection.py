"""Step 3, Random Selection: from a Pool to a Model, uniformly, without replacement."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from random import Random
from typing import Any

from freerouter.memory.health import Health
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.headers import Caller
from freerouter.openrouter.requirements import Requirements
from freerouter.pipeline.filtering import Index

# With half of a pool unavailable, eight misses in a row have a chance of 1 in 256.
_TRIES = range(8)


def draw(
    models: Sequence[Model], positions: memoryview[int], first: int, unavailable: Collection[str], rng: Random
) -> Model | None:
    """One of some models, each with the same chance.

    Args:
        models: all of them, ascending by context.
        positions: those to draw from, ascending.
        first: positions before this one have too small a context.
        unavailable: ids not to draw.
        rng: where chance comes from.

    Returns:
        the model; None when none is available.
    """
    start = bisect_left(positions, first) if first else 0
    count = len(positions) - start
    if count <= 0:
        return None
    if not unavailable:
        return models[positions[start + int(rng.random() * count)]]
    for _ in _TRIES:
        model = models[positions[start + int(rng.random() * count)]]
        if model.id not in unavailable:
            return model
    left = [model for position in positions[start:] if (model := models[position]).id not in unavailable]
    return left[int(rng.random() * len(left))] if left else None


class Selection:
    """The draws of one request: no model twice.

    Args:
        index: the models, and who is eligible for what.
        requirements: what the request needs.
        named: the models that the caller asks for, in order, None standing for a draw; None when it names none.
        caller: whose request it is.
        health: who is cooling, and who is barred.
        rng: where chance comes from.

    Attributes:
        tried: ids of the models that have been asked.
        drawn: chance has a say in it.
    """

    def __init__(
        self,
        index: Index,
        requirements: Requirements,
        named: Sequence[Model | None] | None,
        caller: Caller,
        health: Health,
        rng: Random,
    ) -> None:
        self.tried: set[str] = set()
        self._index = index
        self._pool = index.pool(requirements.need)
        self._first = index.first(requirements.context)
        self._requirements = requirements
        self._caller = caller
        self._health = health
        self._rng = rng
        self.drawn = named is None or None in named
        self._asked = () if named is None else tuple(dict.fromkeys(named))
        self._named = (
            [model for model in self._asked if model is None or not self._unfit(model, requirements)] if named else []
        )
        self._floor = 0
        self._unmoderated = False

    def __len__(self) -> int:
        """How many models are eligible, whatever has been learnt of them."""
        if not self.drawn:
            return len(self._named)
        best, rest = self._pool
        drawn = len(best) + len(rest)
        if self._first:
            drawn -= bisect_left(best, self._first) + bisect_left(rest, self._first)
        if not self._named:
            return drawn
        return drawn + sum(any(self._index.policy.objections(model)) for model in self._by_name())

    def exceeded(self, context: int) -> None:
        """A model's context was too small: from now on only larger ones, or equal ones if there are no larger."""
        self._floor = max(self._floor, context)

    def avoid_moderated(self) -> None:
        """A moderator has refused: from now on only models that have none."""
        self._unmoderated = True

    def pick(self, preferred: str | None = None) -> Model | None:
        """The next model to ask: the preferred one, else by name, else drawn from those that honour everything.

        Else from those that meet the hard needs, else the cooling one that is ready first; None when all are used up.
        """
        barred, unavailable = self._barriers()
        if preferred is not None or self._named:
            model = self._settled(preferred, unavailable)
            if model is not None:
                return model
        return self._draw(barred, unavailable) if self.drawn else self._ready_first(self._by_name(), barred)

    def _barriers(self) -> tuple[frozenset[str], Collection[str]]:
        """Ids that are out of the question, and those together with the cooling ones."""
        if self._health.cooling:
            self._health.wake()
        barred = self._health.barred(self._requirements, self._caller)
        if not (self.tried or barred or self._unmoderated):
            return barred, self._health.cooling
        barred = barred.union(self.tried, self._ruled_out())
        return barred, barred.union(self._health.cooling)

    def _ruled_out(self) -> Iterator[str]:
        """Ids that the failures of this request speak against; who is drawn has a large enough context anyway."""
        if self._unmoderated:
            yield from (model.id for model in (*self._index.models, *self._by_name()) if model.moderated)
        if self._floor:
            yield from (m.id for m in self._by_name() if m.context is not None and m.context < self._floor)

    def _by_name(self) -> list[Model]:
        return [model for model in self._named if model is not None]

    def _settled(self, preferred: str | None, unavailable: Collection[str]) -> Model | None:
        """The model for which no chance is needed: the preferred one, else the first one asked for by name."""
        model = self._index.catalog.get(preferred) if preferred else None
        if model is not None and model.id not in unavailable and not self.objections(model):
            return model
        for model in self._named:
            if model is None or model.id not in unavailable:
                return model
        return None

    def _draw(self, barred: frozenset[str], unavailable: Collection[str]) -> Model | None:
        if not self._floor:
            return self._draw_from(self._first, barred, unavailable)
        larger, equal = (max(self._first, self._index.first(self._floor + more)) for more in (1, 0))
        return self._draw_from(larger, barred, unavailable) or self._draw_from(equal, barred, unavailable)

    def _draw_from(self, first: int, barred: frozenset[str], unavailable: Collection[str]) -> Model | None:
        models = self._index.models
        for positions in self._pool:
            model = draw(models, positions, first, unavailable, self._rng)
            if model is not None:
                return model
        return self._ready_first(self._from(first), barred) if self._health.cooling else None

    def _from(self, first: int) -> Iterator[Model]:
        for positions in self._pool:
            for position in positions[bisect_left(positions, first) :]:
                yield self._index.models[position]

    def _ready_first(self, models: Iterable[Model], barred: frozenset[str]) -> Model | None:
        left = (model for model in models if model.id not in barred)
        return min(left, key=lambda model: self._health.cooling.get(model.id, 0.0), default=None)

    # Explanations.

    def given_up(self, model: Model) -> list[str]:
        """The soft parameters that a model does not honour."""
        return self._index.given_up(self._requirements.need, model)

    def objections(self, model: Model, requirements: Requirements | None = None) -> list[str]:
        """Every reason, in words, why this request does not go to a model; none when it is eligible.

        Args:
            model: any of the catalog.
            requirements: what the request would need if it were another one.
        """
        requirements = requirements or self._requirements
        if model in self._asked:
            reasons = self._unfit(model, requirements)
        elif self.drawn:
            reasons = self._index.reasons(requirements, model)
        else:
            reasons = ["not asked for by name", *self._unfit(model, requirements)]
        return [*reasons, *self._health.objections(model.id, requirements, self._caller)]

    def _unfit(self, model: Model, requirements: Requirements) -> list[str]:
        """Why a model that is asked for by name cannot serve; the user's patterns are for draws, not for names."""
        patterns = set(self._index.policy.objections(model))
        return [reason for reason in self._index.reasons(requirements, model) if reason not in patterns]

    def chances(self, preferred: str | None = None) -> dict[str, float]:
        """Each model's chance of being asked first; those that have none are left out."""
        barred, unavailable = self._barriers()
        model = self._settled(preferred, unavailable)
        if model is None and self.drawn:
            for positions in self._pool:
                tier = [self._index.models[p].id for p in positions[bisect_left(positions, self._first) :]]
                available = [name for name in tier if name not in unavailable]
                if available:
                    return dict.fromkeys(available, 1 / len(available))
        if model is None:
            model = self._ready_first(self._from(self._first) if self.drawn else self._by_name(), barred)
        return {} if model is None else {model.id: 1.0}

    def explain(self, preferred: str | None = None) -> dict[str, Any]:
        """Who is eligible, with which chance, and why each other model is not (``Router.explain``)."""
        chances = self.chances(preferred)
        eligible: list[dict[str, Any]] = []
        ineligible: list[dict[str, Any]] = []
        for model in self._index.explainable():
            if reasons := self.objections(model):
                ineligible.append({"id": model.id, "reasons": reasons})
            else:
                eligible.append(self._prospect(model, chances.get(model.id, 0.0)))
        return {
            "requirements": self._requirements.as_dict(),
            "eligible": eligible,
            "ineligible": ineligible,
            "without": self._relaxations([row["id"] for row in ineligible]),
        }

    def _prospect(self, model: Model, chance: float) -> dict[str, Any]:
        cooling = self._health.ready_in(model.id)
        return {
            "id": model.id,
            "probability": chance,
            "gives_up": self.given_up(model),
            "cooling_s": None if cooling is None else round(cooling, 1),
        }

    def _relaxations(self, ineligible: Iterable[str]) -> list[dict[str, Any]]:
        """Which single need, left out, would admit how many more; the one that admits most first."""
        barred = [model for name in ineligible if (model := self._index.catalog.get(name)) is not None]
        relaxations = []
        for need, found in self._requirements.needs().items():
            relaxed = self._requirements.without(need)
            more = sum(not self.objections(model, relaxed) for model in barred)
            if more:
                relaxations.append({"need": need, "found": found, "more": more})
        return sorted(relaxations, key=lambda relaxation: -relaxation["more"])
