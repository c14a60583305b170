"""Condition: whether the store can be used, logged once a change."""

from __future__ import annotations

import logging
import threading
from typing import Any, NamedTuple

from freerouter import forks

_log = logging.getLogger("freerouter")


# So many slots in a row that are not answered mean that the store cannot be used.
_IN_A_ROW = 3


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
        told: dict[str, Any] = {"store": self.store, "where": self.where, "ok": not self.trouble}
        return told | ({"trouble": self.trouble} if self.trouble else {})


OFF = Status("off")


class Condition:
    """Whether a store can be used; any thread may report.

    Args:
        store, where: as in Status.
    """

    def __init__(self, store: str, where: str) -> None:
        self.trouble = "is not connected yet"
        self.unanswered = self.sent = self.received = 0
        self._in_a_row = 0
        self._store = store
        self._where = where
        self._told = ""
        self._new_lock()
        forks.in_child(self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.Lock()

    def answered(self) -> None:
        """A slot was answered in time."""
        self._in_a_row = 0

    def not_answered(self, trouble: str) -> None:
        """A slot was not answered in time. One alone says little: this process may be busy."""
        self.unanswered += 1
        self._in_a_row += 1
        if self._in_a_row >= _IN_A_ROW and not self.trouble:  # what is known already is closer to the cause
            self.failed(trouble)

    def failed(self, trouble: str) -> None:
        """The store cannot be used."""
        with self._lock:
            self.trouble = trouble
            if trouble == self._told:
                return
            self._told = trouble
        _log.warning("shared state: %s", self.status())

    def works(self) -> None:
        """The store can be used."""
        with self._lock:
            before, former = self.trouble, self._told
            self.trouble = self._told = ""
        if former:
            _log.warning("shared state: again %s", self.status())
        elif before:
            _log.info("shared state: %s", self.status())

    def status(self, dropped: int = 0) -> Status:
        """What can be told of it."""
        return Status(self._store, self._where, self.trouble, self.unanswered, self.sent, self.received, dropped)
