"""Queue: the requests that are still to be sent, fetched from the journal a few at a time."""

from __future__ import annotations

from collections import deque

from freerouter.batch.journal import Entry, Journal

_AHEAD = 256


class Queue:
    """Requests without an answer, in the order of the input; what comes back unsent goes first."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ahead: deque[Entry] = deque()
        self._last = 0

    def take(self) -> Entry | None:
        """The next one; None when all are answered or on their way."""
        if not self._ahead:
            self._ahead.extend(self._journal.entries(self._last, _AHEAD))
            if self._ahead:
                self._last = self._ahead[-1].number
        return self._ahead.popleft() if self._ahead else None

    def put_back(self, entry: Entry) -> None:
        """It was not sent after all."""
        self._ahead.appendleft(entry)
