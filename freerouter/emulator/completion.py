"""How an answer is put on the wire: the JSON of a completion, or the chunks of a stream."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from freerouter.emulator.answers import Answer, ToolCall
from freerouter.emulator.offer import Offer

Json = dict[str, Any]

COMMENT = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"
_NATIVE = {"stop": "stop", "length": "max_tokens", "tool_calls": "tool_calls"}
_SPLIT = 16


@dataclass(frozen=True, slots=True)
class Completion:
    """One generation: who answered, what, when (unix seconds), for how much (USD)."""

    id: str
    created: int
    offer: Offer
    answer: Answer
    prompt_tokens: int
    cost: float = 0.0
    metadata: Mapping[str, Any] | None = None

    @property
    def json(self) -> Json:
        """The completion as it is answered when it is not streamed (openrouter-facts 5)."""
        body = self._head("chat.completion") | {
            "system_fingerprint": None,
            "choices": [self._choice()],
            "usage": self.usage,
        }
        return body | self._opted_in()

    @property
    def usage(self) -> Json:
        """Token counts (estimated) and the cost in USD."""
        tokens = self.answer.tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": tokens,
            "total_tokens": self.prompt_tokens + tokens,
            "cost": self.cost,
            "is_byok": False,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "cost_details": {
                "upstream_inference_cost": None,
                "upstream_inference_prompt_cost": 0,
                "upstream_inference_completions_cost": 0,
            },
            "completion_tokens_details": {"reasoning_tokens": len(self.answer.reasoning)},
        }

    def chunks(self) -> Iterator[Json]:
        """Yield the chunks: role, reasoning, text and calls in pieces, the finish, the usage."""
        yield self.chunk({"role": "assistant", "content": ""})
        for piece in self.answer.reasoning:
            yield self.chunk({"content": "", "reasoning": piece, "reasoning_details": _details(piece)})
        for piece in self.answer.text:
            yield self.chunk({"content": piece})
        for index, call in enumerate(self.answer.calls):
            for delta in _call_deltas(index, call):
                yield self.chunk({"content": None, "tool_calls": [delta]})
        yield self.chunk({"content": ""}, self.answer.finish)
        yield self._head("chat.completion.chunk") | {"choices": [], "usage": self.usage} | self._opted_in()

    def chunk(self, delta: Json, finish: str | None = None) -> Json:
        """Return one chunk with this delta."""
        choice = {
            "index": 0,
            "delta": {"role": "assistant", **delta},
            "finish_reason": finish,
            "native_finish_reason": finish and _NATIVE.get(finish, finish),
            "logprobs": None,
        }
        return self._head("chat.completion.chunk") | {"choices": [choice]}

    def events(self) -> Iterator[bytes]:
        """Yield the stream event by event, comments and [DONE] included."""
        yield COMMENT
        yield from map(event, self.chunks())
        yield DONE

    def _head(self, kind: str) -> Json:
        return {
            "id": self.id,
            "provider": self.offer.provider,
            "model": self.offer.answers_as,
            "object": kind,
            "created": self.created,
        }

    def _opted_in(self) -> Json:
        return {"openrouter_metadata": dict(self.metadata)} if self.metadata else {}

    def _choice(self) -> Json:
        return {
            "index": 0,
            "logprobs": None,
            "finish_reason": self.answer.finish,
            "native_finish_reason": _NATIVE[self.answer.finish],
            "message": _message(self.answer),
        }


def event(chunk: Json) -> bytes:
    """Return the server-sent event that carries this chunk."""
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _message(said: Answer) -> Json:
    thought = "".join(said.reasoning)
    message: Json = {
        "role": "assistant",
        "content": None if said.calls else "".join(said.text),
        "refusal": None,
        "reasoning": thought or None,
    }
    if thought:
        message["reasoning_details"] = _details(thought)
    if said.calls:
        message["tool_calls"] = [_tool_call(index, call) for index, call in enumerate(said.calls)]
    return message


def _details(text: str) -> list[Json]:
    return [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]


def _tool_call(index: int, call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"index": index, "id": call.id, "type": "function", "function": function}


def _call_deltas(index: int, call: ToolCall) -> Iterator[Json]:
    """Yield the name first, then the arguments in pieces that break where they will."""
    yield _tool_call(index, ToolCall(call.id, call.name, ""))
    for start in range(0, len(call.arguments), _SPLIT):
        piece = call.arguments[start : start + _SPLIT]
        yield {"index": index, "type": "function", "function": {"arguments": piece}}
