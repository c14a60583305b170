"""Training: which models may train on prompts, as far as an account's list and earlier answers have told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from cachetools import TTLCache

from freerouter.durations import DAY, HOUR

_ACCOUNTS = 1_000
_MODELS = 10_000
_LISTED_FOR = HOUR
_LEARNT_FOR = DAY

_HIDDEN = "may train on prompts: the account's own list of models lacks it"
_REFUSED = "may train on prompts: it has refused a request that denies it"


class Training:
    """What is known. Not thread-safe: its owner holds a lock.

    An account's own list of models is shorter than the public one by those that its privacy settings hide. Else only
    requests that deny training can tell: with a 404, or with an answer.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._hidden: TTLCache[str, frozenset[str]] = TTLCache(_ACCOUNTS, _LISTED_FOR, clock)
        self._trains: TTLCache[str, bool] = TTLCache(_MODELS, _LEARNT_FOR, clock)

    def listed(self, account: str, hidden: Collection[str]) -> None:
        """The account's list lacks these models."""
        self._hidden[account] = frozenset(hidden)

    def knows(self, account: str) -> bool:
        """Whether the account's list has been read lately."""
        return account in self._hidden

    def refused(self, model: str) -> None:
        """A model had no provider for a request that denies training, and nothing else."""
        self._trains[model] = True

    def answered(self, model: str) -> None:
        """A model has answered a request that denies training."""
        self._trains[model] = False

    def barred(self, account: str) -> Mapping[str, str]:
        """The models that may train on prompts, each with how that is known."""
        barred = {model: _REFUSED for model, trains in self._trains.items() if trains}
        clean = {model for model, trains in self._trains.items() if not trains}
        return barred | {model: _HIDDEN for model in self._hidden.get(account, ()) if model not in clean}

    def of(self, account: str, model: str) -> str:
        """Whether a model may train on prompts: ``yes``, ``no`` or ``unknown``."""
        trains = self._trains.get(model)
        if trains is None:
            return "yes" if model in self._hidden.get(account, ()) else "unknown"
        return "yes" if trains else "no"
