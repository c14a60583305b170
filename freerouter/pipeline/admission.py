"""Admission: whether a request may be sent now: what its account has left, and whether OpenRouter is there."""

from __future__ import annotations

from freerouter.errors import FreeRouterError
from freerouter.pipeline import grounds, refusals
from freerouter.pipeline.actions import Reserve, Wait
from freerouter.pipeline.pace import Pace
from freerouter.pipeline.reservation import Reservation
from freerouter.pipeline.state import State
from freerouter.replies.verdicts import Gate
from freerouter.sharing.slots import Slot


class Admission:
    """What one request takes of its account's allowance. The caller holds the lock of the state.

    Args:
        state: of the router.
        account: hash of the account.
        pace: the time limits of the request.
    """

    __slots__ = ("_account", "_pace", "_reservation", "_state")

    def __init__(self, state: State, account: str, pace: Pace) -> None:
        self._state = state
        self._account = account
        self._pace = pace
        news = state.news  # looked at once: another thread may close the client meanwhile
        self._reservation = None if news is None else Reservation(state, news, account)

    def wanted_at_once(self) -> Reserve | None:
        """See ``Reservation``; it needs no lock."""
        return None if self._reservation is None else self._reservation.wanted_at_once()

    def wanted(self) -> Reserve | None:
        """See ``Reservation``."""
        return None if self._reservation is None else self._reservation.wanted()

    def reserved(self, slot: Slot | None) -> None:
        """See ``Reservation``."""
        assert self._reservation is not None, "nothing was reserved"  # noqa: S101  # a driver's mistake
        self._reservation.reserved(slot)

    def held(self, now: float) -> Wait | FreeRouterError | None:
        """What an exhausted allowance delays, or ends."""
        counted = self._reservation is not None and self._reservation.counted
        shut = self._state.endpoint.allowances.shut(self._account, reserved=counted)
        if shut is None:
            return None
        gate, seconds = shut
        if gate is Gate.MINUTE and self._pace.may_wait(seconds, now):
            return Wait(self._pace.wait(seconds))
        return grounds.exhausted(self._state, self._account, gate, seconds)

    def rests(self, request: object, now: float) -> Wait | FreeRouterError | None:
        """What an outage delays, or ends, before the first attempt; ``request`` may become its probe."""
        endpoint = self._state.endpoint
        rest = endpoint.outage.rest(request)
        if not rest:
            return None
        if self._pace.may_wait(rest, now):
            return Wait(self._pace.wait(rest))
        return refusals.upstream_down(endpoint.url, endpoint.outage.reason, rest)

    def count(self) -> None:
        """The request is being sent."""
        counted = self._reservation is not None and self._reservation.use()
        self._state.endpoint.allowances.count(self._account, reserved=counted)

    def uncount(self) -> None:
        """Nothing was sent."""
        self._state.endpoint.allowances.uncount(self._account)
        if self._reservation is not None:
            self._reservation.give_back()

    def leave(self) -> None:
        """The request has ended; it needs no lock."""
        if self._reservation is not None:
            self._reservation.leave()
