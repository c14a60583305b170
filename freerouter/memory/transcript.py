"""How a conversation without an id is recognised: by hashes of its texts, never the text itself.

What clients change from one request to the next is left out: ``cache_control``, reminders, dates and times, and whether
a text stands alone or as the only part of a list. So are tools, their calls and their results, which many clients
shorten later on.
"""

from __future__ import annotations

import hashlib
import marshal
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from freerouter.openrouter.dialects.base import MODEL, SYSTEM, TOOL, USER, type_of
from freerouter.openrouter.documents import texts_of
from freerouter.openrouter.walk import MEDIA

# Prefixes of texts that a client, such as Claude Code, adds for one request.
_ASIDES = ("<system-reminder>", "x-anthropic-billing-header:")
_SAID = (USER, MODEL)
# Messages before a user's that are included, to distinguish conversations with the same beginning.
_NEAR = 4
# Number of evenly spread characters of an image's base64 that are hashed. All of it would take too long.
_SAMPLE = 4_096

_CLOCK = r"\b\d\d?:\d\d(?::\d\d(?:\.\d+)?)?(?:\s?(?:[AaPp][Mm]\b|[AaPp]\.[Mm]\.))?(?:Z|\s?[+-]\d\d:?\d\d)?"
_ZONE = r"(?:\s*\b(?:UTC|GMT|[A-Z]{3,4})\b(?:[+-]\d\d:?\d\d)?)?"
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DAY = r"\d\d?(?:st|nd|rd|th)?"
_YEAR = r"20\d\d"
_DATE = (
    rf"\b{_YEAR}[-/.]\d\d?[-/.]\d\d?|\b\d\d?[-/.]\d\d?[-/.]{_YEAR}\b"
    rf"|\b{_WEEKDAY}{_MONTH}\s+{_DAY}(?:\s+{_CLOCK}{_ZONE})?,?\s+{_YEAR}\b"
    rf"|\b{_WEEKDAY}{_DAY}\.?\s+{_MONTH},?\s+{_YEAR}\b"
)
_TIME = re.compile(rf"(?:{_DATE})(?:(?:T|,?\s+)(?:at\s+)?{_CLOCK[2:]}{_ZONE})?|{_CLOCK}{_ZONE}")
# Each date and time contains one of these. A search for a literal is many times faster than one for a time.
_SIGNS = (re.compile(_YEAR), re.compile(r":(?<=\d:)\d\d"))
_BEFORE, _BEHIND = 48, 40
# A text with more of them than this, such as a table, keeps the rest.
_MOST_SIGNS = 20


Hashed = Callable[[Any], int]


class Standing(NamedTuple):
    """The state of a conversation at a message, as hashes.

    Attributes:
        whole: of the beginning and of the messages shortly before.
        talk: of those messages alone, for clients that change the system message; None if none of them is the model's.
    """

    whole: int
    talk: int | None


class Marks(NamedTuple):
    """The hashes by which a conversation can be recognised.

    Attributes:
        beginning: the system message that begins it, and the first other message.
        before: its state at the last user messages that the model has reacted to, newest first: at two of them, since a
            client may have asked for something aside in between; ``now`` where it has not reacted to any.
        now: its state at the last user message.
    """

    beginning: int
    before: tuple[Standing, ...]
    now: Standing


def goes_on(speakers: str) -> bool:
    """Whether the history has a message of the model or a tool: the request is not the first of its conversation."""
    return MODEL in speakers or TOOL in speakers


def own(_: bytes) -> Hashed:
    """Python's own hashes: fast, and different in each process."""
    return hash


def keyed(secret: bytes) -> Hashed:
    """Hashes that are the same in all processes with this secret: they may share the models of conversations.

    Who reads them, and does not know the secret, cannot find out by guessing which text they are of.
    """
    return partial(_keyed, secret)


def _keyed(secret: bytes, value: Any) -> int:
    # This version of the format is the same for equal values, and it is much faster than repr.
    written = marshal.dumps(value, 0)
    return int.from_bytes(hashlib.blake2b(written, key=secret, digest_size=8).digest(), "big", signed=True)


def marks(messages: Sequence[Mapping[str, Any]], speakers: str, system: Any, hashed: Hashed = hash) -> Marks:
    """The hashes of the conversation of a request.

    The hashes are Python's own, unless processes share them: those are fast, and a collision is harmless.

    Args:
        messages: of the conversation.
        speakers: the role of each, as one letter.
        system: the content of a system message that stands beside them.
        hashed: ``hash``, or ``keyed``.
    """
    first = min(len(speakers) - len(speakers.lstrip(SYSTEM)), len(speakers) - 1)
    system = system or (messages[0].get("content") if first else None)
    beginning = hashed((_opening(system), _opening(messages[first].get("content"))))

    def at(place: int) -> Standing:
        near = [index for index in range(max(first + 1, place - _NEAR), place + 1) if speakers[index] in _SAID]
        texts = [(speakers[index], _canonical(messages[index].get("content"))) for index in near]
        said = tuple([(speaker, words) for speaker, words in texts if words])
        by_model = any(speaker == MODEL for speaker, _ in said)
        talk = hashed(said)
        return Standing(hash((beginning, talk)), talk if by_model else None)  # of numbers, hash is the same everywhere

    reacted = max(speakers.rfind(MODEL), speakers.rfind(TOOL), 0)
    now = at(speakers.rfind(USER))
    if not reacted:
        return Marks(beginning, (now,), now)
    newest = speakers.rfind(USER, 0, reacted)
    earlier = speakers.rfind(USER, first + 1, max(newest, 0))
    return Marks(beginning, (at(newest), at(earlier)) if earlier > 0 else (at(newest),), now)


def _canonical(content: Any) -> tuple[str, ...]:
    """The texts of a message, and samples of its images."""
    if isinstance(content, str):
        return (content,) if content and not content.startswith(_ASIDES) else ()
    parts = content if isinstance(content, (list, tuple)) else (content,)
    return tuple(filter(None, map(_part, parts)))


def _part(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) else part
    if isinstance(text, str):
        return "" if text.startswith(_ASIDES) else text
    return _sample(part) if type_of(part) in MEDIA else ""


def _sample(part: Mapping[str, Any]) -> str:
    """A sample that distinguishes an image, a clip or a document from others."""
    texts = texts_of({name: value for name, value in part.items() if name != "cache_control"})
    return "\n".join([f"{len(text)} {text[:: 1 + len(text) // _SAMPLE]}" for text in texts])


def _opening(content: Any) -> tuple[str, ...]:
    """The first message of a conversation, without dates and times: clients write new ones into each request."""
    return () if content is None else tuple(map(without_times, _canonical(content)))


def without_times(text: str) -> str:
    """A text without dates and times of day."""
    for sign in _SIGNS:
        text = _cut(text, sign)
    return text


def _cut(text: str, sign: re.Pattern[str]) -> str:
    """A text without the dates and times that contain a sign."""
    kept, at, seen = [], 0, 0
    for _ in range(_MOST_SIGNS):
        found = sign.search(text, seen)
        if found is None:
            break
        time = _TIME.search(text, max(at, found.start() - _BEFORE), found.end() + _BEHIND)
        if time is None or time.start() > found.start():
            seen = found.end()
        else:
            kept.append(text[at : time.start()])
            at = seen = time.end()
    return "".join(kept) + text[at:]
