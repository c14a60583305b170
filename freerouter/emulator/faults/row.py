"""An error as a row of a table, and the places where it can stand: a status, a 200, the start of a stream."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from freerouter.emulator.dialects.base import COMMENT
from freerouter.emulator.faults.kinds import FaultKind, Strike
from freerouter.emulator.limits import DAY, reset_ms
from freerouter.emulator.refusals import Refusal
from freerouter.emulator.reply import Reply, event_stream, json_reply

_DOCS = "https://openrouter.ai/docs/api-reference/errors"
# In so many seconds a model that is limited by the minute is free again.
_SOON = 40

Find = Callable[[Strike], Refusal]


@dataclass(frozen=True, slots=True)
class Row:
    """One error: texts may name {model}, the {paid} id behind it, its {provider}, and {soon} and {midnight}.

    Those two are epoch milliseconds. With `code` the error takes the availability form; `retry_after` is in
    seconds; `headers` among the metadata are headers of the reply as well, where it has a status.
    """

    summary: str
    status: int
    message: str
    error_type: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    retry_after: int | None = None
    code: str = ""
    retryable: bool = False
    fallback: str = ""
    excluded_by: tuple[str, ...] = ()
    account: bool = False

    def refusal(self, strike: Strike) -> Refusal:
        """Return the error as it stands for this request."""
        metadata = _filled(dict(self.metadata), strike)
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        availability = self._availability(strike) if self.code else None
        typed = {"error_type": self.error_type} if self.error_type else {}
        limits = metadata.get("headers", {})
        return Refusal(self.status, _filled(self.message, strike), typed | metadata, headers | limits, availability)

    def _availability(self, strike: Strike) -> dict[str, Any]:
        later = {} if self.retry_after is None else {"retry_after": self.retry_after}
        fallback = {"fallback_models": [_filled(self.fallback, strike)]} if self.fallback else {}
        return {
            "code": self.code,
            "retryable": self.retryable,
            "requested_models": [strike.model],
            "affected_providers": [strike.completion.offer.provider],
            "docs_url": _DOCS,
            **later,
            **fallback,
            **({"excluded_by": list(self.excluded_by)} if self.excluded_by else {}),
        }


def with_status(find: Find) -> Callable[[Strike], Reply]:
    """Return what makes a reply of an error with its HTTP status."""
    return lambda strike: strike.dialect.refused(find(strike), strike.metadata)


def in_200(find: Find) -> Callable[[Strike], Reply]:
    """Return what makes a 200 of an error."""
    return lambda strike: json_reply(strike.dialect.failed(strike.completion, find(strike)), headers=strike.headers)


def first_event(find: Find) -> Callable[[Strike], Reply]:
    """Return what makes a stream whose first event is an error."""

    def make(strike: Strike) -> Reply:
        event = strike.dialect.failed_first(strike.completion, find(strike))
        return event_stream((COMMENT, strike.dialect.framed(event)), strike.headers)

    return make


def everywhere(rows: Mapping[str, Row]) -> dict[str, FaultKind]:
    """Return each error with its status, inside a 200 and at the start of a stream."""
    plain = {name: FaultKind(row.summary, with_status(row.refusal), account=row.account) for name, row in rows.items()}
    return plain | elsewhere(rows)


def elsewhere(rows: Mapping[str, Row]) -> dict[str, FaultKind]:
    """Return each error inside a 200 and at the start of a stream."""
    return {name: kind for title, row in rows.items() for name, kind in _masked(title, row)}


def _masked(name: str, row: Row) -> Iterator[tuple[str, FaultKind]]:
    inside = FaultKind(f"A 200 that holds: {row.summary}", in_200(row.refusal), stream=False, account=row.account)
    first = FaultKind(
        f"A stream whose first event is: {row.summary}", first_event(row.refusal), json=False, account=row.account
    )
    yield f"{name}_in_200", inside
    yield f"stream_{name}_first", first


def _filled(value: Any, strike: Strike) -> Any:
    """Fill in the names that texts may hold, however deep they stand."""
    if isinstance(value, Mapping):
        return {key: _filled(inner, strike) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, strike) for inner in value]
    if not isinstance(value, str):
        return value
    for name, meant in _names(strike).items():
        value = value.replace(name, meant)
    return value


def _names(strike: Strike) -> dict[str, str]:
    return {
        "{model}": strike.model,
        "{paid}": strike.model.removesuffix(":free"),
        "{provider}": strike.completion.offer.provider,
        "{soon}": str(int((strike.now + _SOON) * 1000)),
        "{midnight}": str(reset_ms(strike.now, DAY)),
    }
