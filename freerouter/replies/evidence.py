"""Evidence: what an error says, anywhere in its body, and in which voice: OpenRouter's or a provider's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic_core import to_json

from freerouter.openrouter.json_values import as_object, as_text, object_in
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.statuses import status_of


class Voice(StrEnum):
    """The origin of an error (openrouter-facts.md, section 6, "Two voices").

    OpenRouter speaks of the account, the request or a model; a provider speaks of one model at that provider alone.
    """

    OPENROUTER = "openrouter"
    PROVIDER = "provider"
    UNKNOWN = "unknown"
    PAGE = "page"  # a web page: from something between this machine and OpenRouter


class Evidence(NamedTuple):
    """What an error says.

    Attributes:
        voice: the origin.
        status: the HTTP status; inside a 200, the one that the error names.
        message: OpenRouter's part of the text.
        details: the provider's part of it; may repeat the prompt.
        structured: objects beside the text, as JSON: a RetryInfo, for instance.
        error_type, limit_source, availability: OpenRouter's stable codes; empty when absent.
        retryable: OpenRouter's own advice; None when absent.
        excluded_by: what removed the endpoints.
        metadata: the error's own.
        headers: of the reply, and those that OpenRouter repeats in the body; lower-case names.
        hints: values that should be seconds to wait.
    """

    voice: Voice
    status: int
    message: str
    details: str
    structured: str
    error_type: str
    limit_source: str
    availability: str
    retryable: bool | None
    excluded_by: tuple[str, ...]
    metadata: Mapping[str, Any]
    headers: Mapping[str, str]
    hints: tuple[Any, ...]

    @property
    def words(self) -> str:
        """The full text, for the caller."""
        return " ".join(part for part in (self.message, self.details) if part)


# A provider's own message, relayed. The second names the limit of one model (limit_rpm/<model>, limit_rpd/<model>).
_RELAYED = re.compile(
    r"^(Provider (?:\S+ )?returned (?:an )?error|Upstream error\b|Error from (?:provider|upstream)\b)"
    r"|\blimit_[a-z]+/[^/\s]+/",
    re.IGNORECASE,
)
_PROVIDER_FIELDS = ("provider_name", "raw", "provider_code", "previous_errors")
# OpenRouter's own messages, matched at their start: what follows may repeat the prompt.
_OWN = re.compile(
    r"""^(?:
        Rate\ limit\ exceeded:\ free-models-per-
      | No\ endpoints\ (?:found|available)\b
      | No\ allowed\ providers\ are\ available
      | This\ model\ is\ (?:unavailable\ for\ free|not\ available\ in\ your\ (?:region|country))
      | All\ providers\ have\ been\ ignored
      | The\ request\ is\ prohibited\ due\ to\ a\ violation\ of\ provider
      | \S+\ is\ (?:only\ available\ on\ agentic\ harnesses|not\ a\ valid\ model\ ID)
      | Reasoning\ is\ mandatory
      | This\ endpoint's\ maximum\ context\ length
      | User\ not\ found
      | No\ (?:cookie\ )?auth\ credentials\ found
      | Missing\ Authentication\ header
      | Insufficient\ credits
      | This\ request\ requires\ more\ credits
      | Key\ limit\ exceeded
    )""",
    re.IGNORECASE | re.VERBOSE,
)

# How deep an error may be wrapped in others.
_DEEPEST = 4


def read_evidence(reading: Reading) -> Evidence:
    """Find what an error says. Lenient, because each dialect, and each proxy in between, puts it in another place."""
    body = reading.error or {}
    error = _inner(body)
    metadata = _metadata(error)
    availability = as_object(error.get("availability")) or as_object(metadata.get("availability"))
    error_type = as_text(metadata.get("error_type") or error.get("error_type") or body.get("error_type"))
    message = (_message(error) or _message(body) or reading.text).lstrip()
    evidence = Evidence(
        voice=Voice.UNKNOWN,
        status=status_of((error, body), error_type, reading.status),
        message=message,
        details=_details(metadata),
        structured=_structured(metadata.get("raw"), error.get("details")),
        error_type=error_type,
        limit_source=as_text(metadata.get("limit_source") or error.get("limit_source")),
        availability=as_text(availability.get("code")),
        retryable=availability.get("retryable") if isinstance(availability.get("retryable"), bool) else None,
        excluded_by=_excluded_by(availability, metadata),
        metadata=metadata,
        # OpenRouter repeats its headers in the body; a proxy in between may have dropped the real ones.
        headers={name.lower(): str(value) for name, value in as_object(metadata.get("headers")).items()}
        | dict(reading.headers),
        hints=tuple(
            place.get(name)
            for place in (availability, metadata, error)
            for name in ("retry_after", "retry_after_seconds")
        ),
    )
    served = as_text(error.get("provider") or body.get("provider")) or "is_byok" in metadata
    return evidence._replace(voice=_voice(reading, evidence, served=bool(served)))


def _metadata(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata of an error; a proxy may have put a provider's fields beside it."""
    metadata = as_object(error.get("metadata"))
    beside = {name: error[name] for name in _PROVIDER_FIELDS if error.get(name) and not metadata.get(name)}
    return {**metadata, **beside} if beside else metadata


def _voice(reading: Reading, evidence: Evidence, *, served: bool) -> Voice:
    """The fields of a provider count before OpenRouter's own, which may be beside them; who served counts last."""
    if reading.flaw is Flaw.HTML:
        return Voice.PAGE
    metadata = evidence.metadata
    if any(metadata.get(name) for name in _PROVIDER_FIELDS) or _RELAYED.search(evidence.message):
        return Voice.PROVIDER
    stable = evidence.error_type or evidence.limit_source or evidence.availability
    if stable or metadata.get("provider_name", "") is None or _OWN.match(evidence.message):
        return Voice.OPENROUTER
    return Voice.PROVIDER if served else Voice.UNKNOWN


def _inner(body: Mapping[str, Any], depth: int = 0) -> Mapping[str, Any]:
    """The error itself: the value of ``error``, also inside a list, another error or a string; else the body."""
    error = _first(body.get("error"))
    if isinstance(error, dict):
        wraps = depth < _DEEPEST and error.get("error") and not _message(error)
        return _inner(error, depth + 1) if wraps else error
    if not isinstance(error, str) or not error:
        return body
    nested = object_in(error) if depth < _DEEPEST else None
    if nested is not None:
        return _inner(nested, depth + 1)
    # Some frameworks write the name of the status here, and the message beside it.
    return {**body, "type": error} if _message(body) else {"message": error}


def _first(error: Any) -> Any:
    """The first object in a list of errors; if it has none, their text."""
    if not isinstance(error, list):
        return error
    return next((item for item in error if isinstance(item, dict)), None) or _joined(error)


def _message(error: Mapping[str, Any]) -> str:
    """The text of an error, in whichever field it is."""
    for name in ("message", "detail", "msg", "error_description", "title"):
        if said := _joined(error.get(name)):
            return said
    return _joined(error.get("issues")) or _joined(error.get("errors"))


def _joined(value: Any) -> str:
    """A string, or the messages of a list of errors."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = [item if isinstance(item, str) else _message(item) for item in value if isinstance(item, str | dict)]
        return "; ".join(part for part in parts if part)
    return _message(value) if isinstance(value, dict) else ""


def _details(metadata: Mapping[str, Any]) -> str:
    """The provider's own text: a string, or an object with a message somewhere."""
    raw = metadata.get("raw")
    return raw if isinstance(raw, str) else _joined(as_object(raw).get("error") or raw)


def _structured(*values: Any) -> str:
    return " ".join(to_json(value).decode() for value in values if isinstance(value, dict | list))


def _excluded_by(*places: Mapping[str, Any]) -> tuple[str, ...]:
    for place in places:
        value = place.get("excluded_by")
        if isinstance(value, str) and value:
            return (value,)
        if isinstance(value, list):
            return tuple(_excluder(item) for item in value)
    return ()


def _excluder(item: Any) -> str:
    """The name of one setting that removed the endpoints; an object names it in some field."""
    return item if isinstance(item, str) else next((text for text in _texts(item)), "")


def _texts(item: Any) -> Iterator[str]:
    yield from (value for value in as_object(item).values() if isinstance(value, str))
