"""Collected tests: pytest collects them, and something else than pytest decides which run and when."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from time import monotonic
from types import FrameType
from typing import Any

import pytest

_PLUGINS = ["-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:xdist"]
_OPTIONS = [*_PLUGINS, "-o", "addopts=", "-m", "not live", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
_EACH = 250  # a function that is parametrised with more has so many of its tests drawn by lot

Tests = list[pytest.Item]


class _Loop:
    """A plugin that takes the collected tests in place of pytest's own loop."""

    def __init__(self, work: Callable[[Tests], None]) -> None:
        self._work = work

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._work(_drawn(session.items))
        return True


class _Failures:
    """A plugin that knows which tests have failed."""

    def __init__(self) -> None:
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)


def collect(options: list[str], work: Callable[[Tests], None]) -> int:
    """Collect tests and pass them to a function; returns the exit code of pytest."""
    return int(pytest.main([*_OPTIONS, *options], plugins=[_Loop(work)]))


def _drawn(items: Tests) -> Tests:
    by_function: dict[str, Tests] = defaultdict(list)
    for item in items:
        by_function[item.nodeid.partition("[")[0]].append(item)
    drawn = [Random(0).sample(some, _EACH) if len(some) > _EACH else some for some in by_function.values()]
    chosen = {id(item) for some in drawn for item in some}
    return [item for item in items if id(item) in chosen]


def run(items: Iterable[pytest.Item]) -> Iterator[tuple[pytest.Item, bool]]:
    """Run tests one after another; tells of each if it has passed."""
    items = list(items)
    failures = _Failures()
    if items:
        items[0].config.pluginmanager.register(failures)
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        yield item, item.nodeid not in failures.failed


class Trace:
    """Which tests run which lines of a module, by their place in the list, and how long each takes."""

    def __init__(self, file: str) -> None:
        self._file = str(Path(file).resolve())
        self._lines: set[int] = set()
        self.tests: dict[int, list[int]] = defaultdict(list)
        self.seconds: dict[int, float] = {}

    def run(self, items: Tests) -> None:
        threading.settrace(self._call)
        sys.settrace(self._call)
        started = monotonic()
        for index, (_, passed) in enumerate(run(items)):
            if passed:
                self.seconds[index] = monotonic() - started
                for line in self._lines:
                    self.tests[line].append(index)
            self._lines.clear()
            sys.settrace(self._call)  # a test may have set its own
            started = monotonic()

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._line if frame.f_code.co_filename == self._file else None

    def _line(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        self._lines.add(frame.f_lineno)
        return self._line
