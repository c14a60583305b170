"""What a kind of fault is: a name, a line about it, and a function that makes the reply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from freerouter.emulator.completion import Completion
from freerouter.emulator.dialects import Dialect
from freerouter.emulator.reply import Reply, event_stream, json_reply


@dataclass(frozen=True, slots=True)
class Strike:
    """The request that a fault strikes, with the answer that it would have got.

    `model` is the id that would have served, `now` the unix time.
    """

    dialect: Dialect
    model: str
    stream: bool
    completion: Completion
    metadata: Mapping[str, Any] | None
    now: float

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a 200."""
        return {"x-generation-id": self.completion.id}

    @property
    def body(self) -> bytes:
        """The bytes of the whole answer, streamed or not."""
        whole = answered(self, self.completion).steps
        return b"".join(step for step in whole if isinstance(step, bytes))


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One way to fail: what it is, which replies it can strike, and whose fault it seems.

    `stream` and `json`: whether it strikes requests that stream, and those that do not; `account`:
    the error holds for every model; `reused`: it strikes only a connection that was used before.
    """

    summary: str
    make: Callable[[Strike], Reply]
    stream: bool = True
    json: bool = True
    account: bool = False
    reused: bool = False

    def strikes(self, *, stream: bool, reused: bool) -> bool:
        """Tell whether it can strike such a request."""
        return (self.stream if stream else self.json) and (reused or not self.reused)


def kinds(*makers: Callable[[Strike], Reply], **traits: bool) -> dict[str, FaultKind]:
    """Return the kinds that these functions make, by their names, with the traits they share."""
    return {make.__name__: FaultKind(_first_line(make), make, **traits) for make in makers}


def answered(strike: Strike, completion: Completion) -> Reply:
    """Return this completion in the form that was asked for."""
    if strike.stream:
        return event_stream(tuple(strike.dialect.stream(completion)), strike.headers)
    return json_reply(strike.dialect.whole(completion), headers=strike.headers)


def _first_line(make: Callable[[Strike], Reply]) -> str:
    return (make.__doc__ or "").partition("\n")[0].rstrip(".")
