"""An account's allowance: 20 free requests a minute, 50 or 1000 a day (openrouter-facts.md, section 7)."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from freerouter.replies.outcome import Gate
from freerouter.replies.retry_hints import DAY, MINUTE

_ACCOUNTS = 1_000


@dataclass(slots=True)
class Allowance:
    """What is known of one account.

    Attributes:
        sent: when requests were sent in the last minute, in the clock's seconds.
        gate: the allowance that OpenRouter said is used up; None when the gate is open.
        until: when it opens again, in the clock's seconds.
        limit: free requests a day, by ``GET /key``; None when that has not been read.
        left: how many of them are left by our own count since.
        day: the UTC day for which ``left`` holds, in days since 1970.
    """

    sent: deque[float] = field(default_factory=deque)
    gate: Gate | None = None
    until: float = 0.0
    limit: int | None = None
    left: int | None = None
    day: int = 0


class Quota:
    """The allowances of the accounts in use. Not thread-safe: its owner holds a lock.

    Args:
        per_minute: requests that are sent within any minute at most, counting only our own.
        clock: monotonic seconds.
        wall: seconds since 1970, to know the day.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._wall = wall
        self._accounts: OrderedDict[str, Allowance] = OrderedDict()  # the one used last comes last
        self._latest: str | None = None
        self._current = Allowance()

    def of(self, account: str) -> Allowance:
        """What is known of an account, as of now."""
        allowance = self._current if account == self._latest else self._look_up(account)
        if allowance.gate is not None and allowance.until <= self._clock():
            if allowance.gate is Gate.DAY:  # it is OpenRouter's midnight, whatever day our own clock shows
                allowance.left = allowance.limit
            allowance.gate = None
        if allowance.left is not None and allowance.day != self._today():
            allowance.left, allowance.day = allowance.limit, self._today()
        return allowance

    def _look_up(self, account: str) -> Allowance:
        allowance = self._accounts.get(account)
        if allowance is None:
            allowance = self._accounts[account] = Allowance()
            if len(self._accounts) > _ACCOUNTS:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(account)
        self._latest, self._current = account, allowance
        return allowance

    def shut(self, account: str) -> tuple[Gate, float] | None:
        """Which allowance is used up, and for how many seconds; None when a request may be sent."""
        allowance = self.of(account)
        now = self._clock()
        if allowance.gate is not None:
            return allowance.gate, allowance.until - now
        if allowance.left is not None and allowance.left <= 0:
            return Gate.DAY, DAY - self._wall() % DAY
        sent = allowance.sent
        while sent and sent[0] <= now - MINUTE:
            sent.popleft()
        if len(sent) >= self._per_minute:
            return Gate.MINUTE, sent[len(sent) - self._per_minute] + MINUTE - now
        return None

    def count(self, account: str) -> None:
        """A request is being sent."""
        allowance = self.of(account)
        allowance.sent.append(self._clock())
        if allowance.left is not None:
            allowance.left -= 1

    def uncount(self, account: str) -> None:
        """The request could not be sent after all."""
        allowance = self.of(account)
        if allowance.sent:
            allowance.sent.pop()
        if allowance.left is not None and allowance.limit is not None:
            # A new day may have begun since it was counted.
            allowance.left = min(allowance.left + 1, allowance.limit)

    def close(self, account: str, gate: Gate, seconds: float, limit: int | None = None) -> None:
        """OpenRouter says that an allowance is used up; a later, smaller word does not shorten it.

        Args:
            account: whose.
            gate: the day's, or the minute's.
            seconds: until it is there again.
            limit: how many requests it has, where OpenRouter says so.
        """
        allowance = self.of(account)
        if gate is Gate.DAY and limit is not None:
            allowance.limit, allowance.left, allowance.day = limit, 0, self._today()
        until = self._clock() + seconds
        if allowance.gate is None or until > allowance.until:
            allowance.gate, allowance.until = gate, until

    def learn(self, account: str, used: int, limit: int) -> None:
        """``GET /key`` says how many of the day's free requests are used, of how many."""
        allowance = self.of(account)
        allowance.limit, allowance.left, allowance.day = limit, max(limit - used, 0), self._today()

    def left(self, account: str) -> int | None:
        """How many free requests are left today; None when nobody knows."""
        return self.of(account).left

    def _today(self) -> int:
        return int(self._wall() // DAY)
