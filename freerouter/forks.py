"""What a forked process makes anew: locks, threads and random numbers belong to the process that made them."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from weakref import WeakMethod

_methods: set[WeakMethod[Callable[[], None]]] = set()


def in_child(method: Callable[[], None]) -> None:
    """Call a method in every forked child, for as long as its object lives."""
    _methods.add(WeakMethod(method, _methods.discard))


def new_random(seed: int | None = None) -> Random:
    """Random numbers; without a seed, a forked child draws others than its parent."""
    rng = Random(seed)
    if seed is None:
        in_child(rng.seed)
    return rng


def _start_over() -> None:
    for reference in _methods.copy():
        method = reference()
        if method is not None:
            method()


# A hook cannot be taken back, so there is one for all. Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_over)
