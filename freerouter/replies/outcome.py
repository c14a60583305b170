"""Outcome and classify(): what a reply means for the next attempt; one table (openrouter-facts.md, section 6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.retry_hints import gate_limit, gate_seconds, hint_seconds, is_beyond_a_minute


class Verdict(StrEnum):
    """What is to be done next."""

    ANSWERED = "answered"
    TRY_ANOTHER = "try_another"
    AGAIN = "again"
    STOP = "stop"


class Scope(StrEnum):
    """Whom a failure concerns: this model with this request, the model, the account, or the way to OpenRouter."""

    REQUEST = "request"
    MODEL = "model"
    ACCOUNT = "account"
    UPSTREAM = "upstream"


class Lasting(StrEnum):
    """What a failure teaches about a model beyond a cooldown."""

    GONE = "gone"  # for everybody, until a catalog lists it anew
    LACKS = "lacks"  # for requests with the same need
    CONTEXT = "context"  # for requests as long as this one
    MODERATED = "moderated"  # for this request, together with every other moderated model
    APP = "app"  # for this caller's app identity
    PRIVACY = "privacy"  # for this account


class Gate(StrEnum):
    """Which of the account's allowances is used up."""

    DAY = "day"
    MINUTE = "minute"


class Row(NamedTuple):
    """One row of the table: what to do, whom it concerns, and its name in the trace."""

    verdict: Verdict
    scope: Scope
    reason: str
    lasting: Lasting | None = None
    lacks: str | None = None
    gate: Gate | None = None
    light: bool = False


class Outcome(NamedTuple):
    """What became of an attempt.

    Attributes:
        verdict, scope, reason: what to do, whom it concerns, and why, in a word.
        status: the HTTP status, or the one that an error inside of a 200 carries; 0 when no reply came.
        message: OpenRouter's words, for the caller; not for logs.
        seconds: how long to leave the model alone, or the account's gate shut, by the reply's own word.
        lasting, lacks, gate: what is to be remembered (see there).
        light: worth a short cooldown only.
        limit: how many requests the exhausted allowance has.
        body: the error as OpenRouter sent it.
        usage: tokens and cost, where the answer states them.
    """

    verdict: Verdict
    scope: Scope
    reason: str
    status: int = 200
    message: str = ""
    seconds: float | None = None
    lasting: Lasting | None = None
    lacks: str | None = None
    gate: Gate | None = None
    light: bool = False
    limit: int | None = None
    body: Mapping[str, Any] = {}
    usage: Mapping[str, Any] | None = None


_STOP, _ANOTHER, _AGAIN, _ANSWERED = Verdict.STOP, Verdict.TRY_ANOTHER, Verdict.AGAIN, Verdict.ANSWERED
_REQUEST, _MODEL, _ACCOUNT, _UPSTREAM = Scope.REQUEST, Scope.MODEL, Scope.ACCOUNT, Scope.UPSTREAM

_BEGUN = Outcome(_ANSWERED, _REQUEST, "answered")  # a stream that does not yet state its usage

_DAY = Row(_STOP, _ACCOUNT, "allowance_day", gate=Gate.DAY)
_MINUTE = Row(_STOP, _ACCOUNT, "allowance_minute", gate=Gate.MINUTE)
_RATE_LIMITED = Row(_ANOTHER, _MODEL, "rate_limited_upstream")
_GONE = Row(_ANOTHER, _MODEL, "gone", Lasting.GONE)
_NO_LONGER_FREE = Row(_ANOTHER, _MODEL, "no_longer_free", Lasting.GONE)
_PRIVACY = Row(_ANOTHER, _REQUEST, "privacy_settings", Lasting.PRIVACY)
_MODERATED = Row(_ANOTHER, _REQUEST, "moderated", Lasting.MODERATED)
_CONTEXT = Row(_ANOTHER, _REQUEST, "context_exceeded", Lasting.CONTEXT)
_UNFIT = Row(_ANOTHER, _REQUEST, "refused_by_model", Lasting.LACKS)
# What is wrong with one picture or one text says nothing of the next request that has the same needs.
_REFUSED = Row(_ANOTHER, _REQUEST, "refused_by_model")
_OVERLOADED = Row(_ANOTHER, _MODEL, "overloaded")
_UNAVAILABLE = Row(_ANOTHER, _MODEL, "unavailable")
_TIMEOUT = Row(_ANOTHER, _MODEL, "timeout")
_KEY = Row(_STOP, _ACCOUNT, "key_refused")
_CREDIT = Row(_STOP, _ACCOUNT, "payment_required")
_BUDGET = Row(_STOP, _ACCOUNT, "budget_exhausted")
_FORBIDDEN = Row(_STOP, _ACCOUNT, "forbidden")
_INVALID = Row(_STOP, _REQUEST, "invalid_request")
_TOO_LARGE = Row(_STOP, _REQUEST, "payload_too_large")
_REDIRECTED = Row(_STOP, _UPSTREAM, "redirected")

_BY_FLAW = {flaw: Row(_ANOTHER, _MODEL, flaw.value, light=flaw is Flaw.EMPTY) for flaw in Flaw} | {
    Flaw.NOT_SENT: Row(_AGAIN, _UPSTREAM, Flaw.NOT_SENT.value),
    Flaw.STALE: Row(_AGAIN, _UPSTREAM, Flaw.STALE.value),
    # Shorter than the settings allow: no model is to blame.
    Flaw.CALLER_TIMEOUT: Row(_ANOTHER, _REQUEST, Flaw.CALLER_TIMEOUT.value),
}

_BY_AVAILABILITY = {
    "model_not_found": _GONE,
    "model_deprecated": _GONE,
    "model_unavailable_upstream": _GONE,
    "free_variant_ended": _NO_LONGER_FREE,
    "wrong_endpoint": _UNFIT,
    "privacy_restricted": _PRIVACY,
    "capacity_exhausted": _RATE_LIMITED,
    "temporarily_unavailable": _UNAVAILABLE,
    "region_restricted": _FORBIDDEN,
}

# Only the words that settle the matter: not_found, permission_denied, rate_limit_exceeded, invalid_request and the
# like are said of several rows, which the limit's source, the message and the status tell apart.
_BY_ERROR_TYPE = {
    "context_length_exceeded": _CONTEXT,
    "token_limit_exceeded": _CONTEXT,
    "max_tokens_exceeded": _UNFIT,
    "string_too_long": _REFUSED,
    "image_too_large": _REFUSED,
    "image_too_small": _REFUSED,
    "unsupported_image_format": _REFUSED,
    "invalid_image": _INVALID,
    "image_not_found": _INVALID,
    "image_download_failed": _INVALID,
    "invalid_prompt": _INVALID,
    "unprocessable": _INVALID,
    "precondition_failed": _INVALID,
    "payload_too_large": _TOO_LARGE,
    "authentication": _KEY,
    "payment_required": _CREDIT,
    "content_policy_violation": _MODERATED,
    "refusal": _MODERATED,
    "provider_overloaded": _OVERLOADED,
    "provider_unavailable": _UNAVAILABLE,
    "timeout": _TIMEOUT,
    "server": _UNAVAILABLE,
}

_BY_LIMIT_SOURCE = {
    "openrouter_free_tier_daily": _DAY,
    "openrouter_free_tier_per_minute": _MINUTE,
    "upstream_provider_shared_pool": _RATE_LIMITED,
    "openrouter_credits": _CREDIT,
    "openrouter_key_limit": _BUDGET,
    "openrouter_guardrail_budget": _BUDGET,
    "openrouter_workspace_budget": _BUDGET,
    "openrouter_in_flight_budget": _BUDGET,
}


def _lack(capability: str) -> Row:
    return Row(_ANOTHER, _REQUEST, f"lacks_{capability}", Lasting.LACKS, capability)


# OpenRouter's own words begin the message (^): after it stands the provider's complaint, which may repeat the prompt.
# Compiled when the first error comes.
_BY_MESSAGE = [
    (r"^Rate limit exceeded: free-models-per-day", _DAY),
    (r"^Rate limit exceeded: free-models-per-min", _MINUTE),
    (r"temporarily rate-limited upstream", _RATE_LIMITED),
    (r"^This model is unavailable for free", _NO_LONGER_FREE),
    (r"^No endpoints found that support tool use", _lack("tools")),
    (r"^No endpoints found that support image input", _lack("image")),
    (r"^No endpoints found that support input audio", _lack("audio")),
    (r"^No endpoints found that support .*tool_choice", _lack("tool_choice")),
    (r"^No endpoints found that support", _UNFIT),
    (r"^No endpoints found that can handle the requested parameters", _UNFIT),
    (r"^No endpoints found matching your data policy", _PRIVACY),
    (r"^No endpoints found for ", _GONE),
    (r"is not a valid model ID", _GONE),
    (r"only available on agentic harnesses", Row(_ANOTHER, _REQUEST, "reserved_for_apps", Lasting.APP)),
    (r"Reasoning is mandatory", Row(_ANOTHER, _REQUEST, "reasoning_mandatory", Lasting.LACKS, "reasoning:off")),
    (r"maximum context length|context length exceeded", _CONTEXT),
    (r"not supported by this model", _UNFIT),
]

_BY_STATUS = {
    400: _INVALID,
    401: _KEY,
    402: _CREDIT,
    403: _FORBIDDEN,
    404: _UNAVAILABLE,
    408: _TIMEOUT,
    413: _TOO_LARGE,
    429: _RATE_LIMITED,
    503: _OVERLOADED,
    504: _TIMEOUT,
    524: _TIMEOUT,
    529: _OVERLOADED,
}


class Evidence(NamedTuple):
    """What an error says, wherever in its body it says it."""

    status: int
    message: str
    availability: str
    retryable: bool | None
    error_type: str
    limit_source: str
    metadata: Mapping[str, Any]
    headers: Mapping[str, str]
    hints: tuple[Any, ...]


def classify(reading: Reading, now: float) -> Outcome:
    """What a reply means for the next attempt.

    Args:
        reading: the reply, as far as it had to be read.
        now: seconds since 1970, against which dates in the reply are held.
    """
    if reading.flaw is not None and (reading.status < 300 or (reading.flaw is Flaw.HTML and reading.status >= 400)):
        # A page in HTML comes from something between here and OpenRouter, whatever its status; redirects bring one.
        return _outcome(_BY_FLAW[reading.flaw], reading, reading.status, "")
    if reading.error is None and reading.status < 300:
        if reading.usage is None and reading.status == 200:
            return _BEGUN
        return Outcome(_ANSWERED, _REQUEST, "answered", reading.status, usage=reading.usage)
    evidence = read_evidence(reading)
    row = _row(evidence, now)
    if row.gate is None:
        seconds, limit = hint_seconds(evidence.headers, evidence.hints, now), None
    else:
        seconds, limit = gate_seconds(evidence.headers, now, day=row.gate is Gate.DAY), gate_limit(evidence.headers)
    return _outcome(row, reading, evidence.status, evidence.message, seconds, limit)


def _outcome(
    row: Row, reading: Reading, status: int, message: str, seconds: float | None = None, limit: int | None = None
) -> Outcome:
    return Outcome(
        row.verdict,
        row.scope,
        row.reason,
        status,
        message,
        seconds,
        row.lasting,
        row.lacks,
        row.gate,
        row.light,
        limit,
        reading.error or {},
        reading.usage,
    )


def _row(evidence: Evidence, now: float) -> Row:
    """The first row that fits: availability, guardrail, error type, limit source, message, retryable, status."""
    return (
        _BY_AVAILABILITY.get(evidence.availability)
        or (_FORBIDDEN if evidence.status == 403 and "patterns" in evidence.metadata else None)
        or _BY_ERROR_TYPE.get(evidence.error_type)
        or _BY_LIMIT_SOURCE.get(evidence.limit_source)
        or next((row for pattern, row in _BY_MESSAGE if re.search(pattern, evidence.message, re.IGNORECASE)), None)
        or _by_metadata(evidence, now)
        or (_UNAVAILABLE if evidence.retryable else None)
        or _BY_STATUS.get(evidence.status)
        or _by_class(evidence.status)
    )


def _by_metadata(evidence: Evidence, now: float) -> Row | None:
    """Rows told apart by what stands beside the message."""
    metadata = evidence.metadata
    if evidence.status == 403 and ("reasons" in metadata or "flagged_input" in metadata):
        return _MODERATED
    if evidence.status in (400, 404, 422) and metadata.get("raw"):
        return _REFUSED  # the provider's complaint: another provider's model may take the request
    if evidence.availability in ("no_endpoints", "constraint_filtered"):
        return _GONE if evidence.availability == "no_endpoints" else _UNFIT
    if evidence.status == 429 and "x-ratelimit-reset" in evidence.headers and not metadata.get("provider_name"):
        # OpenRouter's own limit: only that one carries these headers.
        return _DAY if is_beyond_a_minute(evidence.headers, now) else _MINUTE
    return None


def _by_class(status: int) -> Row:
    if status >= 500:
        return _UNAVAILABLE
    return _REDIRECTED if 300 <= status < 400 else _INVALID


def read_evidence(reading: Reading) -> Evidence:
    """Find what an error says; lenient, since availability errors and other dialects put it elsewhere."""
    error = (reading.error or {}).get("error")
    if not isinstance(error, dict):
        error = {"message": error} if isinstance(error, str) else {}
    metadata = _dict(error.get("metadata"))
    availability = _dict(error.get("availability")) or _dict(metadata.get("availability"))
    raw = metadata.get("raw")
    return Evidence(
        status=_status(error, reading.status),
        message=" ".join(part for part in (error.get("message"), raw) if isinstance(part, str)),
        availability=_text(availability.get("code")),
        retryable=availability.get("retryable") if isinstance(availability.get("retryable"), bool) else None,
        error_type=_text(metadata.get("error_type") or error.get("error_type")),
        limit_source=_text(metadata.get("limit_source")),
        metadata=metadata,
        # OpenRouter repeats its headers in the body; a proxy in between may have dropped the real ones.
        headers={name.lower(): str(value) for name, value in _dict(metadata.get("headers")).items()}
        | dict(reading.headers),
        hints=tuple(
            place.get(name)
            for place in (availability, metadata, error)
            for name in ("retry_after", "retry_after_seconds")
        ),
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _status(error: Mapping[str, Any], status: int) -> int:
    """The status that the error names itself, inside of a 200; else the reply's; else a bad gateway's."""
    if status >= 300:
        return status
    for name in ("code", "http_status", "status"):
        code = error.get(name)
        if isinstance(code, str) and code.isdecimal() and len(code) == 3:
            code = int(code)
        if isinstance(code, int) and 300 <= code < 600:
            return code
    return 502
