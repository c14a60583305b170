"""Alarms: what is blocked because it has cost money, in step with the file that all processes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from freerouter.memory.costs import ACCOUNT
from freerouter.network.alarm_file import Alarm, AlarmFile, Version
from freerouter.openrouter.headers import Headers, account_mark, caller, outgoing
from freerouter.settings import Settings

_ACCOUNTS = 1_000
# The mark in an alarm of an account that was not met any more: it matches none.
_UNKNOWN = "unknown"


class Blocked(Protocol):
    """What is blocked; a ``Router`` is one."""

    settings: Settings

    def has_alarms(self) -> bool:
        """Whether anything is blocked."""
        ...

    def block(self, models: Mapping[str, float], accounts: Mapping[str, float]) -> None:
        """Block these, too, each with its cost in USD."""
        ...

    def lift_alarms(self) -> None:
        """Block nothing any more."""
        ...


class Alarms:
    """Blocks what has cost money before, and lifts it once ``freerouter alarms --clear`` has removed the file.

    A key is not kept, so an account is compared with the file when a request brings its key.

    Args:
        blocked: what is blocked.
        file: where it is stored.
    """

    def __init__(self, blocked: Blocked, file: AlarmFile | None = None) -> None:
        self._blocked = blocked
        self._file = file or AlarmFile(blocked.settings)
        self._own = caller(outgoing([], blocked.settings.key)).account
        self._marks: dict[str, str] = {}  # of the accounts that were met
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
        if account not in self._marks:
            self._meet(account, headers)

    def add(self, model: str, cost: float, account: str) -> None:
        """Store an alarm: of a model, or of the account itself if the model is ``ACCOUNT``."""
        mark = self._marks.get(account, _UNKNOWN) if model == ACCOUNT else ""
        is_followed = self._file.version() == self._version
        self._file.add(model, cost, mark)
        if is_followed:
            self._version = self._file.version()

    def _follow(self) -> None:
        """Another process has removed the file, or added to it."""
        before, now = self._version, self._file.version()
        if now is None or (before is not None and (now.file != before.file or now.size < before.size)):
            self._blocked.lift_alarms()
        self._read()

    def _read(self) -> None:
        self._version = self._file.version()
        alarms = self._file.alarms()
        self._accounts = [alarm for alarm in alarms if alarm.model == ACCOUNT]
        self._marks.clear()
        self._blocked.block({alarm.model: alarm.cost for alarm in alarms if alarm.model != ACCOUNT}, {})

    def _meet(self, account: str, headers: Headers) -> None:
        if len(self._marks) >= _ACCOUNTS:
            self._marks.clear()
        known = [alarm for alarm in self._accounts if self._is_of(alarm, account, headers)]
        self._marks[account] = known[-1].account if known and known[-1].account else account_mark(headers)
        if known:
            self._blocked.block({}, {account: known[-1].cost})

    def _is_of(self, alarm: Alarm, account: str, headers: Headers) -> bool:
        if not alarm.account:
            return account == self._own
        return account_mark(headers, alarm.account.partition(":")[0]) == alarm.account
