"""Step 3, Random Selection: from a Pool to a Model, uniformly, without replacement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from random import Random

from freerouter.memory.health import Health
from freerouter.memory.lessons import Asker
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.model_names import DRAW, Order
from freerouter.openrouter.requirements import Requirements
from freerouter.pipeline.choosing import FREELY, DrawRules, Positions
from freerouter.pipeline.drawing import available, between, draw
from freerouter.pipeline.filtering import Index
from freerouter.pipeline.weighing import Weighted


def _is_smaller(model: Model, context: int) -> bool:
    return model.context is not None and model.context < context


_NONE: frozenset[str] = frozenset()
# What is tried next: one certain model, or positions of models to draw from.
Tier = Model | Positions


class Selection:
    """The draws of one request: no model twice.

    Args:
        index: the models, and which are eligible for what.
        asker: what the request needs, and which lessons apply to it.
        order: which models the caller asks for.
        health: which models are cooling, and which are blocked.
        rng: random number generator.
        choice: what the request says about the choice of its model.

    Attributes:
        index, order, choice: as above.
        requirements: of the asker.
        tried: ids of the models that have been tried.
    """

    def __init__(
        self, index: Index, asker: Asker, order: Order, health: Health, rng: Random, choice: DrawRules = FREELY
    ) -> None:
        requirements = asker.requirements
        self.order = order
        self.tried: set[str] = set()
        self.index = index
        self.choice = choice
        self._tiers_of_pool = index.pool(asker.need).tiers if choice is FREELY else index.chosen(asker.need, choice)
        # Models before the first position are certainly too small; from the roomy one on, all are large enough.
        fits = requirements.surely_fits(index.least_context)
        self._first = 0 if fits else index.first(requirements.least_context)
        self._roomy = 0 if fits else index.first(requirements.context)
        self.requirements = requirements
        self._asker = asker
        self._health = health
        self._rng = rng
        self._named = [model for model in order.models if not self._unfit(model, requirements)] if order.models else ()
        self._floor = self._enough = 0
        self._unmoderated = False
        self._last_resort = True

    def __len__(self) -> int:
        """How many models are eligible, ignoring what has been learnt about them."""
        if not self.order.draws:
            return len(self._named)
        tiers = self._tiers_of_pool
        if not self._first and len(tiers) == 1 and not self._named:
            return len(tiers[0])
        drawable = sum(len(between(tier, self._first)) for tier in tiers)
        if not self._named:
            return drawable
        return drawable + sum(any(self._patterns(model)) for model in self._named)

    def reachable(self) -> int:
        """How many models can be asked, now or when they have cooled down, by what has been learnt about them."""
        barred, _ = self._barriers()
        if not barred:
            return len(self)
        models = {model.id for model in (*self._named, *(self._from(self._first) if self.order.draws else ()))}
        return len(models - barred)

    def _patterns(self, model: Model) -> Iterator[str]:
        """What settings and request say against a model; applies to draws, not to models asked for by name."""
        yield from self.index.policy.objections(model)
        if self.choice.policy is not None:
            yield from self.choice.policy.objections(model)

    def exceeded(self, context: int, stated: int = 0) -> None:
        """A context was too small: use larger ones, then equal ones, then those that certainly hold ``stated`` tokens.

        By our count they must hold the request, too; with media, whose tokens are an estimate, nothing is certain.
        """
        self._floor = max(self._floor, context)
        certain = context if self.requirements.media else max(self.requirements.context, stated)
        self._enough = max(self._enough, certain)
        self._named = sorted(self._named, key=lambda model: _is_smaller(model, self._floor))

    def avoid_moderated(self) -> None:
        """A moderator has refused: from now on, use only models without one."""
        self._unmoderated = True

    def pick(self, preferred: str | None = None) -> Model | None:
        """The next model to try, from the first tier with an available one; None when all have been tried."""
        barred, unavailable = self._barriers()
        for tier in self._tiers(preferred, barred, unavailable):
            if type(tier) is memoryview:
                model = draw(self.index.models, tier, unavailable, self._rng)
            elif isinstance(tier, Weighted):
                model = tier.draw(self.index.models, unavailable, self._rng)
            else:
                self._last_resort = self._last_resort and tier.id not in barred
                return tier
            if model is not None:
                return model
        return None

    def chances(self, preferred: str | None = None) -> dict[str, float]:
        """Each model's probability of being next, without those that have no chance."""
        barred, unavailable = self._barriers()
        for tier in self._tiers(preferred, barred, unavailable):
            chances = self._chances(tier, unavailable)
            if chances:
                return chances
        return {}

    def _chances(self, tier: Tier, unavailable: Collection[str]) -> dict[str, float]:
        if isinstance(tier, Weighted):
            return tier.chances(self.index.models, unavailable)
        left = [tier] if isinstance(tier, Model) else available(self.index.models, tier, unavailable)
        return {model.id: 1 / len(left) for model in left}

    def _tiers(self, preferred: str | None, barred: frozenset[str], unavailable: Collection[str]) -> Iterable[Tier]:
        """The tiers to try, best first."""
        if self._roomy or preferred or unavailable or self._floor or self.order is not DRAW:
            return self._all_tiers(preferred, barred, unavailable)
        return self._tiers_of_pool  # the usual case, without the cost of a generator

    def _all_tiers(self, preferred: str | None, barred: frozenset[str], unavailable: Collection[str]) -> Iterator[Tier]:
        """The tiers to try, in this order: the preferred model, the models asked for by name, the pool.

        Within the pool, models that certainly have room for the prompt come first, sorted by supported parameters.
        Cooling models come last, ordered by the end of the cooldown.
        When lessons block all others, the one blocked for the longest time follows: its condition may have changed.
        """
        if preferred is not None or self._named:
            yield from self._settled(preferred, unavailable)
        if not self.order.draws:
            yield from self._ready_first(self._named, barred)
            yield from self._barred_longest(self._named)
            return
        for first in self._firsts() if self._floor else (self._first,):
            roomy = max(first, self._roomy)
            for positions in self._tiers_of_pool:
                yield between(positions, roomy)
            if first < roomy:
                for positions in self._tiers_of_pool:
                    yield between(positions, first, roomy)
            if self._health.cooling:
                yield from self._ready_first(self._from(first), barred)
        yield from self._barred_longest(self._from(self._firsts()[-1] if self._floor else self._first))

    def _barred_longest(self, models: Iterable[Model]) -> Iterator[Model]:
        """The model that lessons have blocked for the longest time; at most one for each request."""
        lessons = self._health.lessons.barred(self._asker)
        if not lessons or not self._last_resort:
            return
        never = self.tried.union(self._health.costs.models, self._ruled_out(), self.choice.barred)
        left = [model for model in models if model.id in lessons and model.id not in never]
        if left:
            yield min(left, key=lambda model: lessons[model.id])

    def _settled(self, preferred: str | None, unavailable: Collection[str]) -> Iterator[Model]:
        """The available models that need no draw: the preferred one, then those asked for by name."""
        model = self.index.catalog.get(preferred) if preferred else None
        if model is not None and model.id not in unavailable and not self.objections(model):
            yield model
        for model in self._named:
            if model.id not in unavailable:
                yield model

    def _firsts(self) -> tuple[int, ...]:
        """The first position with a larger context than the exceeded one, with an equal one, and with enough."""
        contexts = (self._floor + 1, self._floor, min(self._floor, self._enough))
        return tuple(max(self._first, self.index.first(context)) for context in contexts)

    def _ready_first(self, models: Iterable[Model], barred: frozenset[str]) -> Iterator[Model]:
        """The cooling model whose cooldown ends first, if there is one."""
        left = [model for model in models if model.id not in barred]
        if left:
            yield min(left, key=lambda model: self._health.cooling.get(model.id, 0.0))

    def _from(self, first: int) -> Iterator[Model]:
        for positions in self._tiers_of_pool:
            for position in between(positions, first):
                yield self.index.models[position]

    def _barriers(self) -> tuple[frozenset[str], Collection[str]]:
        """Ids that must not be tried, and these together with the cooling ones."""
        if self._health.cooling:
            self._health.wake()
        lessons, costs = self._health.lessons.barred(self._asker), self._health.costs.models
        if not (self.tried or lessons or costs or self._unmoderated or self.choice.barred):
            return _NONE, self._health.cooling
        barred = frozenset(self.tried).union(lessons, costs, self._ruled_out(), self.choice.barred)
        return barred, barred.union(self._health.cooling)

    def _ruled_out(self) -> Iterator[str]:
        """Ids that the failures of this request rule out; every drawn model has a large enough context anyway."""
        if self._unmoderated:
            yield from (model.id for model in (*self.index.models, *self._named) if model.moderated)
        if self._floor:
            yield from (model.id for model in self._named if _is_smaller(model, min(self._floor, self._enough)))

    # Explanations.

    def everyone(self) -> Iterator[Model]:
        """The models of the pool, of any context."""
        return (self.index.models[position] for tier in self._tiers_of_pool for position in tier)

    def ready_in(self, model: Model) -> float | None:
        """Seconds left of a model's cooldown; None without one."""
        return self._health.ready_in(model.id)

    def given_up(self, model: Model) -> list[str]:
        """The soft parameters that a model does not support."""
        return self.index.given_up(self.requirements.need, model)

    def objections(self, model: Model, requirements: Requirements | None = None) -> list[str]:
        """Every reason, as text, why this request is not sent to a model; empty when it is eligible.

        Args:
            model: any of the catalog.
            requirements: those to use in place of the request's own.
        """
        requirements = requirements or self.requirements
        if model in self.order.models:
            reasons = self._unfit(model, requirements)
        elif self.order.draws:
            policy = self.choice.policy
            reasons = [*self.index.reasons(requirements, model), *(policy.objections(model) if policy else ())]
        else:
            reasons = ["not asked for by name", *self._unfit(model, requirements)]
        if model.id in self._health.costs.models:
            reasons.append(self._health.costs.reason(model.id))
        if model.id in self.choice.barred:
            reasons.append(self.choice.barred[model.id])
        return [*reasons, *self._health.lessons.objections(model.id, self._asking(requirements))]

    def why_not(self, name: str) -> str:
        """Why the request does not go to a model that it went to before."""
        model = self.index.catalog.get(name)
        if model is None:
            return "it is no longer listed"
        cooling = self._health.ready_in(name)
        reasons = self.objections(model) + ([] if cooling is None else [f"it cools down for {cooling:.0f} s"])
        return "; ".join(reasons)

    def _asking(self, requirements: Requirements) -> Asker:
        if requirements is self.requirements:
            return self._asker
        return self._asker._replace(requirements=requirements, reduced=self.index.reduced(requirements.need))

    def _unfit(self, model: Model, requirements: Requirements) -> list[str]:
        """Why a model asked for by name cannot serve the request; the user's patterns apply to draws, not to names."""
        patterns = set(self.index.policy.objections(model))
        return [reason for reason in self.index.reasons(requirements, model) if reason not in patterns]

    def barred_reasons(self) -> dict[str, list[str]]:
        """Each model that is blocked only by what has been learnt about it, with the reasons."""
        barred = sorted({*self._health.lessons.barred(self._asker), *self._health.costs.models, *self.choice.barred})
        models = [model for name in barred if (model := self.index.catalog.get(name)) is not None]
        return {model.id: self.objections(model) for model in models}
