"""Timings: how fast and how reliably each model has answered here, and what OpenRouter states about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from freerouter.durations import DAY, HOUR
from freerouter.openrouter.json_values import as_number

# The weight of a new time in the average; half of what is known about a model's failures is forgotten in this time.
_NEWEST = 0.2
_HALF_LIFE = 6 * HOUR
# A stated uptime counts as much as so many attempts. Statements and stored times are used for a limited time.
_STATED_ATTEMPTS = 10.0
_STATED_FOR = HOUR
STORED_FOR = 7 * DAY
# Fewer attempts than this, after forgetting, are none.
_FEWEST = 0.05
# A new summary is made this often at most: weights are computed from it, never for each request.
_SUMMARY_EVERY = 5.0


class Measured(NamedTuple):
    """A summary, by the id of a model; each has only the models for which something is known. It never changes.

    Attributes:
        first: seconds until the first token.
        pace: seconds for each token.
        answered: probability that an attempt is answered: the mean of a Beta distribution.
    """

    first: Mapping[str, float] = {}
    pace: Mapping[str, float] = {}
    answered: Mapping[str, float] = {}


class Stated(NamedTuple):
    """What OpenRouter states about a model's providers in the last 30 minutes; None where it states nothing.

    Attributes:
        first: seconds until the first token.
        pace: seconds for each token.
        uptime: share of the time, from 0 to 1.
    """

    first: float | None = None
    pace: float | None = None
    uptime: float | None = None


@dataclass(slots=True)
class _Record:
    """What is known about one model: averages in seconds, numbers of attempts, times in seconds since 1970."""

    first: float | None = None
    pace: float | None = None
    answered: float = 0.0
    failed: float = 0.0
    at: float = 0.0

    def forget(self, now: float) -> None:
        """Attempts count less as time passes."""
        kept = self._kept(now)
        self.answered, self.failed, self.at = self.answered * kept, self.failed * kept, now

    def _kept(self, now: float) -> float:
        kept: float = 0.5 ** (max(now - self.at, 0.0) / _HALF_LIFE)
        return kept

    def weight(self, now: float) -> tuple[float, float]:
        """How much it is worth: the attempts that it is made of, as they count now; of equal ones, the later."""
        return (self.answered + self.failed) * self._kept(now), self.at

    def row(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = tuple(field.name for field in fields(_Record))


class Timings:
    """The times of all models. Not thread-safe: its owner holds a lock.

    Args:
        wall: seconds since 1970: what is stored survives a restart.

    Attributes:
        changes: how often something was learnt, to know when it must be stored.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self.changes = self._stored = 0
        self._wall = wall
        self._records: dict[str, _Record] = {}
        self._stated: dict[str, tuple[Stated, float]] = {}
        self._summary = Measured()
        self._summarised = (0, -_SUMMARY_EVERY)

    def answered(self, model: str, first: float | None = None) -> None:
        """A model has answered; ``first`` is the seconds to the first token of a stream."""
        record = self._known(model)
        record.answered += 1
        if first is not None:
            record.first = _averaged(record.first, first)

    def failed(self, model: str) -> None:
        """A model has failed for a reason of its own."""
        self._known(model).failed += 1

    def wrote(self, model: str, seconds: float, tokens: int) -> None:
        """A model has written so many tokens in this time."""
        if tokens > 0 and seconds > 0:
            record = self._known(model)
            record.pace = _averaged(record.pace, seconds / tokens)

    def state(self, model: str, stated: Stated) -> None:
        """OpenRouter has stated this about a model."""
        self._stated[model] = stated, self._wall()
        self.changes += 1

    def _known(self, model: str) -> _Record:
        record = self._records.setdefault(model, _Record())
        record.forget(self._wall())
        self.changes += 1
        return record

    def listed(self, models: Collection[str]) -> None:
        """The catalog lists these models: forget all others."""
        for known in (self._records, self._stated):
            for model in [model for model in known if model not in models]:
                del known[model]
                self.changes += 1

    def measured(self) -> Measured:
        """The summary: the same object until something is learnt, and for some seconds after that."""
        changes, at = self._summarised
        now = self._wall()
        if changes != self.changes and not 0 <= now - at < _SUMMARY_EVERY:
            self._summary = self._summarise(now)
            self._summarised = self.changes, now
        return self._summary

    def _summarise(self, now: float) -> Measured:
        stated = {model: said for model, (said, at) in self._stated.items() if 0 <= now - at < _STATED_FOR}
        first = {model: said.first for model, said in stated.items() if said.first is not None}
        pace = {model: said.pace for model, said in stated.items() if said.pace is not None}
        first |= {model: record.first for model, record in self._records.items() if record.first is not None}
        pace |= {model: record.pace for model, record in self._records.items() if record.pace is not None}
        shares = {model: self._share(model, stated.get(model), now) for model in {*self._records, *stated}}
        return Measured(first, pace, {model: share for model, share in shares.items() if share is not None})

    def _share(self, model: str, stated: Stated | None, now: float) -> float | None:
        """The mean of the Beta distribution; None when nothing is known."""
        record = self._records.get(model, _Record())
        record.forget(now)
        uptime = None if stated is None else stated.uptime
        if uptime is None and record.answered + record.failed < _FEWEST:
            return None
        good = 1 + record.answered + (0.0 if uptime is None else _STATED_ATTEMPTS * uptime)
        bad = 1 + record.failed + (0.0 if uptime is None else _STATED_ATTEMPTS * (1 - uptime))
        return good / (good + bad)

    # Sharing and storing.

    def models(self) -> list[str]:
        """The models of which something was measured."""
        return list(self._records)

    def row(self, model: str) -> dict[str, Any]:
        """What was measured of a model, as JSON values."""
        return self._records.get(model, _Record()).row()

    def hear(self, model: str, row: object, at: float) -> None:
        """Take over what another process has measured up to this time, with what it had heard itself, if it is of more.

        Averages cannot be added up, for both may hold the same attempts. So of two, each process keeps the same one.

        Args:
            model: its id.
            row: as ``row`` has it.
            at: seconds since 1970, on this machine's clock.
        """
        record, known = _restored(row), self._records.get(model)
        if record is None:
            return
        record.at = at
        now = max(at, self._wall())
        if known is not None and known.weight(now) >= record.weight(now):
            return
        self._records[model] = record
        self.changes += 1

    def unstored(self) -> dict[str, Any]:
        """As JSON values, to store them; empty when nothing is new. What OpenRouter states is not stored."""
        if self._stored == self.changes:
            return {}
        self._stored = self.changes
        return {model: record.row() for model, record in self._records.items()}

    def restore(self, stored: object) -> None:
        """Take over what was stored, where nothing is known yet; anything else is ignored."""
        for model, row in stored.items() if isinstance(stored, dict) else ():
            record = _restored(row)
            if record is not None and 0 <= self._wall() - record.at < STORED_FOR and model not in self._records:
                self._records[model] = record
                self.changes = self._stored = self.changes + 1


def _averaged(known: float | None, newest: float) -> float:
    return newest if known is None else known + _NEWEST * (newest - known)


def _restored(row: object) -> _Record | None:
    if not isinstance(row, dict):
        return None
    values = {name: as_number(row.get(name)) for name in _FIELDS}
    if any(value is not None and value < 0 for value in values.values()) or values["at"] is None:
        return None
    known = {name: value for name, value in values.items() if value is not None}
    return _Record(**known)
