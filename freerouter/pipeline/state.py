"""State: what all requests of a router share: settings, the catalog, and the memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from random import Random

from freerouter import forks
from freerouter.durations import DAY
from freerouter.errors import CatalogError
from freerouter.memory.allowance import Allowances
from freerouter.memory.conversations import Conversations
from freerouter.memory.costs import ACCOUNT, AlarmNews
from freerouter.memory.endpoint import Endpoint
from freerouter.memory.health import Health
from freerouter.memory.outage import IN_A_ROW, Outage
from freerouter.memory.timings import Timings
from freerouter.memory.training import Training
from freerouter.memory.transcript import Hashed, keyed, own
from freerouter.openrouter.catalog import Catalog, Model
from freerouter.openrouter.headers import caller, outgoing
from freerouter.pipeline.choosing import FREELY, DrawRules
from freerouter.pipeline.filtering import Index
from freerouter.pipeline.news import News
from freerouter.pipeline.policy import Policy
from freerouter.preferences import NO_WISHES, Preference, Wishes
from freerouter.settings import Settings
from freerouter.sharing.facts import Fact


class State:
    """The state of a router. Code that decides by it holds its lock, only for the decision.

    Attributes:
        settings: the settings.
        own: the account of the settings' key.
        usual: the preference of requests that say nothing.
        catalog: what OpenRouter offers; None when that has not been read yet.
        chooses_freely: the settings leave each choice to a uniform draw.
        clock, wall, rng: monotonic seconds, seconds since 1970, and the random number generator.
        lock: held for a decision, never across I/O.
        health: cooldowns, lessons and costs of the models.
        conversations: which conversation uses which model.
        endpoint: where requests are sent.
        timings: how fast and how reliably the models have answered.
        training: which models may train on prompts.
        on_alarm: called for each cost alarm, outside of the lock, with the model or ``ACCOUNT``, the cost in USD, and
            the account of the request.
        on_alarm_news: called for what other processes tell of alarms, outside of the lock, in another thread.
        hashed: what makes the keys of a caller's conversations, with its secret.
        news: what other processes are told, and tell; None when nothing is shared.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog | None,
        clock: Callable[[], float],
        wall: Callable[[], float],
        rng: Random | None,
    ) -> None:
        self.settings = settings
        self.aliases = settings.aliases
        self.own = caller(outgoing([], settings.key)).account
        self.usual = Preference(settings.prefer, settings.sharpness)
        self.chooses_freely = self.usual.is_uniform and settings.train == "allow"
        self.catalog = catalog
        self.clock = clock
        self.wall = wall
        self.rng = rng or forks.new_random(settings.seed)
        self._new_lock()
        forks.in_child(self._new_lock)
        self.health = Health(clock, self.rng)
        self.conversations = Conversations(clock)
        allowances = Allowances(settings.requests_per_minute, clock, wall)
        self.endpoint = Endpoint(settings.upstream, allowances, Outage(clock, self.rng))
        self.timings = Timings(wall)
        self.training = Training(clock)
        self.on_alarm: Callable[[str, float, str], None] | None = None
        self.on_alarm_news: Callable[[list[AlarmNews]], None] | None = None
        self.hashed: Callable[[bytes], Hashed] = own
        self.news: News | None = None
        self._index: Index | None = None
        self._day = 0
        self._catalog_since = clock()

    def _new_lock(self) -> None:
        self.lock = threading.Lock()

    def update(self, catalog: Catalog) -> None:
        """Use this catalog from now on; requests in progress keep theirs."""
        if catalog is self.catalog:
            return
        with self.lock:
            self.catalog, self._catalog_since = catalog, self.clock()
            listed = frozenset(model.id for model in catalog.models)
            self.health.lessons.listed(listed)
            self.timings.listed(listed)

    def catalog_age(self) -> float:
        """Seconds since the catalog came into use."""
        return self.clock() - self._catalog_since

    def index(self) -> Index:
        """The index of the current catalog; rebuilt for a new catalog and for a new day.

        Raises:
            CatalogError: there is no catalog.
        """
        catalog, day = self.catalog, int(self.wall() // DAY)
        index = self._index
        if index is not None and index.catalog is catalog and day == self._day:
            return index
        if catalog is None:
            raise CatalogError("the list of models has not been read yet")
        self._index = Index(catalog, Policy.of(self.settings), datetime.fromtimestamp(day * DAY, UTC).date())
        self._day = day
        return self._index

    def denies_training(self, wishes: Wishes) -> bool:
        """Whether a request must not reach a model that may train on prompts: as it says, or as the settings do."""
        return "deny" in (wishes.train, self.settings.train)

    def choice(self, wishes: Wishes, prefer: str, barred: Mapping[str, str]) -> DrawRules:
        """How the model of a request is chosen: as it says, else as its model's name says, else as the settings do.

        Args:
            wishes: what the request says.
            prefer: the preference in its model's name; empty without one.
            barred: models that must not be asked, each with the reason.
        """
        usual = self.usual
        if wishes is NO_WISHES and not prefer and usual.is_uniform and not barred:
            return FREELY
        sharpness = usual.sharpness if wishes.sharpness is None else wishes.sharpness
        preference = Preference(wishes.prefer or prefer or usual.kind, sharpness)
        measured = self.timings.measured() if preference.is_measured else None
        return DrawRules(preference, Policy.wished(wishes), measured, barred)

    def is_still_free(self, model: Model) -> bool:
        """Whether a model is free in the newest catalog, too: a request may have waited."""
        newest = self.index()
        found = newest.catalog.get(model.id)
        return found is not None and found.is_free(newest.today)

    def models_for_outage(self) -> int:
        """How many different models in a row must fail alike until it counts as an outage of OpenRouter."""
        return min(IN_A_ROW, max(len(self.index().models), 2))

    def share(self, news: News) -> None:
        """From now on, tell other processes what is learnt, and take places in the minute together with them."""
        with self.lock:
            self.news, self.hashed = news, keyed

    def leave(self) -> None:
        """Tell what has waited; from then on, share nothing."""
        with self.lock:
            if self.news is not None:
                self.news.last_words()
            self.news = None

    def hear(self, facts: Iterable[Fact]) -> None:
        """Apply facts of other processes."""
        with self.lock:
            if self.news is None:
                return
            self.news.hear(facts)
            alarms = self.news.alarms()
        if alarms and self.on_alarm_news is not None:
            self.on_alarm_news(alarms)

    def held(self, piece: int) -> Iterator[list[Fact]]:
        """What is known now, as facts, for a store that has lost it; requests are decided between the pieces."""
        with self.lock:
            parts = [] if self.news is None else self.news.held()
        for places, fact_of in parts:
            for start in range(0, len(places), piece):
                with self.lock:
                    found = [fact_of(place) for place in places[start : start + piece]]
                yield [fact for fact in found if fact is not None]

    def has_alarms(self) -> bool:
        """Whether a model or an account is blocked because it has cost money."""
        return bool(self.health.costs.models or self.health.costs.accounts)

    def block(self, models: Mapping[str, float], accounts: Mapping[str, float], at: float | None = None) -> None:
        """Block models and accounts that have cost money at this time since 1970, or now, each with the cost in USD."""
        with self.lock:
            since, costs = self._since(at), self.health.costs
            for model, cost in models.items():
                costs.block(model, "", cost, since)
            for account, cost in accounts.items():
                costs.block(ACCOUNT, account, cost, since)

    def lift(self, barred: str, account: str, at: float) -> None:
        """Alarms of a model, or of an account if ``barred`` is ``ACCOUNT``, up to this time were removed."""
        with self.lock:
            self.health.costs.lift(barred, account, self._since(at))

    def _since(self, at: float | None) -> float:
        return self.clock() if at is None else self.clock() - (self.wall() - at)

    def lift_alarms(self) -> None:
        """Block nothing any more because of its cost."""
        with self.lock:
            self.health.costs.clear()
