"""Outcome and classify(): what a reply means for the next attempt; the only place that decides this."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from freerouter.durations import MINUTE
from freerouter.replies.evidence import Evidence, Voice, read_evidence
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.retry_hints import (
    gate_limit,
    gate_seconds,
    hint_seconds,
    reset_seconds,
    seconds_in_words,
    seconds_until_stated,
)
from freerouter.replies.table import ABOUT_THE_REQUEST, row_of, row_of_flaw
from freerouter.replies.verdicts import Gate, Lasting, Row, Scope, Verdict


class Outcome(NamedTuple):
    """The result of an attempt.

    Attributes:
        verdict, scope, reason: what to do, what it concerns, and why, as one word.
        status: the HTTP status, or the one that an error inside of a 200 carries; 0 when no reply came.
        message: OpenRouter's text, for the caller; not for logs.
        seconds: the cooldown, or the time until the account's gate opens, as the reply states it.
        lasting, lacks, gate: what to remember (see their classes).
        light: calls only for a short cooldown.
        sure: False if the failure may be the model's or the request's: a second model is asked.
        alike: equal for two failures of the same kind; empty for a failure that is not a sign of an outage.
        limit: number of requests of the exhausted allowance.
        body: the error as OpenRouter sent it.
        usage: tokens and cost, where the answer states them.
    """

    verdict: Verdict
    scope: Scope
    reason: str
    status: int = 200
    message: str = ""
    seconds: float | None = None
    lasting: Lasting | None = None
    lacks: str | None = None
    gate: Gate | None = None
    light: bool = False
    sure: bool = True
    alike: str = ""
    limit: int | None = None
    body: Mapping[str, Any] = {}  # nothing writes to it
    usage: Mapping[str, Any] | None = None

    @property
    def refuses(self) -> bool:
        """Whether the model has refused this request for a reason that says nothing about other requests."""
        return self.scope is Scope.REQUEST and self.status in ABOUT_THE_REQUEST and self.lasting is None

    @property
    def largest_number(self) -> int:
        """The largest number in its message: of an exceeded context, tokens of the request or of the limit."""
        numbers = _NUMBER.findall(self.message[:_LONGEST_WORDS])
        return max((int(number.replace(",", "")) for number in numbers), default=0)

    @property
    def may_be_outage(self) -> bool:
        """Whether it may be a sign of an outage: it names no provider (a page, a 5xx, a broken connection)."""
        if self.scope is Scope.UPSTREAM:
            return bool(self.alike)
        return bool(self.alike) and self.sure and self.verdict is not Verdict.STOP


# The prefixes of ``alike`` for pages, and for server errors that name no provider.
SERVER_ERROR = "5xx"
_BEGUN = Outcome(Verdict.ANSWERED, Scope.REQUEST, "answered")  # a stream that does not yet state its usage
# Marks of an id, a model name or a number: these words differ between failures of the same kind.
_VARIABLE = re.compile(r"[\d/]")
_LONGEST_WORDS = 2_000
# Not a part of an id, a date or a time: those say nothing of tokens.
_NUMBER = re.compile(r"(?<![\w.:-])(?:\d{1,3}(?:,\d{3})+|\d{1,8})(?![\w:-])")


def classify(reading: Reading, now: float) -> Outcome:
    """What a reply means for the next attempt.

    Args:
        reading: the reply, as far as it was read.
        now: seconds since 1970, to compare dates in the reply with.
    """
    page = reading.flaw is Flaw.HTML and reading.status >= 400
    if reading.flaw is not None and (reading.status < 300 or page):
        return _flawed(reading)
    if reading.error is None and reading.status < 300:
        if reading.usage is None and reading.status == 200:
            return _BEGUN
        return Outcome(Verdict.ANSWERED, Scope.REQUEST, "answered", reading.status, usage=reading.usage)
    evidence = read_evidence(reading)
    row = row_of(evidence)
    seconds, limit = _wait(row, evidence, now)
    if (
        row.lasting is None
        and seconds is not None
        and row.scope is Scope.REQUEST
        and row.verdict is Verdict.TRY_ANOTHER
    ):
        row = row._replace(scope=Scope.MODEL)  # it asks for a pause
    return Outcome(
        row.verdict,
        row.scope,
        row.reason,
        evidence.status,
        evidence.words,
        seconds,
        row.lasting,
        row.lacks,
        row.gate,
        row.light,
        row.sure,
        _alike(row, evidence),
        limit,
        reading.error or {},
        reading.usage,
    )


def _flawed(reading: Reading) -> Outcome:
    """The outcome without a reply, or with a malformed one."""
    flaw, status = reading.flaw, reading.status
    assert flaw is not None  # noqa: S101  # callers pass only such readings
    row = row_of_flaw(flaw, status)
    alike = ""
    if flaw is Flaw.HTML:
        alike = SERVER_ERROR if row.sure else f"page {status}"
    elif flaw is Flaw.BROKEN:
        alike = flaw.value
    return Outcome(
        row.verdict, row.scope, row.reason, status, light=row.light, sure=row.sure, alike=alike, usage=reading.usage
    )


def _wait(row: Row, evidence: Evidence, now: float) -> tuple[float | None, int | None]:
    """The stated seconds to wait, and the number of requests of an exhausted allowance."""
    if row.gate is not None:
        day = row.gate is Gate.DAY
        return gate_seconds(evidence.headers, now, day=day), gate_limit(evidence.headers)
    stated = [hint_seconds(evidence.headers, evidence.hints, now)]
    for text in (evidence.words, evidence.structured):
        stated += [seconds_in_words(text), seconds_until_stated(text, now)]
    limit = None
    if evidence.status == 429:
        stated.append(reset_seconds(evidence.headers, now))
        limit = gate_limit(evidence.headers)
    return max((seconds for seconds in stated if seconds is not None), default=None), limit


def _alike(row: Row, evidence: Evidence) -> str:
    """Status and text without ids and numbers. Empty for an error that names a provider: it is no sign of an outage."""
    if row.sure and (evidence.voice is Voice.PROVIDER or evidence.status < 500):
        return ""
    if evidence.status >= 500:
        return SERVER_ERROR
    words = evidence.words[:_LONGEST_WORDS].split()
    return " ".join([str(evidence.status), *(word for word in words if not _VARIABLE.search(word))])


def confirmed(outcome: Outcome) -> Outcome:
    """The outcome of an unexplained failure that a second model has confirmed: no model is at fault."""
    if outcome.scope is not Scope.UPSTREAM:
        outcome = outcome._replace(alike="")  # OpenRouter answers, so it is not down
    if outcome.status != 429:
        return outcome._replace(verdict=Verdict.STOP, sure=True)
    gate = None if outcome.seconds is None else Gate.DAY if outcome.seconds > MINUTE else Gate.MINUTE
    return outcome._replace(verdict=Verdict.STOP, scope=Scope.ACCOUNT, gate=gate, sure=True)
