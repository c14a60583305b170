"""The contract of a dialect: where a request has its fields, and what the pieces of a reply mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple

from freerouter.errors import FreeRouterError, InvalidRequestError, UpstreamError


class Piece(NamedTuple):
    """What a whole answer, or one event of a stream, says about the progress of the request.

    Attributes:
        token: it holds something for the caller: text, reasoning, a tool call, a refusal, an image, audio.
        finish: the reason why the answer ended, if it has ended.
        error: its error, in OpenRouter's format; an empty mapping if it only says that there is one.
        usage: tokens and cost, if it states them.
        done: it is the end marker.
    """

    token: bool = False
    finish: str | None = None
    error: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] | None = None
    done: bool = False


# The role of a message or an item as one letter: the roles of a conversation form a text that is fast to search.
SYSTEM, USER, MODEL, TOOL = "s", "u", "m", "t"
_role_of = itemgetter("role")
_SPEAKERS = {
    "system": SYSTEM,
    "developer": SYSTEM,
    "user": USER,
    "assistant": MODEL,
    "tool": TOOL,
    "function": TOOL,
}

# The meaning of most events of a stream.
NOTHING = Piece()
TOKEN = Piece(token=True)
# No chunk has come before.
NO_CHUNK: Mapping[str, Any] = {}


class Begun(NamedTuple):
    """What is known of a stream that is ended by an error of ours.

    Attributes:
        first, last: of its events, parsed; the last one before the end marker.
        id: of the request.
        model: that was asked.
        now: seconds since 1970.
    """

    first: Mapping[str, Any] = NO_CHUNK
    last: Mapping[str, Any] = NO_CHUNK
    id: str = ""
    model: str = ""
    now: int = 0


NOT_BEGUN = Begun()

# Fields that OpenRouter itself uses, in any dialect: they require nothing of a model.
HEEDED_BY_OPENROUTER = frozenset(
    {"model", "models", "fallbacks", "route", "provider", "plugins", "transforms", "stream", "stream_options", "usage"}
    | {"session_id", "user", "metadata", "trace", "debug", "safety_identifier", "service_tier", "store", "background"}
    | {"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "cache_control", "context_management"}
    | {"tools", "tool_choice", "deferred_tools", "max_tool_calls", "stop_server_tools_when"}
)


class Dialect(ABC):
    """One API format of requests and replies; stateless, and independent of the catalog.

    Attributes:
        name: for display and metrics.
        path: below the base URL.
        conversation: the field that holds the messages or items.
        text_alone: that field may be a text.
        asides: fields beside it that may hold parts, too.
        limits: the fields that ask for a number of tokens of output.
        structural: fields that ask for no capability, or for one that ``hard`` or ``soft`` reports.
        demanding: the fields that those two read.
        silent: structural fields that say nothing about what is needed: nearly every request has no others.
        tool_types: the types of tools that the caller runs, so they cost nothing; None for an absent type.
        tool_families: prefixes of the types of more such tools; a date follows.
        endings: marks in the last event of a good stream, if that event may be too long to keep; else empty.
    """

    name: ClassVar[str]
    path: ClassVar[str]
    conversation: ClassVar[str] = "messages"
    text_alone: ClassVar[bool] = False
    asides: ClassVar[tuple[str, ...]] = ()
    limits: ClassVar[tuple[str, ...]]
    structural: ClassVar[frozenset[str]]
    demanding: ClassVar[frozenset[str]]
    tool_types: ClassVar[tuple[str | None, ...]]
    tool_families: ClassVar[tuple[str, ...]] = ()
    endings: ClassVar[tuple[bytes, ...]] = ()
    silent: ClassVar[frozenset[str]]

    def __init_subclass__(cls) -> None:
        cls.silent = cls.structural - cls.demanding - {*cls.limits, "provider"}

    @abstractmethod
    def hard(self, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Capabilities asked for outside of the conversation, each with the field that asks."""

    @abstractmethod
    def soft(self, body: Mapping[str, Any]) -> Iterator[str]:
        """Soft capabilities that a request names differently from the catalog."""

    def messages(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The conversation's messages or items."""
        messages: Sequence[Mapping[str, Any]] = body[self.conversation]
        return messages

    def system(self, body: Mapping[str, Any]) -> Any:  # noqa: ARG002  # most dialects have none
        """The content of a system message outside of the conversation."""
        return None

    @abstractmethod
    def speakers(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The role of each message or item, as one letter each."""

    def session(self, body: Mapping[str, Any]) -> Any:  # noqa: ARG002  # most dialects have none
        """The id of a session, if a client puts one in a field meant for something else."""
        return None

    @abstractmethod
    def without_signed_reasoning(self, body: dict[str, Any]) -> dict[str, Any]:
        """The request without parts that only the model that made them can read; itself if it has none of them."""

    @abstractmethod
    def piece(self, data: Mapping[str, Any]) -> Piece:
        """Read a whole answer, or the data of one event of a stream."""

    def choices(self, data: Mapping[str, Any]) -> Iterator[tuple[int, bool]]:  # noqa: ARG002  # an answer has one
        """The choices of an event of a stream, each with whether it ends there; empty if there is only one."""
        return iter(())

    @abstractmethod
    def error_body(self, error: FreeRouterError) -> dict[str, Any]:
        """The body of an error response."""

    @abstractmethod
    def error_event(self, error: FreeRouterError, begun: Begun = NOT_BEGUN) -> bytes:
        """The last event to send for a stream that broke off."""


def listed(body: Mapping[str, Any], name: str, where: str | None = None) -> list[Any] | tuple[Any, ...]:
    """The items of a field that must be a list; an absent or null one is empty.

    Args:
        body: the request, or a part of it.
        name: the field.
        where: the field's place in the request, where that is more than its name.

    Raises:
        InvalidRequestError: it is not a list.
    """
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise InvalidRequestError(f"{where or name} must be a list", field=where or name)
    return value


def type_of(value: Any) -> str | None:
    """The type of a block, an item or a part; None where none is stated."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else None


def by_role(messages: Sequence[Mapping[str, Any]]) -> str:
    """The letter of each message's role; an unknown role counts as the user's."""
    try:
        return "".join(map(_SPEAKERS.__getitem__, map(_role_of, messages)))  # much faster than a comprehension
    except (KeyError, TypeError):
        return "".join([speaker_of(message.get("role")) for message in messages])


def speaker_of(role: Any) -> str:
    """The letter of a role."""
    return _SPEAKERS.get(role, USER) if isinstance(role, str) else USER


def common_needs(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The needs that OpenAI's two dialects express alike: other output than text, reasoning switched off."""
    for modality in listed(body, "modalities"):
        if modality != "text":
            yield f"output:{modality}", "modalities"
    if where := reasoning_off(body):
        yield "reasoning:off", where


def tool_choice(body: Mapping[str, Any]) -> tuple[str, str]:
    """Which tools must be called: ``none`` (not one may be), ``auto`` or ``required``; and the field that says so."""
    for field in ("tool_choice", "function_call"):
        choice = body.get(field)
        if choice:
            return _chosen(choice), field
    return "auto", "tool_choice"


def _chosen(choice: Any) -> str:
    if isinstance(choice, dict):
        kind = choice.get("type")
        if kind == "allowed_tools":
            inner = choice.get("allowed_tools")
            choice = {**choice, **inner}.get("mode") if isinstance(inner, dict) else choice.get("mode")
        else:
            choice = kind
    return choice if choice in ("none", "auto") else "required"


def format_need(form: Any, where: str) -> Iterator[tuple[str, str]]:
    """The needs of an answer's format.

    Raises:
        InvalidRequestError: it is not an object.
    """
    if form is None:
        return
    if not isinstance(form, dict):
        raise InvalidRequestError(f"{where} must be an object", field=where)
    kind = form.get("type")
    if kind == "json_schema":
        yield "structured_outputs", where
    elif kind not in (None, "text"):
        yield "response_format", where


def reasoning_off(body: Mapping[str, Any]) -> str | None:
    """The field that switches reasoning off; hiding it (``exclude``) does not."""
    reasoning = body.get("reasoning")
    if isinstance(reasoning, dict):
        if reasoning.get("enabled") is False:
            return "reasoning.enabled"
        if reasoning.get("effort") == "none":
            return "reasoning.effort"
    return "reasoning_effort" if body.get("reasoning_effort") == "none" else None


def reasoning_on(body: Mapping[str, Any]) -> bool:
    """Whether reasoning is asked for; ``reasoning_effort`` is short for ``reasoning.effort``."""
    asks = body.get("reasoning") or body.get("reasoning_effort")
    return bool(asks) and reasoning_off(body) is None


def openrouter_error(error: FreeRouterError) -> dict[str, Any]:
    """An error in OpenRouter's shape (API reference, "Errors"): its own words where it was OpenRouter's."""
    body = dict(error.body) if isinstance(error, UpstreamError) else {}
    inner = body.get("error")
    inner = dict(inner) if isinstance(inner, dict) else {"code": error.status, "message": error.message}
    metadata = inner.get("metadata")
    metadata = dict(metadata) if isinstance(metadata, dict) else {"error_type": error.error_type}
    metadata.update(error.metadata)
    if error.trace is not None:
        metadata["attempts"] = [attempt.as_dict() for attempt in error.trace.attempts]
    inner.setdefault("code", error.status)
    return {**body, "error": {**inner, "metadata": metadata}}
