"""The table of results: what was measured, against what, and whether it reaches what it must reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.measuring import Ratio, number


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must reach: in words, and as a test of the figure."""

    words: str
    holds: Callable[[float], bool]


def at_most(limit: float, unit: str = "×") -> Target:
    return Target(f"≤ {limit:g} {unit}", lambda value: value <= limit)


def at_least(limit: float, unit: str = "×") -> Target:
    return Target(f"≥ {limit:g} {unit}", lambda value: value >= limit)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: was measured.
        ours: freerouter's figure.
        other: what it is held against, with its figure.
        figure: usually a ratio; held against the target.
        target: None where there is none, and the row is there to be known.
    """

    what: str
    ours: str
    other: str
    figure: Ratio | float
    target: Target | None = None

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.target.holds(self.figure.median if isinstance(self.figure, Ratio) else self.figure)

    def cells(self) -> tuple[str, ...]:
        figure = str(self.figure) if isinstance(self.figure, Ratio) else number(self.figure)
        mark = {True: "met", False: "**missed**", None: ""}[self.met]
        return self.what, self.ours, self.other, figure, self.target.words if self.target else "", mark


_HEADER = ("what", "freerouter", "held against", "figure (middle half of the rounds)", "must reach", "")


def markdown(rows: Iterable[Row]) -> str:
    lines = [_HEADER, tuple("---" for _ in _HEADER), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@dataclass(frozen=True, slots=True)
class Section:
    """Some rows that belong together, with what is to be said of them, and points for a plot."""

    title: str
    rows: list[Row]
    words: str = ""
