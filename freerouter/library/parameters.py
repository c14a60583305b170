"""Parameters and Options: the typed arguments of a call of the library, and the request that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.headers import Headers, caller, lower, outgoing
from freerouter.pipeline.actions import Request
from freerouter.preferences import WISHES, Wishing, wishes
from freerouter.replies.acceptance import Accept
from freerouter.settings import Sticky
from freerouter.spelling import did_you_mean

Object = Mapping[str, Any]
Objects = Sequence[Object]


class Parameters(Wishing, total=False):
    """OpenRouter's parameters (API reference, "Create a chat completion"), and what the call says of its model."""

    models: Sequence[str]
    temperature: float
    top_p: float
    top_k: int
    top_a: float
    min_p: float
    frequency_penalty: float
    presence_penalty: float
    repetition_penalty: float
    max_tokens: int
    max_completion_tokens: int
    n: int
    logit_bias: Mapping[str, float]
    logprobs: bool
    top_logprobs: int
    stop: str | Sequence[str]
    stream_options: Object
    tools: Objects
    tool_choice: str | Object
    parallel_tool_calls: bool
    functions: Objects
    function_call: str | Object
    response_format: Object
    structured_outputs: bool
    reasoning: Object
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"]
    include_reasoning: bool
    verbosity: Literal["low", "medium", "high"]
    modalities: Sequence[str]
    audio: Object
    image_config: Object
    prediction: Object
    provider: Object
    plugins: Objects
    transforms: Sequence[str]
    session_id: str
    prompt_cache_key: str
    prompt_cache_options: Object
    cache_control: Object
    metadata: Mapping[str, str]
    user: str
    safety_identifier: str
    trace: Object
    service_tier: str
    debug: Object
    usage: Object
    web_search_options: Object
    deferred_tools: Objects
    max_tool_calls: int
    stop_server_tools_when: Any


OWN = ("model", "seed", "needs", "accept", "session", "sticky", "timeout", "extra_headers", "extra_body")
_KNOWN = frozenset({*Parameters.__annotations__, *Wishing.__annotations__})


def check(given: Mapping[str, Any]) -> None:
    """Raises TypeError for an unknown keyword, with the nearest one; InvalidRequestError for ``stream``."""
    for name in given:
        if name == "stream":
            raise InvalidRequestError(
                "use chat.stream() for a streamed answer, chat.send() for a whole one", field="stream"
            )
        if name not in _KNOWN:
            hint = did_you_mean(name, [*_KNOWN, *OWN])
            raise TypeError(f"unknown parameter {name!r}{hint}; extra_body={{...}} sends unknown fields")


class Dumpable(Protocol):
    """A pydantic message object: an answer's own, or an SDK's."""

    def model_dump(self, *, exclude_unset: bool = ..., by_alias: bool = ...) -> Any:
        """Its fields."""
        ...


Messages = str | Sequence[Mapping[str, Any] | Dumpable]
_EXAMPLE = '{"role": "user", "content": "Hi"}'
# Fields of a message that may hold objects, too.
_PARTS = ("content", "tool_calls", "reasoning_details", "function_call")


class Options(NamedTuple):
    """The library's own options of one call; see ``Chat.send``."""

    model: str | None
    seed: int | None
    session: str | None
    needs: Sequence[str]
    accept: Accept | bool | None
    sticky: Sticky | None
    timeout: float | None
    extra_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    parameters: Mapping[str, Any]

    def fields(self) -> dict[str, Any]:
        """The headers of the request."""
        named = {"model": self.model, "seed": self.seed, "session_id": self.session}
        return {name: value for name, value in named.items() if value is not None}

    def keywords(self) -> dict[str, Any]:
        """The arguments for a forwarder."""
        return {
            "headers": lower(self.extra_headers or {}),
            "needs": tuple(self.needs),
            "accept": self.accept,
            "sticky": self.sticky,
            "timeout": self.timeout,
            "wishes": wishes({name: value for name, value in self.parameters.items() if name in WISHES}),
        }


def body_of(messages: Messages, options: Options, *, stream: bool) -> dict[str, Any]:
    """A request. Raises TypeError for an unknown keyword, InvalidRequestError for ``stream`` and wrong messages."""
    more = dict(options.extra_body or {})
    check(options.parameters if more.pop("stream", stream) is stream else {"stream": True})
    given = {name: value for name, value in options.parameters.items() if name not in WISHES}
    body = {"messages": _conversation(messages), **options.fields(), **given, **more}
    return {**body, "stream": True} if stream else body


def _conversation(given: Any) -> list[Any]:
    """The messages as JSON values. Raises InvalidRequestError."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if isinstance(given, bytes | bytearray) or _is_message(given) or not isinstance(given, Iterable):
        raise _wrong("messages", given, f"a text, or a list of messages such as {_EXAMPLE}")
    messages = list(given)
    for index, message in enumerate(messages):
        if not _is_message(message):
            raise _wrong(f"messages[{index}]", message, f"a dict such as {_EXAMPLE}, or a message object")
    return [_plain(message) for message in messages]


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) or hasattr(value, "model_dump")


def _wrong(field: str, value: Any, wanted: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field} must be {wanted}, not {type(value).__name__}", field=field)


Json = bytes | str | dict[str, Any]


def to_explain(key: str | None, body: Json, needs: Sequence[str], choice: Wishing) -> tuple[Request, Headers]:
    """A request to explain, for the account of a key and with its conversations, and the headers that it would have."""
    sent = outgoing([], key)
    return Request(body, caller=caller(sent), needs=tuple(needs), wishes=wishes(choice)), sent


def _plain(value: Any) -> Any:
    """A message, or a part of one, as JSON values; objects of this library or an SDK give the fields that are set."""
    if hasattr(value, "model_dump"):
        return value.model_dump(exclude_unset=True, by_alias=True)
    if not isinstance(value, Mapping) or all(isinstance(value.get(name), str | None) for name in _PARTS):
        return value
    return {**value, **{name: _plain_parts(value[name]) for name in _PARTS if name in value}}


def _plain_parts(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else _plain(value)
