"""What a model says: text, a tool call, JSON, a remark on the image it received."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from freerouter.emulator.ask import Ask, text_of
from freerouter.emulator.lenient import mapping, text
from freerouter.emulator.offer import Offer
from freerouter.emulator.prompted import prompted
from freerouter.emulator.samples import sample
from freerouter.emulator.turns import tool_to_call

_OPENINGS = ("Certainly.", "Gladly.", "Here you are.", "Of course.")
_QUOTED = 120
_SPLIT = 16


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a function: its id, its name and its arguments as JSON text."""

    id: str
    name: str
    arguments: str

    @property
    def pieces(self) -> tuple[str, ...]:
        """The arguments as a stream sends them: in pieces that break where they will."""
        return tuple(self.arguments[start : start + _SPLIT] for start in range(0, len(self.arguments), _SPLIT))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out of a model; reasoning and text in the pieces that a stream sends."""

    reasoning: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"

    @property
    def tokens(self) -> int:
        """An estimate of the completion tokens: one for each piece and each four characters of a call."""
        called = sum(len(call.name) + len(call.arguments) for call in self.calls)
        return len(self.reasoning) + len(self.text) + -(-called // 4)

    def cut(self, limit: int | None) -> "Answer":
        """Return the answer as max_tokens leaves it: reasoning spends them first."""
        if limit is None or limit >= len(self.reasoning) + len(self.text) or self.calls:
            return self
        thought = self.reasoning[:limit]
        return replace(self, reasoning=thought, text=self.text[: limit - len(thought)], finish="length")


def answer(ask: Ask, offer: Offer, rng: Random) -> Answer:
    """Return what this model answers; a parameter that it does not list is silently ignored."""
    tool = tool_to_call(ask)
    if tool is not None:
        said = Answer(calls=(_call(tool, rng),), finish="tool_calls")
    else:
        said = Answer(text=_pieces(_text(ask, offer, rng)))
    if _thinks(ask, offer):
        said = replace(said, reasoning=_pieces("The question is clear, so a short answer will do."))
    return said.cut(ask.max_tokens)


def _thinks(ask: Ask, offer: Offer) -> bool:
    wanted = offer.reasons_by_default or bool(ask.reasoning) or "reasoning_effort" in ask.body
    hidden = ask.reasoning.get("exclude") is True or ask.body.get("include_reasoning") is False
    return offer.reasons and wanted and not ask.reasoning_off and not hidden


def _call(function: Mapping[str, Any], rng: Random) -> ToolCall:
    arguments = sample(function.get("parameters") or {"type": "object"}, rng)
    return ToolCall(f"call_{rng.getrandbits(48):012x}", str(function.get("name")), json.dumps(arguments))


def _text(ask: Ask, offer: Offer, rng: Random) -> str:
    if "content-safety" in offer.id or "guard" in offer.id:
        return "User Safety: safe"
    formatted = _formatted(ask, offer, rng)
    return json.dumps(formatted) if formatted is not None else _prose(ask, offer, rng)


def _formatted(ask: Ask, offer: Offer, rng: Random) -> Any:
    """Return the JSON that response_format asks for, None when the model knows nothing of it."""
    wish = mapping(ask.body.get("response_format"))
    kind = wish.get("type")
    if kind == "json_schema" and "structured_outputs" in offer.parameters:
        return sample(mapping(wish.get("json_schema")).get("schema"), rng)
    if kind == "json_object" and "response_format" in offer.parameters:
        return prompted(_instructions(ask), rng) or {"answer": _prose(ask, offer, rng)}
    return None


def _instructions(ask: Ask) -> list[str]:
    """Return what system and user said: a tool's result shows no shape to answer in."""
    return [text_of(message) for message in ask.messages if message.get("role") not in ("assistant", "tool")]


def _prose(ask: Ask, offer: Offer, rng: Random) -> str:
    received = "".join(f" I received {described}." for described in _media(ask, offer))
    quoted = text_of(ask.last)[:_QUOTED]
    said = "The tool says" if ask.last.get("role") == "tool" else "You said"
    return f'{rng.choice(_OPENINGS)}{received} {said}: "{quoted}". This is {offer.id}, emulated.'


def _media(ask: Ask, offer: Offer) -> list[str]:
    """Describe what came besides text, as far as the model can take it in."""
    described = []
    for part in ask.parts:
        if part.get("type") == "image_url" and "image" in offer.inputs:
            described.append(f"an image ({_origin(part.get('image_url'))})")
        elif part.get("type") == "input_audio" and "audio" in offer.inputs:
            described.append("a recording")
    return described


def _origin(image: Any) -> str:
    url = text(image) or text(mapping(image).get("url"))
    if not url.startswith("data:"):
        return url[:_QUOTED]
    kind, _, data = url.removeprefix("data:").partition(",")
    return f"{kind.partition(';')[0]}, {len(data) * 3 // 4} bytes"


def _pieces(words: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\S+\s*|\s+", words))
