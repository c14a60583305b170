"""Queue: the requests that are still to be sent, fetched from the journal a few at a time."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from freerouter.batch.journal import Entry, Journal

_AHEAD = 256


class Queue:
    """Requests without an answer, in the order of the input; what comes back unsent goes first.

    A request that has failed once waits for its second try: it is taken when it is due and no other one is left.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ahead: deque[Entry] = deque()
        self._last = 0
        self._waiting: list[tuple[float, Entry]] = []  # a heap, ordered by due time

    def take(self, now: float) -> Entry | None:
        """The next one; None when all are answered, running, or waiting. ``now`` is in seconds since 1970."""
        if not self._ahead:
            self._ahead.extend(self._journal.entries(self._last, _AHEAD))
            if self._ahead:
                self._last = self._ahead[-1].number
        if self._ahead:
            return self._ahead.popleft()
        return heappop(self._waiting)[1] if self._waiting and self._waiting[0][0] <= now else None

    def put_back(self, entry: Entry) -> None:
        """Put back a request that was not sent."""
        self._ahead.appendleft(entry)

    def wait(self, entry: Entry, due: float) -> None:
        """Put back a failed request until a due time."""
        heappush(self._waiting, (due, entry._replace(tries=entry.tries + 1)))

    def again_in(self, now: float) -> float | None:
        """Seconds until the next waiting request is due; None if no request waits."""
        return max(self._waiting[0][0] - now, 0.0) if self._waiting else None
