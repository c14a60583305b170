"""Chat Completions: OpenRouter's own dialect, and the form that the gateway thinks in."""

from collections.abc import Iterator
from typing import ClassVar

from freerouter.emulator.answers import Answer, ToolCall
from freerouter.emulator.ask import Body
from freerouter.emulator.completion import Completion, Json
from freerouter.emulator.dialects.base import Dialect, data
from freerouter.emulator.refusals import Refusal

_NATIVE = {"stop": "stop", "length": "max_tokens", "tool_calls": "tool_calls"}


class Chat(Dialect):
    """`POST /chat/completions`."""

    path: ClassVar[str] = "chat/completions"
    conversation: ClassVar[str] = '"prompt" or "messages"'
    container: ClassVar[str] = "choices"

    def in_chat(self, given: Body) -> Body:
        """Return the request as it is."""
        return given

    def whole(self, completion: Completion) -> Json:
        """Return the `chat.completion` (openrouter-facts 5)."""
        body = _head(completion, "chat.completion") | {
            "system_fingerprint": None,
            "choices": [_choice(completion.answer)],
            "usage": _usage(completion),
        }
        return body | completion.opted_in

    def events(self, completion: Completion) -> Iterator[Json]:
        """Yield the chunks: role, reasoning, text and calls in pieces, the finish, the usage."""
        said = completion.answer
        yield _chunk(completion, {"content": ""})
        for piece in said.reasoning:
            yield _chunk(completion, {"content": "", "reasoning": piece, "reasoning_details": _details(piece)})
        for piece in said.text:
            yield _chunk(completion, {"content": piece})
        for index, call in enumerate(said.calls):
            for delta in _call_deltas(index, call):
                yield _chunk(completion, {"content": None, "tool_calls": [delta]})
        yield _chunk(completion, {"content": ""}, said.finish)
        yield (
            _head(completion, "chat.completion.chunk")
            | {"choices": [], "usage": _usage(completion)}
            | (completion.opted_in)
        )

    def is_token(self, event: Json) -> bool:
        """Tell whether a chunk has text, reasoning or a piece of a call."""
        deltas = (choice["delta"] for choice in event["choices"])
        return any(delta.get("content") or "reasoning" in delta or "tool_calls" in delta for delta in deltas)

    def contentless(self, completion: Completion) -> Json:
        """Return a completion whose message has neither content nor calls."""
        return self._with_choice(completion, {"message": {"role": "assistant", "content": None, "refusal": None}})

    def failed(self, completion: Completion, error: Refusal) -> Json:  # noqa: ARG002 (the error stands alone)
        """Return the body that the error has with an HTTP status as well."""
        return error.body

    def finished_in_error(self, completion: Completion, error: Refusal) -> Json:
        """Return a completion whose finish_reason is "error"."""
        choice = {"finish_reason": "error", "native_finish_reason": "error", "error": error.error}
        return self._with_choice(completion, choice | {"message": {"role": "assistant", "content": ""}})

    def error_event(self, completion: Completion, error: Refusal, sent: int) -> Json:  # noqa: ARG002 (not numbered)
        """Return a chunk with an error beside a finish that says so."""
        return _chunk(completion, {"content": ""}, "error") | {"error": error.error}

    def framed(self, event: Json) -> bytes:
        """Return the server-sent event, which has no name here."""
        return data(event)

    def _with_choice(self, completion: Completion, fields: Json) -> Json:
        body = self.whole(completion)
        usage = body["usage"] | {"completion_tokens": 0, "total_tokens": completion.prompt_tokens}
        return body | {"choices": [body["choices"][0] | fields], "usage": usage}


def _head(completion: Completion, kind: str) -> Json:
    return {
        "id": completion.id,
        "provider": completion.offer.provider,
        "model": completion.offer.answers_as,
        "object": kind,
        "created": completion.created,
    }


def _chunk(completion: Completion, delta: Json, finish: str | None = None) -> Json:
    choice = {
        "index": 0,
        "delta": {"role": "assistant", **delta},
        "finish_reason": finish,
        "native_finish_reason": finish and _NATIVE.get(finish, finish),
        "logprobs": None,
    }
    return _head(completion, "chat.completion.chunk") | {"choices": [choice]}


def _choice(said: Answer) -> Json:
    return {
        "index": 0,
        "logprobs": None,
        "finish_reason": said.finish,
        "native_finish_reason": _NATIVE[said.finish],
        "message": _message(said),
    }


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


def _usage(completion: Completion) -> Json:
    """Return the token counts (estimated) and the cost in USD."""
    tokens = completion.answer.tokens
    return {
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": tokens,
        "total_tokens": completion.prompt_tokens + tokens,
        "cost": completion.cost,
        "is_byok": False,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "cost_details": {
            "upstream_inference_cost": None,
            "upstream_inference_prompt_cost": 0,
            "upstream_inference_completions_cost": 0,
        },
        "completion_tokens_details": {"reasoning_tokens": len(completion.answer.reasoning)},
        **completion.billed,
    }


def _details(text: str) -> list[Json]:
    return [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]


def _tool_call(index: int, call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"index": index, "id": call.id, "type": "function", "function": function}


def _call_deltas(index: int, call: ToolCall) -> Iterator[Json]:
    """Yield the name first, then the arguments in pieces that break where they will."""
    yield _tool_call(index, ToolCall(call.id, call.name, ""))
    for piece in call.pieces:
        yield {"index": index, "type": "function", "function": {"arguments": piece}}
