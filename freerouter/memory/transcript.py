"""By what a conversation without an id is known: hashes of what was said in it, never the text itself.

What clients change from one request to the next is left out: ``cache_control``, reminders, dates and times, and whether
a text stands alone or as the only part of a list. So are tools, their calls and their results, which many clients
shorten later on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from freerouter.openrouter.dialects.base import MODEL, SYSTEM, TOOL, USER, type_of
from freerouter.openrouter.documents import texts_of
from freerouter.openrouter.walk import MEDIA

# How the texts begin that a client adds for one request; Claude Code does.
_ASIDES = ("<system-reminder>", "x-anthropic-billing-header:")
_SAID = (USER, MODEL)
# Messages before a user's that are looked at, to tell conversations that begin alike from one another.
_NEAR = 4
# Characters of a picture's base64 that are looked at, evenly spread. Looking at all of it would take too long.
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
# One of these is in each date and time. A search for a literal beginning is many times quicker than one for a time.
_SIGNS = (re.compile(_YEAR), re.compile(r":(?<=\d:)\d\d"))
_BEFORE, _BEHIND = 48, 40
# In a text with more signs than this, a table for example, the rest stays.
_MOST_SIGNS = 20


class Marks(NamedTuple):
    """What a conversation can be known by.

    Attributes:
        beginning: the system message that begins it, and the first other message.
        before: how it stood at the last user message that the model has reacted to.
        now: how it stands at the last user message.
    """

    beginning: int
    before: int
    now: int


def goes_on(speakers: str) -> bool:
    """Whether the model or a tool has spoken before: the request is not the first of its conversation."""
    return MODEL in speakers or TOOL in speakers


def marks(messages: Sequence[Mapping[str, Any]], speakers: str, system: Any) -> Marks:
    """By what the conversation of a request is known.

    The hashes are Python's own: they are quick, nothing outlives the process, and a clash would do no harm.

    Args:
        messages: of the conversation.
        speakers: who speaks in each.
        system: the content of a system message that stands beside them.
    """
    first = min(len(speakers) - len(speakers.lstrip(SYSTEM)), len(speakers) - 1)
    system = system or (messages[0].get("content") if first else None)
    beginning = hash((_opening(system), _opening(messages[first].get("content"))))

    def at(place: int) -> int:
        """How it stands at a message: by the beginning, and by what was said shortly before."""
        near = range(max(first + 1, place - _NEAR), place + 1)
        said = [_canonical(messages[index].get("content")) for index in near if speakers[index] in _SAID]
        return hash((beginning, *filter(None, said)))

    reacted = max(speakers.rfind(MODEL), speakers.rfind(TOOL), 0)
    return Marks(beginning, at(speakers.rfind(USER, 0, reacted)), at(speakers.rfind(USER)))


def _canonical(content: Any) -> tuple[str, ...]:
    """The texts of a message, and samples of its pictures."""
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
    """What tells a picture, a clip or a document from any other."""
    texts = texts_of({name: value for name, value in part.items() if name != "cache_control"})
    return "\n".join([f"{len(text)} {text[:: 1 + len(text) // _SAMPLE]}" for text in texts])


def _opening(content: Any) -> tuple[str, ...]:
    """A message that begins a conversation: clients write the date and the time into it, anew in each request."""
    return tuple(map(without_times, _canonical(content)))


def without_times(text: str) -> str:
    """A text without dates and times of day."""
    for sign in _SIGNS:
        text = _cut(text, sign)
    return text


def _cut(text: str, sign: re.Pattern[str]) -> str:
    """A text without the dates and times in which a sign is found."""
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
