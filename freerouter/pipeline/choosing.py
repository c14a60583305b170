"""Choosing: the pools of requests that say more about the choice of their model than what they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from freerouter.memory.timings import Measured
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.requirements import Need
from freerouter.pipeline.policy import Policy
from freerouter.pipeline.weighing import Weighted, weigh
from freerouter.preferences import Preference

# Limit of positions in all cached tiers; each entry counts for so many more, so that small ones are limited, too.
_CACHED_POSITIONS = 4_000_000
_ENTRY = 2_000

# Models of a pool, by their positions: each with the same probability, or with weights.
Positions = memoryview | Weighted
Tiers = tuple[Positions, ...]
_Key = tuple[Need, Policy | None, Preference]


class DrawRules(NamedTuple):
    """How the model of one request is chosen among those that have what it needs.

    Attributes:
        preference: what counts in the draw.
        policy: the models that the request allows; None for all that the settings allow.
        measured: what was measured of the models, if the preference depends on it.
        barred: ids that are not asked, with the reason.
    """

    preference: Preference = Preference()
    policy: Policy | None = None
    measured: Measured | None = None
    barred: Mapping[str, str] = {}

    @property
    def is_plain(self) -> bool:
        """Whether it is a uniform draw from all that the settings allow."""
        return self.policy is None and self.preference.is_uniform


FREELY = DrawRules()


class ChosenPools:
    """The tiers for needs and choices, built once for each and cached. Not thread-safe: its owner holds a lock.

    Args:
        models: what positions stand for.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = models
        self._known: dict[_Key, tuple[Measured | None, Tiers]] = {}  # a plain dict: every draw looks one up
        self._kept = 0

    def get(self, need: Need, choice: DrawRules) -> Tiers | None:
        """The cached tiers; None when they must be made."""
        known = self._known.get((need, choice.policy, choice.preference))
        return known[1] if known is not None and known[0] is choice.measured else None

    def make(self, need: Need, tiers: tuple[memoryview, ...], choice: DrawRules) -> Tiers:
        """Make and cache the tiers of a need's pool, without the models that the choice leaves out, and weighted."""
        if choice.policy is not None:
            tiers = tuple(self._allowed(tier, choice.policy) for tier in tiers)
        uniform = choice.preference.is_uniform
        chosen = tiers if uniform else weigh(self._models, tiers, choice.preference, choice.measured)
        self._keep((need, choice.policy, choice.preference), choice.measured, chosen)
        return chosen

    def _keep(self, key: _Key, measured: Measured | None, tiers: Tiers) -> None:
        """Cache an entry, and drop the oldest ones to make room; one larger than the limit is not cached."""
        former = self._known.pop(key, None)
        self._kept += _size(tiers) - (0 if former is None else _size(former[1]))
        self._known[key] = measured, tiers
        while self._kept > _CACHED_POSITIONS:
            self._kept -= _size(self._known.pop(next(iter(self._known)))[1])

    def _allowed(self, tier: memoryview, policy: Policy) -> memoryview:
        allowed = [place for place in tier if next(policy.objections(self._models[place]), None) is None]
        return np.array(allowed, dtype=np.uint32).data


def _size(tiers: Tiers) -> int:
    return _ENTRY + sum(map(len, tiers))
