"""``make mutants``: the changes that no test notices and for which ``reasons.toml`` has no reason.

``--again`` tries only the changes that the last run of a module has found so.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from time import monotonic

import httpx  # noqa: F401  # imported before the forks, so that each has it
import hypothesis  # noqa: F401
import numpy  # noqa: F401
import pydantic_settings  # noqa: F401

from benchmarks.mutants.changes import Change, changes_of
from benchmarks.mutants.running import survive
from benchmarks.mutants.suites import SUITES

_REASONS = Path(__file__).with_name("reasons.toml")
_LAST_RUN = Path(".mutants")


def main(modules: list[str], *, again: bool) -> int:
    """Try the modules named, or all; 1 when a change lives without a reason."""
    reasons = tomllib.loads(_REASONS.read_text("utf-8"))
    living = [change for module in modules or SUITES for change in _try(module, reasons.get(module, {}), again=again)]
    return 1 if living else 0


def _try(module: str, reasons: dict[str, str], *, again: bool) -> list[Change]:
    started = monotonic()
    file = f"freerouter/{module}.py"
    found: dict[bool, list[Change]] = defaultdict(list)
    last_run = _LAST_RUN / module.replace("/", ".")
    changes = _found_last(last_run, changes_of(file)) if again else changes_of(file)
    jobs = int(os.environ.get("JOBS", os.cpu_count() or 1))
    survive(changes, SUITES[module], jobs, lambda change, lives: found[lives].append(change))
    unexplained = [change for change in found[True] if change.key not in reasons]
    _LAST_RUN.mkdir(exist_ok=True)
    last_run.write_text("".join(f"{change.key}\n" for change in unexplained), "utf-8")
    for change in unexplained:
        print(f"{file}:{change.lines[0]} {change.where}\n  - {change.was}\n  + {change.now}")
    if not again:
        for key in sorted(set(reasons) - {change.key for change in found[True]}):
            print(f"{file}: a reason that no survivor needs: {key}")
    explained = len(found[True]) - len(unexplained)
    print(
        f"{module}: {len(changes)} changes, {len(found[False])} noticed, {explained} with a reason,"
        f" {len(unexplained)} without, {monotonic() - started:.0f} s",
        flush=True,
    )
    return unexplained


def _found_last(last_run: Path, changes: list[Change]) -> list[Change]:
    keys = set(last_run.read_text("utf-8").splitlines())
    return [change for change in changes if change.key in keys]


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if name != "--again"], again="--again" in sys.argv))
