"""Drawing: a model from some positions, each with the same probability."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from random import Random

from freerouter.openrouter.catalog import Model
from freerouter.pipeline.choosing import Positions
from freerouter.pipeline.weighing import TRIES


def draw(
    models: Sequence[Model], positions: memoryview[int], unavailable: Collection[str], rng: Random
) -> Model | None:
    """Draw one of these models, each with the same probability; None when no model is available.

    Args:
        models: all of them.
        positions: those to draw from.
        unavailable: ids not to draw.
        rng: random number generator.
    """
    count = len(positions)
    if not count:
        return None
    if not unavailable:
        return models[positions[int(rng.random() * count)]]
    for _ in TRIES:
        model = models[positions[int(rng.random() * count)]]
        if model.id not in unavailable:
            return model
    left = available(models, positions, unavailable)
    return left[int(rng.random() * len(left))] if left else None


def available(models: Sequence[Model], positions: memoryview[int], unavailable: Collection[str]) -> list[Model]:
    """The models that ``draw`` can return."""
    return [model for position in positions if (model := models[position]).id not in unavailable]


def between(positions: Positions, first: int, end: int | None = None) -> Positions:
    """The ascending positions from the first one up to the end, without the end."""
    if type(positions) is not memoryview:
        return positions.between(first, end)
    start = bisect_left(positions, first) if first else 0
    return positions[start : None if end is None else bisect_left(positions, end, start)]
