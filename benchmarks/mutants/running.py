"""Running tests against changes: each in a fork that has all tests collected already, so that it costs little."""

from __future__ import annotations

import gc
import pickle
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FunctionType, ModuleType

from benchmarks.mutants.changes import Change, changed_code
from benchmarks.mutants.collecting import Ran, Tests, Trace, collect, run
from benchmarks.mutants.forks import Forks, end_endless_loops, in_a_child

Report = Callable[[Change, bool], None]
_LIVES, _NOTICED = 0, 1


def survive(changes: list[Change], options: list[str], jobs: int, report: Report) -> None:
    """Try all changes of a module; tells of each if no test has noticed it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _try_at_import([change for change in changes if change.needs_import], options, jobs, report)
        _try_in_place([change for change in changes if not change.needs_import], options, jobs, folder, report)


# Some changes take effect only when all is imported anew.


def _try_at_import(changes: list[Change], options: list[str], jobs: int, report: Report) -> None:
    forks = Forks(jobs)
    for change in changes:
        forks.start(
            lambda change=change: _import_and_run(change, options),
            lambda code, change=change: report(change, code == _LIVES),
        )
    forks.finish()


def _import_and_run(change: Change, options: list[str]) -> int:
    sys.meta_path.insert(0, _Changed(change))
    end_endless_loops()
    noticed: list[bool] = []
    code = collect(options, lambda items: noticed.append(any(not passed for _, passed in run(items))))
    return _LIVES if code == 0 and noticed == [False] else _NOTICED


class _Changed(SourceFileLoader):
    """Finds and loads one module with a change in it."""

    def __init__(self, change: Change) -> None:
        super().__init__(change.module, str(Path(change.file).resolve()))
        self._change = change

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        return spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        assert fullname == self.name
        return changed_code(self._change)


# Functions and constants are changed in place.


def _try_in_place(changes: list[Change], options: list[str], jobs: int, folder: Path, report: Report) -> None:
    if not changes:
        return
    results = folder / "results"

    def work() -> int:
        found: list[tuple[int, bool]] = []
        survey = _Survey(changes, jobs, folder, lambda change, lives: found.append((change.number, lives)))
        collect(options, survey)
        assert len(found) == len(changes), "pytest ended early"
        results.write_bytes(pickle.dumps((found, survey.failing)))
        return 0

    in_a_child(work)
    by_number = {change.number: change for change in changes}
    found, failing = pickle.loads(results.read_bytes())
    for name in failing:
        print(f"fails without a change, so it notices none: {name}")
    for number, lives in found:
        report(by_number[number], lives)


class _Survey:
    """Tries changes on tests that are collected once."""

    def __init__(self, changes: list[Change], jobs: int, folder: Path, report: Report) -> None:
        self._changes = changes
        self._jobs = jobs
        self._folder = folder
        self._report = report
        self._kills: Counter[int] = Counter()
        self.failing: list[str] = []

    def __call__(self, items: Tests) -> None:
        found = self._trace(items)
        self.failing = [item.nodeid for index, item in enumerate(items) if index not in found]
        functions = _functions(self._changes[0].file)
        forks = Forks(self._jobs)
        for change in self._changes:
            order = self._order(change, found)
            swapped = functions[change.function] if any(_runs(change, ran) for ran in found.values()) else []
            forks.start(
                lambda change=change, order=order, swapped=swapped: self._try(change, swapped, items, order),
                lambda code, change=change: self._end(change, code),
            )
        forks.finish()

    def _trace(self, items: Tests) -> dict[int, Ran]:
        file = self._folder / "trace"

        def trace() -> int:
            file.write_bytes(pickle.dumps(Trace(self._changes[0].file).run(items)))
            return 0

        in_a_child(trace)
        return pickle.loads(file.read_bytes())

    def _order(self, change: Change, found: dict[int, Ran]) -> list[int]:
        """Those that have noticed others first; then the fast ones that run these lines, or any for a constant."""
        running = [index for index, ran in found.items() if _runs(change, ran)] or found
        return sorted(running, key=lambda index: (-self._kills[index], found[index].seconds))

    def _try(self, change: Change, swapped: list[FunctionType], items: Tests, order: list[int]) -> int:
        end_endless_loops()
        code = changed_code(change)
        for function in swapped:
            function.__code__ = _code_of(code, str(change.function))
        if not swapped and not _rebind(change, code):
            return _NOTICED
        for index, (_, passed) in zip(order, run(items[index] for index in order), strict=True):
            if not passed:
                self._noticed_by(change).write_text(str(index))
                return _NOTICED
        return _LIVES

    def _end(self, change: Change, code: int) -> None:
        file = self._noticed_by(change)
        if file.exists():
            self._kills[int(file.read_text())] += 1
        self._report(change, code == _LIVES)

    def _noticed_by(self, change: Change) -> Path:
        return self._folder / str(change.number)


def _runs(change: Change, ran: Ran) -> bool:
    """False for constants, and for functions that run when the module is imported."""
    return change.function is not None and not ran.lines.isdisjoint(range(change.lines[0], change.lines[1] + 1))


def _functions(file: str) -> dict[str, list[FunctionType]]:
    """The functions of a module that are in use, by their qualified names."""
    found: dict[str, list[FunctionType]] = defaultdict(list)
    path = str(Path(file).resolve())
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename == path:
            found[thing.__code__.co_qualname].append(thing)
    return found


def _code_of(code: CodeType, function: str) -> CodeType:
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and inner.co_qualname == function:
            return inner
        if isinstance(inner, CodeType) and function.startswith(f"{inner.co_qualname}."):
            return _code_of(inner, function)
    raise LookupError(function)


def _rebind(change: Change, code: CodeType) -> bool:
    """Give a module's constants the values that they have with the change, wherever they were imported to.

    False when it cannot be imported with the change.
    """
    former = vars(sys.modules[change.module])
    changed = {"__name__": change.module, "__file__": change.file}
    try:
        exec(code, changed)
    except Exception:  # noqa: BLE001  # whatever it is, it is noticed
        return False
    users = [vars(module) for key, module in sys.modules.items() if key.partition(".")[0] in ("freerouter", "tests")]
    for name, value in changed.items():
        if name.startswith("__") or isinstance(value, type | FunctionType | ModuleType):
            continue
        was = former[name]
        for user in users:
            if name in user and user[name] is was:
                user[name] = value
    return True
