"""The gateway behind the POSTs of all dialects: allowance, models to try, rules, bill, answer."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from freerouter.emulator.answers import answer
from freerouter.emulator.ask import Ask
from freerouter.emulator.billing import FREE_ROUTER, Charge, charges
from freerouter.emulator.catalog import Catalog, own_catalog
from freerouter.emulator.completion import Completion
from freerouter.emulator.dialects import Dialect
from freerouter.emulator.faults.kinds import Strike
from freerouter.emulator.faults.registry import FAULTS
from freerouter.emulator.faults.rules import Faults
from freerouter.emulator.limits import Limits
from freerouter.emulator.offer import Offer
from freerouter.emulator.record import Received
from freerouter.emulator.refusals import Refusal, no_endpoints, no_match, trains_on_prompts, unknown_model
from freerouter.emulator.reply import Pause, Reply, Step, event_stream, json_reply
from freerouter.emulator.rules import hosted_router_passes, turned_away

# Without a model OpenRouter takes the account's default, which as a rule is this one.
ACCOUNT_DEFAULT = "openrouter/auto"


@dataclass(frozen=True, slots=True)
class Errand:
    """A request on its way: what it asks, whether it wants metadata, whether its connection was used before."""

    dialect: Dialect
    ask: Ask
    wants_metadata: bool
    reused: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One model of a request: the name asked for, which try it is, and what stands behind the name.

    `offer` is the model of that name (None: gone), `serving` the one that a router or an alias
    leads to (None: nothing fits), `refusal` the reason why it cannot serve.
    """

    ask: Ask
    model: str
    number: int
    offer: Offer | None = None
    serving: Offer | None = None
    refusal: Refusal | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """The openrouter_metadata of this attempt (openrouter-facts 5)."""
        serving = [self.serving] if self.serving else []
        return {
            "requested": self.model,
            "strategy": self._strategy,
            "region": None,
            "summary": f"available={len(serving)}" + "".join(f", selected={o.provider}" for o in serving),
            "attempt": self.number,
            "is_byok": False,
            "endpoints": {"total": len(serving), "available": [_endpoint(o) for o in serving]},
            "params": {},
        }

    @property
    def _strategy(self) -> str:
        if self.number > 1:
            return "fallback"
        if self.offer and self.offer.alias_of:
            return "latest"
        router = self.offer and (self.offer.is_router or self.offer.id == FREE_ROUTER)
        return self.offer.id.removeprefix("openrouter/") if self.offer and router else "direct"

    def charges(self, now: float, plugins: Collection[str]) -> list[Charge]:
        """Return what it costs: nothing when it is refused, and by the model drawn for openrouter/free."""
        priced = self.serving if self.model == FREE_ROUTER else self.offer
        return list(charges(self.ask, self.model, priced, now, plugins)) if priced and not self.refusal else []


class Gateway:
    """Answers completions as OpenRouter would, and keeps the bill."""

    def __init__(
        self,
        catalog: Catalog,
        limits: Limits,
        rng: Random,
        clock: Callable[[], float],
        chunk_delay: float,
        account_plugins: Collection[str] = (),
    ) -> None:
        self.training: Collection[str] = ()
        self.denies_training = False
        self.catalog = catalog
        self.limits = limits
        self.faults = Faults()
        self.bill: list[Charge] = []
        self.account_plugins = account_plugins
        self.generations: dict[str, Completion] = {}
        self._rng = rng
        self._clock = clock
        self._chunk_delay = chunk_delay

    def forget(self) -> None:
        """Clear the bill, the allowance used and the generations."""
        self.bill = []
        self.generations = {}
        self.limits.forget()

    def complete(self, request: Received, dialect: Dialect, *, reused: bool) -> Reply:
        """Return the reply to a request in this dialect."""
        ask = dialect.read(request.json)
        if isinstance(ask, Refusal):
            return dialect.refused(ask)
        refusal = self._allowance(ask) or self._unknown(ask)
        wants_metadata = request.headers.get("x-openrouter-metadata") == "enabled"
        if refusal:
            return dialect.refused(refusal)
        return self._first_answer(Errand(dialect, ask, wants_metadata, reused))

    def _allowance(self, ask: Ask) -> Refusal | None:
        """Count a request for a free model against the account's allowance."""
        free = any(":free" in model or model == FREE_ROUTER for model in ask.models)
        return self.limits.take(self._clock()) if free else None

    def _unknown(self, ask: Ask) -> Refusal | None:
        """Refuse ids that never were: every one of them is looked at before anything is tried."""
        unknown = (m for m in ask.models if not self._find(m) and m not in self.catalog.known)
        return next(map(unknown_model, unknown), None)

    def _find(self, model: str) -> Offer | None:
        """Return the model of this name; the account has a default whatever the catalog served."""
        return self.catalog.find(model) if model else own_catalog().find(ACCOUNT_DEFAULT)

    def _first_answer(self, errand: Errand) -> Reply:
        """Try the models in order until one does not fail; every one that could cost is billed."""
        attempts = [self._attempt(errand.ask, name, n) for n, name in enumerate(errand.ask.models, 1)]
        for attempt in attempts:
            self.bill += attempt.charges(self._clock(), self.account_plugins)
        for attempt in attempts:
            reply = self._try(attempt, errand)
            if not reply.failed:
                break
        return reply

    def _attempt(self, ask: Ask, model: str, number: int) -> Attempt:
        """Find out who serves this model, or why it cannot."""
        offer = self._find(model)
        if offer is None:
            return Attempt(ask, model, number, refusal=no_endpoints(model))
        serving = self._serving(ask, offer)
        refusal = self._turned_away(ask, offer, serving)
        return Attempt(ask, model, number, offer, serving, refusal)

    def _turned_away(self, ask: Ask, offer: Offer, serving: Offer | None) -> Refusal | None:
        """Return why not; a router's own row is looked at before the model that it drew."""
        now = self._clock()
        behind = turned_away(ask, serving, now) or self._privacy(ask, serving) if serving else no_match()
        return turned_away(ask, offer, now) or behind

    def _privacy(self, ask: Ask, serving: Offer) -> Refusal | None:
        """Refuse a model that trains on prompts, if the request or the account denies it."""
        denied = self.denies_training or ask.provider.get("data_collection") == "deny"
        return trains_on_prompts() if denied and serving.id in self.training else None

    def _serving(self, ask: Ask, offer: Offer) -> Offer | None:
        """Resolve routers and aliases to a model that answers."""
        if offer.alias_of:
            return self.catalog.find(offer.alias_of) or offer
        if offer.id == FREE_ROUTER or offer.is_router:
            return self._drawn(ask, free=offer.id == FREE_ROUTER)
        return offer

    def _drawn(self, ask: Ask, *, free: bool) -> Offer | None:
        """Draw one that passes: the free router among the free ones, the others among the paid."""
        now = self._clock()
        served = self.catalog if free else own_catalog()
        fitting = [o for o in served if (o.costs(now, ask.prompt_tokens) is None) is free and not o.is_router]
        pool = [offer for offer in fitting if hosted_router_passes(ask, offer, now)]
        return self._rng.choice(pool) if pool else None

    def _try(self, attempt: Attempt, errand: Errand) -> Reply:
        metadata = attempt.metadata if errand.wants_metadata else None
        if attempt.refusal or not attempt.serving:
            return errand.dialect.refused(attempt.refusal or no_match(), metadata)
        completion = self._generate(attempt, attempt.serving, metadata)
        return self._struck(attempt, completion, errand) or self._answered(errand, completion)

    def _struck(self, attempt: Attempt, completion: Completion, errand: Errand) -> Reply | None:
        """Return what a fault makes of the answer, None when none strikes."""
        stream, model, now = errand.ask.stream, completion.offer.id, self._clock()
        name = self.faults.strike(attempt.model, model, stream=stream, reused=errand.reused, now=now)
        if name is None:
            return None
        strike = Strike(errand.dialect, model, stream, completion, completion.metadata, now)
        return replace(FAULTS[name].make(strike), fault=name, account=FAULTS[name].account)

    def _answered(self, errand: Errand, completion: Completion) -> Reply:
        self.generations[completion.id] = completion
        headers = {"x-generation-id": completion.id}
        if errand.ask.stream:
            return event_stream(self._paced(errand.dialect.stream(completion)), headers)
        return json_reply(errand.dialect.whole(completion), headers=headers)

    def _generate(self, attempt: Attempt, serving: Offer, metadata: dict[str, Any] | None) -> Completion:
        created = int(self._clock())
        return Completion(
            id=f"gen-{created}-{self._rng.getrandbits(80):020x}",
            created=created,
            offer=serving,
            answer=answer(attempt.ask, serving, self._rng),
            prompt_tokens=attempt.ask.prompt_tokens,
            # A cent for whatever costs: the sum does not matter, only that it is not zero.
            cost=0.01 if attempt.charges(self._clock(), self.account_plugins) else 0.0,
            metadata=metadata,
            given=attempt.ask.given,
        )

    def _paced(self, events: Iterator[bytes]) -> Iterator[Step]:
        for event in events:
            if self._chunk_delay:
                yield Pause(self._chunk_delay)
            yield event


def _endpoint(offer: Offer) -> dict[str, Any]:
    return {"provider": offer.provider, "model": offer.answers_as, "selected": True}
