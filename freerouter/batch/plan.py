"""Plan: which request to send next, when to wait, and when to stop; no I/O, no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from freerouter.durations import DAY, MINUTE
from freerouter.errors import (
    AllowanceExhaustedError,
    CatalogError,
    FreeRouterError,
    UpstreamError,
    UpstreamUnavailableError,
)
from freerouter.pipeline.tracking import Trace
from freerouter.replies.verdicts import Gate, Scope

# A moment more than OpenRouter says, for clocks that differ; and how long to wait where nobody says.
_MARGIN = 1.0
_UNKNOWN = 30.0
# One request that is forbidden may be so for what it says; so many on end are the account's trouble.
_FORBIDDEN = 3
# What an account may send that never bought credits.
DAILY = 50


class Fate(StrEnum):
    """What becomes of a request that came back."""

    ANSWERED = "answered"
    FAILED = "failed"  # its error is its line of the output
    LATER = "later"  # it stays unsent, and so does everything else for a while
    HALT = "halt"  # it stays unsent, and so does everything else: time does not mend it


class Ending(StrEnum):
    """Why a run has ended."""

    DONE = "done"
    ALLOWANCE = "allowance"  # the account's free requests are used up for today
    UNREACHABLE = "unreachable"  # OpenRouter cannot be reached
    HALTED = "halted"  # nothing would be answered: a wrong key, no credit
    LIMIT = "limit"  # as many requests as were allowed have been sent
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Take:
    """Send the next request."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Ask again when a request has come back, or after so many seconds if they are given."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """Send nothing more in this run."""


def fate(error: FreeRouterError | None, trace: Trace) -> Fate:
    """What becomes of a request, by the class of its error and by whom the last attempt's failure concerns."""
    if error is None:
        return Fate.ANSWERED
    if isinstance(error, AllowanceExhaustedError | UpstreamUnavailableError | CatalogError):
        return Fate.LATER
    return Fate.HALT if _concerns_everything(error, trace) and error.status != 403 else Fate.FAILED


def _concerns_everything(error: FreeRouterError, trace: Trace) -> bool:
    scope = trace.attempts[-1].outcome.scope if trace.attempts else Scope.REQUEST
    return isinstance(error, UpstreamError) and scope in (Scope.ACCOUNT, Scope.UPSTREAM)


class Plan:
    """Paces one run: one request until the first has been answered, then several at once.

    Args:
        concurrency: requests at once.
        patient: wait for the next day's allowance, and for the network, instead of ending the run.
        limit: requests to send in this run at most; None for all.

    Attributes:
        ending: why the run ends; None while it goes on.
        error: the error that made it end or pause last.
        until: seconds since 1970 until which nothing is sent.
        running: requests on their way.
    """

    def __init__(self, concurrency: int, *, patient: bool, limit: int | None = None) -> None:
        self.ending: Ending | None = None
        self.error: FreeRouterError | None = None
        self.until = 0.0
        self.running = 0
        self._concurrency = concurrency
        self._patient = patient
        self._left = math.inf if limit is None else limit
        self._proven = False
        self._forbidden = 0

    def next(self, now: float) -> Take | Hold | Leave:
        """What to do, at a time in seconds since 1970. After ``Take``, one more is running."""
        if self.ending is not None:
            return Leave()
        if now < self.until:
            return Hold(self.until - now)
        if self.running >= (self._concurrency if self._proven else 1):
            return Hold()
        if self._left <= 0:
            return Hold() if self.running else self._end(Ending.LIMIT)
        self._left -= 1
        self.running += 1
        return Take()

    def exhausted(self) -> Hold | Leave:
        """There was nothing to take."""
        self.running -= 1
        self._left += 1
        return Hold() if self.running else self._end(Ending.DONE)

    def interrupt(self) -> None:
        """Somebody wants the run to end."""
        self._end(Ending.INTERRUPTED)

    def halt(self, error: FreeRouterError) -> None:
        """Nothing more can be done, for instance because the disk is full."""
        if self.ending is not Ending.HALTED:
            self.ending, self.error = Ending.HALTED, error

    def judge(self, error: FreeRouterError | None, trace: Trace, now: float) -> Fate:
        """What becomes of a request that has come back, and what it teaches about the others."""
        verdict = fate(error, trace)
        if error is None:
            self._proven, self._forbidden = True, 0
        elif verdict is Fate.LATER:
            self._left += 1
            self._pause(error, now)
        elif verdict is Fate.HALT or self._is_last_straw(error, trace):
            self.halt(error)
            return Fate.HALT
        return verdict

    def _is_last_straw(self, error: FreeRouterError, trace: Trace) -> bool:
        self._forbidden = self._forbidden + 1 if _concerns_everything(error, trace) else 0
        return self._forbidden >= _FORBIDDEN

    def _pause(self, error: FreeRouterError, now: float) -> None:
        self.error, self._proven = error, False
        seconds = _UNKNOWN if error.retry_after is None else error.retry_after
        self.until = max(self.until, now + seconds + _MARGIN)
        if isinstance(error, AllowanceExhaustedError):
            if not self._patient and error.metadata.get("gate") == Gate.DAY:
                self._end(Ending.ALLOWANCE)
        elif not self._patient:
            self._end(Ending.UNREACHABLE)

    def _end(self, ending: Ending) -> Leave:
        self.ending = self.ending or ending
        return Leave()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an account may send.

    Attributes:
        left: requests of today; None when nobody knows.
        daily: requests a day.
        minute: requests a minute.
    """

    left: int | None = None
    daily: int = DAILY
    minute: int = 20


def days_needed(requests: int, allowance: Allowance) -> int:
    """How many days a number of requests takes, today included."""
    today = allowance.daily if allowance.left is None else allowance.left
    return 1 + math.ceil(max(requests - today, 0) / allowance.daily) if requests else 0


def seconds_needed(requests: int, allowance: Allowance, now: float) -> float:
    """How long a number of requests takes from now (seconds since 1970): the minute's pace, and the nights between."""
    days = days_needed(requests, allowance)
    if days <= 1:
        return requests / allowance.minute * MINUTE
    today = allowance.daily if allowance.left is None else allowance.left
    last = requests - today - (days - 2) * allowance.daily
    return DAY - now % DAY + (days - 2) * DAY + last / allowance.minute * MINUTE
