"""One generation: who answered what, when, to whose request and for how much."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from freerouter.emulator.answers import Answer
from freerouter.emulator.ask import Body
from freerouter.emulator.offer import Offer

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a dialect puts into words; `created` is in unix seconds, `cost` in USD, `given` the request as it came.

    `billed` is said in the usage in place of what stands there; `error_type` is the error that Responses hides
    in an answer.
    """

    id: str
    created: int
    offer: Offer
    answer: Answer
    prompt_tokens: int
    cost: float = 0.0
    metadata: Mapping[str, Any] | None = None
    given: Body = field(default_factory=dict)
    billed: Mapping[str, Any] = field(default_factory=dict)
    error_type: str = ""

    @property
    def emptied(self) -> "Completion":
        """The same with nothing said, in zero tokens."""
        return replace(self, answer=Answer())

    @property
    def cut_to_nothing(self) -> "Completion":
        """The same with nothing said, as if no token had been allowed."""
        return replace(self, answer=Answer(finish="length"))

    @property
    def opted_in(self) -> Json:
        """The openrouter_metadata, when the request wanted them."""
        return {"openrouter_metadata": dict(self.metadata)} if self.metadata else {}

    def named(self, prefix: str) -> str:
        """Return an id of its own for a part of this generation: the prefix and the same random digits."""
        return f"{prefix}_{self.id.removeprefix('gen-')}"
