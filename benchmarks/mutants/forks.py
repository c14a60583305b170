"""Forks: functions that run in children of this process, some at a time."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable

# After so long a child is ended: a change has made an endless loop.
_CPU_SECONDS, _SECONDS = 40, 600
_BROKEN = 3


class Forks:
    """Starts functions in children, so many at a time, and passes on what they return: an exit code."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._running: dict[int, Callable[[int], None]] = {}

    def start(self, work: Callable[[], int], then: Callable[[int], None]) -> None:
        while len(self._running) >= self._jobs:
            self._reap()
        child = os.fork()
        if child == 0:
            _leave_with(work)
        self._running[child] = then

    def finish(self) -> None:
        while self._running:
            self._reap()

    def _reap(self) -> None:
        child, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        if code == _BROKEN:
            raise RuntimeError("a child could not run its tests: MUTANTS_DEBUG=1 shows why")
        self._running.pop(child)(code)


def in_a_child(work: Callable[[], int]) -> None:
    """Run a function in a child, and wait for it."""
    forks = Forks(1)
    forks.start(work, lambda _: None)
    forks.finish()


def end_endless_loops() -> None:
    """End this process by a signal when it takes too long."""
    signal.setitimer(signal.ITIMER_PROF, _CPU_SECONDS)
    signal.alarm(_SECONDS)


def _leave_with(work: Callable[[], int]) -> None:
    if "MUTANTS_DEBUG" not in os.environ:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    code = _BROKEN
    try:
        code = work()
    except BaseException:  # noqa: BLE001  # a child that goes on would do the parent's work once more
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
