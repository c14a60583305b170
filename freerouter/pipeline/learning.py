"""Learning: what becomes of an attempt, as far as it holds beyond its request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from freerouter.memory.health import Record
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.costs import cost_of
from freerouter.pipeline.planning import Plan, fingerprint
from freerouter.pipeline.state import State
from freerouter.replies.outcome import Outcome
from freerouter.replies.reading import Flaw
from freerouter.replies.verdicts import Lasting, Scope, Verdict

# Failures that say neither that OpenRouter is down nor that it is not.
_NO_SIGN = frozenset({Flaw.NOT_SENT, Flaw.STALE, Flaw.TIMEOUT, Flaw.CALLER_TIMEOUT, Flaw.DEADLINE})


class Sent(NamedTuple):
    """The attempt that is on its way.

    Attributes:
        model: which is asked.
        at: when it was sent, in the clock's seconds.
        first: seconds until its reply must be judged.
        cut_short: that is less than the settings give a model, because of the deadline.
    """

    model: Model
    at: float
    first: float
    cut_short: bool


class Learning:
    """Tells the memory what the attempts of one request have shown. The caller holds the lock of the state.

    Attributes:
        doubts: the models that failed for reasons that nobody knows, each with how; not held against any of them yet.
    """

    __slots__ = ("_account", "_plan", "_state", "doubts")

    def __init__(self, state: State, plan: Plan, account: str) -> None:
        self.doubts: list[tuple[str, Outcome]] = []
        self._state = state
        self._plan = plan
        self._account = account

    def answered(self, sent: Sent) -> None:
        """The model has answered."""
        state, belongs_to = self._state, self._plan.conversation
        state.endpoint.outage.alive()
        state.health.restore(sent.model.id, sent.at)
        state.health.lessons.answered(sent.model.id, self._plan.asker)
        if belongs_to is not None:
            state.conversations.renew(self._account, belongs_to, sent.model.id)
        for model, doubt in self.doubts:  # so it was the first model's failure, not the request's
            self._blame(model, doubt)
        self.doubts.clear()

    def failed(self, sent: Sent, outcome: Outcome) -> float | None:
        """The model has failed. Returns the seconds of its cooldown, if it has one."""
        model = sent.model.id
        before = self._state.health.record(model)
        cooldown = self._cool(model, outcome)
        self._state.health.lessons.learn(model, outcome, self._plan.asker)
        if outcome.gate is not None and outcome.seconds is not None:
            self._state.endpoint.allowances.close(self._account, outcome.gate, outcome.seconds, outcome.limit)
        if outcome.lasting in (Lasting.CONTEXT, Lasting.TOO_LONG):
            self._plan.selection.exceeded(sent.model.context or 0)
        elif outcome.lasting is Lasting.MODERATED:
            self._plan.selection.avoid_moderated()
        innocent = self._watch_for_outage(model, outcome, before)
        return None if model in innocent else cooldown

    def _cool(self, model: str, outcome: Outcome) -> float | None:
        if outcome.verdict is Verdict.STOP or not outcome.sure:
            return None
        if outcome.lasting is Lasting.GONE and self._plan.asker.preferences:
            return None  # gone for this request, perhaps, by its own preferences
        if outcome.scope is Scope.MODEL:
            return self._state.health.cool(model, outcome)
        return self._blame(model, outcome) if outcome.refuses else None

    def _blame(self, model: str, outcome: Outcome) -> float | None:
        """A refusal of this request is held against the model only when it has just refused another one, too."""
        if outcome.scope is Scope.UPSTREAM:
            return None
        if outcome.refuses and not self._state.health.refuse(model, fingerprint(self._plan.body)):
            return None
        return self._state.health.cool(model, outcome)

    def _watch_for_outage(self, model: str, outcome: Outcome, before: Record) -> Mapping[str, Record]:
        """Tell the endpoint how it fares. Returns the models that are not to blame, each with how it fared before."""
        outage = self._state.endpoint.outage
        if outcome.reason in _NO_SIGN:
            return {}
        if not outcome.may_be_outage:
            outage.alive()
            return {}
        enough = self._state.models_for_outage()
        innocent = outage.failed(model, outcome.alike, before, enough)
        if innocent is None and outcome.verdict is Verdict.STOP:  # a second model saw the same page
            innocent = outage.begin(outcome.alike)
        for name, record in (innocent or {}).items():
            self._state.health.put_back(name, record)
        return innocent or {}

    def note_cost(self, model: Model, usage: Mapping[str, Any] | None) -> tuple[str, float] | None:
        """What is barred because of what an answer cost, with the cost in USD; None when that is nothing new."""
        cost = cost_of(usage)
        barred = self._state.health.costs.note(self._account, model.id, cost)
        return (barred, cost) if barred and cost is not None else None
