"""Judging: the outcome of a reply, where the attempt itself or the caller's ``accept`` changes what the reply says."""

from __future__ import annotations

from freerouter.replies.acceptance import Accept
from freerouter.replies.outcome import Outcome, classify
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Scope, Verdict


def as_attempted(reading: Reading, *, repeated: bool, cut_short: bool) -> Reading:
    """A reply, with what is known of its attempt.

    Args:
        reading: the reply.
        repeated: the attempt was a repeat.
        cut_short: it had less time than the settings give a model.
    """
    if reading.flaw is Flaw.STALE and repeated:
        return Reading(flaw=Flaw.BROKEN)  # one stale connection is bad luck; two are the model's fault
    if reading.flaw is Flaw.TIMEOUT and cut_short:
        return reading._replace(flaw=Flaw.DEADLINE)
    return reading


def judged(reading: Reading, accept: Accept | None, now: float) -> Outcome:
    """The outcome of a reply; a whole answer is also checked by ``accept``. ``now`` is in seconds since 1970."""
    outcome = classify(reading, now)
    if outcome.verdict is Verdict.ANSWERED and accept is not None and reading.body is not None:
        refusal = accept(reading.body)
        if refusal is not None:
            return Outcome(Verdict.TRY_ANOTHER, Scope.REQUEST, "not_accepted", message=refusal, usage=outcome.usage)
    return outcome


def broken_off(reading: Reading, now: float) -> Outcome:
    """A failure after the first token: the request had been accepted, so an unexplained failure is the model's."""
    outcome = classify(reading, now)
    return outcome if outcome.sure else outcome._replace(scope=Scope.MODEL, sure=True, alike="")
