"""Messages: Anthropic's dialect, as OpenRouter serves it for models of any maker."""

import json
from collections.abc import Iterator
from typing import ClassVar

from freerouter.emulator.answers import ToolCall
from freerouter.emulator.ask import Body
from freerouter.emulator.completion import Completion, Json
from freerouter.emulator.dialects.base import Dialect, named
from freerouter.emulator.dialects.blocks import in_chat
from freerouter.emulator.lenient import mapping
from freerouter.emulator.refusals import Refusal

_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
# Anthropic's names for statuses ("Errors"); other statuses of the provider's are an api_error.
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    524: "timeout_error",
    529: "overloaded_error",
}


class Messages(Dialect):
    """`POST /messages`."""

    path: ClassVar[str] = "messages"
    conversation: ClassVar[str] = '"messages"'
    container: ClassVar[str] = "content"
    end: ClassVar[bytes] = named({"type": "message_stop"})

    def in_chat(self, given: Body) -> Body | Refusal:
        """Translate blocks, tools, thinking and format."""
        return in_chat(given)

    def whole(self, completion: Completion) -> Json:
        """Return the `message`."""
        said = {"content": _content(completion), "stop_reason": _STOPS[completion.answer.finish]}
        return _begun(completion) | said | {"usage": _usage(completion)} | completion.opted_in

    def events(self, completion: Completion) -> Iterator[Json]:
        """Yield the events: the message begins, each block comes in pieces, the reason to stop and the usage."""
        yield {"type": "message_start", "message": _begun(completion)}
        pieces = _pieces(completion)
        for index, block in enumerate(_content(completion)):
            yield {"type": "content_block_start", "index": index, "content_block": _blank(block)}
            if index == 0:
                yield {"type": "ping"}
            for delta in next(pieces):
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        stop = {"stop_reason": _STOPS[completion.answer.finish], "stop_sequence": None}
        yield {"type": "message_delta", "delta": stop, "usage": _usage(completion)} | completion.opted_in

    def is_token(self, event: Json) -> bool:
        """Tell whether an event is a piece of a block."""
        return bool(event["type"] == "content_block_delta")

    def contentless(self, completion: Completion) -> Json:
        """Return a message whose only text is null."""
        return self.whole(completion.emptied) | {"content": [{"type": "text", "text": None}]}

    def failed(self, completion: Completion, error: Refusal) -> Json:  # noqa: ARG002 (the error stands alone)
        """Return the body that the error has with an HTTP status as well."""
        return self.error_body(error)

    def error_event(self, completion: Completion, error: Refusal, sent: int) -> Json:  # noqa: ARG002 (not numbered)
        """Return the `error` event."""
        return self.error_body(error)

    def error_body(self, refusal: Refusal) -> Json:
        """Return the error in Anthropic's shape; OpenRouter's own details stay beside the message."""
        details = {key: value for key, value in refusal.error.items() if key in ("metadata", "availability")}
        error = {
            "type": _TYPES.get(refusal.status, "api_error"),
            "message": refusal.message,
            "error_type": refusal.error_type,
            **details,
        }
        return {"type": "error", "error": error}


def _begun(completion: Completion) -> Json:
    """Return the message before anything is said."""
    return {
        "id": completion.named("msg"),
        "type": "message",
        "role": "assistant",
        "model": completion.offer.answers_as,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(completion) | {"output_tokens": 0},
    }


def _usage(completion: Completion) -> Json:
    """Return the token counts (estimated) and the cost in USD."""
    return {
        "input_tokens": completion.prompt_tokens,
        "output_tokens": completion.answer.tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "service_tier": "standard",
        "cost": completion.cost,
        "is_byok": False,
        **completion.billed,
    }


def _content(completion: Completion) -> list[Json]:
    said = completion.answer
    thought = {"type": "thinking", "thinking": "".join(said.reasoning), "signature": completion.named("sig")}
    blocks: list[Json] = [thought] if said.reasoning else []
    blocks += [{"type": "text", "text": "".join(said.text), "citations": None}] if said.text else []
    return blocks + [_tool_use(call) for call in said.calls]


def _tool_use(call: ToolCall) -> Json:
    identity = call.id.replace("call_", "toolu_")
    return {"type": "tool_use", "id": identity, "name": call.name, "input": mapping(json.loads(call.arguments))}


def _blank(block: Json) -> Json:
    """Return a block as it is begun."""
    blanks: Json = {"thinking": "", "signature": "", "text": "", "input": {}}
    return block | {key: value for key, value in blanks.items() if key in block}


def _pieces(completion: Completion) -> Iterator[list[Json]]:
    """Yield the deltas of each block in turn."""
    said = completion.answer
    if said.reasoning:
        thoughts: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in said.reasoning]
        yield [*thoughts, {"type": "signature_delta", "signature": completion.named("sig")}]
    if said.text:
        yield [{"type": "text_delta", "text": piece} for piece in said.text]
    for call in said.calls:
        yield [{"type": "input_json_delta", "partial_json": piece} for piece in call.pieces]
