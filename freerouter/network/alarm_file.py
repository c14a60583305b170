"""AlarmFile: what has cost money, stored beside the catalog's copy for other processes and the next start."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from freerouter.memory.costs import ACCOUNT
from freerouter.network.disk_cache import path_for
from freerouter.settings import Settings

_log = logging.getLogger("freerouter")


class Alarm(NamedTuple):
    """One answer that has cost money.

    Attributes:
        model: its id, or ``ACCOUNT``.
        cost: in USD, as the answer states it.
        at: time in UTC, in ISO 8601 format.
        account: the mark of a blocked account (``headers.account_mark``); empty for the account of the settings' key.
    """

    model: str
    cost: float
    at: str
    account: str = ""

    def as_dict(self) -> dict[str, object]:
        """As JSON values, for display: without the hash of a key."""
        return {"model": self.model, "cost": self.cost, "at": self.at}


class Version(NamedTuple):
    """Tells two states of the file apart."""

    file: int
    size: int
    changed: int


class AlarmFile:
    """One file for each upstream, one line of JSON for each alarm: several processes can add to it at the same time.

    Only its owner can read it, since it holds hashes of accounts' keys.

    Args:
        settings: upstream and folder.
        wall: seconds since 1970.
    """

    def __init__(self, settings: Settings, wall: Callable[[], float] = time.time) -> None:
        self.path = path_for(settings, "alarms", settings.upstream, "jsonl")
        self._wall = wall

    def read(self) -> dict[str, float]:
        """The blocked models, each with the cost of its latest such answer."""
        return {alarm.model: alarm.cost for alarm in self.alarms() if alarm.model != ACCOUNT}

    def version(self) -> Version | None:
        """The state of the file; None without a file."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return Version(found.st_ino, found.st_size, found.st_mtime_ns)

    def alarms(self) -> list[Alarm]:
        """All alarms, oldest first; lines that cannot be read are logged and skipped."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            _log.warning("cost alarms: %s cannot be read: %s", self.path, error.strerror)
            return []
        alarms = [alarm for line in lines if (alarm := _parsed(line)) is not None]
        if len(alarms) < len(lines):
            _log.warning("cost alarms: %d lines of %s are not valid", len(lines) - len(alarms), self.path)
        return alarms

    def add(self, model: str, cost: float, account: str = "") -> None:
        """Store an alarm; a failure is logged."""
        at = datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        whose = {"account": account} if account else {}
        line = json.dumps({"model": model, "cost": cost, "at": at} | whose) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(0o600)
            with self.path.open("ab", buffering=0) as file:
                file.write(line.encode())
        except OSError as error:
            _log.warning("cost alarms: %s cannot be written: %s", self.path, error.strerror)

    def clear(self) -> None:
        """Remove all alarms. Raises OSError."""
        self.path.unlink(missing_ok=True)


def _parsed(line: bytes) -> Alarm | None:
    try:
        row = json.loads(line)
        return Alarm(str(row["model"]), float(row["cost"]), str(row["at"]), str(row.get("account", "")))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
