"""Costs: the models and accounts that have cost money; blocked until the alarm is removed."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

# The name in an alarm when the account itself causes the cost, not a model.
ACCOUNT = "account"


class AlarmNews(NamedTuple):
    """What another process has told of an alarm.

    Attributes:
        barred: the model, or ``ACCOUNT``.
        account: hash of the account, if it is about one.
        cost: in USD.
        at: when it was found out, or removed, in seconds since 1970.
        removed: it was removed.
    """

    barred: str
    account: str
    cost: float
    at: float
    removed: bool


class Costs:
    """The costs of answers. Not thread-safe: its owner holds a lock.

    A model that costs money is blocked. When two different models in a row cost money, the account is the cause
    (a plugin that it has switched on, a provider key of its own), and the account is blocked.

    Args:
        clock: monotonic seconds.

    Attributes:
        models: ids that are blocked, each with the cost in USD.
        accounts: hashes of accounts that are blocked, each with the cost in USD.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.models: dict[str, float] = {}
        self.accounts: dict[str, float] = {}
        self._clock = clock
        self._since: dict[tuple[str, str], float] = {}
        self._last: dict[str, str] = {}

    def note(self, account: str, model: str, cost: float | None) -> str:
        """Record the cost that an answer has stated.

        Returns:
            what is blocked from now on: the model, ``ACCOUNT``, or an empty text if nothing changes.
        """
        if not cost or cost < 0:
            if cost is not None:
                self._last.pop(account, None)
            return ""
        last = self._last.get(account)
        self._last[account] = model
        if last is None or last == model:
            self.block(model, "", cost, self._clock())
            return model
        self.models.pop(last, None)
        self.block(ACCOUNT, account, cost, self._clock())
        return ACCOUNT

    def reason(self, model: str) -> str:
        """Why a blocked model is not asked."""
        return f"one of its answers cost ${self.models[model]}: see freerouter alarms"

    def block(self, barred: str, account: str, cost: float, since: float) -> None:
        """Block a model, or an account if ``barred`` is ``ACCOUNT``; of several alarms, the last one counts."""
        blocked, name = self._of(barred, account)
        if name not in blocked or since > self._since.get((barred, account), -inf):
            blocked[name] = cost
            self._since[barred, account] = since

    def lift(self, barred: str, account: str, since: float) -> None:
        """The alarms up to this time were removed."""
        blocked, name = self._of(barred, account)
        if self._since.get((barred, account), -inf) <= since:
            blocked.pop(name, None)

    def all(self) -> list[tuple[str, str, float, float]]:
        """What is blocked: the model or ``ACCOUNT``, the account, the cost, and since when."""
        found = [(model, "", cost) for model, cost in self.models.items()]
        found += [(ACCOUNT, account, cost) for account, cost in self.accounts.items()]
        return [(*each, self._since[each[:2]]) for each in found if each[:2] in self._since]

    def _of(self, barred: str, account: str) -> tuple[dict[str, float], str]:
        return (self.accounts, account) if barred == ACCOUNT else (self.models, barred)

    def clear(self) -> None:
        """Block nothing any more."""
        self.models.clear()
        self.accounts.clear()
        self._since.clear()
        self._last.clear()
