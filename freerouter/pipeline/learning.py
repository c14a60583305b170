"""Learning: the results of an attempt that matter beyond its request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from freerouter.memory.conversations import Home
from freerouter.memory.health import ModelHealth
from freerouter.memory.lessons import Audience, Lesson
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.costs import cost_of, tokens_of
from freerouter.pipeline.news import News
from freerouter.pipeline.planning import Plan, fingerprint
from freerouter.pipeline.state import State
from freerouter.pipeline.tracking import Trace
from freerouter.preferences import denies_training
from freerouter.replies.outcome import Outcome, confirmed
from freerouter.replies.reading import Flaw
from freerouter.replies.verdicts import Lasting, Scope, Verdict

# A model has no provider that the request's own preferences, or the account's settings, allow.
_EXCLUDED = (Lasting.PRIVACY, Lasting.PROVIDERS)
# Failures that say nothing about whether OpenRouter is down.
_NO_SIGN = frozenset({Flaw.NOT_SENT, Flaw.STALE, Flaw.TIMEOUT, Flaw.CALLER_TIMEOUT, Flaw.DEADLINE})


class Sent(NamedTuple):
    """The attempt in progress.

    Attributes:
        model: the model that is asked.
        at: when it was sent, in the clock's seconds.
        first: seconds until its reply must be judged.
        cut_short: ``first`` is less than the settings allow a model, because of the deadline.
    """

    model: Model
    at: float
    first: float
    cut_short: bool


class Learning:
    """Records in the memory what the attempts of one request have shown. The caller holds the lock of the state.

    Attributes:
        doubts: the models that failed for an unknown reason, each with its outcome; not held against them yet.
    """

    __slots__ = ("_account", "_began", "_plan", "_state", "doubts")

    def __init__(self, state: State, plan: Plan, account: str) -> None:
        self.doubts: list[tuple[str, Outcome]] = []
        self._state = state
        self._plan = plan
        self._account = account
        self._began: float | None = None  # the time of a stream's first token

    def second_opinion(self, sent: Sent, outcome: Outcome, trace: Trace) -> Outcome:
        """An unexplained failure is confirmed when a second model fails in the same way; the trace says so."""
        if outcome.verdict is Verdict.ANSWERED and self.doubts:
            trace.second_opinion = "answered"
        if outcome.sure:
            return outcome
        if any(doubt.alike == outcome.alike for _, doubt in self.doubts):
            trace.second_opinion = "the same"
            return confirmed(outcome)
        self.doubts.append((sent.model.id, outcome))
        return outcome

    def answered(self, sent: Sent, usage: Mapping[str, Any] | None, *, stripped: bool) -> None:
        """The model has answered.

        Args:
            sent: the attempt.
            usage: that of a whole answer.
            stripped: it was sent without reasoning that other models have signed.
        """
        self._measure(sent, usage)
        if denies_training(self._plan.body):
            self._state.training.answered(sent.model.id)
        state, belongs_to = self._state, self._plan.conversation
        state.endpoint.outage.alive()
        restored = state.health.restore(sent.model.id, sent.at)
        unlearnt = state.health.lessons.answered(sent.model.id, self._plan.asker)
        if belongs_to is not None:
            home = Home(sent.model.id, stripped, state.clock())
            keys = state.conversations.renew(self._account, belongs_to, home)
            if state.news is not None:
                state.news.talked(self._account, keys, home)
        if state.news is not None:
            self._tell_answered(state.news, sent, unlearnt, restored=restored)
        for model, doubt in self.doubts:  # so it was the first model's failure, not the request's
            if self._blame(model, doubt) is not None:
                self._failed_by_itself(model)
        self.doubts.clear()

    def _measure(self, sent: Sent, usage: Mapping[str, Any] | None) -> None:
        """A stream is answered at its first token, anything else as a whole."""
        timings, now = self._state.timings, self._state.clock()
        if self._plan.requirements.stream and self._plan.accept is None:
            timings.answered(sent.model.id, now - sent.at)
            self._began = now
        else:
            timings.answered(sent.model.id)
            timings.wrote(sent.model.id, now - sent.at, tokens_of(usage))

    def ended(self, sent: Sent, usage: Mapping[str, Any] | None) -> None:
        """The stream that the model has begun is over."""
        if self._began is not None:
            self._state.timings.wrote(sent.model.id, self._state.clock() - self._began, tokens_of(usage))
            if self._state.news is not None:
                self._state.news.timed(sent.model.id)

    def _tell_answered(self, news: News, sent: Sent, unlearnt: list[Audience], *, restored: bool) -> None:
        """Tell other processes what has changed with an answer."""
        news.timed(sent.model.id)
        if restored:
            news.well(sent.model.id, sent.at)
        for audience in unlearnt:
            news.unlearnt(sent.model.id, audience, self._state.clock())

    def failed(self, sent: Sent, outcome: Outcome) -> float | None:
        """The model has failed. Returns the seconds of its cooldown, if it has one."""
        model = sent.model.id
        before = self._state.health.record(model)
        cooldown = self._cool(sent.model, outcome)
        lesson = None
        if outcome.lasting is not Lasting.CONTEXT or self._surely_fits(sent.model):
            lesson = self._state.health.lessons.learn(model, outcome, self._plan.asker)
        if outcome.lasting in _EXCLUDED and self._plan.denies_training_alone:
            self._state.training.refused(model)
        if outcome.gate is not None and outcome.seconds is not None:
            self._state.endpoint.allowances.close(self._account, outcome.gate, outcome.seconds, outcome.limit)
        if outcome.lasting in (Lasting.CONTEXT, Lasting.TOO_LONG):
            self._plan.selection.exceeded(sent.model.context or 0, outcome.largest_number)
        elif outcome.lasting is Lasting.MODERATED:
            self._plan.selection.avoid_moderated()
        innocent = self._watch_for_outage(model, outcome, before)
        cooldown = None if model in innocent else cooldown
        if cooldown is not None:
            self._failed_by_itself(model)
        if self._state.news is not None:
            self._tell_failed(self._state.news, outcome, innocent, None if lesson is None else (model, *lesson))
        return cooldown

    def _tell_failed(
        self, news: News, outcome: Outcome, innocent: Iterable[str], lesson: tuple[str, Audience, Lesson] | None
    ) -> None:
        """Tell other processes what has changed with a failure; cooldowns are told where they begin."""
        for name in innocent:
            news.well(name, self._state.clock())
        if lesson is not None:
            news.learnt(*lesson)
        if outcome.gate is not None and outcome.seconds is not None:
            news.shut(self._account)

    def _failed_by_itself(self, model: str) -> None:
        """The failure counts in what is measured of the model."""
        self._state.timings.failed(model)
        if self._state.news is not None:
            self._state.news.timed(model)

    def _surely_fits(self, model: Model) -> bool:
        """Whether a model has room for the request, by its stated context and our count.

        The tokens of media are our estimate, and the request's preferences may leave it a provider with less context.
        """
        asker = self._plan.asker
        if asker.requirements.media or asker.preferences:
            return False
        return model.context is None or model.context >= asker.requirements.context

    def _cool(self, model: Model, outcome: Outcome) -> float | None:
        if outcome.verdict is Verdict.STOP or not outcome.sure:
            return None
        if outcome.lasting is Lasting.GONE and self._plan.asker.preferences:
            return None  # perhaps gone only for this request, because of its own preferences
        if outcome.scope is Scope.MODEL:
            return self._start_cooldown(model.id, outcome)
        if outcome.refuses or (outcome.lasting is Lasting.TOO_LONG and self._surely_fits(model)):
            return self._refused(model.id, outcome)
        return None

    def _refused(self, model: str, outcome: Outcome) -> float | None:
        """A refusal counts against the model only when it has just refused another request, too."""
        again = self._state.health.refuse(model, fingerprint(self._plan.body))
        return self._start_cooldown(model, outcome) if again else None

    def _start_cooldown(self, model: str, outcome: Outcome) -> float:
        cooldown = self._state.health.cool(model, outcome)
        if self._state.news is not None:
            self._state.news.cooled(model)
        return cooldown

    def _blame(self, model: str, outcome: Outcome) -> float | None:
        """An unexplained failure was the model's."""
        if outcome.scope is Scope.UPSTREAM:
            return None
        return self._refused(model, outcome) if outcome.refuses else self._start_cooldown(model, outcome)

    def _watch_for_outage(self, model: str, outcome: Outcome, before: ModelHealth) -> Mapping[str, ModelHealth]:
        """Report the result to the endpoint. Returns the models not at fault, each with its earlier condition."""
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
        """What is blocked because an answer cost money, with the cost in USD; None when it was blocked already."""
        cost = cost_of(usage)
        barred = self._state.health.costs.note(self._account, model.id, cost)
        if not barred or cost is None:
            return None
        if self._state.news is not None:
            self._state.news.alarmed(barred, self._account, cost)
        return barred, cost
