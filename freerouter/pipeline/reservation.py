"""Reservation: the place of one request in the minute that its account shares with other processes."""

from __future__ import annotations

from freerouter.pipeline.actions import Reserve
from freerouter.pipeline.news import News
from freerouter.pipeline.state import State
from freerouter.sharing.facts import heard
from freerouter.sharing.slots import MOST_SLOTS, Slot


class Reservation:
    """A place in the minute, taken anew for each send of a request.

    Args:
        state, news: of the router.
        account: hash of the account.

    Attributes:
        counted: the store has given it a place that is not used yet: it may be sent, whatever our own count says.
    """

    # Of the class, as they are for most of a request's time: it is made for each request.
    counted = False
    _answered = False
    _used = False
    _ask: Reserve | None = None

    def __init__(self, state: State, news: News, account: str) -> None:
        self._state = state
        self._news = news
        self._account = account

    def wanted_at_once(self) -> Reserve | None:
        """The same before anything else is looked at, where nothing seems to be in the way. It needs no lock."""
        endpoint = self._state.endpoint
        if self._ask is not None or endpoint.outage.reason or not endpoint.allowances.looks_open(self._account):
            return None
        return self.wanted()

    def wanted(self) -> Reserve | None:
        """What to do before the next send; None when it may be sent, as far as others are concerned."""
        if self._answered:
            return None
        limit = self._state.settings.requests_per_minute
        if limit > MOST_SLOTS:
            return None
        self._ask = Reserve(self._news.slots, self._account, next(self._news.numbers), limit)
        self._used = False
        return self._ask

    def reserved(self, slot: Slot | None) -> None:
        """Apply the store's answer. The caller holds the lock of the state."""
        if slot is None:
            self._answered = True  # our own count decides
            return
        if slot.news:
            self._news.hear(heard(slot.news, self._state.clock()))
        self._state.endpoint.allowances.see(self._account, slot.taken, slot.day, granted=slot.granted)
        self.counted = self._answered = slot.granted
        if not slot.granted:
            self._ask = None

    def use(self) -> bool:
        """The request is being sent. Returns whether it is counted already."""
        counted = self.counted
        if self._ask is not None:
            self._news.sent(self._ask, counted=counted)
        self.counted = self._answered = False
        self._used = True
        return counted

    def give_back(self) -> None:
        """The request is not sent, or has not reached OpenRouter."""
        if self._ask is not None:
            self._news.unsent(self._ask)
        self._ask = None
        self.counted = self._answered = False

    def leave(self) -> None:
        """The request has ended: a place that it has not used is given back; so is one whose answer came too late."""
        if self._ask is not None and not self._used:
            self.give_back()
