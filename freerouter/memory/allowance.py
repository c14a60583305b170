"""An account's allowance: 20 free requests a minute, 50 or 1000 a day (openrouter-facts.md, section 7)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from freerouter.durations import DAY, MINUTE
from freerouter.replies.verdicts import Gate

_ACCOUNTS = 1_000
# GET /key is about this old: an earlier reading may be from before the gate was shut.
_FIGURE_AGE = MINUTE


@dataclass(slots=True)
class Allowance:
    """What is known about one account.

    Attributes:
        sent: when requests were sent in the last minute, in the clock's seconds.
        gate: the allowance that OpenRouter said is used up; None without one, or after its reset.
        until: when it is reset, in the clock's seconds.
        shut_at: when OpenRouter said so.
        limit: free requests a day; None when not known.
        left: how many of them are left by our own count; None when not known.
        day: the UTC day for which ``left`` holds, in days since 1970.
    """

    sent: deque[float] = field(default_factory=deque)
    gate: Gate | None = None
    until: float = 0.0
    shut_at: float = 0.0
    limit: int | None = None
    left: int | None = None
    day: int = 0

    @property
    def last_sent(self) -> float:
        """When it sent its last request, if that is remembered."""
        return self.sent[-1] if self.sent else 0.0


class Figures(NamedTuple):
    """What is shown of an account.

    Attributes:
        left: free requests that it has left today; None when not known.
        limit: of how many; None when not known.
        sent: requests sent in the last minute.
    """

    left: int | None
    limit: int | None
    sent: int


class Allowances:
    """The allowances of the accounts in use. Not thread-safe: its owner holds a lock.

    Args:
        per_minute: most requests sent within any minute, counting only our own.
        clock: monotonic seconds.
        wall: seconds since 1970, to know the day.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._wall = wall
        self._accounts: dict[str, Allowance] = {}

    def of(self, account: str) -> Allowance:
        """What is known about an account; an empty record for a new one."""
        allowance = self._accounts.get(account)
        if allowance is None:
            if len(self._accounts) >= _ACCOUNTS:
                self._forget_one()  # before the new account is added, which has sent nothing yet
            allowance = self._accounts[account] = Allowance()
        return allowance

    def _forget_one(self) -> None:
        """Forget the account that has sent nothing for the longest time."""
        idle = min(self._accounts, key=lambda name: self._accounts[name].last_sent)
        del self._accounts[idle]

    def accounts(self) -> list[str]:
        """Those about which something is known."""
        return list(self._accounts)

    def settle(self, account: str) -> Allowance:
        """Bring an account up to date: open a gate that has expired, start a new day. Returns it."""
        allowance = self.of(account)
        if allowance.gate is not None and allowance.until <= self._clock():
            if allowance.gate is Gate.DAY:  # it is OpenRouter's midnight, even if our clock shows another day
                allowance.left, allowance.day = allowance.limit, self._today()
            allowance.gate = None
        if allowance.left is not None and allowance.day != self._today():
            allowance.left, allowance.day = allowance.limit, self._today()
        return allowance

    def looks_open(self, account: str) -> bool:
        """Whether a request may probably be sent. A glance, which needs no lock."""
        allowance = self._accounts.get(account)
        return allowance is None or (allowance.gate is None and len(allowance.sent) < self._per_minute)

    def shut(self, account: str, *, reserved: bool = False) -> tuple[Gate, float] | None:
        """The allowance that is used up, and for how many seconds; None when a request may be sent.

        Args:
            account: its hash.
            reserved: the request has a place in the minute.
        """
        allowance = self.settle(account)
        now = self._clock()
        if allowance.gate is not None:
            return allowance.gate, allowance.until - now
        sent = allowance.sent
        while sent and sent[0] <= now - MINUTE:
            sent.popleft()
        if len(sent) >= self._per_minute and not reserved:
            return Gate.MINUTE, sent[len(sent) - self._per_minute] + MINUTE - now
        return None

    def figures(self, account: str) -> Figures:
        """What is shown of an account."""
        allowance, start = self.settle(account), self._clock() - MINUTE
        return Figures(allowance.left, allowance.limit, sum(at > start for at in allowance.sent))

    def count(self, account: str, *, reserved: bool = False) -> None:
        """Count a request that is being sent; one that has a place in the minute is counted."""
        if reserved:
            return
        allowance = self.of(account)
        allowance.sent.append(self._clock())
        if allowance.left is not None:
            allowance.left = max(allowance.left - 1, 0)

    def see(self, account: str, taken: tuple[float, ...], day: tuple[int, int] | None, *, granted: bool) -> None:
        """Record what all processes together have sent.

        Args:
            account: its hash.
            granted: one of them is a request of this process that is about to be sent.
            taken: for each request of the last minute, the seconds until it is no longer of that minute.
            day: free requests a day, and how many are left; None when not known.
        """
        allowance, now = self.settle(account), self._clock()
        if len(taken) >= len(allowance.sent):  # fewer: the others have lost their memory
            allowance.sent = deque(map((now - MINUTE).__add__, taken))
        elif granted:
            allowance.sent.append(now)
        if day is not None and allowance.gate is not Gate.DAY:
            allowance.limit, allowance.left = day
            allowance.day = self._today()

    def uncount(self, account: str) -> None:
        """Uncount a request that could not be sent."""
        allowance = self.settle(account)
        if allowance.sent:
            allowance.sent.pop()
        if allowance.left is not None and allowance.limit is not None:
            # A new day may have started since it was counted.
            allowance.left = min(allowance.left + 1, allowance.limit)

    def close(self, account: str, gate: Gate, seconds: float, limit: int | None = None) -> None:
        """Record that OpenRouter says an allowance is used up; a later, shorter time does not shorten it.

        Args:
            account: its hash.
            gate: the day's, or the minute's.
            seconds: until it is reset.
            limit: its number of requests, if OpenRouter states it.
        """
        allowance, now = self.settle(account), self._clock()
        if gate is Gate.DAY:
            allowance.limit = allowance.limit if limit is None else limit
            allowance.left, allowance.day = None if allowance.limit is None else 0, self._today()
        if allowance.gate is None or now + seconds > allowance.until:
            allowance.gate, allowance.until = gate, now + seconds
        allowance.shut_at = now

    def hear(self, account: str, gate: Gate, limit: int | None, since: float, until: float) -> None:
        """Another process was told that an allowance is used up; a later, shorter time does not shorten it."""
        allowance, now = self.settle(account), self._clock()
        if until > max(allowance.until if allowance.gate is not None else 0.0, now):
            self.close(account, gate, until - now, limit)
            allowance.shut_at = since

    def open(self, account: str, since: float) -> bool:
        """The day's gate that was shut up to this time is open again. Returns whether it was shut."""
        allowance = self.settle(account)
        if allowance.gate is not Gate.DAY or allowance.shut_at > since:
            return False
        allowance.gate = None
        return True

    def learn(self, account: str, used: int, limit: int) -> None:
        """Record what ``GET /key`` says: how many free requests are used today, and of how many.

        It never shuts the day's gate: the figure may be old, and is not a hard limit. It opens the gate when it shows
        room and is newer than the refusal.
        """
        allowance, now = self.settle(account), self._clock()
        left = max(limit - used, 0)
        if allowance.gate is Gate.DAY:
            if left == 0 or now - allowance.shut_at < _FIGURE_AGE:
                return
            allowance.gate = None
        allowance.limit, allowance.left, allowance.day = limit, left, self._today()

    def left(self, account: str) -> int | None:
        """How many free requests are left today; None when not known."""
        return self.settle(account).left

    def _today(self) -> int:
        return int(self._wall() // DAY)
