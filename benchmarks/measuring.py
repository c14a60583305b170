"""Measuring things side by side: rounds that take turns, so that a noisy machine is noisy for all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

Action = Callable[[], object]


class Ratio(NamedTuple):
    """How many times as long as something else: the median of the rounds, and the middle half of them."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.low)}-{number(self.high)})"


def interleaved(
    actions: Mapping[str, Action],
    *,
    rounds: int = 11,
    seconds: float = 0.02,
    clock: Callable[[], float] = time.thread_time,
) -> dict[str, list[float]]:
    """Seconds of one call of each action, for each round; in a round, each has its turn.

    Args:
        actions: what to do, by name.
        rounds: how often each has a turn.
        seconds: how long a turn takes about.
        clock: CPU time of this thread, which other programs do not lengthen; wall time for what waits.
    """
    calls = {name: max(1, int(seconds / once(action))) for name, action in actions.items()}
    taken: dict[str, list[float]] = {name: [] for name in actions}
    gc.collect()
    for _ in range(rounds):
        for name, action in actions.items():
            start = clock()
            for _ in range(calls[name]):
                action()
            taken[name].append((clock() - start) / calls[name])
    return taken


def once(action: Action) -> float:
    """Seconds that a call takes about; the first one, which may fill a cache, does not count."""
    action()
    start = time.perf_counter()
    action()
    return max(time.perf_counter() - start, 1e-7)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Round by round, since the machine may be slower in one round than in the next."""
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def spread(values: Sequence[float]) -> Ratio:
    """The median and the middle half."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return Ratio(median(ordered), ordered[quarter], ordered[-1 - quarter])


# What a random.choice of 30 took where the targets in microseconds were written down.
_CHOICE = 0.18e-6


def at_the_targets_speed(taken: Sequence[float], choice: Sequence[float]) -> str:
    """What a time is on a machine as fast as that of the targets, by what a ``random.choice`` of 30 takes here."""
    there = median([ours / chosen for ours, chosen in zip(taken, choice, strict=True)]) * _CHOICE
    return f"{shown(there)} where a `random.choice` takes {shown(_CHOICE)} (here {shown(choice)})"


def shown(seconds: float | Sequence[float]) -> str:
    """A time for people; of several, the median."""
    if not isinstance(seconds, int | float):
        seconds = median(seconds)
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if abs(seconds) * factor >= 1:
            return f"{number(seconds * factor)} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def number(value: float) -> str:
    """Three digits, as far as they say anything."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
