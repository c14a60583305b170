"""Lessons: what failures have taught about models, for which requests it holds, and until when."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from freerouter.durations import HOUR, MINUTE
from freerouter.openrouter.headers import Caller
from freerouter.openrouter.requirements import Need, Requirements, lack_in_words
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting

# The first pause before a model that the account's settings exclude is retried; each further pause is twice as long.
_FIRST_PAUSE = MINUTE
# OpenRouter's edge caches the list of models for this long: a list read sooner may be older than the lesson.
_EDGE_CACHE = 2 * MINUTE
# Limit of groups of requests; each has at most as many lessons as there are models.
_AUDIENCES = 2_000
_PREFERENCES = 64

Audience = tuple[Lasting, object]
_EVERYBODY: Audience = (Lasting.GONE, None)
_LONGER: Audience = (Lasting.CONTEXT, None)


class Asker(NamedTuple):
    """The properties of a request that decide which lessons apply to it.

    Attributes:
        requirements: what it needs.
        caller: the account and the app that sent it.
        preferences: a hash of its own ``provider`` preferences; empty when it has none that exclude providers.
        reduced: its need, limited to what the catalog can distinguish; the full need when that is not known.
    """

    requirements: Requirements
    caller: Caller
    preferences: str = ""
    reduced: Need | None = None

    @property
    def need(self) -> Need:
        """The keys of lessons."""
        return self.requirements.need if self.reduced is None else self.reduced


class Lesson(NamedTuple):
    """One lesson about one model.

    Attributes:
        kind: what it is about.
        since: when it was learnt, in the clock's seconds.
        until: when it ends by itself.
        about: the capability, or whose preferences, where the kind has one.
        tokens: the context that was too much, where the kind has one.
        repeats: how often it has been learnt in a row.
    """

    kind: Lasting
    since: float
    until: float
    about: str | None = None
    tokens: int = 0
    repeats: int = 1

    def __str__(self) -> str:
        if self.kind is Lasting.LACKS and self.about is not None:
            return f"{lack_in_words(self.about)}, by its own answer"
        return _IN_WORDS[self.kind].format(self.about or self.tokens)


_IN_WORDS = {
    Lasting.GONE: "gone, by its own answer",
    Lasting.LACKS: "refused such a request within the last hour",
    Lasting.CONTEXT: "context is less than {}, by its own answer",
    Lasting.APP: "reserved for other apps",
    Lasting.PRIVACY: "hidden by the account's privacy settings",
    Lasting.REGION: "not available in this region",
    Lasting.PROVIDERS: "has no provider that the {} allow",
}


class Lessons:
    """All lessons, keyed by properties of a request. Not thread-safe: its owner holds a lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # The most recently used ones come last. A context lesson holds for longer requests.
        self._by_audience: OrderedDict[Audience, dict[str, Lesson]] = OrderedDict()
        self._contexts: dict[str, Lesson] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_audience.values())) + len(self._contexts)

    def learn(self, model: str, outcome: Outcome, asker: Asker) -> tuple[Audience, Lesson] | None:
        """Remember what a failure says about a model, beyond a cooldown.

        Returns:
            the lesson, and the group of requests that it holds for; None when there is none.
        """
        kind, now = outcome.lasting, self._clock()
        if kind is Lasting.CONTEXT:
            # The tokens of an image are our estimate, and the preferences may have left a provider with less context.
            if asker.requirements.media or asker.preferences:
                return None
            return self._keep(model, _LONGER, Lesson(kind, now, now + HOUR, tokens=asker.requirements.context))
        audience, about = _audience(outcome, asker)
        if audience is None:
            return None
        former = self._by_audience.get(audience, {}).get(model)
        repeats = 1 if former is None else former.repeats + 1
        by_account = kind is Lasting.PRIVACY or (kind is Lasting.PROVIDERS and not asker.preferences)
        pause = min(_FIRST_PAUSE * 2 ** (repeats - 1), HOUR) if by_account else HOUR
        return self._keep(model, audience, Lesson(audience[0], now, now + pause, about, repeats=repeats))

    def _keep(self, model: str, audience: Audience, lesson: Lesson) -> tuple[Audience, Lesson]:
        if audience == _LONGER:
            self._contexts[model] = lesson
        else:
            self._by_audience.setdefault(audience, {})[model] = lesson
            self._by_audience.move_to_end(audience)
            self._bound()
        return audience, lesson

    def all(self) -> list[tuple[str, Audience, Lesson]]:
        """All lessons, each with its model and the group of requests that it holds for."""
        groups = [*self._by_audience.items(), (_LONGER, self._contexts)]
        return [(model, audience, lesson) for audience, lessons in groups for model, lesson in lessons.items()]

    def hear(self, model: str, audience: Audience, lesson: Lesson) -> None:
        """Another process has learnt a lesson; one that lasts longer stays."""
        former = self._of(audience).get(model)
        if former is None or former.until < lesson.until:
            self._keep(model, audience, lesson)

    def forget(self, model: str, audience: Audience, since: float) -> None:
        """A lesson that was learnt up to this time has ended."""
        lessons = self._of(audience)
        if model in lessons and lessons[model].since <= since:
            del lessons[model]
            if not lessons and audience != _LONGER:
                del self._by_audience[audience]

    def _of(self, audience: Audience) -> dict[str, Lesson]:
        return self._contexts if audience == _LONGER else self._by_audience.get(audience, {})

    def _bound(self) -> None:
        """Drop the groups that have not been used for the longest time."""
        preferences = [audience for audience in self._by_audience if audience[0] is Lasting.PROVIDERS]
        for audience in preferences[: max(len(preferences) - _PREFERENCES, 0)]:
            del self._by_audience[audience]
        while len(self._by_audience) > _AUDIENCES:
            self._by_audience.popitem(last=False)

    def answered(self, model: str, asker: Asker) -> list[Audience]:
        """A model has answered: the lessons that blocked such a request end. Returns the groups they held for."""
        over = []
        for audience in self._audiences(asker):
            if self._by_audience[audience].pop(model, None) is not None:
                over.append(audience)
            if not self._by_audience[audience]:
                del self._by_audience[audience]
        context = self._contexts.get(model)
        if context is not None and asker.requirements.context >= context.tokens:
            del self._contexts[model]
            over.append(_LONGER)
        return over

    def listed(self, models: frozenset[str]) -> None:
        """A newer catalog lists these models: end their ``gone`` lessons."""
        gone = self._by_audience.get(_EVERYBODY)
        if gone is not None:
            newest = self._clock() - _EDGE_CACHE
            for model in [name for name, lesson in gone.items() if name in models and lesson.since < newest]:
                del gone[model]

    def barred(self, asker: Asker) -> dict[str, float]:
        """The models that lessons block for such a request, each with the start of the lesson."""
        if not self._by_audience and not self._contexts:
            return {}
        found: dict[str, float] = {}
        for model, lesson in self._against(asker):
            found[model] = max(lesson.since, found.get(model, lesson.since))
        return found

    def objections(self, model: str, asker: Asker) -> Iterator[str]:
        """Every reason, as text, why a model is blocked for such a request."""
        return (str(lesson) for name, lesson in self._against(asker) if name == model)

    def _against(self, asker: Asker) -> Iterator[tuple[str, Lesson]]:
        now = self._clock()
        for audience in self._audiences(asker):
            for model, lesson in self._by_audience[audience].items():
                if lesson.until > now:
                    yield model, lesson
        for model, lesson in self._contexts.items():
            # A request of which we count at least as many tokens is too long, too.
            if lesson.until > now and asker.requirements.context >= lesson.tokens:
                yield model, lesson

    def _audiences(self, asker: Asker) -> list[Audience]:
        """The groups of a request that have a lesson."""
        return [audience for audience in _groups(asker) if audience in self._by_audience]


def _groups(asker: Asker) -> Iterator[Audience]:
    yield _EVERYBODY
    need = asker.need
    yield Lasting.LACKS, need
    for capability in need.hard:
        yield Lasting.LACKS, capability
    yield Lasting.APP, asker.caller.app
    yield Lasting.PRIVACY, asker.caller.account
    yield Lasting.REGION, asker.caller.account
    yield Lasting.PROVIDERS, (asker.caller.account, "")
    if asker.preferences:
        yield Lasting.PROVIDERS, (asker.caller.account, asker.preferences)


def _audience(outcome: Outcome, asker: Asker) -> tuple[Audience | None, str | None]:
    """The group that a lesson holds for, and its subject; None when it says nothing about other requests."""
    kind = outcome.lasting
    if kind is Lasting.PROVIDERS or (asker.preferences and kind in (Lasting.GONE, Lasting.LACKS, Lasting.PRIVACY)):
        # The request's own preferences may be the cause; without any, the account's are.
        whose = "request's provider preferences" if asker.preferences else "account's settings"
        return (Lasting.PROVIDERS, (asker.caller.account, asker.preferences)), whose
    if kind is Lasting.GONE:
        return _EVERYBODY, None
    if kind is Lasting.LACKS and outcome.lacks in asker.need.hard:
        return (Lasting.LACKS, outcome.lacks), outcome.lacks
    if kind is Lasting.LACKS and not asker.requirements.media:
        # A model that complains about something not requested is unsuitable for such requests, for any reason.
        return (Lasting.LACKS, asker.need), None
    groups = {
        Lasting.APP: asker.caller.app,
        Lasting.PRIVACY: asker.caller.account,
        Lasting.REGION: asker.caller.account,
    }
    return ((kind, groups[kind]), None) if kind in groups else (None, None)
