"""The allowance of free requests: so many a minute and so many a day, for the whole account."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from freerouter.emulator.refusals import Refusal, daily_limit, minute_limit

MINUTE = 60
DAY = 86_400


@dataclass(slots=True)
class Window:
    """A fixed window of `seconds` that starts at a multiple of them (for a day: 00:00 UTC)."""

    seconds: int
    number: int = 0
    used: int = 0

    def at(self, now: float) -> int:
        """Return how many requests the window holds that `now`, in unix seconds, falls into."""
        number = int(now // self.seconds)
        if number != self.number:
            self.number, self.used = number, 0
        return self.used


def reset_ms(now: float, seconds: int) -> int:
    """Return the end of the window that `now` falls into, in epoch milliseconds."""
    return (int(now // seconds) + 1) * seconds * 1000


class Limits:
    """Counts what was let through; failed attempts count too (openrouter-facts 7). None: no limit."""

    def __init__(self, per_minute: int | None, per_day: int | None) -> None:
        self.per_minute = per_minute
        self.per_day = per_day
        self.forget()

    def key_says(self, remaining: Iterable[int | None]) -> None:
        """Let GET /key show these as what is left of the day, one after the other; None shows the truth."""
        self._stale: Iterator[int | None] = iter(tuple(remaining))

    def forget(self) -> None:
        """Start afresh."""
        self.key_says(())
        self._minute = Window(MINUTE)
        self._day = Window(DAY)

    def take(self, now: float) -> Refusal | None:
        """Count one more request, or say why it may not pass."""
        today, this_minute = self._day.at(now), self._minute.at(now)
        if self.per_day is not None and today >= self.per_day:
            return daily_limit(self.per_day, reset_ms(now, DAY))
        if self.per_minute is not None and this_minute >= self.per_minute:
            return minute_limit(self.per_minute, reset_ms(now, MINUTE))
        self._day.used += 1
        self._minute.used += 1
        return None

    def daily(self, now: float) -> dict[str, int] | None:
        """Return `free_model_daily_requests` as GET /key shows it, None without a limit."""
        if self.per_day is None:
            return None
        stale = next(self._stale, None)
        remaining = max(0, self.per_day - self._day.at(now)) if stale is None else stale
        return {"used": self.per_day - remaining, "limit": self.per_day, "remaining": remaining}
