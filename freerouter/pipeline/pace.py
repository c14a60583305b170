"""Pace: the deadline of one request, and how long it may wait before it is sent."""

from __future__ import annotations

from freerouter.settings import Settings

# With less time left than this, or than a tenth of the total, no further model is tried.
_TOO_LATE = 3.0
_TENTH = 0.1


class Pace:
    """The time limits of one request, in the clock's seconds.

    Args:
        settings: the settings.
        now: when it was received.
        stream: whether it is judged at its first token.
        allowed: seconds for the whole request, if the caller allows less than the settings.

    Attributes:
        started: when it was received.
        deadline: when its answer must have started.
        patience: seconds that the settings allow a model until its reply can be judged.
    """

    __slots__ = ("_allowed", "_settings", "_waited", "deadline", "patience", "started")

    def __init__(self, settings: Settings, now: float, *, stream: bool, allowed: float | None = None) -> None:
        self._allowed = settings.deadline if allowed is None else min(settings.deadline, allowed)
        self.started = now
        self.deadline = now + self._allowed
        self.patience = settings.first_token_timeout if stream else settings.reply_timeout
        self._settings = settings
        self._waited = 0.0

    def is_too_late(self, now: float) -> bool:
        """Whether too little time is left for a further attempt."""
        return self.deadline - now < min(_TOO_LATE, self._allowed * _TENTH)

    def may_wait(self, seconds: float, now: float) -> bool:
        """Whether this wait, added to the earlier ones, is within ``max_wait`` and the deadline."""
        return self._waited + seconds <= self._settings.max_wait and seconds < self.deadline - now

    def wait(self, seconds: float) -> float:
        """Count a wait, and return it."""
        self._waited += seconds
        return seconds
