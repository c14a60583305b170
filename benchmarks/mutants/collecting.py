"""Collected tests: pytest collects them, and something else than pytest decides which run and when."""

from __future__ import annotations

import inspect
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any, NamedTuple

import pytest

_PLUGINS = ["-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:xdist"]
_WARNINGS = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
# What looks at a clock fails on a busy machine, whatever the change.
_OPTIONS = [*_PLUGINS, *_WARNINGS, "-o", "addopts=", "-m", "not live", "-k", "not no_time"]
_DIRECT = "get_direct_param_fixture_func"  # pytest's fixture for an argument that is in the table itself
_COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")  # traced as a whole: they run often

Tests = list[pytest.Item]


class _Loop:
    """A plugin that takes the collected tests in place of pytest's own loop."""

    def __init__(self, work: Callable[[Tests], None]) -> None:
        self._work = work

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._work(session.items)
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


def run(items: Iterable[pytest.Item]) -> Iterator[tuple[pytest.Item, bool]]:
    """Run tests one after another; tells of each if it has passed."""
    warnings.simplefilter("error")
    return ((item, _passes(item)) for item in items)


def _passes(item: pytest.Item) -> bool:
    arguments = _arguments(item)
    if arguments is None:
        return _passes_with_fixtures(item)
    try:
        item.obj(**arguments)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001  # whatever it is, the test has noticed something
        return False
    return True


def _arguments(item: pytest.Item) -> dict[str, Any] | None:
    """What a test is called with where that is its row of a table alone: a call is far faster than what pytest does."""
    if type(item) is not pytest.Function or inspect.iscoroutinefunction(item.obj):
        return None
    params = item.callspec.params if hasattr(item, "callspec") else {}
    fixtures = item._fixtureinfo.name2fixturedefs
    names = item._fixtureinfo.argnames
    if all(name in params and _DIRECT in repr(fixtures[name][-1].func) for name in names):
        return {name: params[name] for name in names}
    return None


def _passes_with_fixtures(item: pytest.Item) -> bool:
    failures = _Failures()
    manager = item.config.pluginmanager
    manager.register(failures)
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    manager.unregister(failures)
    return not failures.failed


class Ran(NamedTuple):
    """What a test has run: lines of the module, and for how long."""

    lines: frozenset[int]
    seconds: float


class Trace:
    """Finds which tests run which lines of a module."""

    def __init__(self, file: str) -> None:
        self._file = str(Path(file).resolve())
        self._lines: set[int] = set()

    def run(self, items: Tests) -> dict[int, Ran]:
        """The tests that pass, by their place in the list."""
        found = {}
        threading.settrace(self._call)
        sys.settrace(self._call)
        started = monotonic()
        for index, (_, passed) in enumerate(run(items)):
            if passed:
                found[index] = Ran(frozenset(self._lines), monotonic() - started)
            self._lines.clear()
            sys.settrace(self._call)  # a test may have set its own
            started = monotonic()
        return found

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename != self._file:
            return None
        if frame.f_code.co_name in _COMPREHENSIONS:
            self._lines.update(line for _, _, line in frame.f_code.co_lines() if line is not None)
            return None
        return self._line

    def _line(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        self._lines.add(frame.f_lineno)
        return self._line
