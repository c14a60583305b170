"""What a request asks for, as far as the gateway looks at it, in the words of Chat Completions."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from freerouter.emulator.lenient import items, mapping, objects, text
from freerouter.emulator.refusals import Refusal, invalid_request

Body = dict[str, Any]
Part = Mapping[str, Any]

# Content parts that are more than text, and the input modality that each of them needs.
_MODALITIES = {
    "image_url": "image",
    "input_audio": "audio",
    "video_url": "video",
    "input_video": "video",
    "file": "file",
}
# Fields that are no parameters of the model: nothing in supported_parameters speaks of them.
_NOT_PARAMETERS = frozenset({
    "messages", "model", "models", "stream", "stream_options", "provider", "plugins", "user", "metadata", "modalities",
    "session_id", "prompt_cache_key", "cache_control", "trace", "service_tier", "debug", "transforms", "usage",
    "image_config", "reasoning_effort",
})  # fmt: skip
_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_PART = 260


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: `given` as it came, `body` in the words of Chat Completions whatever its dialect.

    `parts` are the content parts of the whole history, users', tools' and assistants' alike; `inputs`
    the modalities among them other than text; `prompt_tokens` is an estimate.
    """

    given: Body
    body: Body
    parts: tuple[Part, ...]
    inputs: frozenset[str]
    prompt_tokens: int

    @property
    def models(self) -> tuple[str, ...]:
        """The models to try in order; "" stands for the account's default."""
        named = (self.body.get("model"), *items(self.body.get("models")))
        return tuple(str(model) for model in named if model) or ("",)

    @property
    def stream(self) -> bool:
        """Whether the answer shall be streamed."""
        return self.body.get("stream") is True

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        """The messages, those that are none left out."""
        return objects(self.body["messages"])

    @property
    def outputs(self) -> frozenset[str]:
        """The output modalities asked for."""
        return frozenset(map(str, items(self.body.get("modalities")))) or frozenset({"text"})

    @property
    def tools(self) -> list[Mapping[str, Any]]:
        """The function tools that may be called: none when tool_choice is none."""
        if self.tool_choice == "none":
            return []
        return [t for t in objects(self.body.get("tools")) if t.get("type") == "function"]

    @property
    def tool_choice(self) -> Any:
        """The tool_choice as given; "auto" when it was not."""
        return self.body.get("tool_choice") or "auto"

    @property
    def forces_tool(self) -> bool:
        """Whether tool_choice leaves the model no choice: what only some endpoints support."""
        return bool(self.tool_choice not in ("none", "auto"))

    @property
    def reasoning_off(self) -> bool:
        """Whether reasoning is switched off."""
        reasoning = self.reasoning
        off = reasoning.get("enabled") is False or reasoning.get("effort") == "none"
        return off or self.body.get("reasoning_effort") == "none"

    @property
    def reasoning(self) -> Mapping[str, Any]:
        """The reasoning object, empty when absent."""
        return mapping(self.body.get("reasoning"))

    @property
    def provider(self) -> Mapping[str, Any]:
        """The provider preferences, empty when absent."""
        return mapping(self.body.get("provider"))

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that `provider.require_parameters` makes hard."""
        return frozenset(self.body.keys() - _NOT_PARAMETERS)

    @property
    def max_tokens(self) -> int | None:
        """The output asked for, in tokens; None when the caller set no bound."""
        bound = self.body.get("max_completion_tokens") or self.body.get("max_tokens")
        return bound if isinstance(bound, int) and bound > 0 else None

    @property
    def last(self) -> Mapping[str, Any]:
        """The message to answer."""
        return self.messages[-1]


def understand(given: Any, in_chat: Callable[[Body], Body | Refusal], conversation: str) -> Ask | Refusal:
    """Return the request that this JSON value is (None: no JSON), or the 400 that it deserves.

    `in_chat` puts it into the words of Chat Completions, `conversation` names what it must have.
    """
    if not isinstance(given, dict):
        return invalid_request("Invalid JSON in request body, or no object")
    body = in_chat(given)
    if isinstance(body, Refusal):
        return body
    if not objects(body.get("messages")):
        return invalid_request(f"Input required: specify {conversation}")
    models = body.get("models") or []
    if not isinstance(models, list) or len(models) > 3:
        return invalid_request("'models' array must have 3 items or fewer.")
    return _measured(given, body)


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message, its text parts joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return " ".join(filter(None, (text(part.get("text")) for part in objects(content))))


def _measured(given: Body, body: Body) -> Ask:
    """Read the history once: a token for four characters of text, 260 for each part that is more."""
    messages = objects(body["messages"])
    parts = tuple(part for m in messages for key in ("content", "images") for part in objects(m.get(key)))
    media = [_MODALITIES[kind] for part in parts if (kind := text(part.get("type"))) in _MODALITIES]
    tools = len(json.dumps(body["tools"])) if body.get("tools") else 0
    characters = sum(map(_characters, messages)) + tools
    tokens = characters // _CHARACTERS_PER_TOKEN + len(media) * _TOKENS_PER_PART
    return Ask(given, body, parts, frozenset(media), tokens)


def _characters(message: Mapping[str, Any]) -> int:
    calls = message.get("tool_calls")
    return len(text_of(message)) + (len(json.dumps(calls)) if calls else 0)
