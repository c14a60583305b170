"""Costs: which models, and which accounts, turned out to cost money; barred until the alarm is lifted."""

from __future__ import annotations

# What an alarm names in place of a model when the account itself bills.
ACCOUNT = "account"


class Costs:
    """What answers have cost. Not thread-safe: its owner holds a lock.

    One model that costs is barred. When two different models in a row cost, it is not the models: the account bills
    for something (a plugin that it has switched on, a provider key of its own), and the account is stopped.

    Attributes:
        models: ids that are barred, each with the cost in USD.
        accounts: hashes of accounts that are stopped, each with the cost in USD.
    """

    def __init__(self) -> None:
        self.models: dict[str, float] = {}
        self.accounts: dict[str, float] = {}
        self._last: dict[str, str] = {}

    def note(self, account: str, model: str, cost: float | None) -> str:
        """An answer has stated its cost.

        Returns:
            what is barred from now on: the model, ``ACCOUNT``, or an empty text for nothing new.
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
