"""Routing: takes one request from model to model, in the only loop; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from freerouter.errors import FreeRouterError, StreamInterruptedError
from freerouter.memory.costs import ACCOUNT
from freerouter.openrouter import cost_guard
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.dialects import Begun
from freerouter.pipeline import grounds, refusals
from freerouter.pipeline.actions import Fail, Request, Reserve, Send, Wait
from freerouter.pipeline.admission import Admission
from freerouter.pipeline.continuity import Continuity
from freerouter.pipeline.explaining import explain_request
from freerouter.pipeline.judging import as_attempted, broken_off, judged
from freerouter.pipeline.learning import Learning, Sent
from freerouter.pipeline.pace import Pace
from freerouter.pipeline.planning import Plan
from freerouter.pipeline.state import State
from freerouter.pipeline.tracking import Attempt, Trace
from freerouter.replies.ending import StreamEnd
from freerouter.replies.outcome import Outcome
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Gate, Verdict
from freerouter.sharing.slots import Slot

# How often an attempt that did not reach OpenRouter is repeated, and the longest first pause before a repeat.
_REPEATS = 2
_PAUSE = 0.25


class Routing:
    """One request in progress. A driver calls ``next`` for the action, does it, and passes the result to ``record``.

    Attributes:
        request: as it was received.
        trace: the record so far.
        stream_timeout: seconds that a stream may take once it has begun.
    """

    def __init__(self, state: State, request: Request, plan: Plan, trace: Trace) -> None:
        self.request = request
        self.trace = trace
        self.stream_timeout = state.settings.stream_timeout
        self._state = state
        self._plan = plan
        self._pace = Pace(
            state.settings,
            state.clock(),
            stream=plan.asker.requirements.stream and plan.accept is None,
            allowed=request.timeout,
        )
        self._admission = Admission(state, request.caller.account, self._pace)
        self._continuity = Continuity(state, plan)
        self._sent: Sent | None = None
        self._sends = 0
        self._repeats = 0
        self._pause = 0.0
        self._learning: Learning | None = None
        self._failure: FreeRouterError | None = None

    # What to do next.

    def next(self) -> Send | Wait | Reserve | Fail:
        """The next action of the driver."""
        if self._failure is not None:
            return Fail(self._failure)
        if self._pause:
            pause, self._pause = self._pause, 0.0
            return Wait(pause)
        if not self._sends and self.trace.eligible and (reserve := self._admission.wanted_at_once()) is not None:
            return reserve
        with self._state.lock:
            decided = self._decide()
            if isinstance(decided, Fail):
                self._state.endpoint.outage.done(self)
        # Outside of the lock: serialising a large body takes long.
        return self._send(decided) if isinstance(decided, Sent) else decided

    def _decide(self) -> Sent | Wait | Reserve | Fail:
        now = self._state.clock()
        obstacle = self._obstacle(now)
        if obstacle is not None:
            return self._fail(obstacle) if isinstance(obstacle, FreeRouterError) else obstacle
        may_send = self._sends < self._state.settings.max_attempts
        if may_send and (reserve := self._admission.wanted()) is not None:
            return reserve
        model = self._next_model() if may_send else None
        if model is None:
            return self._fail(grounds.nobody_left(self._state, self._plan, self.trace))
        return self._take(model, now)

    def _obstacle(self, now: float) -> Wait | FreeRouterError | None:
        """What keeps a request from being sent now."""
        obstacle = grounds.hopeless(self._state, self._plan, self.trace) or self._admission.held(now)
        if obstacle is not None:
            return obstacle
        if not self._sends:
            return self._admission.rests(self, now)
        if self._pace.is_too_late(now):
            return refusals.attempts_failed(self.trace, "the deadline has passed")
        return None

    def _next_model(self) -> Model | None:
        """The same model again when nothing had reached it, else the next drawn model that is still free."""
        if self._repeats and self._sent is not None:
            return self._sent.model
        selection = self._plan.selection
        while (model := selection.pick(self._continuity.preferred())) is not None:
            if self._state.catalog is self._plan.laid_out.catalog or self._state.is_still_free(model):
                return model
            selection.tried.add(model.id)
        return None

    def _take(self, model: Model, now: float) -> Sent:
        """Start an attempt with this model."""
        self.trace.conversation = self._continuity.told(model.id, self.trace.attempts)
        self._plan.selection.tried.add(model.id)
        self._admission.count()
        self._sends += 1
        left, patience = self._pace.deadline - now, self._pace.patience
        is_cut = left < patience
        self._sent = sent = Sent(model, now, left if is_cut else patience, is_cut)
        return sent

    def reserved(self, slot: Slot | None) -> None:
        """Pass on what came of ``Reserve``; None when the store has not answered in time."""
        with self._state.lock:
            self._admission.reserved(slot)

    @property
    def is_measured(self) -> bool:
        """Whether what was measured of the models decides who is drawn."""
        return self._plan.selection.choice.measured is not None

    @property
    def holds_back(self) -> bool:
        """Whether an answer must be complete before it is judged, even a streamed one."""
        return self._plan.accept is not None

    def _send(self, sent: Sent) -> Send | Fail:
        model, requirements = sent.model, self._plan.asker.requirements
        try:
            prepared = self._continuity.prepared(model, self.request.dialect)
            body = cost_guard.seal(prepared, model, pdf=requirements.pdf is not None, parsed=self._plan.parsed)
        except FreeRouterError as error:
            with self._state.lock:
                self._admission.uncount()
                self._state.endpoint.outage.done(self)
            return self._fail(error.bare())
        idle = self._state.settings.idle_timeout if requirements.stream else 0.0
        return Send(model, body, requirements.stream, sent.first, idle, self._state.endpoint)

    # Its result.

    def judge(self, reading: Reading) -> Outcome:
        """The outcome of a reply; a whole answer is also checked by the caller's ``accept``."""
        cut_short = self._sent is not None and self._sent.cut_short
        reading = as_attempted(reading, repeated=self._repeats > 0, cut_short=cut_short)
        return judged(reading, self._plan.accept, self._state.wall())

    def record(self, outcome: Outcome) -> None:
        """Record the outcome of the attempt."""
        sent, state = self._last(), self._state
        with state.lock:
            outcome = self._lessons().second_opinion(sent, outcome, self.trace)
            cooldown = self._learn(sent, outcome)
            alarm = self._note_cost(sent.model, outcome.usage)
            probing = state.endpoint.outage.is_probe(self)
        self._raise_alarm(alarm)
        seconds = state.clock() - sent.at
        self.trace.note(Attempt(sent.model.id, outcome, sent.at - self._pace.started, seconds, cooldown))
        if outcome.verdict is Verdict.AGAIN:
            self._repeat()
            self._leave_if_failed()
            return
        self._repeats = 0
        if outcome.verdict is Verdict.ANSWERED:
            self.trace.model = sent.model.id
            self.trace.given_up = self._plan.selection.given_up(sent.model)
        elif outcome.verdict is Verdict.STOP:
            self._stop(sent.model, outcome)
        elif probing and state.endpoint.outage.reason:
            self._fail(grounds.down(state.endpoint))
        self._leave_if_failed()

    def _last(self) -> Sent:
        assert self._sent is not None, "nothing has been sent yet"  # noqa: S101  # a driver's mistake
        return self._sent

    def _lessons(self) -> Learning:
        """The recorder of the attempts, created at the first one."""
        if self._learning is None:
            self._learning = Learning(self._state, self._plan, self.request.caller.account)
        return self._learning

    def _learn(self, sent: Sent, outcome: Outcome) -> float | None:
        """Record what matters beyond this attempt; returns the seconds of the model's cooldown, if it has one."""
        if outcome.verdict is Verdict.ANSWERED:
            self._lessons().answered(sent, outcome.usage, stripped=self._continuity.stripped)
            return None
        if outcome.verdict is not Verdict.AGAIN:
            return self._lessons().failed(sent, outcome)
        if outcome.reason == Flaw.NOT_SENT:
            self._admission.uncount()
            self._sends -= 1
        return None

    def _note_cost(self, model: Model, usage: Mapping[str, Any] | None) -> tuple[str, float] | None:
        """What is blocked because the answer cost money, with the cost; None when it was blocked already."""
        alarm = self._lessons().note_cost(model, usage)
        if alarm is not None:
            barred, cost = alarm
            self.trace.alarm(model.id, cost, "the account" if barred == ACCOUNT else barred)
        return alarm

    def _raise_alarm(self, alarm: tuple[str, float] | None) -> None:
        """Report a cost alarm outside of the lock: it is written to a file."""
        if alarm is not None and self._state.on_alarm is not None:
            self._state.on_alarm(*alarm, self.request.caller.account)

    def _stop(self, model: Model, outcome: Outcome) -> None:
        """The request or the account is at fault. An exhausted minute only causes a wait: no model is used up."""
        if outcome.gate is Gate.MINUTE and self._pace.may_wait(outcome.seconds or 0.0, self._state.clock()):
            self._plan.selection.tried.discard(model.id)
            self._sends -= 1
            return
        self._fail(grounds.stopped(self._state, self._plan, outcome))

    def _repeat(self) -> None:
        """Nothing was sent: repeat the attempt after a backoff with full jitter."""
        self._repeats += 1
        if self._repeats > _REPEATS:
            self._fail(refusals.unreachable(self._state.endpoint.url))
        self._pause = self._state.rng.uniform(0, _PAUSE * 2 ** (self._repeats - 1))

    # The end.

    def finish(self, ending: StreamEnd, why: str = "broke off before its end") -> StreamInterruptedError | None:
        """The answer that was passed on has ended.

        Args:
            ending: how it ended.
            why: what the stream did, if it ended without an error of its own.

        Returns:
            the error to end it with, when it broke off without one; None when there is nothing to add.
        """
        sent, state = self._last(), self._state
        self.trace.ending = "finished" if ending.finished else "interrupted"
        with state.lock:
            alarm = self._note_cost(sent.model, ending.usage)
            self._lessons().ended(sent, ending.usage)
            if not ending.finished:
                reading = Reading(200, flaw=ending.flaw, error={"error": ending.error})
                self._learn(sent, broken_off(reading, state.wall()))
            state.endpoint.outage.done(self)
        self._raise_alarm(alarm)
        if ending.finished or ending.error is not None:
            return None
        return StreamInterruptedError(f"the stream of {sent.model.id} {why}", trace=self.trace)

    def begun(self, ending: StreamEnd) -> Begun:
        """What is known of an answer that is ended by an error."""
        return Begun(ending.first, ending.last, self.trace.id, self.trace.model or "", int(self._state.wall()))

    def _fail(self, error: FreeRouterError) -> Fail:
        self._admission.leave()
        error.trace = self.trace
        self.trace.ending = "failed"
        self._failure = error
        return Fail(error)

    def _leave_if_failed(self) -> None:
        if self._failure is not None:
            with self._state.lock:
                self._state.endpoint.outage.done(self)

    def abandon(self) -> None:
        """The caller has disconnected: it is no model's fault, and there is no retry."""
        self.trace.ending = self.trace.ending or "abandoned"
        self._admission.leave()
        with self._state.lock:
            self._state.endpoint.outage.done(self)

    def reachable(self) -> int:
        """How many models it can be sent to, now or when they have cooled down."""
        with self._state.lock:
            return self._plan.selection.reachable()

    def explain(self) -> dict[str, Any]:
        """See ``Router.explain``."""
        with self._state.lock:
            return explain_request(self._state, self._plan, self._continuity.preferred())
