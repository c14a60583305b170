"""Weighing: a preference as the weights of a draw, by the ranks of the eligible models."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freerouter.memory.timings import Measured
from freerouter.openrouter.benchmarks import index_of
from freerouter.openrouter.catalog import Model
from freerouter.preferences import Preference

# With half of a pool unavailable, eight misses in a row have a chance of 1 in 256.
TRIES = range(8)
# The answer for which ``fast`` compares first-token time and tokens per second.
_TOKENS = 200
# A stretch of models that weighs less than this part of those before it is drawn without cumulative weights: their
# differences would not be exact.
_PRECISE = 1e-6
_INDICES = {"quality": "intelligence", "coding": "coding", "agentic": "agentic"}
_NOTHING = Measured()


class Weighted:
    """Models to draw from, each with its weight.

    Args:
        positions: of the models, ascending.
        scores: of each, above 0; the weights are in proportion to their powers.
        cumulative: the sum of the weights up to each, itself included.
        sharpness: the exponent.
        start, end: the stretch to draw from.
    """

    __slots__ = ("_cumulative", "_end", "_last", "_low", "_positions", "_scores", "_sharpness", "_span", "_start")

    def __init__(
        self,
        positions: memoryview[int],
        scores: Sequence[float],
        cumulative: Sequence[float],
        sharpness: float,
        start: int,
        end: int,
    ) -> None:
        self._positions = positions
        self._scores = scores
        self._cumulative = cumulative
        self._sharpness = sharpness
        self._start = start
        self._end = end
        self._last = end - 1
        self._low = cumulative[start - 1] if start else 0.0
        high = cumulative[end - 1] if end else 0.0
        self._span = high - self._low if high - self._low > high * _PRECISE else 0.0

    def __len__(self) -> int:
        return self._end - self._start

    def __iter__(self) -> Iterator[int]:
        return iter(self._positions[self._start : self._end])

    def between(self, first: int, end: int | None = None) -> Weighted:
        """Those with positions from the first one up to the end, without the end."""
        start = bisect_left(self._positions, first, self._start, self._end) if first else self._start
        stop = self._end if end is None else bisect_left(self._positions, end, start, self._end)
        if start == self._start and stop == self._end:
            return self
        return Weighted(self._positions, self._scores, self._cumulative, self._sharpness, start, stop)

    def draw(self, models: Sequence[Model], unavailable: Collection[str], rng: Random) -> Model | None:
        """Draw one of these models by weight; None when no model is available.

        Args:
            models: all of them.
            unavailable: ids not to draw.
            rng: random number generator.
        """
        if self._span:
            for _ in TRIES:
                mark = self._low + rng.random() * self._span
                model = models[self._positions[bisect_right(self._cumulative, mark, self._start, self._last)]]
                if not unavailable or model.id not in unavailable:
                    return model
        left, weights = self._left(models, unavailable)
        return rng.choices(left, weights)[0] if left else None

    def chances(self, models: Sequence[Model], unavailable: Collection[str]) -> dict[str, float]:
        """The probability of each model that ``draw`` can return."""
        left, weights = self._left(models, unavailable)
        total = sum(weights)
        return {model.id: weight / total for model, weight in zip(left, weights, strict=True) if weight}

    def _left(self, models: Sequence[Model], unavailable: Collection[str]) -> tuple[list[Model], list[float]]:
        """The available models, with their weights relative to the best of them."""
        stretch = range(self._start, self._end)
        places = [place for place in stretch if models[self._positions[place]].id not in unavailable]
        best = max((self._scores[place] for place in places), default=1.0)
        weights = [(self._scores[place] / best) ** self._sharpness for place in places]
        return [models[self._positions[place]] for place in places], weights


def weigh(
    models: Sequence[Model], tiers: Sequence[memoryview[int]], preference: Preference, measured: Measured | None
) -> tuple[Weighted, ...]:
    """The tiers of a pool with weights; the ranks are those among all of the pool.

    Args:
        models: all of them.
        tiers: positions of the eligible ones.
        preference: what counts, and how much.
        measured: what was measured of the models.
    """
    everyone = np.concatenate(tiers)
    scores = _scores(_values([models[position] for position in everyone], preference.kind, measured or _NOTHING))
    ends = np.cumsum([len(tier) for tier in tiers])[:-1]
    return tuple(
        _weighted(tier, own, preference.sharpness) for tier, own in zip(tiers, np.split(scores, ends), strict=True)
    )


def _weighted(tier: memoryview[int], scores: NDArray[np.float64], sharpness: float) -> Weighted:
    weights = np.power(scores / scores.max(initial=0.0), sharpness)
    return Weighted(tier, scores.tolist(), np.cumsum(weights).tolist(), sharpness, 0, len(tier))


class Ranking(NamedTuple):
    """How a model stands among the eligible ones.

    Attributes:
        rank: 1 is the best; equal ones share the mean of their ranks.
        value: what counts: a score, seconds, tokens of context or a probability; None when it is not known.
        why: both, in words.
    """

    rank: float
    value: float | None
    why: str


def standings(models: Sequence[Model], preference: Preference, measured: Measured | None) -> dict[str, Ranking]:
    """How each of the eligible models stands under a preference; none when it is uniform."""
    if preference.is_uniform or not models:
        return {}
    values = _values(models, preference.kind, measured or _NOTHING)
    return {
        model.id: _standing(preference.kind, rank, value, len(models))
        for model, rank, value in zip(models, _ranks(values).tolist(), values.tolist(), strict=True)
    }


def _standing(kind: str, rank: float, value: float, count: int) -> Ranking:
    place = f"rank {rank:g} of {count}"
    if math.isnan(value):
        return Ranking(rank, None, f"{_UNKNOWN[kind]}: counts as the median, {place}")
    shown = -value if kind == "fast" else value
    return Ranking(rank, shown, f"{_KNOWN[kind].format(shown)}: {place}")


_KNOWN = {
    "quality": "intelligence index {:g}",
    "coding": "coding index {:g}",
    "agentic": "agentic index {:g}",
    "fast": f"{{:.2f}} s for {_TOKENS} tokens",
    "large": "context {:,.0f}",
    "reliable": "{:.0%} of attempts answered",
}
_UNKNOWN = {
    "quality": "no intelligence index",
    "coding": "no coding index",
    "agentic": "no agentic index",
    "fast": "not measured yet",
    "large": "context unknown",
    "reliable": "not asked yet",
}


def _values(models: Sequence[Model], kind: str, measured: Measured) -> NDArray[np.float64]:
    """What counts, for each model: the larger, the better; NaN where it is not known."""
    if kind == "fast":
        return _speeds([model.id for model in models], measured)
    if kind == "large":
        return _array([model.context for model in models])
    if kind == "reliable":
        return _array([measured.answered.get(model.id) for model in models])
    return _array([index_of(model.row, _INDICES[kind]) for model in models])


def _array(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([math.nan if value is None else value for value in values], np.float64)


def _speeds(ids: Sequence[str], measured: Measured) -> NDArray[np.float64]:
    """The negative seconds of an answer; where one of the two times is missing, it counts as the median of its kind."""
    first = _array([measured.first.get(name) for name in ids])
    pace = _array([measured.pace.get(name) for name in ids])
    unknown = np.isnan(first) & np.isnan(pace)
    seconds = _filled(first) + _TOKENS * _filled(pace)
    return np.where(unknown, math.nan, -seconds)


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values, with the median of the known ones for the others; 0 for all when none is known."""
    known = values[~np.isnan(values)]
    return np.where(np.isnan(values), np.median(known) if len(known) else 0.0, values)


def _scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the ranks: 1 for the best model, 1/n for the worst of n."""
    count = len(values)
    return (count + 1 - _ranks(values)) / max(count, 1)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for the best model; equal ones share the mean of their ranks, and an unknown one counts as the median."""
    filled = -_filled(values)
    ascending = np.sort(filled)
    better = np.searchsorted(ascending, filled, "left")
    not_worse = np.searchsorted(ascending, filled, "right")
    mean: NDArray[np.float64] = (better + not_worse + 1) / 2
    return mean
