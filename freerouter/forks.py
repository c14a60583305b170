"""What a fork must not take along: locks, threads, random numbers and some connections belong to one process."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from types import MethodType
from typing import Protocol
from weakref import WeakKeyDictionary

# Keyed by the object that has the method; the reference to it is weak.
_methods: WeakKeyDictionary[object, set[str]] = WeakKeyDictionary()
_resting: WeakKeyDictionary[Rests, None] = WeakKeyDictionary()


class Rests(Protocol):
    """Is at rest while its process forks."""

    def before_fork(self) -> None:
        """Stop, in the process that forks."""
        ...

    def after_fork(self, *, child: bool) -> None:
        """Go on, in the parent and in the child."""
        ...


def in_child(method: Callable[[], None]) -> None:
    """Call a bound method in every forked child, as long as its object exists."""
    if not isinstance(method, MethodType):
        raise TypeError("only a bound method can be called in a child")
    _methods.setdefault(method.__self__, set()).add(method.__name__)


def rest(owner: Rests) -> None:
    """Let it rest during every fork, as long as it exists."""
    _resting[owner] = None


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


def _owners() -> list[Rests]:
    # Other threads make new ones at any time: these references are taken in one step.
    return [owner for reference in _resting.keyrefs() if (owner := reference()) is not None]


def _before() -> None:
    for owner in _owners():
        owner.before_fork()


def _in_parent() -> None:
    for owner in _owners():
        owner.after_fork(child=False)


def _in_child() -> None:
    for owner in _owners():
        owner.after_fork(child=True)
    _start_over()


# A hook cannot be removed, so there is one for all. Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
