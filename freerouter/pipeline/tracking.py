"""Step 5, Response Tracking: the record of a request, for headers, logs and error bodies."""

from __future__ import annotations

import itertools
import logging
import os
from dataclasses import dataclass, field, replace
from typing import Any

from freerouter.openrouter.requirements import Requirements
from freerouter.replies.outcome import Outcome

_log = logging.getLogger("freerouter")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """One attempt with one model.

    Attributes:
        model: its id.
        outcome: its result.
        started: seconds since the request was received.
        seconds: how long it took until the reply could be judged.
        cooldown: seconds of the model's cooldown because of it; None without a cooldown.
    """

    model: str
    outcome: Outcome
    started: float
    seconds: float
    cooldown: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values: contains no key and no content of a message."""
        return {
            "model": self.model,
            "status": self.outcome.status,
            "verdict": self.outcome.verdict.value,
            "scope": self.outcome.scope.value,
            "reason": self.outcome.reason,
            "started_ms": round(self.started * 1000, 1),
            "duration_ms": round(self.seconds * 1000, 1),
            "cooldown_s": None if self.cooldown is None else round(self.cooldown, 1),
        }

    def bare(self) -> Attempt:
        """The same without the texts of the reply."""
        outcome = self.outcome
        if not (outcome.message or outcome.body or outcome.alike):
            return self
        return replace(self, outcome=outcome._replace(message="", body={}, alike=""))

    def __repr__(self) -> str:
        return f"<Attempt {self}>"

    def __str__(self) -> str:
        status = self.outcome.status or "no reply"
        return f"{self.model}: {status} {self.outcome.reason} after {self.seconds:.2f} s"


@dataclass(slots=True, repr=False)
class Trace:
    """The record of one request; it grows while the request is in progress.

    Attributes:
        id: unique in this process, and very likely across processes.
        requirements: what the request needs; None when it could not be analysed.
        free: number of free models that the user's settings allow.
        eligible: number of those that have what the request needs.
        prefer: what counts in the draws.
        conversation: whether the request stayed on the model of its conversation, or why it moved; empty where it
            belongs to none that is known.
        skipped: models that the request names but that are no longer offered.
        attempts: the models that were tried, in order.
        model: the model that answered.
        given_up: soft parameters that this model does not support.
        second_opinion: result of a second model after an unexplained failure: "the same", "answered"; else "".
        cost: USD that the answer says it cost, which is an alarm; None when it was free.
        ending: how the answer ended: "" while it runs, finished, interrupted, abandoned, failed.
    """

    requirements: Requirements | None = None
    free: int = 0
    eligible: int = 0
    prefer: str = "uniform"
    conversation: str = ""
    skipped: tuple[str, ...] = ()
    attempts: list[Attempt] = field(default_factory=list)
    model: str | None = None
    given_up: list[str] = field(default_factory=list)
    second_opinion: str = ""
    cost: float | None = None
    ending: str = ""
    number: int = field(default_factory=_numbers.__next__)

    @property
    def id(self) -> str:
        """An id made of the process and a number."""
        return f"{os.getpid():x}-{_ORIGIN}-{self.number}"

    def note(self, attempt: Attempt) -> None:
        """Add an attempt, and log it."""
        self.attempts.append(attempt)
        if _log.isEnabledFor(logging.INFO):
            _log.info("attempt %d of %s: %s", len(self.attempts), self.id, attempt, extra={"trace": self.id})

    def alarm(self, model: str, cost: float, barred: str) -> None:
        """Record that an answer has cost money, by its own usage; ``barred`` is not used again because of it."""
        self.cost = cost
        words = "ALARM: %s cost $%s in %s; %s is not used again"
        _log.error(words, model, cost, self.id, barred, extra={"trace": self.id})

    def strip(self) -> None:
        """Drop the prompt and the texts of replies, which may repeat it: a trace that is over can then be kept."""
        if self.requirements is not None:
            self.requirements = self.requirements.bare()
        self.attempts = [attempt.bare() for attempt in self.attempts]

    def headers(self) -> dict[str, str]:
        """The response headers that tell which model answered."""
        headers = {"x-freerouter-attempts": str(len(self.attempts)), "x-freerouter-trace": self.id}
        if self.model is not None:
            headers["x-freerouter-model"] = self.model
        return headers

    def as_dict(self) -> dict[str, Any]:
        """As JSON values: contains no key and no content of a message."""
        requirements = self.requirements
        return {
            "id": self.id,
            "requirements": None if requirements is None else requirements.as_dict(),
            "free": self.free,
            "eligible": self.eligible,
            "prefer": self.prefer,
            "conversation": self.conversation,
            "skipped": list(self.skipped),
            "attempts": [attempt.as_dict() for attempt in self.attempts],
            "model": self.model,
            "given_up": self.given_up,
            "second_opinion": self.second_opinion or None,
            "cost": self.cost,
            "ending": self.ending,
        }

    def __repr__(self) -> str:
        return (
            f"<Trace {self.id}: {self.model or 'no model'}, {len(self.attempts)} attempts, {self.ending or 'running'}>"
        )

    def __str__(self) -> str:
        skipped = [f"{name} is skipped: it is no longer offered" for name in self.skipped]
        by = "" if self.prefer == "uniform" else f", drawn by {self.prefer}"
        talk = [f"the conversation {self.conversation}"] if self.conversation else []
        lines = [f"{self.eligible} of {self.free} free models eligible{by}", *skipped, *talk, *map(str, self.attempts)]
        return "\n".join(lines)


_ORIGIN = os.urandom(3).hex()
