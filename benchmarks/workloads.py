"""Catalogs of any size, requests of any size and replies, made up from the shapes of real ones."""

from __future__ import annotations

import json
from random import Random

from pydantic_core import to_json

_PARAMETERS = (
    ["max_tokens", "temperature", "top_p", "seed", "tools", "tool_choice", "reasoning", "include_reasoning"],
    ["max_tokens", "temperature", "top_p", "stop", "response_format"],
    ["max_tokens", "temperature", "top_p", "seed", "tools", "tool_choice", "response_format", "structured_outputs"],
    ["max_tokens", "temperature", "seed", "stop", "logprobs", "tools"],
)
_INPUTS = (["text"], ["text", "image"], ["text"], ["text", "image", "video"])
_CONTEXTS = (32_768, 65_536, 131_072, 262_144, 1_000_000)


def catalog_body(models: int, seed: int = 1) -> bytes:
    """The body of GET /models with this many free models."""
    rng = Random(seed)
    shapes = [
        json.dumps(
            {
                "name": "A model (free)",
                "created": 1_781_723_748,
                "context_length": context,
                "architecture": {"input_modalities": inputs, "output_modalities": ["text"]},
                "pricing": {"prompt": "0", "completion": "0"},
                "top_provider": {"context_length": context, "max_completion_tokens": 32_768, "is_moderated": False},
                "supported_parameters": parameters,
                "expiration_date": None,
            }
        )
        for context in _CONTEXTS
        for inputs in _INPUTS
        for parameters in _PARAMETERS
    ]
    rows = (
        f'{{"id": "author-{n % 40}/model-{n}:free", "canonical_slug": "author-{n % 40}/model-{n}", '
        f"{rng.choice(shapes)[1:]}"
        for n in range(models)
    )
    return f'{{"data": [{", ".join(rows)}], "total_count": {models}, "links": {{"next": null}}}}'.encode()


def short_request() -> bytes:
    """A short question; about 110 bytes."""
    body = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0.2}
    return json.dumps({**body, "max_tokens": 100}).encode()


def tool_request() -> bytes:
    """A hundred messages of an agent at work, with twenty tools; about 54 KB."""
    messages: list[dict[str, object]] = []
    for _ in range(34):
        call = {"id": "call_1", "type": "function", "function": {"name": "tool_1", "arguments": '{"a": "xyz"}'}}
        messages += [
            {"role": "user", "content": "word " * 100},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "result " * 85},
        ]
    properties = {
        "path": {"type": "string", "description": "where to look, relative to the folder of the project"},
        "lines": {"type": "integer"},
        "names": {"type": "array", "items": {"type": "string"}},
    }
    tools = [
        {
            "type": "function",
            "function": {
                "name": f"tool_{number}",
                "description": "Does something useful with the file. " * 3,
                "parameters": {"type": "object", "properties": properties, "required": ["path"]},
            },
        }
        for number in range(20)
    ]
    return json.dumps({"messages": messages, "tools": tools}).encode()


def picture_request() -> bytes:
    """A question about a picture of one megabyte."""
    url = "data:image/png;base64," + "QUJDRA+/"[:8] * 125_000
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    return json.dumps({"messages": [{"role": "user", "content": parts}]}).encode()


def answer_of_2_kb() -> bytes:
    """A chat completion as OpenRouter answers it."""
    message = {"role": "assistant", "content": "Rayleigh scattering. " * 75, "refusal": None, "reasoning": None}
    choice = {"index": 0, "finish_reason": "stop", "native_finish_reason": "stop", "message": message}
    usage = {"prompt_tokens": 12, "completion_tokens": 300, "total_tokens": 312, "cost": 0}
    head = {"id": "gen-1", "object": "chat.completion", "created": 1_781_723_748, "model": "author/model:free"}
    return to_json({**head, "provider": "P", "system_fingerprint": None, "choices": [choice], "usage": usage})


def beginning_of_a_stream() -> list[bytes]:
    """A comment, an event with a role, an event with a token."""
    head = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1_781_723_748, "model": "author/model:free"}
    deltas = ({"role": "assistant", "content": ""}, {"content": "Rayleigh"})
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [b": OPENROUTER PROCESSING\n\n", *(b"data: " + to_json(chunk) + b"\n\n" for chunk in chunks)]
