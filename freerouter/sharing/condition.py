"""Condition: whether the store can be used, logged once a change."""

from __future__ import annotations

import logging
import threading
from typing import Any, NamedTuple

_log = logging.getLogger("freerouter")


# So many slots in a row that are not answered in time mean that the store is too slow; so many that are, that it is
# not.
_IN_A_ROW = 3
_NOT_YET = "is not connected yet"


class Status(NamedTuple):
    """What can be told of sharing.

    Attributes:
        store: "redis", "local" or "off".
        where: the store, without a password.
        trouble: why it cannot be used now; empty when it can.
        unanswered: slots that were not answered in time since the start.
        sent, received, dropped: facts since the start.
    """

    store: str
    where: str = ""
    trouble: str = ""
    unanswered: int = 0
    sent: int = 0
    received: int = 0
    dropped: int = 0

    def __str__(self) -> str:
        if self.store == "off":
            return "off: other processes are not known of"
        name = "Redis" if self.store == "redis" else "the file"
        if self.trouble:
            return f"{name} {self.where} {self.trouble}: this process goes on by itself"
        return f"over {name} {self.where}"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"where": self.where, **self.for_everybody()}

    def for_everybody(self) -> dict[str, Any]:
        """As JSON values, without the place of the store: probes show no token."""
        told: dict[str, Any] = {"store": self.store, "ok": not self.trouble}
        return told | ({"trouble": self.trouble} if self.trouble else {})


OFF = Status("off")


class Condition:
    """Whether a store can be used; any thread may report.

    Args:
        store, where: as in Status.
    """

    def __init__(self, store: str, where: str) -> None:
        self._lost = _NOT_YET
        self._untold = ""
        self._late = ""
        self.unanswered = self.sent = self.received = 0
        self._in_a_row = 0
        self._store = store
        self._where = where
        self._told = _NOT_YET
        self._lock = threading.Lock()

    @property
    def trouble(self) -> str:
        """Why the store cannot be used now; empty when it can."""
        return self._lost or self._untold or self._late  # the first is the closest to the cause

    @property
    def is_lost(self) -> bool:
        """Whether it is not connected."""
        return bool(self._lost)

    @property
    def is_late(self) -> bool:
        """Whether slots are not answered in time, while facts are shared."""
        return bool(self._late)

    def answered(self) -> None:
        """A slot was answered in time."""
        if not self._late:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= _IN_A_ROW:
            self._in_a_row, self._late = 0, ""
            self._tell()

    def not_answered(self, trouble: str) -> None:
        """A slot was not answered in time. One alone says little: this process may be busy."""
        self.unanswered += 1
        if self._late:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= _IN_A_ROW:
            self._in_a_row, self._late = 0, trouble
            self._tell()

    def told(self, trouble: str = "") -> None:
        """Facts were told, or could not be, though the store may answer a check."""
        self._untold = trouble
        self._tell()

    def failed(self, trouble: str) -> None:
        """The store cannot be used."""
        self._lost = trouble
        self._tell()

    def works(self, *, anew: bool = False) -> None:
        """The store can be used; ``anew``: it was connected just now, and how slow it was before says nothing."""
        if anew:
            self._in_a_row, self._late = 0, ""
        self._lost = ""
        self._tell()

    def _tell(self) -> None:
        """Log what has changed."""
        with self._lock:
            former, self._told = self._told, self.trouble
            if former == self._told:
                return
        if self._told:
            _log.warning("shared state: %s", self.status())
        elif former == _NOT_YET:
            _log.info("shared state: %s", self.status())
        else:
            # A log that shows the trouble shows its end, too: a program's shows warnings only, unless it is set up.
            _log.warning("shared state: again %s", self.status())

    def status(self, dropped: int = 0) -> Status:
        """What can be told of it."""
        return Status(self._store, self._where, self.trouble, self.unanswered, self.sent, self.received, dropped)
