"""An object in bytes that are not one JSON object: with more behind it, in a list, in events, in another encoding."""

from __future__ import annotations

import json
import re
from typing import Any

_DECODER = json.JSONDecoder(strict=False)
# Comments and names of events, which stand before the data where a stream has a status of its own.
_FRAMING = re.compile(r"\s*(?:(?::|event:|id:|retry:)[^\r\n]*[\r\n]+\s*)*(?:data:)?\s*")
_LONGEST_ERROR = 1024 * 1024


def first_object(body: bytes) -> dict[str, Any] | None:
    """The first object in a body, where nothing but framing stands before it; None where there is none."""
    text = body[:_LONGEST_ERROR].decode("utf-8", "replace").removeprefix("\ufeff")
    start = _FRAMING.match(text)
    try:
        found, _ = _DECODER.raw_decode(text, start.end() if start else 0)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list):
        found = next((item for item in found if isinstance(item, dict)), None)
    return found if isinstance(found, dict) else None
