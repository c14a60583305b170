"""Continuity: what a conversation asks of its next request: its model, and only reasoning that this model signed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from freerouter.memory.conversations import Home
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.dialects import Dialect
from freerouter.pipeline.planning import Plan
from freerouter.pipeline.state import State
from freerouter.pipeline.tracking import Attempt


class Continuity:
    """Keeps a request on the model of its conversation, and other models' signed reasoning out of it.

    Attributes:
        stripped: the last body was prepared without reasoning that other models have signed.
    """

    __slots__ = ("_former", "_plan", "_state", "stripped")

    def __init__(self, state: State, plan: Plan) -> None:
        self._state = state
        self._plan = plan
        self._former: Home | None = None  # the model that the conversation was on
        self.stripped = False

    def preferred(self) -> str | None:
        """The model that the conversation uses, until the request has been sent. The caller holds the lock."""
        belongs_to = self._plan.conversation
        if belongs_to is None or not belongs_to.known_by or self._plan.selection.tried:
            return None
        self._former = self._state.conversations.home(self._plan.asker.caller.account, belongs_to)
        return self._former.model if self._former is not None else None

    def told(self, model: str, attempts: Iterable[Attempt]) -> str:
        """Whether the conversation stays on its former model, or why it moves to this one; empty without a former."""
        if self._former is None:
            return ""
        former = self._former.model
        if model == former:
            return f"stays on {model}"
        failures = [attempt.outcome.reason for attempt in attempts if attempt.model == former]
        why = f"it failed ({failures[-1]})" if failures else self._plan.selection.why_not(former)
        return f"moves from {former} to {model}{why and f': {why}'}"

    def prepared(self, model: Model, dialect: Dialect) -> dict[str, Any]:
        """The request without reasoning that another model has signed."""
        plan = self._plan
        if self._former is None:
            # The signer is unknown: perhaps the model that the caller names first, but hardly one of many.
            its_own = not plan.selection.order.draws and plan.selection.tried <= {model.id}
        else:
            its_own = self._former.model == model.id and not self._former.inherits
        prepared = plan.body if its_own else dialect.without_signed_reasoning(plan.body)
        self.stripped = prepared is not plan.body
        return prepared
