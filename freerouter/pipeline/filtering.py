"""Step 2, Model Filtering: from Requirements to the Pool of eligible models, and why the others are not in it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.catalog import FREE_SUFFIX, Catalog, Model
from freerouter.openrouter.prices import is_zero
from freerouter.openrouter.requirements import ALIASES, Need, Requirements, lack_in_words
from freerouter.openrouter.tokens import Bounds
from freerouter.pipeline.choosing import ChosenPools, DrawRules, Tiers
from freerouter.pipeline.policy import Policy
from freerouter.spelling import SIMILAR, TYPING_ERROR, did_you_mean

# Limit of indices in all cached pools: some hundred needs of a real catalog, four of one with a million models.
_CACHED_INDICES = 4_000_000
_WORD = 64
_UNBOUNDED = 2**62
_UNKNOWN = "unknown"  # a capability that no model of the catalog has


def capabilities(model: Model) -> Iterator[str]:
    """What a model can do, in the terms of ``Requirements``."""
    yield from model.inputs
    for modality in model.outputs:
        yield f"output:{modality}"
    yield from model.parameters
    if not model.reasoning_mandatory:
        yield "reasoning:off"


class Traits(NamedTuple):
    """The fields that ``capabilities`` depends on; a million models have only some dozens of distinct values."""

    inputs: frozenset[str]
    outputs: frozenset[str]
    parameters: frozenset[str]
    reasoning_mandatory: bool


def _kind(model: Model) -> Traits:
    return Traits(model.inputs, model.outputs, model.parameters, model.reasoning_mandatory)


class Pool(NamedTuple):
    """The eligible models for one need, with any context size, as positions in ``Index.models``.

    Attributes:
        tiers: the models that support the most soft parameters come first; each tier ascends by context.
    """

    tiers: tuple[memoryview[int], ...]

    @property
    def best(self) -> memoryview[int]:
        """The models that support the most soft parameters."""
        return self.tiers[0]


class Index:
    """The free models of a catalog that the policy allows, in arrays: a pool for a need takes a few operations.

    Attributes:
        catalog: the snapshot it was made from.
        policy: the models that the user allows.
        today: the day for which prices and expiry hold.
        models: the candidates, ascending by context.
        alphabet: every capability that any model of the catalog has.
        least_context: the smallest context of a candidate, in tokens.
    """

    def __init__(self, catalog: Catalog, policy: Policy, today: date) -> None:
        self.catalog = catalog
        self.policy = policy
        self.today = today
        candidates = [m for m in catalog.models if m.is_free(today) and next(policy.objections(m), None) is None]
        self.models = sorted(candidates, key=_context)
        self.contexts = np.array([_context(m) for m in self.models], dtype=np.int64).data
        self.least_context = self.contexts[0] if self.models else 0
        self._outputs = np.array([_UNBOUNDED if m.max_output is None else m.max_output for m in self.models], np.int64)
        self._output_limits: list[int] = sorted(set(self._outputs.tolist()))
        # The alphabet comes from the whole catalog: a parameter that only paid models support is a known one, too.
        alphabet = set().union(*{m.parameters for m in catalog.models})
        kinds = [_kind(m) for m in self.models]
        examples = dict(zip(kinds, self.models, strict=True))
        alphabet.update(*map(capabilities, examples.values()))
        self._bits = {capability: number for number, capability in enumerate(sorted(alphabet))}
        self.alphabet = frozenset(self._bits)
        self._columns = self._fill(kinds, examples)
        self._pools: dict[Need, Pool] = {}  # a plain dict: every draw looks up a pool
        self._kept = 0
        self._chosen = ChosenPools(self.models)

    def _fill(self, kinds: Sequence[Traits], examples: Mapping[Traits, Model]) -> NDArray[np.uint64]:
        """One contiguous column of 64 capability bits for each word of the alphabet; shape (words, models)."""
        words = len(self._bits) // _WORD + 1
        masks = [self._words(capabilities(model), words) for model in examples.values()]
        numbers = {kind: number for number, kind in enumerate(examples)}
        which = np.array([numbers[kind] for kind in kinds], dtype=np.intp)
        return np.ascontiguousarray(np.array(masks, dtype=np.uint64).reshape(-1, words)[which].T)

    def _words(self, names: Iterable[str], words: int) -> list[int]:
        mask = 0
        for name in names:
            mask |= 1 << self._bits[name]
        return [mask >> (_WORD * word) & (2**_WORD - 1) for word in range(words)]

    def check(self, needs: Iterable[str], field: str) -> None:
        """Raises InvalidRequestError for a need that is a typing error of one that this catalog knows."""
        for need in needs:
            if hint := self.hint(need, TYPING_ERROR):
                raise InvalidRequestError(f"{field} asks for {need[:100]!r}, which no model has{hint}", field=field)

    def hint(self, need: str, likeness: float = SIMILAR) -> str:
        """The nearest known need, as the end of an error; empty for one that is known."""
        known = self.alphabet | ALIASES.keys()
        return "" if need in known else did_you_mean(need, known, likeness)

    def reduced(self, need: Need) -> Need:
        """The need, reduced to what this catalog can distinguish: invented capabilities do not create new pools.

        An unknown hard capability stays as one that no model has. The requested output becomes the smallest
        limit of the catalog that is large enough.
        """
        known = self.alphabet
        if not need.output and need.soft <= known and need.hard <= known:
            return need  # what nearly every request has
        output = need.output
        if output:
            place = bisect_left(self._output_limits, output)
            output = self._output_limits[place] if place < len(self._output_limits) else _UNBOUNDED
        hard = need.hard if need.required <= known else need.hard & known | {_UNKNOWN}
        return Need(hard, need.soft & known, need.strict, output)

    def pool(self, need: Need) -> Pool:
        """The pool for a need: from the cache, or built and cached. Must not be called by two threads at once."""
        try:
            return self._pools[need]
        except KeyError:
            pool = self._make(need)
            self._keep(need, pool)
            return pool

    def chosen(self, need: Need, choice: DrawRules) -> Tiers:
        """The tiers of the pool for a need, as a choice wants them: from the cache, or built and cached."""
        known = self._chosen.get(need, choice)
        if known is not None:
            return known
        tiers = self.pool(need).tiers
        return tiers if choice.is_plain else self._chosen.make(need, tiers, choice)

    def _keep(self, need: Need, pool: Pool) -> None:
        """Cache a pool, and drop the oldest ones to make room; a pool larger than the limit is not cached."""
        size = _size(pool)
        if size > _CACHED_INDICES:
            return
        while self._kept + size > _CACHED_INDICES:
            self._kept -= _size(self._pools.pop(next(iter(self._pools))))
        self._pools[need] = pool
        self._kept += size

    def _make(self, need: Need) -> Pool:
        soft = [name for name in need.soft if name in self._bits]
        hard = need.required
        if any(name not in self._bits for name in hard):
            return Pool((_NOBODY,))
        eligible = self._having(hard, slice(None))
        if need.output:
            eligible &= self._outputs >= need.output
        positions = np.flatnonzero(eligible).astype(np.uint32)  # half the memory of int64: a draw reads one entry
        if need.strict or not soft:
            return Pool((positions.data,))
        honoured = sum(self._having([name], positions).astype(np.uint8) for name in soft)
        counts = np.unique(honoured)[::-1]
        return Pool(tuple(positions[honoured == count].data for count in counts) or (_NOBODY,))

    def _having(self, names: Iterable[str], where: Any) -> NDArray[np.bool_]:
        """Which of the models at these positions have all of the capabilities."""
        result: NDArray[np.bool_] | None = None
        for column, mask in zip(self._columns, self._words(names, len(self._columns)), strict=True):
            if mask:
                word = np.uint64(mask)
                has = (column[where] & word) == word
                result = has if result is None else result & has
        return np.ones(len(self._columns[0][where]), dtype=np.bool_) if result is None else result

    def having(self, names: Iterable[str]) -> list[Model]:
        """The candidates that have all of these capabilities, ascending by context."""
        pool = self.pool(Need(frozenset(names), frozenset(), strict=False, output=0))
        return [self.models[position] for position in pool.best]

    def first(self, context: int) -> int:
        """The position of the first model whose context is at least this many tokens."""
        return 0 if context <= self.least_context else bisect_left(self.contexts, context)

    def given_up(self, need: Need, model: Model) -> list[str]:
        """The soft parameters that the catalog knows and this model lacks."""
        doubtful = [name for name in need.soft if name not in model.parameters and name in self._bits]
        return sorted(set(doubtful).difference(capabilities(model))) if doubtful else []

    def reasons(self, requirements: Requirements, model: Model) -> list[str]:
        """Every reason, as text, why a model is not eligible; empty when it is."""
        need = requirements.need
        reasons = [*model.why_not_free(self.today), *self.policy.objections(model)]
        reasons += [lack_in_words(name) for name in sorted(need.required - set(capabilities(model)))]
        if not requirements.surely_fits(_context(model)) and requirements.least_context > _context(model):
            reasons.append(f"context {model.context} < {requirements.least_context} tokens")
        if model.max_output is not None and need.output > model.max_output:
            reasons.append(f"output limit {model.max_output} < {need.output} asked for")
        return reasons

    def lacks(self, model: Model, names: Iterable[str]) -> list[str]:
        """Every reason, as text, why a model cannot do all of these."""
        need = Need(frozenset(names), frozenset(), strict=False, output=0)
        return self.reasons(Requirements(need, {}, Bounds(0, 0), stream=False), model)

    def explainable(self) -> list[Model]:
        """The models that an explanation lists: ids that end in ``:free``, and those with a price of zero."""
        return [m for m in self.catalog.models if m.id.endswith(FREE_SUFFIX) or _looks_free(m)]


def _size(pool: Pool) -> int:
    return sum(map(len, pool.tiers)) + 1


_NOBODY = np.empty(0, dtype=np.uint32).data


def _context(model: Model) -> int:
    return _UNBOUNDED if model.context is None else model.context


def _looks_free(model: Model) -> bool:
    prices = [model.pricing.get(key) for key in ("prompt", "completion")]
    return all(price is not None and is_zero(price) for price in prices)
