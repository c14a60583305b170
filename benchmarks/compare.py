"""make bench-compare: bench-quick of two commits in turns, on one machine, and the ratios of their figures."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

_HEAD = Path(__file__).parents[1]
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
# What quick.line prints: a name, a time, and the floor as a ratio.
_FIGURE = re.compile(r"(?P<name>\S.*?)\s+(?P<time>\d+(\.\d+)?) (?P<unit>s|ms|us|ns)\s+\d+\.\d+ x ")
_ORIGIN = "import freerouter, benchmarks; print(freerouter.__file__, benchmarks.__file__, sep='\\n')"
# CPU time, though the bench-quick of an earlier commit reads the wall clock: other work on the machine must not count.
_QUICK = (
    "import runpy, time; time.perf_counter = time.process_time; runpy.run_module('benchmarks.quick', None, '__main__')"
)

Figures = Mapping[str, float]  # name to seconds, of one run


class Compared(NamedTuple):
    """One figure: median seconds of both sides, head/base of each round, and best of head / best of base."""

    name: str
    base: float
    head: float
    ratios: Sequence[float]
    best: float  # other work on the machine only ever adds time, so this is what noise disturbs least

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def spread(self) -> float:
        """How far the rounds are apart: the largest ratio as a multiple of the smallest."""
        return max(self.ratios) / min(self.ratios)


class Comparison(NamedTuple):
    """All figures that both sides have, and the names that only one side has."""

    figures: Sequence[Compared]
    only_base: Sequence[str]
    only_head: Sequence[str]

    def slower(self, margin: float) -> list[Compared]:
        return [figure for figure in self.figures if figure.ratio > margin]

    def noisy(self, margin: float) -> list[Compared]:
        return [figure for figure in self.figures if figure.spread > margin]


def parse(printed: str) -> dict[str, float]:
    """The figures that one run of bench-quick printed, each named after its section and its line."""
    figures, section = {}, ""
    for line in filter(None, map(str.strip, printed.splitlines())):
        match = _FIGURE.match(line)
        if match is None:
            section = line
        else:
            figures[f"{section}: {match['name']}"] = float(match["time"]) * _UNITS[match["unit"]]
    return figures


def compare(rounds: Sequence[tuple[Figures, Figures]]) -> Comparison:
    """Pairs the figures of base and head by name; a figure must be in every round of its side."""
    bases, heads = zip(*rounds, strict=True)
    base, head = in_all(bases), in_all(heads)
    figures = [_compared(name, rounds) for name in head if name in base]
    return Comparison(figures, [name for name in base if name not in head], [name for name in head if name not in base])


def in_all(runs: Sequence[Figures]) -> list[str]:
    """The names that every run has, in the order of the first."""
    return [name for name in runs[0] if all(name in run for run in runs)]


def _compared(name: str, rounds: Sequence[tuple[Figures, Figures]]) -> Compared:
    pairs = [(base[name], head[name]) for base, head in rounds]
    return Compared(
        name,
        median(base for base, _ in pairs),
        median(head for _, head in pairs),
        [head / base for base, head in pairs],
        min(head for _, head in pairs) / min(base for base, _ in pairs),
    )


def shown(seconds: float) -> str:
    unit = next((unit for unit, size in _UNITS.items() if seconds >= size), "ns")
    return f"{seconds / _UNITS[unit]:.4g} {unit}"


def table(comparison: Comparison, margin: float) -> list[str]:
    """The figures as lines of text, with a mark at those that are slower, or noisy, by more than the margin."""
    width = max((len(figure.name) for figure in comparison.figures), default=6)
    lines = [f"{'figure':<{width}}  {'base':>9}  {'head':>9}  head/base   best  range over the rounds"]
    for figure in comparison.figures:
        low, high = min(figure.ratios), max(figure.ratios)
        mark = "  SLOWER" * (figure.ratio > margin) + "  noisy" * (figure.spread > margin)
        lines.append(
            f"{figure.name:<{width}}  {shown(figure.base):>9}  {shown(figure.head):>9}  {figure.ratio:9.2f}"
            f"  {figure.best:5.2f}  {low:.2f} to {high:.2f}{mark}"
        )
    lines += [f"only in base: {name}" for name in comparison.only_base]
    return lines + [f"only in head: {name}" for name in comparison.only_head]


def verdict(comparison: Comparison, margin: float) -> list[str]:
    """What is slower by more than the margin, and how far the rounds can be trusted."""
    if not comparison.figures:
        return ["No figure is on both sides: nothing was compared."]
    slower, noisy = comparison.slower(margin), comparison.noisy(margin)
    lines = [f"Slower by more than {margin:g} x: {_named(slower) or 'nothing'}."]
    if noisy:
        lines.append(
            f"Noise: in {len(noisy)} of {len(comparison.figures)} figures (noisy, above) the rounds are further apart "
            f"than the margin, up to {max(figure.spread for figure in noisy):.2f} x: do not rely on these. "
            "Run again on an idle machine, or with more rounds."
        )
    return lines


def _named(figures: Sequence[Compared]) -> str:
    return ", ".join(f"{figure.name} ({figure.ratio:.2f} x)" for figure in figures)


def as_json(comparison: Comparison, margin: float) -> str:
    """The comparison for a program; times in seconds."""
    figures = [
        {**figure._asdict(), "ratio": figure.ratio, "slower": figure.ratio > margin, "noisy": figure.spread > margin}
        for figure in comparison.figures
    ]
    return json.dumps({**comparison._asdict(), "figures": figures, "margin": margin}, indent=2)


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A temporary worktree of a commit; removed in the end, on Ctrl-C as well."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "base")
        try:
            _git("worktree", "add", "--quiet", "--detach", str(tree), commit)
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree), check=False)


def _git(*arguments: str, check: bool = True) -> None:
    subprocess.run(["git", "-C", str(_HEAD), *arguments], check=check, capture_output=not check)


def run(tree: Path, *arguments: str) -> str:
    """What this Python prints in a tree, with that tree first on its path."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def check_origin(tree: Path) -> None:
    """A tree must measure its own code: an installed copy that came first would make both sides equal."""
    for file in run(tree, "-c", _ORIGIN).split():
        if not Path(file).resolve().is_relative_to(tree.resolve()):
            raise SystemExit(f"{tree} would measure {file}: not its own code")


def measured(base: Path, head: Path, rounds: int) -> Iterator[tuple[Figures, Figures]]:
    """Both sides in turns, so that a machine that gets slower or faster does so for both."""
    for tree in (base, head):
        check_origin(tree)
    for number in range(1, rounds + 1):
        sides = []
        for side, tree in (("base", base), ("head", head)):
            print(f"round {number} of {rounds}: {side}", file=sys.stderr, flush=True)
            sides.append(parse(run(tree, "-c", _QUICK)))
        yield sides[0], sides[1]


def main() -> int:
    arguments = _arguments()
    try:
        with checked_out(arguments.base) as base:
            comparison = compare(list(measured(base, _HEAD, arguments.rounds)))
    except subprocess.CalledProcessError as error:
        print(f"bench-compare: failed with status {error.returncode}: {' '.join(error.cmd)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    margin = arguments.margin
    if arguments.json:
        print(as_json(comparison, margin))
    else:
        print("", *table(comparison, margin), "", *verdict(comparison, margin), sep="\n")
    return 1 if comparison.slower(margin) or not comparison.figures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("base", help="the commit to compare with; head is the working tree as it is")
    parser.add_argument("--rounds", type=_positive, default=3, help="runs of each side (default: 3)")
    parser.add_argument("--margin", type=float, default=1.15, help="head/base that counts as slower (default: 1.15)")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
