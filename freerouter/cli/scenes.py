"""The requests of the demo, and what goes wrong in some of them."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Any

_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
_CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "inhabitants": {"type": "integer"}},
    "required": ["city", "inhabitants"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One request of the demo.

    Attributes:
        title: what it shows.
        body: of the request.
        fault: kind of the emulator's fault for the first model that is asked; None without a fault.
        refused: whether the demo shows that no model can answer it.
    """

    title: str
    body: dict[str, Any]
    fault: str | None = None
    refused: bool = False


def _png(side: int = 32) -> str:
    """A small red picture, as a data URL."""
    rows = b"".join(b"\0" + b"\xc8\x1e\x1e" * side for _ in range(side))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _asking(text: str, **rest: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 200, **rest}


def scenes() -> list[Scene]:
    """The requests of the demo."""
    picture = [{"type": "text", "text": "What colour is this?"}, {"type": "image_url", "image_url": {"url": _png()}}]
    schema = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": _CITY}}
    return [
        Scene("A plain question", _asking("Why is the sky blue? One sentence, please.")),
        Scene("A picture", {"messages": [{"role": "user", "content": picture}], "max_tokens": 200}),
        Scene(
            "Tools, one of which must be called", _asking("Weather in Oslo?", tools=[_WEATHER], tool_choice="required")
        ),
        Scene("An answer that fits a JSON schema", _asking("Name a large city.", response_format=schema)),
        Scene("A streamed answer, with a seed preferred", _asking("Count to five.", stream=True, seed=7)),
    ]


def failures() -> list[Scene]:
    """The requests of the demo in which something goes wrong; only the emulator can cause that."""
    return [
        Scene("The first model is rate-limited", _asking("Name a river."), fault="rate_limited"),
        Scene(
            "A stream that fails before its first token",
            _asking("Name a mountain.", stream=True),
            fault="stream_error_first",
        ),
        Scene("The day's allowance is used up", _asking("Name a lake."), fault="daily_limit", refused=True),
    ]
