"""Responses: OpenAI's newer dialect, as OpenRouter serves it, without any state."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from freerouter.emulator.ask import Body
from freerouter.emulator.completion import Completion, Json
from freerouter.emulator.dialects.base import Dialect
from freerouter.emulator.dialects.items import in_chat
from freerouter.emulator.lenient import number, objects, text
from freerouter.emulator.refusals import Refusal

# Fields of a request that an answer repeats, each with the value that stands for an absent one.
_REPEATED: Mapping[str, Any] = {
    "instructions": None, "metadata": None, "max_output_tokens": None, "max_tool_calls": None, "reasoning": None,
    "tool_choice": "auto", "parallel_tool_calls": True, "text": {"format": {"type": "text"}}, "truncation": "disabled",
    "user": None, "prompt_cache_key": None, "safety_identifier": None,
}  # fmt: skip
_NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


class Responses(Dialect):
    """`POST /responses`."""

    path: ClassVar[str] = "responses"
    conversation: ClassVar[str] = '"input"'
    container: ClassVar[str] = "output"
    hides_overflow: ClassVar[bool] = True

    def in_chat(self, given: Body) -> Body | Refusal:
        """Translate input, instructions, tools and format."""
        return in_chat(given)

    def whole(self, completion: Completion) -> Json:
        """Return the `response`."""
        cut = completion.answer.finish == "length"
        finish = {
            "status": "incomplete" if cut else "completed",
            "completed_at": None if cut else completion.created,
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "output": _output(completion),
            "usage": _usage(completion),
        }
        hidden: Json = {"error_type": completion.error_type} if completion.error_type else {}
        return _begun(completion) | finish | hidden | completion.opted_in

    def events(self, completion: Completion) -> Iterator[Json]:
        """Yield the events, numbered: the response begins, each item comes in pieces, the response ends."""
        for place, event in enumerate(self._events(completion)):
            yield {"type": event["type"], "sequence_number": place, **event}

    def is_token(self, event: Json) -> bool:
        """Tell whether an event is a piece of text, of reasoning or of arguments."""
        return str(event["type"]).endswith(".delta")

    def contentless(self, completion: Completion) -> Json:
        """Return a response with a message whose content is null."""
        message = _message(completion, ()) | {"content": None}
        return self.whole(completion.emptied) | {"output": [message]}

    def failed(self, completion: Completion, error: Refusal) -> Json:
        """Return a response that has failed; the error's code is a word here."""
        stated = {"code": _code(error), "message": error.message, "metadata": dict(error.metadata)}
        fields = {"status": "failed", "error": stated, "error_type": error.error_type}
        return _begun(completion) | {"usage": _usage(completion.emptied)} | fields

    def failed_first(self, completion: Completion, error: Refusal) -> Json:
        """Return `response.failed`, which has its type at the top of the response."""
        return {"type": "response.failed", "sequence_number": 0, "response": self.failed(completion, error)}

    def error_event(self, completion: Completion, error: Refusal, sent: int) -> Json:
        """Return `response.failed`; an `error` when not even the response was begun."""
        if sent:
            failed = self.failed(completion, error)
            return {"type": "response.failed", "sequence_number": sent, "response": failed}
        stated = {"code": _code(error), "message": error.message, "param": None}
        return {"type": "error", "sequence_number": sent, **stated}

    def _events(self, completion: Completion) -> Iterator[Json]:
        begun, whole, said = _begun(completion), self.whole(completion), completion.answer
        yield {"type": "response.created", "response": begun}
        yield {"type": "response.in_progress", "response": begun}
        calls = iter(said.calls)
        pieces = {"reasoning": said.reasoning, "message": said.text}
        for index, item in enumerate(whole["output"]):
            if item["type"] == "function_call":
                yield from _call_events(index, item, next(calls).pieces)
            else:
                yield from _item_events(index, item, pieces[item["type"]])
        yield {"type": f"response.{whole['status']}", "response": whole}


def _begun(completion: Completion) -> Json:
    """Return the response before anything is said: what is known of it, and what the request said."""
    given = completion.given
    repeated = {key: default if given.get(key) is None else given[key] for key, default in _REPEATED.items()}
    return {
        "id": completion.named("resp"),
        "object": "response",
        "created_at": completion.created,
        "completed_at": None,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": completion.offer.answers_as,
        "output": [],
        "usage": None,
        "background": False,
        "previous_response_id": None,
        "service_tier": text(given.get("service_tier")) or "auto",
        "store": False,
        "tools": objects(given.get("tools")),
        **{key: number(given.get(key)) for key in _NUMBERS},
        **repeated,
    }


def _output(completion: Completion) -> list[Json]:
    said = completion.answer
    items = [_reasoning(completion, said.reasoning)] if said.reasoning else []
    items += [_message(completion, said.text)] if said.text else []
    return items + [
        {
            "type": "function_call",
            "id": completion.named(f"fc{place}"),
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "status": "completed",
        }
        for place, call in enumerate(said.calls)
    ]


def _reasoning(completion: Completion, pieces: tuple[str, ...]) -> Json:
    content = [{"type": "reasoning_text", "text": "".join(pieces)}]
    identity = completion.named("rs")
    return {"type": "reasoning", "id": identity, "summary": [], "content": content, "status": "completed"}


def _message(completion: Completion, pieces: tuple[str, ...]) -> Json:
    content = [{"type": "output_text", "text": "".join(pieces), "annotations": [], "logprobs": []}]
    status = "incomplete" if completion.answer.finish == "length" else "completed"
    identity = completion.named("msg")
    return {"type": "message", "id": identity, "role": "assistant", "status": status, "content": content}


def _usage(completion: Completion) -> Json:
    """Return the token counts (estimated) and the cost in USD."""
    tokens = completion.answer.tokens
    return {
        "input_tokens": completion.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": tokens,
        "output_tokens_details": {"reasoning_tokens": len(completion.answer.reasoning)},
        "total_tokens": completion.prompt_tokens + tokens,
        "cost": completion.cost,
        "is_byok": False,
        "cost_details": {
            "upstream_inference_cost": None,
            "upstream_inference_input_cost": 0,
            "upstream_inference_output_cost": 0,
        },
        **completion.billed,
    }


def _item_events(index: int, item: Json, pieces: tuple[str, ...]) -> Iterator[Json]:
    """Yield a message or a reasoning item: begun, its only part in pieces, done."""
    (part,) = item["content"]
    item_at = {"output_index": index}
    part_at = {"item_id": item["id"], **item_at, "content_index": 0}
    likelihoods: Json = {"logprobs": []} if part["type"] == "output_text" else {}
    begun = item | {"status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", **item_at, "item": begun}
    yield {"type": "response.content_part.added", **part_at, "part": part | {"text": ""}}
    for piece in pieces:
        yield {"type": f"response.{part['type']}.delta", **part_at, "delta": piece, **likelihoods}
    yield {"type": f"response.{part['type']}.done", **part_at, "text": part["text"], **likelihoods}
    yield {"type": "response.content_part.done", **part_at, "part": part}
    yield {"type": "response.output_item.done", **item_at, "item": item}


def _call_events(index: int, item: Json, pieces: tuple[str, ...]) -> Iterator[Json]:
    """Yield a call: its name, its arguments in pieces, the whole of it."""
    item_at = {"output_index": index}
    at = {"item_id": item["id"], **item_at}
    whole = {"name": item["name"], "arguments": item["arguments"]}
    begun = item | {"status": "in_progress", "arguments": ""}
    yield {"type": "response.output_item.added", **item_at, "item": begun}
    for piece in pieces:
        yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
    yield {"type": "response.function_call_arguments.done", **at, **whole}
    yield {"type": "response.output_item.done", **item_at, "item": item}


def _code(error: Refusal) -> str:
    """Return OpenRouter's word for a status, which masks most of them: `error_type` tells what it was."""
    return {400: "invalid_prompt", 429: "rate_limit_exceeded"}.get(error.status, "server_error")
