"""Alarms: what is blocked because it has cost money, in step with the file that all processes share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from freerouter.memory.costs import ACCOUNT, AlarmNews
from freerouter.network.alarm_file import Alarm, AlarmFile, Version, in_utc, standing
from freerouter.openrouter.headers import Headers, account_in, account_mark, caller, mark_of, outgoing
from freerouter.settings import Settings

_ACCOUNTS = 1_000


class Blocked(Protocol):
    """What is blocked; a ``Router`` is one."""

    settings: Settings

    def has_alarms(self) -> bool:
        """Whether anything is blocked."""
        ...

    def block(self, models: Mapping[str, float], accounts: Mapping[str, float], at: float | None = None) -> None:
        """Block these, too, each with its cost in USD, because of what was at this time."""
        ...

    def lift(self, barred: str, account: str, at: float) -> None:
        """Alarms of a model or an account up to this time were removed."""
        ...

    def lift_alarms(self) -> None:
        """Block nothing any more."""
        ...


class Alarms:
    """Blocks what has cost money before, and lifts it once ``freerouter alarms --clear`` has removed the file.

    A key is not kept, so an account is compared with the file when a request brings its key. What other processes tell
    of alarms is stored, too: it then survives a restart of all of them, and of the store over which they share.

    Args:
        blocked: what is blocked.
        file: where it is stored.
    """

    def __init__(self, blocked: Blocked, file: AlarmFile | None = None) -> None:
        self._blocked = blocked
        self._file = file or AlarmFile(blocked.settings)
        self._own = caller(outgoing([], blocked.settings.key)).account
        self._met: set[str] = set()
        self._version: Version | None = None
        self._accounts: list[Alarm] = []
        self._read()

    def meet(self, account: str, headers: Headers) -> None:
        """Block an account that has caused costs before; lift what was removed from the file.

        Args:
            account: of a request that is about to be routed.
            headers: of the request, with its key.
        """
        if self._blocked.has_alarms() and self._file.version() != self._version:
            self._follow()
        if account not in self._met:
            self._meet(account, headers)

    def add(self, model: str, cost: float, account: str) -> None:
        """Store an alarm: of a model, or of the account itself if the model is ``ACCOUNT``."""
        is_followed = self._file.version() == self._version
        self._file.add(model, cost, _mark(model, account))
        if is_followed:
            self._version = self._file.version()

    def note(self, told: Iterable[AlarmNews]) -> None:
        """Store what other processes have told of alarms."""
        self._file.note(
            [Alarm(each.barred, each.cost, in_utc(each.at), _mark(each.barred, each.account), each.removed)
             for each in told]
        )  # fmt: skip

    def _follow(self) -> None:
        """Another process has removed the file, or added to it."""
        before, now = self._version, self._file.version()
        if now is None or (before is not None and (now.file != before.file or now.size < before.size)):
            self._blocked.lift_alarms()
        self._read()

    def _read(self) -> None:
        self._version = self._file.version()
        lines = self._file.lines()
        for line in lines:
            if line.removed:
                self._blocked.lift(line.model, account_in(line.account), line.seconds)
        alarms = standing(lines)
        self._accounts = [alarm for alarm in alarms if alarm.model == ACCOUNT]
        self._met.clear()
        for alarm in alarms:
            if alarm.model != ACCOUNT:
                self._blocked.block({alarm.model: alarm.cost}, {}, alarm.seconds)

    def _meet(self, account: str, headers: Headers) -> None:
        if len(self._met) >= _ACCOUNTS:
            self._met.clear()
        self._met.add(account)
        known = [alarm for alarm in self._accounts if self._is_of(alarm, account, headers)]
        if known:
            self._blocked.block({}, {account: known[-1].cost}, known[-1].seconds)

    def _is_of(self, alarm: Alarm, account: str, headers: Headers) -> bool:
        if not alarm.account:
            return account == self._own
        return account_mark(headers, alarm.account.partition(":")[0]) == alarm.account


def _mark(barred: str, account: str) -> str:
    return mark_of(account) if barred == ACCOUNT else ""
