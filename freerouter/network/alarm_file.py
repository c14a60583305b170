"""AlarmFile: what has cost money, stored beside the catalog's copy for other processes and the next start."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import IO, NamedTuple

from freerouter.memory.costs import ACCOUNT
from freerouter.network.disk_cache import path_for
from freerouter.settings import Settings

_log = logging.getLogger("freerouter")

# How often, and after how many seconds each time, it is tried to have the file alone.
_TRIES, _PAUSE = 20, 0.05


class Alarm(NamedTuple):
    """One answer that has cost money.

    Attributes:
        model: its id, or ``ACCOUNT``.
        cost: in USD, as the answer states it.
        at: time in UTC, in ISO 8601 format.
        account: the mark of a blocked account (``headers.mark_of``); empty for the account of the settings' key.
        removed: the alarms of it up to this time were removed, by another process.
    """

    model: str
    cost: float
    at: str
    account: str = ""
    removed: bool = False

    @property
    def seconds(self) -> float:
        """The time in seconds since 1970; 0 when it makes no sense."""
        try:
            return datetime.fromisoformat(self.at).timestamp()
        except ValueError:
            return 0.0

    @property
    def of(self) -> tuple[str, str]:
        """What it is about."""
        return self.model, self.account

    def follows(self, former: Alarm | None) -> bool:
        """Whether it changes what is blocked, when this is known."""
        if former is None:
            return not self.removed
        return self.removed is not former.removed and (self.at, self.removed) > (former.at, former.removed)

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
        """All alarms that were not removed, oldest first."""
        return standing(self.lines())

    def lines(self) -> list[Alarm]:
        """All alarms, and what was removed of them; lines that cannot be read are logged and skipped."""
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
        self._append(lambda _: [Alarm(model, cost, in_utc(self._wall()), account)])

    def note(self, told: Iterable[Alarm]) -> None:
        """Store what other processes have told, unless it is there already; a failure is logged."""
        new = [alarm for alarm in told if not alarm.removed or self.version() is not None]
        if new:
            self._append(lambda file: self._unknown(file, new))

    def _unknown(self, file: IO[bytes], told: list[Alarm]) -> list[Alarm]:
        _lock(file)  # several processes of this machine hear of an alarm at the same time
        known = {line.of: line for line in sorted(self.lines(), key=lambda line: (line.at, line.removed))}
        return [alarm for alarm in told if alarm.follows(known.get(alarm.of))]

    def _append(self, alarms: Callable[[IO[bytes]], list[Alarm]]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(0o600)
            with self.path.open("ab", buffering=0) as file:
                file.write(b"".join(map(_line, alarms(file))))
        except OSError as error:
            _log.warning("cost alarms: %s cannot be written: %s", self.path, error.strerror)

    def clear(self) -> None:
        """Remove all alarms. Raises OSError."""
        self.path.unlink(missing_ok=True)


def standing(lines: list[Alarm]) -> list[Alarm]:
    """The alarms that were not removed."""
    removed = {line.of: line.at for line in lines if line.removed}
    return [line for line in lines if not line.removed and line.at > removed.get(line.of, "")]


def in_utc(seconds: float) -> str:
    """A time since 1970 as text."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _lock(file: IO[bytes]) -> None:
    """Until it is closed, no other process notes in it. One that was stopped meanwhile is not waited for."""
    for _ in range(_TRIES):
        if _is_locked(file):
            return
        time.sleep(_PAUSE)


def _is_locked(file: IO[bytes]) -> bool:
    if sys.platform == "win32":
        return True  # it has no such locks: there, a line may come twice
    import fcntl  # noqa: PLC0415  # Windows has none

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # nor has every file system
    return True


def _line(alarm: Alarm) -> bytes:
    row: dict[str, object] = {"model": alarm.model, "cost": alarm.cost, "at": alarm.at}
    row |= {"account": alarm.account} if alarm.account else {}
    row |= {"removed": True} if alarm.removed else {}
    return json.dumps(row).encode() + b"\n"


def _parsed(line: bytes) -> Alarm | None:
    try:
        row = json.loads(line)
        return Alarm(
            str(row["model"]),
            float(row["cost"]),
            str(row["at"]),
            str(row.get("account", "")),
            row.get("removed") is True,
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
