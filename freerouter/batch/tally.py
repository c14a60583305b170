"""Tally and Summary: the progress of a run, and its result."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from freerouter.batch.plan import Ending, Quota, seconds_needed
from freerouter.durations import MINUTE
from freerouter.errors import FreeRouterError

# No rate is computed before this many seconds.
_SEEN = 30.0


@dataclass(slots=True)
class Tally:
    """Counts of one run; grows while it goes on.

    Attributes:
        total: requests in the input.
        answered, failed: of those, earlier runs included.
        running: number of running requests.
        gated: of these, waiting for the minute's allowance, or for the end of an outage.
        sent: attempts of this run.
        finished: requests that this run has answered or failed.
        models: which model answered how many, in this run.
        until: seconds since 1970 until which nothing is sent; 0 when something is.
        outage: what the failures have in common when it is because OpenRouter is down; else empty.
    """

    total: int = 0
    answered: int = 0
    failed: int = 0
    running: int = 0
    gated: int = 0
    sent: int = 0
    finished: int = 0
    models: Counter[str] = field(default_factory=Counter)
    until: float = 0.0
    outage: str = ""

    @property
    def left(self) -> int:
        """Requests without an answer."""
        return self.total - self.answered - self.failed

    def begin(self, total: int, answered: int, failed: int) -> None:
        """The requests that earlier runs have finished."""
        self.total, self.answered, self.failed = total, answered, failed

    def hold(self, until: float, outage: str) -> None:
        """Nothing is sent before a time; the latest one counts, since several requests may wait."""
        if until > self.until:
            self.until, self.outage = until, outage

    def note(self, model: str | None) -> None:
        """A request has been answered by a model; or has failed, where there is none."""
        self.finished += 1
        if model is None:
            self.failed += 1
        else:
            self.answered += 1
            self.models[model] += 1

    def rate(self, seconds: float) -> float:
        """Requests a minute, after a run of so many seconds."""
        return self.finished / seconds * MINUTE if seconds > 0 else 0.0

    def time_left(self, seconds: float, quota: Quota, now: float) -> float:
        """Seconds until all is done, at the pace so far and within the allowance.

        Args:
            seconds: for which the run has gone on.
            quota: the account's.
            now: seconds since 1970.
        """
        # Failed attempts count as well: what one request took so far, the next ones will take.
        attempts = round(self.left * max(1.0, self.sent / self.finished)) if self.finished else self.left
        minute = quota.minute
        if seconds > _SEEN and self.sent and now >= self.until:
            minute = min(minute, max(1, round(self.sent / seconds * MINUTE)))
        pause = max(0.0, self.until - now)
        new_day = pause > 0 and not self.outage
        paced = Quota(quota.daily if new_day else quota.left, quota.daily, minute)
        return pause + seconds_needed(attempts, paced, now + pause)


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """The result of a run.

    Attributes:
        ending: why it ended; ``done`` when every request has its line of the output.
        total: requests in the input.
        answered, failed: of those, earlier runs included.
        sent: attempts of this run.
        seconds: that it took.
        models: which model answered how many, in this run.
        until: seconds since 1970 before which the run should not continue; None without such a time.
        error: the error that ended it, or None.
    """

    ending: Ending
    total: int
    answered: int
    failed: int
    sent: int
    seconds: float
    models: dict[str, int]
    until: float | None = None
    error: FreeRouterError | None = None

    @property
    def left(self) -> int:
        """Requests without an answer."""
        return self.total - self.answered - self.failed

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "ending": self.ending.value,
            "total": self.total,
            "answered": self.answered,
            "failed": self.failed,
            "left": self.left,
            "sent": self.sent,
            "seconds": round(self.seconds, 3),
            "models": self.models,
            "until": None if self.until is None else datetime.fromtimestamp(self.until, UTC).isoformat("T", "seconds"),
            "error": None if self.error is None else self.error.message,
        }
