"""Schedule: which request to send next, when to wait, and when to stop; no I/O, no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from freerouter.durations import DAY, MINUTE
from freerouter.errors import (
    AllowanceExhaustedError,
    AttemptsFailedError,
    CatalogError,
    CostRefusedError,
    FreeRouterError,
    UpstreamError,
    UpstreamUnavailableError,
)
from freerouter.pipeline.tracking import Trace
from freerouter.replies.verdicts import Gate, Scope

# A little more than OpenRouter says, because clocks differ; and how long to wait without a stated time.
_MARGIN = 1.0
_UNKNOWN = 30.0
# One 403 may be caused by the content of the request; this many in a row are caused by the account.
_FORBIDDEN = 3
# Every run waits for the end of a short outage, up to this long without an answer.
OUTAGE = 15 * MINUTE
# A request that failed because of its models has this many tries in a run, and waits this long at most.
_TRIES = 2
_LONGEST_PAUSE = 5 * MINUTE
# The allowance of an account that never bought credits.
DAILY = 50


class Fate(StrEnum):
    """What happens to a request that has ended."""

    ANSWERED = "answered"
    FAILED = "failed"  # its error is its line of the output
    LATER = "later"  # it stays unsent, and all requests wait for a while
    AGAIN = "again"  # it waits for a while, and the others go on
    HALT = "halt"  # it stays unsent, and the run ends: waiting does not help


class Ending(StrEnum):
    """Why a run has ended."""

    DONE = "done"
    ALLOWANCE = "allowance"  # the account's free requests are used up for today
    UNREACHABLE = "unreachable"  # OpenRouter cannot be reached
    HALTED = "halted"  # no request would be answered: a wrong key, no credit, an account that causes costs
    LIMIT = "limit"  # as many requests as were allowed have been sent
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Take:
    """Send the next request."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Ask again when a request has ended, or after this many seconds if they are given."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """Send nothing more in this run."""


def fate(error: FreeRouterError | None, trace: Trace, tries: int = 1) -> Fate:
    """What happens to a request, by its error and the scopes of its failed attempts.

    Args:
        error: with which it ended; None when it was answered.
        trace: the record of the request.
        tries: how often it has been tried in this run.
    """
    if error is None:
        return Fate.ANSWERED
    if isinstance(error, AllowanceExhaustedError | UpstreamUnavailableError | CatalogError):
        return Fate.LATER
    if _concerns_everything(error, trace):
        return Fate.FAILED if _is_forbidden(trace) else Fate.HALT
    return Fate.AGAIN if tries < _TRIES and _may_pass(error, trace) else Fate.FAILED


def _concerns_everything(error: FreeRouterError, trace: Trace) -> bool:
    if isinstance(error, CostRefusedError):
        return error.field is None  # no part of the request causes costs: the account does
    scope = trace.attempts[-1].outcome.scope if trace.attempts else Scope.REQUEST
    return isinstance(error, UpstreamError) and scope in (Scope.ACCOUNT, Scope.UPSTREAM)


def _is_forbidden(trace: Trace) -> bool:
    return bool(trace.attempts) and trace.attempts[-1].outcome.reason == "forbidden"


def _may_pass(error: FreeRouterError, trace: Trace) -> bool:
    """Whether a model failed for a reason of its own, such as a rate limit: it may answer later."""
    outcomes = [attempt.outcome for attempt in trace.attempts]
    own = any(outcome.scope is Scope.MODEL and outcome.lasting is None for outcome in outcomes)
    return isinstance(error, AttemptsFailedError) and own


def why_down(error: FreeRouterError) -> str:
    """The common reason of the failures during an outage of OpenRouter; else empty."""
    if not isinstance(error, UpstreamUnavailableError):
        return ""
    page = error.metadata.get("upstream_status")
    return str(error.metadata.get("outage") or ("" if page is None else f"page {page}"))


class Schedule:
    """Schedules one run: a single request until the first answer, then several at once.

    Args:
        concurrency: requests at once.
        patient: wait for the next day's allowance, for the network, and for any outage, instead of ending the run.
        limit: requests to send in this run at most; None for all.

    Attributes:
        ending: why the run ends; None while it goes on.
        error: the error that made it end or pause last.
        until: seconds since 1970 until which nothing is sent.
        running: number of running requests.
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
        self._down_since: float | None = None

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

    def exhausted(self, again_in: float | None = None) -> Hold | Leave:
        """There was nothing to take; in so many seconds there will be, if a request waits for its second try."""
        self.running -= 1
        self._left += 1
        if self.running or again_in is not None:
            return Hold(again_in)
        return self._end(Ending.DONE)

    def interrupt(self) -> None:
        """The user wants the run to end."""
        self._end(Ending.INTERRUPTED)

    def halt(self, error: FreeRouterError) -> None:
        """Nothing more can be done, for instance because the disk is full."""
        if self.ending is not Ending.HALTED:
            self.ending, self.error = Ending.HALTED, error

    def judge(self, error: FreeRouterError | None, trace: Trace, now: float, tries: int = 1) -> Fate:
        """What happens to a request that has ended, and what it means for the others."""
        verdict = fate(error, trace, tries)
        if error is None:
            self._proven, self._forbidden, self._down_since = True, 0, None
        elif verdict is Fate.LATER:
            self._left += 1
            self._pause(error, now)
        elif verdict is Fate.AGAIN:
            self._left += 1
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
        ending = self._gives_up(error, now)
        if ending is not None and not self._patient:
            self._end(ending)

    def _gives_up(self, error: FreeRouterError, now: float) -> Ending | None:
        """How a run ends that is not patient; None when it waits, too."""
        if isinstance(error, AllowanceExhaustedError):
            return Ending.ALLOWANCE if error.metadata.get("gate") == Gate.DAY else None
        if not why_down(error):
            return Ending.UNREACHABLE
        self._down_since = now if self._down_since is None else self._down_since
        return Ending.UNREACHABLE if now - self._down_since >= OUTAGE else None

    def _end(self, ending: Ending) -> Leave:
        self.ending = self.ending or ending
        return Leave()


def pause_before_again(error: FreeRouterError) -> float:
    """Seconds until a request has its second try."""
    return min(_UNKNOWN if error.retry_after is None else error.retry_after, _LONGEST_PAUSE) + _MARGIN


@dataclass(frozen=True, slots=True)
class Quota:
    """What an account may send.

    Attributes:
        left: requests of today; None when not known.
        daily: requests a day.
        minute: requests a minute.
    """

    left: int | None = None
    daily: int = DAILY
    minute: int = 20


def days_needed(requests: int, quota: Quota) -> int:
    """How many days a number of requests takes, today included."""
    today = quota.daily if quota.left is None else quota.left
    return 1 + math.ceil(max(requests - today, 0) / quota.daily) if requests else 0


def seconds_needed(requests: int, quota: Quota, now: float) -> float:
    """How long a number of requests takes from now (seconds since 1970): the minute's pace, and the nights between."""
    days = days_needed(requests, quota)
    if days <= 1:
        return requests / quota.minute * MINUTE
    today = quota.daily if quota.left is None else quota.left
    last = requests - today - (days - 2) * quota.daily
    return DAY - now % DAY + (days - 2) * DAY + last / quota.minute * MINUTE
