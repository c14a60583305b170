"""Record: what the log and the metrics show of one exchange; it holds no text of a client."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from freerouter.pipeline.tracking import Trace

# Probes come every few seconds, and so does what looks at the window.
_QUIET = frozenset({"health", "ready", "metrics", "page", "asset", "events", "status"})


@dataclass(slots=True)
class Record:
    """Grows while the exchange goes on.

    Attributes:
        place: what was asked for, in the words of ``paths.Place``; "unknown" where nothing is.
        status: of the answer; 0 while there is none.
        dialect: of a routed request; else "".
        token: the name of the client's token; "" where none is asked for.
        trace: of a routed request.
        first: seconds until its answer began.
        content: the beginning of its last message, where the settings let it be shown; it is not logged.
        started: when the request came, in monotonic seconds.
    """

    place: str = "unknown"
    status: int = 0
    dialect: str = ""
    token: str = ""
    trace: Trace | None = None
    first: float | None = None
    content: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def is_quiet(self) -> bool:
        """Whether it is not worth a line of the log."""
        return self.place in _QUIET and self.status < 400

    @property
    def seconds(self) -> float:
        """Since the request came."""
        return time.monotonic() - self.started

    def as_dict(self) -> dict[str, Any]:
        """For the log: what is not known is left out."""
        told: dict[str, Any] = {"place": self.place, "status": self.status or "client left"}
        if self.dialect:
            told["dialect"] = self.dialect
        if self.trace is not None:
            told |= _of(self.trace)
        if self.first is not None:
            told["first_ms"] = round(self.first * 1000, 1)
        told["total_ms"] = round(self.seconds * 1000, 1)
        if self.token:
            told["token"] = self.token
        return told


def _of(trace: Trace) -> dict[str, Any]:
    needs = [] if trace.requirements is None else sorted(trace.requirements.need.hard)
    return {
        "needs": needs,
        "eligible": trace.eligible,
        "attempts": len(trace.attempts),
        "model": trace.model,
        "ending": trace.ending,
    }
