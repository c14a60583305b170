"""Which fault strikes which request: rules by model, probability, count and time."""

import json
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any, Self

from freerouter.emulator.faults.registry import FAULTS
from freerouter.emulator.lenient import number


def _are_globs(value: Any) -> bool:
    several = isinstance(value, Collection) and all(isinstance(glob, str) for glob in value)
    return several and bool(value)


def _is_window(value: Any) -> bool:
    pair = isinstance(value, list | tuple) and len(value) == 2 and None not in map(number, value)
    return pair and value[0] < value[1]


def _is_probability(value: Any) -> bool:
    share = number(value)
    return share is not None and 0 <= share <= 1


Check = Callable[[Any], bool]

_FIELDS: Mapping[str, tuple[Check, str]] = {
    "kind": (lambda value: isinstance(value, str), "the name of a kind of fault is wanted (docs/faults.md has all)"),
    "models": (_are_globs, "globs are wanted"),
    "probability": (_is_probability, "a number from 0 to 1 is wanted"),
    "count": (lambda value: value is None or (isinstance(value, int) and value >= 0), "a whole number is wanted"),
    "window": (lambda value: value is None or _is_window(value), "two rising numbers of seconds are wanted"),
}


class FaultError(ValueError):
    """A rule that cannot be followed; the message names the rule and the field.

    Attributes:
        unknown: the kind, when there is none of this name; else empty.
    """

    def __init__(self, message: str, unknown: str = "") -> None:
        super().__init__(message)
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule: a kind of fault (a name of FAULTS) strikes these models.

    `models` is a glob, or several; `probability` is from 0 to 1; `count` says how often it strikes
    at most, `window` between which seconds since the start (half-open). Raises FaultError.
    """

    kind: str
    models: str | Collection[str] = "*"
    probability: float = 1.0
    count: int | None = None
    window: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name, (sound, wanted) in _FIELDS.items():
            value = getattr(self, name)
            if not sound(value):
                raise FaultError(f"{name}: {wanted}, not {value!r}")
        if self.kind not in FAULTS:
            raise FaultError(f"kind: unknown kind {self.kind!r} (docs/faults.md has all)", self.kind)

    def matches(self, names: Iterable[str], elapsed: float) -> bool:
        """Tell whether one of these model ids is meant, so many seconds after the start."""
        globs = (self.models,) if isinstance(self.models, str) else self.models
        start, end = self.window or (0, float("inf"))
        return start <= elapsed < end and any(fnmatchcase(name, glob) for name in names for glob in globs)


class Faults:
    """Rules in order: the first that matches, and whose draw says so, strikes."""

    def __init__(self, rules: Iterable[Fault] = (), seed: int = 1) -> None:
        self.rules = tuple(rules)
        self._struck = [0] * len(self.rules)
        self._rng = Random(seed)
        self._start: float | None = None

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Read `{"seed": 1, "faults": [{"kind": ..., "models": ..., ...}, ...]}`; raises FaultError."""
        unknown = sorted(given.keys() - {"seed", "faults"})
        if unknown:
            raise FaultError(f"{unknown[0]}: no such field: seed and faults are known")
        rows, seed = given.get("faults", []), given.get("seed", 1)
        if not isinstance(rows, list):
            raise FaultError(f"faults: a list of rules is wanted, not {rows!r}")
        if not isinstance(seed, int):
            raise FaultError(f"seed: a whole number is wanted, not {seed!r}")
        return cls([_rule(place, row) for place, row in enumerate(rows, 1)], seed)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read rules from a TOML or JSON file; raises FaultError, and OSError."""
        text = path.read_text(encoding="utf-8")
        try:
            given = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except ValueError as error:
            raise FaultError(f"{path}: {error}") from error
        if not isinstance(given, dict):
            raise FaultError(f"{path}: an object is wanted")
        return cls.parse(given)

    def start(self, now: float) -> None:
        """Begin to count the seconds that windows speak of."""
        self._start = now

    def strike(self, *names: str, stream: bool, reused: bool, now: float) -> str | None:
        """Return the kind of fault that strikes a request to a model of these names, None for none."""
        elapsed = now - (now if self._start is None else self._start)
        for index, rule in enumerate(self.rules):
            exhausted = rule.count is not None and self._struck[index] >= rule.count
            fits = not exhausted and FAULTS[rule.kind].strikes(stream=stream, reused=reused)
            if fits and rule.matches(names, elapsed) and self._rng.random() < rule.probability:
                self._struck[index] += 1
                return rule.kind
        return None


def _rule(place: int, row: Any) -> Fault:
    if not isinstance(row, Mapping):
        raise FaultError(f"rule {place}: a table of fields is wanted, not {row!r}")
    unknown = sorted(row.keys() - {field.name for field in fields(Fault)})
    if unknown:
        raise FaultError(f"rule {place}: {unknown[0]}: no such field")
    try:
        return Fault(**{"kind": None, **row})
    except FaultError as error:
        raise FaultError(f"rule {place}: {error}", error.unknown) from None
