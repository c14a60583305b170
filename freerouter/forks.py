"""What a forked process must recreate: locks, threads and random numbers belong to the process that made them."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from types import MethodType
from weakref import WeakKeyDictionary

# Keyed by the object that has the method; the reference to it is weak.
_methods: WeakKeyDictionary[object, set[str]] = WeakKeyDictionary()


def in_child(method: Callable[[], None]) -> None:
    """Call a bound method in every forked child, as long as its object exists."""
    if not isinstance(method, MethodType):
        raise TypeError("only a bound method can be called in a child")
    _methods.setdefault(method.__self__, set()).add(method.__name__)


def new_random(seed: int | None = None) -> Random:
    """A random number generator; without a seed, a forked child draws other numbers than its parent."""
    rng = Random(seed)
    if seed is None:
        in_child(rng.seed)
    return rng


def _start_over() -> None:
    for owner, names in list(_methods.items()):
        for name in names:
            getattr(owner, name)()


# A hook cannot be removed, so there is one for all. Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_over)
