"""Router (long-lived) and Routing (one request): walks the five steps; the only loop; no I/O."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

from freerouter import forks
from freerouter.errors import CatalogError, FreeRouterError, NoEligibleModelError, StreamInterruptedError
from freerouter.memory.allowance import Quota
from freerouter.memory.conversations import Sessions, conversation
from freerouter.memory.health import Health
from freerouter.openrouter import cost_guard, model_names
from freerouter.openrouter.catalog import Catalog, Model
from freerouter.openrouter.json_bodies import parse
from freerouter.openrouter.model_names import DRAW
from freerouter.openrouter.requirements import canonical
from freerouter.openrouter.walk import walk
from freerouter.pipeline import refusals
from freerouter.pipeline.actions import Fail, Request, Send, Wait
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.filtering import Index, Policy
from freerouter.pipeline.selection import Selection
from freerouter.pipeline.tracking import Attempt, Trace
from freerouter.replies.outcome import Gate, Lasting, Outcome, Scope, Verdict, classify
from freerouter.replies.reading import Ending, Flaw, Reading
from freerouter.replies.retry_hints import DAY
from freerouter.settings import Settings

# How often an attempt is repeated that did not reach OpenRouter, and the longest first pause before that.
_REPEATS = 2
_PAUSE = 0.25


class Router:
    """Decides where requests go; long-lived and thread-safe. It does no I/O: what it needs to know it is told.

    Args:
        settings: what can be adjusted.
        catalog: what OpenRouter offers; without one, requests fail until ``update`` brings it.
        clock: monotonic seconds, for cooldowns and deadlines.
        wall: seconds since 1970, for days and for dates in replies.
        rng: where chance comes from; seeded by the settings when it is not given.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        catalog: Catalog | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        rng: Random | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.aliases = self.settings.aliases
        self.catalog = catalog
        self.clock = clock
        self.wall = wall
        self.rng = rng or forks.new_random(self.settings.seed)
        self._new_lock()
        forks.in_child(self._new_lock)
        self.health = Health(clock, self.rng)
        self.quota = Quota(self.settings.requests_per_minute, clock, wall)
        self.sessions = Sessions(clock)
        self.on_alarm: Callable[[str, float], None] | None = None
        self._index: Index | None = None
        self._day = 0
        self._catalog_since = clock()

    def _new_lock(self) -> None:
        self.lock = threading.Lock()

    def update(self, catalog: Catalog) -> None:
        """Use this catalog from now on; requests on their way keep theirs."""
        if catalog is not self.catalog:
            self.catalog, self._catalog_since = catalog, self.clock()

    def catalog_age(self) -> float:
        """Seconds since the catalog came into use."""
        return self.clock() - self._catalog_since

    def index(self) -> Index:
        """The current catalog, laid out for choosing; made anew for a new catalog and for a new day.

        Raises:
            CatalogError: there is no catalog.
        """
        catalog, day = self.catalog, int(self.wall() // DAY)
        index = self._index
        if index is not None and index.catalog is catalog and day == self._day:
            return index
        if catalog is None:
            raise CatalogError("the list of models has not been read yet")
        settings = self.settings
        policy = Policy(settings.include, settings.exclude, settings.authors, settings.min_context)
        self._index = Index(catalog, policy, datetime.fromtimestamp(day * DAY, UTC).date())
        self._day = day
        return self._index

    def route(self, request: Request) -> Routing:
        """Take a request on its way: analyse it and find who is eligible. Whatever is wrong with it, ``next`` says."""
        return Routing(self, request)

    def learn_allowance(self, account: str, used: int, limit: int) -> None:
        """``GET /key`` says how many of an account's free requests of today are used, of how many."""
        with self.lock:
            self.quota.learn(account, used, limit)

    def keep_alarms(self, known: Mapping[str, float], on_alarm: Callable[[str, float], None]) -> None:
        """Bar the models that have cost money before; ``on_alarm`` is told of each new one, with its cost in USD."""
        with self.lock:
            self.health.cost_alarms.update(known)
            self.on_alarm = on_alarm

    def allowance_left(self, account: str) -> int | None:
        """How many free requests an account has left today; None when nobody knows."""
        with self.lock:
            return self.quota.left(account)

    def models(self, needs: Iterable[str] = ()) -> list[Model]:
        """The free models that the settings let in and that can do all of these, such as ``tools`` or ``image``.

        Raises:
            CatalogError: there is no catalog.
        """
        with self.lock:
            return self.index().having(canonical(needs))

    def cooling(self) -> dict[str, float]:
        """The models that are left alone for now, by id, each with the seconds for which it is."""
        with self.lock:
            ready = {model: self.health.ready_in(model) for model in self.health.cooling}
        return {model: seconds for model, seconds in ready.items() if seconds is not None}

    def explain(self, request: Request) -> dict[str, Any]:
        """What would become of a request, without sending it.

        Returns:
            ``{"requirements", "eligible": [{"id", "probability", "gives_up", "cooling_s"}], "ineligible": [{"id",
            "reasons"}], "without": [{"need", "found", "more"}]}`` over all models whose id ends in ``:free`` and all
            that are priced zero; ``probability`` is the chance of being asked first, ``cooling_s`` the seconds for
            which a model is left alone, and ``without`` says which single need, left out, would admit how many more.

        Raises:
            FreeRouterError: the request would be refused, whoever is eligible.
        """
        return Routing(self, request).explain()


class Routing:
    """One request on its way. A driver asks ``next`` what to do, does it, and tells ``record`` what came of it.

    Attributes:
        request: as it came in.
        trace: the story so far.
    """

    def __init__(self, router: Router, request: Request) -> None:
        self.request = request
        self.trace = Trace()
        self._router = router
        self._account = request.caller.account
        self._started = router.clock()
        self._deadline = self._started + router.settings.deadline
        self._model: Model | None = None
        self._sent_at = 0.0
        self._repeats = 0
        self._pause = 0.0
        self._failure: FreeRouterError | None = None
        try:
            self._analyse()
        except FreeRouterError as error:
            self._fail(error)

    def _analyse(self) -> None:
        """Steps 1 and 2: what the request needs, and who has it."""
        request, router = self.request, self._router
        self._body = body = parse(request.body)
        self._parsed = body is not request.body
        contents = walk(body, request.dialect)
        cost_guard.check_cost(body, contents, request.dialect)
        named = model_names.named(body, router.aliases)
        needs = request.needs + named.needs
        if cost_guard.wants_native_files(body):
            needs = (*needs, "file")
        length = len(request.body) if isinstance(request.body, (bytes, bytearray)) else None
        requirements = analyze(body, request.dialect, extra=needs, length=length, contents=contents)
        self._requirements = requirements
        self._conversation = conversation(body, request.dialect, request.session, router.settings.sticky)
        with router.lock:
            index = router.index()
            order = model_names.free_models(named.names, index.catalog, index.today) if named.names else DRAW
            self._selection = Selection(index, requirements, order, request.caller, router.health, router.rng)
        trace = self.trace
        trace.skipped = list(order.skipped)
        trace.requirements = requirements
        trace.free = len(index.models)
        trace.eligible = eligible = len(self._selection)
        if not eligible:
            raise refusals.nobody_eligible(index, requirements)

    def _fail(self, error: FreeRouterError) -> Fail:
        error.trace = self.trace
        self.trace.ending = "failed"
        self._failure = error
        return Fail(error)

    def next(self) -> Send | Wait | Fail:
        """What the driver has to do now."""
        if self._failure is not None:
            return Fail(self._failure)
        if self._pause:
            pause, self._pause = self._pause, 0.0
            return Wait(pause)
        with self._router.lock:
            return self._decide()

    def _decide(self) -> Send | Wait | Fail:
        router = self._router
        now = router.clock()
        shut = router.quota.shut(self._account)
        if shut is not None:
            return self._at_gate(*shut, now)
        if now >= self._deadline:
            return self._fail(refusals.attempts_failed(self.trace, "the time was up"))
        model = self._model if self._repeats else self._pick()
        if model is None:
            return self._fail(self._nobody_left())
        return self._send(model, now)

    def _at_gate(self, gate: Gate, seconds: float, now: float) -> Wait | Fail:
        router = self._router
        if gate is Gate.MINUTE and seconds <= router.settings.max_wait and now + seconds < self._deadline:
            return Wait(seconds)
        allowance = router.quota.of(self._account)
        return self._fail(refusals.allowance_exhausted(gate, seconds, allowance, router.wall()))

    def _pick(self) -> Model | None:
        if len(self._selection.tried) >= self._router.settings.max_attempts:
            return None
        return self._selection.pick(self._preferred())

    def _preferred(self) -> str | None:
        """The model that the conversation is on, if the request is to stay there and has not been sent yet."""
        if self._conversation is None or not self._conversation.stays or self._selection.tried:
            return None
        return self._router.sessions.model(self._account, self._conversation.key)

    def _send(self, model: Model, now: float) -> Send | Fail:
        settings, stream = self._router.settings, self._requirements.stream
        try:
            body = cost_guard.seal(
                self._prepared(model), model, pdf=self._requirements.pdf is not None, parsed=self._parsed
            )
        except FreeRouterError as error:
            return self._fail(error)
        self._selection.tried.add(model.id)
        self._router.quota.count(self._account)
        self._model, self._sent_at = model, now
        patience = settings.first_token_timeout if stream else settings.reply_timeout
        left, idle = self._deadline - now, settings.idle_timeout if stream else 0.0
        return Send(model, body, stream, min(left, patience), idle)

    def _prepared(self, model: Model) -> dict[str, Any]:
        """The request without the reasoning that another model has signed."""
        former = None
        if self._conversation is not None:
            former = self._router.sessions.model(self._account, self._conversation.key)
        if former is None:
            # Nobody knows who has signed it: the model that the caller names first, perhaps, but hardly one of many.
            its_own = not self._selection.order.draws and self._selection.tried <= {model.id}
        else:
            its_own = former == model.id
        return self._body if its_own else self.request.dialect.without_signed_reasoning(self._body)

    def _nobody_left(self) -> FreeRouterError:
        if self.trace.attempts:
            return refusals.attempts_failed(self.trace, "no more can be asked")
        return refusals.none_left(self._router.health.all_objections(self._requirements, self.request.caller))

    def judge(self, reading: Reading) -> Outcome:
        """What a reply means; a whole answer is also shown to the caller's ``accept``."""
        if reading.flaw is Flaw.STALE and self._repeats:
            reading = Reading(flaw=Flaw.BROKEN)  # one stale connection is bad luck; two are the model's fault
        outcome = classify(reading, self._router.wall())
        accept = self.request.accept
        if outcome.verdict is Verdict.ANSWERED and accept is not None and reading.body is not None:
            refusal = accept(reading.body)
            if refusal is not None:
                return Outcome(Verdict.TRY_ANOTHER, Scope.REQUEST, "not_accepted", message=refusal, usage=outcome.usage)
        return outcome

    def record(self, outcome: Outcome) -> None:
        """Take note of what became of the attempt."""
        model = self._sent_to()
        with self._router.lock:
            cooldown = self._learn(model, outcome)
            self._check_cost(model, outcome.usage)
        seconds = self._router.clock() - self._sent_at
        self.trace.note(Attempt(model.id, outcome, self._sent_at - self._started, seconds, cooldown))
        if outcome.verdict is Verdict.AGAIN:
            self._repeat()
            return
        self._repeats = 0
        if outcome.verdict is Verdict.ANSWERED:
            self.trace.model = model.id
            self.trace.given_up = self._selection.given_up(model)
        elif outcome.verdict is Verdict.STOP:
            self._fail(self._stopped(outcome))

    def _sent_to(self) -> Model:
        assert self._model is not None, "nothing has been sent yet"  # noqa: S101  # a driver's mistake
        return self._model

    def _learn(self, model: Model, outcome: Outcome) -> float | None:
        """What holds beyond this attempt; returns the seconds of the model's cooldown, if it has one."""
        router, caller = self._router, self.request.caller
        if outcome.verdict is Verdict.AGAIN:
            router.quota.uncount(self._account)
            return None
        if outcome.verdict is Verdict.ANSWERED:
            router.health.restore(model.id, self._sent_at)
            if self._conversation is not None:
                router.sessions.renew(self._account, self._conversation.key, model.id)
            return None
        router.health.learn(model.id, outcome, self._requirements, caller)
        if outcome.gate is not None and outcome.seconds is not None:
            router.quota.close(self._account, outcome.gate, outcome.seconds, outcome.limit)
        if outcome.lasting is Lasting.CONTEXT:
            self._selection.exceeded(model.context or 0)
        elif outcome.lasting is Lasting.MODERATED:
            self._selection.avoid_moderated()
        return router.health.cool(model.id, outcome) if outcome.scope is Scope.MODEL else None

    def _stopped(self, outcome: Outcome) -> FreeRouterError:
        if outcome.gate is None or outcome.seconds is None:
            return refusals.stopped(outcome)
        router = self._router
        allowance = router.quota.of(self._account)
        return refusals.allowance_exhausted(outcome.gate, outcome.seconds, allowance, router.wall())

    def _repeat(self) -> None:
        """Nothing was sent: the same attempt once more, after a pause with full jitter."""
        self._repeats += 1
        if self._repeats > _REPEATS:
            self._fail(refusals.unreachable(self._router.settings.upstream))
        self._pause = self._router.rng.uniform(0, _PAUSE * 2 ** (self._repeats - 1))

    def _check_cost(self, model: Model, usage: Mapping[str, Any] | None) -> None:
        cost = (usage or {}).get("cost")
        if isinstance(cost, int | float) and cost > 0:
            self.trace.alarm(model.id, cost)
            self._router.health.bar_for_cost(model.id, cost)
            if self._router.on_alarm is not None:
                self._router.on_alarm(model.id, cost)

    def finish(self, ending: Ending) -> StreamInterruptedError | None:
        """The answer that was handed on has ended.

        Returns:
            the error to end it with, when it broke off without a word; None when there is nothing to add.
        """
        model = self._sent_to()
        self.trace.ending = "finished" if ending.finished else "interrupted"
        with self._router.lock:
            self._check_cost(model, ending.usage)
            if not ending.finished:
                reading = Reading(200, flaw=ending.flaw, error={"error": ending.error or {}})
                outcome = classify(reading, self._router.wall())
                self._learn(model, outcome)
        if ending.finished or ending.error is not None:
            return None
        return StreamInterruptedError(f"the stream of {model.id} broke off before its end", trace=self.trace)

    def abandon(self) -> None:
        """The caller is gone: nobody is to blame, and nothing is tried again."""
        self.trace.ending = self.trace.ending or "abandoned"

    def explain(self) -> dict[str, Any]:
        """See ``Router.explain``."""
        if self._failure is not None and type(self._failure) is not NoEligibleModelError:  # nothing was found then
            raise self._failure
        with self._router.lock:
            return self._selection.explain(self._preferred())
