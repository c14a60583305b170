"""Plain good answers in the three dialects, and what a caller reads in any answer."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

GOOD = "GOOD"

Json = dict[str, Any]


def dialect_of(path: str) -> str:
    """The dialect that is spoken at a path."""
    last = path.partition("?")[0].rstrip("/").rpartition("/")[2]
    return last if last in ("responses", "messages") else "chat"


def good(dialect: str, model: str, *, stream: bool) -> bytes:
    """A plain answer whose text is GOOD."""
    if stream:
        return b"".join(_framed(dialect, event) for event in _EVENTS[dialect](model)) + _ends(dialect)
    return json.dumps(_WHOLE[dialect](model)).encode()


def _framed(dialect: str, event: Json) -> bytes:
    name = "" if dialect == "chat" else f"event: {event['type']}\n"
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def _ends(dialect: str) -> bytes:
    return b"" if dialect == "messages" else b"data: [DONE]\n\n"


def _completion(model: str) -> Json:
    message = {"role": "assistant", "content": GOOD, "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "native_finish_reason": "stop", "message": message}
    return {"id": "gen-1", "object": "chat.completion", "created": 1_750_000_000, "model": model} | {
        "choices": [choice],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "cost": 0},
    }


def _chunks(model: str) -> Iterator[Json]:
    whole = _completion(model) | {"object": "chat.completion.chunk"}
    usage = whole.pop("usage")
    for content, finish in ((GOOD, None), ("", "stop")):
        choice = {"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": finish}
        yield whole | {"choices": [choice]} | ({"usage": usage} if finish else {})


def _response(model: str) -> Json:
    content = [{"type": "output_text", "text": GOOD, "annotations": []}]
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    return {"id": "resp_1", "object": "response", "created_at": 1_750_000_000, "model": model, "error": None} | {
        "status": "completed",
        "output": [item],
        "incomplete_details": None,
        "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4, "cost": 0},
    }


def _response_events(model: str) -> Iterator[Json]:
    whole = _response(model)
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    yield {"type": "response.created", "response": whole | {"status": "in_progress", "output": []}}
    yield {"type": "response.output_text.delta", **at, "delta": GOOD}
    yield {"type": "response.completed", "response": whole}


def _message(model: str) -> Json:
    usage = {"input_tokens": 3, "output_tokens": 1, "cost": 0}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_sequence": None} | {
        "content": [{"type": "text", "text": GOOD}],
        "stop_reason": "end_turn",
        "usage": usage,
    }


def _message_events(model: str) -> Iterator[Json]:
    whole = _message(model)
    yield {"type": "message_start", "message": whole | {"content": [], "stop_reason": None}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": GOOD}}
    yield {"type": "content_block_stop", "index": 0}
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": whole["usage"]}
    yield {"type": "message_stop"}


_WHOLE = {"chat": _completion, "responses": _response, "messages": _message}
_EVENTS = {"chat": _chunks, "responses": _response_events, "messages": _message_events}


def events(body: bytes) -> list[Any]:
    """The data of each event of a stream, parsed; what is not JSON is left out."""
    text = body.decode("utf-8-sig", "replace")
    blocks = re.split(r"(?:\r\n|\n|\r){2}", text)
    return [event for event in map(_data, blocks) if event is not None]


def _data(block: str) -> Any:
    lines = (line.partition(":")[2].removeprefix(" ") for line in re.split(r"\r\n|\n|\r", block) if line[:5] == "data:")
    return parsed("\n".join(lines))


def parsed(data: bytes | str) -> Any:
    """JSON, or None for what is not JSON."""
    try:
        return json.loads(data)
    except ValueError:
        return None


def text_in(said: Iterable[Any]) -> str:
    """The text of an answer: of one whole body, or of the events of a stream."""
    return "".join(piece for body in said if isinstance(body, dict) for piece in _pieces(body))


def _pieces(body: Json) -> Iterator[str]:
    for choice in body.get("choices") or ():
        yield from _texts((choice.get("message") or choice.get("delta") or {}).get("content"))
    for item in body.get("output") or ():
        yield from _texts(item.get("content"))
    if body.get("type") == "message":
        yield from _texts(body.get("content"))
    if body.get("type") == "response.output_text.delta":
        yield body["delta"]
    if body.get("type") == "content_block_delta":
        yield body["delta"].get("text") or ""


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (part.get("text") or "" for part in content)


def errors_in(said: Iterable[Any]) -> list[Any]:
    """What in the bodies or events of an answer says that it failed."""
    found = []
    for body in said:
        if isinstance(body, dict):
            inner = body.get("response") if isinstance(body.get("response"), dict) else {}
            kinds = (body.get("type"), body.get("status"))
            finishes = [choice.get("finish_reason") for choice in body.get("choices") or ()]
            failed = "error" in (*kinds, *finishes) or "response.failed" in kinds or "failed" in kinds
            error = body.get("error") or inner.get("error")
            if error or failed:
                found.append(error or body)
    return found


def message_in(errors: list[Any]) -> str:
    """The message of the first error."""
    first = errors[0] if errors else ""
    return str(first.get("message", "")) if isinstance(first, dict) else str(first)
