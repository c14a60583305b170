"""Overflow: whether an error, in whatever voice and words, says that the request is too long for its model."""

from __future__ import annotations

import re

from freerouter.replies.evidence import Evidence

_STATUSES = frozenset({400, 404, 413, 422})
# One sentence names what was sent and a limit, but no media, files, or tokens per minute.
_WITHIN = r"(?:(?!image|audio|video|file|tool|per[ -](?:min|hour|day))(?:'s|[^.'\"\n])){0,80}?"
_NO_MEDIUM = r"(?![^.\n]{0,60}(?:image|audio|video|file|\bMB\b|bytes|per[ -](?:min|hour|day)))"
_SENT = (
    r"\b(?:inputs?|prompt|context|messages|(?:input|prompt)_tokens|sequence length|token count|input tokens"
    r"|total tokens)\b"
)
_SPACE = (
    r"(?:context|prompt|input|sequence|model) (?:length|window|size|limit)|model's context"
    r"|(?:token|number of) (?:limit|size|tokens)|input tokens"
)
_CONTEXT_WORDS = re.compile(
    rf"(?:{_SENT}{_WITHIN}(?:exceed|too l(?:ong|arge)|longer than|must be (?:<|less than)|must have (?:less|fewer))"
    rf"|(?:exceed|(?:longer|larger|greater) than|too l(?:ong|arge) for){_WITHIN}(?:{_SPACE})"
    rf"|max(?:imum)? (?:\w+ )?(?:context|prompt|input|sequence|model) (?:length|window|size)){_NO_MEDIUM}"
    r"|context[ _]?(?:length|window)[ _]?exceeded|too many (?:input |prompt |total )?tokens(?! per)"
    r"|more than max(?:imum)? tokens allowed|only supports up to [\d,]+ (?:input |context )?tokens"
    r"|conversation (?:is )?too long|(?:token_limit|context_window)_exceeded"
    r"|reduce the length(?: of (?:the|your|either) ?(?:messages|prompt|input|one)|\.?$)|input length (?:should|must) be"
    r"|too large for [^.\n]{1,60}\. max size: [\d,]+ tokens",
    re.IGNORECASE,
)
_LONGEST_WORDS = 20_000
_OVERFLOWS = ("context_length_exceeded", "token_limit_exceeded")


def is_overflow(evidence: Evidence) -> bool:
    """Whether it says so."""
    if evidence.status not in _STATUSES:
        return False
    kinds = (evidence.error_type, evidence.metadata.get("provider_code"))
    return any(kind in _OVERFLOWS for kind in kinds) or bool(_CONTEXT_WORDS.search(evidence.words[:_LONGEST_WORDS]))
