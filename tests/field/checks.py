"""Holds what came of a request against ``right``: each field says what is wrong, if anything is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.field.cases import as_bytes

if TYPE_CHECKING:
    from tests.field.play import Round


def wrong(right: dict[str, Any], seen: Round, rows: list[Any]) -> list[str]:
    """What of ``right`` does not hold, in words."""
    asked = [sent.model for sent in seen.sent]
    twice = sorted({model for model in asked if asked.count(model) > 1})
    found = [f"asked twice: {twice}"] if twice else []
    if "or" in right:
        ways = [_unmet(way, seen, rows) for way in right["or"]]
        found += [] if not all(ways) else [" or ".join("; ".join(way) for way in ways)]
    return found + _unmet({name: value for name, value in right.items() if name != "or"}, seen, rows)


def _unmet(right: dict[str, Any], seen: Round, rows: list[Any]) -> list[str]:
    where = right.get("says_in", "shown")
    return [
        f"{name} {str(value)[:80]}: {_told(seen)}"
        for name, value in right.items()
        if name not in _ELSEWHERE and not _HOLDS[name](seen, value, rows=rows, where=where)
    ]


def _told(seen: Round) -> str:
    got = seen.got
    said = repr(got.text) if got.text and not got.error else got.shown[:300]
    return f"{got.status}, {len(seen.sent)} sends, {seen.seconds:.1f} s, retry-after {got.retry_after}: {said}"


def _between(number: float, bounds: Any) -> bool:
    low, high = bounds if isinstance(bounds, list) else (bounds, bounds)
    return low <= number <= high


def _says(seen: Round, words: list[str], where: str) -> bool:
    text = getattr(seen.got, where).casefold()
    return any(word.casefold() in text for word in words)


def _sent(seen: Round, paths: dict[str, Any]) -> bool:
    return bool(seen.sent) and all(_at(seen.sent[-1].body, path) == there for path, there in paths.items())


def _at(body: bytes, path: str) -> Any:
    """What a body holds at a path such as messages.1.content; the path itself if it holds nothing there."""
    there = json.loads(body)
    for step in path.split("."):
        try:
            there = there[int(step)] if isinstance(there, list) else there[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return f"nothing at {path}"
    return there


def _listed(body: bytes) -> set[str]:
    return {row["id"] for row in json.loads(body)["data"]}


def supports(rows: list[Any], model: str, what: str) -> bool:
    """Whether a model's row lists what it takes in, or a parameter."""
    row = next((row for row in rows if isinstance(row, dict) and row.get("id") == model), {})
    listed = row.get("supported_parameters") or []
    return what in [*listed, *(row.get("architecture") or {}).get("input_modalities", [])]


def _answers(seen: Round, text: str) -> bool:
    return seen.got.status == 200 and not seen.got.error and seen.got.text == text


# The one is told over all repeats, the other only says where to look.
_ELSEWHERE = ("some_lack", "says_in")
_HOLDS: dict[str, Callable[..., bool]] = {
    "answer": lambda seen, text, **_: _answers(seen, text),
    "answer_has": lambda seen, text, **_: text in seen.got.text,
    "status": lambda seen, statuses, **_: seen.got.status in statuses,
    "failed": lambda seen, failed, **_: (400 <= seen.got.status < 500) is failed,
    "error": lambda seen, error, **_: seen.got.error is error,
    "sends": lambda seen, number, **_: _between(len(seen.sent), number),
    "says": lambda seen, words, where, **_: _says(seen, words, where),
    "says_not": lambda seen, words, where, **_: not _says(seen, words, where),
    "retry_after": lambda seen, span, **_: seen.got.retry_after is not None and _between(seen.got.retry_after, span),
    "seconds": lambda seen, most, **_: seen.seconds <= most,
    "headers": lambda seen, parts, **_: all(part in seen.got.headers.get(name, "") for name, part in parts.items()),
    "sent": lambda seen, paths, **_: _sent(seen, paths),
    "sent_has": lambda seen, words, **_: seen.sent and all(word.encode() in seen.sent[-1].body for word in words),
    "reply_has": lambda seen, part, **_: as_bytes(part) in seen.got.body,
    "reply_lacks": lambda seen, part, **_: as_bytes(part) not in seen.got.body,
    "models_have": lambda seen, what, rows, **_: all(supports(rows, sent.model, what) for sent in seen.sent),
    "lists": lambda seen, ids, **_: set(ids) <= _listed(seen.got.body),
    "lists_not": lambda seen, ids, **_: not set(ids) & _listed(seen.got.body),
}
