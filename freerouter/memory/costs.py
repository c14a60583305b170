"""Costs: the models and accounts that have cost money; blocked until the alarm is removed."""

from __future__ import annotations

# The name in an alarm when the account itself causes the cost, not a model.
ACCOUNT = "account"


class Costs:
    """The costs of answers. Not thread-safe: its owner holds a lock.

    A model that costs money is blocked. When two different models in a row cost money, the account is the cause
    (a plugin that it has switched on, a provider key of its own), and the account is blocked.

    Attributes:
        models: ids that are blocked, each with the cost in USD.
        accounts: hashes of accounts that are blocked, each with the cost in USD.
    """

    def __init__(self) -> None:
        self.models: dict[str, float] = {}
        self.accounts: dict[str, float] = {}
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
            self.models[model] = cost
            return model
        self.models.pop(last, None)
        self.accounts[account] = cost
        return ACCOUNT

    def reason(self, model: str) -> str:
        """Why a blocked model is not asked."""
        return f"one of its answers cost ${self.models[model]}: see freerouter alarms"

    def clear(self) -> None:
        """Block nothing any more."""
        self.models.clear()
        self.accounts.clear()
        self._last.clear()
