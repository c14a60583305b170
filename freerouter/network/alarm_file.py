"""AlarmFile: the models that have cost money, stored beside the catalog's copy for the next start."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from freerouter.network.disk_cache import path_for
from freerouter.settings import Settings

_log = logging.getLogger("freerouter")


class Alarm(NamedTuple):
    """One answer that has cost money.

    Attributes:
        model: its id.
        cost: in USD, as the answer states it.
        at: time in UTC, in ISO 8601 format.
    """

    model: str
    cost: float
    at: str


class AlarmFile:
    """One file for each upstream, one line of JSON for each alarm: several processes can add to it at the same time.

    Args:
        settings: upstream and folder.
        wall: seconds since 1970.
    """

    def __init__(self, settings: Settings, wall: Callable[[], float] = time.time) -> None:
        self.path = path_for(settings, "alarms", settings.upstream, "jsonl")
        self._wall = wall

    def read(self) -> dict[str, float]:
        """The blocked models, each with the cost of its latest such answer."""
        return {alarm.model: alarm.cost for alarm in self.alarms()}

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

    def add(self, model: str, cost: float) -> None:
        """Store an alarm; a failure is logged."""
        at = datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        line = json.dumps({"model": model, "cost": cost, "at": at}) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as file:
                file.write(line.encode())
        except OSError as error:
            _log.warning("cost alarms: %s cannot be written: %s", self.path, error.strerror)

    def clear(self) -> None:
        """Remove all alarms, for processes that start from now on. Raises OSError."""
        self.path.unlink(missing_ok=True)


def _parsed(line: bytes) -> Alarm | None:
    try:
        row = json.loads(line)
        return Alarm(str(row["model"]), float(row["cost"]), str(row["at"]))
    except (ValueError, TypeError, KeyError):
        return None
