"""The table of errors: first the voice, then what it speaks of, then the row (openrouter-facts.md, section 6).

A provider speaks only of one model at that provider, whatever the status. If the voice is unknown, the row is not sure
(``sure``): a second model is asked.
"""

from __future__ import annotations

import re

from freerouter.replies.evidence import Evidence, Voice
from freerouter.replies.overflow import is_overflow
from freerouter.replies.reading import Flaw
from freerouter.replies.verdicts import Gate, Lasting, Row, Scope, Verdict

_STOP, _ANOTHER, _AGAIN = Verdict.STOP, Verdict.TRY_ANOTHER, Verdict.AGAIN
_REQUEST, _MODEL, _ACCOUNT, _UPSTREAM = Scope.REQUEST, Scope.MODEL, Scope.ACCOUNT, Scope.UPSTREAM

_DAY = Row(_STOP, _ACCOUNT, "allowance_day", gate=Gate.DAY)
_MINUTE = Row(_STOP, _ACCOUNT, "allowance_minute", gate=Gate.MINUTE)
_RATE_LIMITED = Row(_ANOTHER, _MODEL, "rate_limited_upstream")
_GONE = Row(_ANOTHER, _MODEL, "gone", Lasting.GONE)
_NO_LONGER_FREE = Row(_ANOTHER, _MODEL, "no_longer_free", Lasting.GONE)
_PRIVACY = Row(_ANOTHER, _REQUEST, "privacy_settings", Lasting.PRIVACY)
_REGION = Row(_ANOTHER, _REQUEST, "region_restricted", Lasting.REGION)
_PROVIDERS = Row(_ANOTHER, _REQUEST, "providers_excluded", Lasting.PROVIDERS)
_MODERATED = Row(_ANOTHER, _REQUEST, "moderated", Lasting.MODERATED)
_CONTEXT = Row(_ANOTHER, _REQUEST, "context_exceeded", Lasting.CONTEXT)
_TOO_LONG = Row(_ANOTHER, _REQUEST, "context_exceeded", Lasting.TOO_LONG)
_APP = Row(_ANOTHER, _REQUEST, "reserved_for_apps", Lasting.APP)
_UNFIT = Row(_ANOTHER, _REQUEST, "refused_by_model", Lasting.LACKS)
# A fault in one image or one text says nothing about the next request with the same needs.
_REFUSED = Row(_ANOTHER, _REQUEST, "refused_by_model")
_PROVIDER_FAILED = Row(_ANOTHER, _MODEL, "refused_by_provider")
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
_BLOCKED = Row(_ANOTHER, _UPSTREAM, Flaw.HTML.value, sure=False)

_BY_FLAW = {flaw: Row(_ANOTHER, _MODEL, flaw.value, light=flaw is Flaw.EMPTY) for flaw in Flaw} | {
    Flaw.NOT_SENT: Row(_AGAIN, _UPSTREAM, Flaw.NOT_SENT.value),
    Flaw.STALE: Row(_AGAIN, _UPSTREAM, Flaw.STALE.value),
    # The caller allowed less time than the settings do: no model is at fault.
    Flaw.CALLER_TIMEOUT: Row(_ANOTHER, _REQUEST, Flaw.CALLER_TIMEOUT.value),
    Flaw.DEADLINE: Row(_ANOTHER, _REQUEST, Flaw.DEADLINE.value),
}

# OpenRouter's own errors: availability, limit source, error type, wording, then the status.

_BY_AVAILABILITY = {
    "model_not_found": _GONE,
    "no_endpoints": _GONE,
    "model_deprecated": _GONE,
    "model_unavailable_upstream": _GONE,
    "free_variant_ended": _NO_LONGER_FREE,
    "wrong_endpoint": _UNFIT,
    "constraint_filtered": _PROVIDERS,
    "privacy_restricted": _PRIVACY,
    "capacity_exhausted": _RATE_LIMITED,
    "temporarily_unavailable": _UNAVAILABLE,
    "region_restricted": _REGION,
}

# What removed the endpoints says more than the code of the availability.
_BY_EXCLUDER = {
    "max_price": _NO_LONGER_FREE,  # the price limit is ours: zero
    "context_length": _CONTEXT,
    "require_parameters": _UNFIT,
    "geo": _REGION,
    "data_region": _REGION,
    "data_policy": _PRIVACY,
}

# Only the codes that are unambiguous: not_found, permission_denied, rate_limit_exceeded, invalid_request and the
# like are used for several rows, which the limit's source, the message and the status tell apart.
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


# A model at the start: "The free model", "acme/alpha:free", "Model `acme/alpha`"; but no type of media, no path, and
# nothing that is only a part of a request.
_PART = (
    r"(?:argument|content|feature|field|file|format|function|image|input|message|option|parameter|prompt|tool|upload)"
)
_THE_MODEL = (
    r"^(?:(?:this|the) (?:(?!api )\w+ ){0,2}(?:model|variant|version|period|preview)\b"
    r"|(?:the )?model [`'\"]?\w[\w.~-]{0,99}/[\w.:-]{1,99}(?![\w/])"
    r"|[`'\"]?\w[\w.~-]{0,99}/[\w.-]{1,99}:free\b)"
    rf"(?:(?!\b{_PART})[^.\n]){{0,40}}"
)
_NOT_FOR_YOU = r"\b(?:not|no longer|un\w{1,20}|restricted|blocked|prohibited)\b[^.\n]{0,40}\b"

# Compiled at the first error. What concerns the account, a setting or a missing model is at the start (^).
_BY_MESSAGE = [
    (r"^Rate limit exceeded: free-models-per-day", _DAY),
    (r"^Rate limit exceeded: free-models-per-min", _MINUTE),
    (r"is temporarily rate-limited upstream", _RATE_LIMITED),
    (r"^This model is unavailable for free", _NO_LONGER_FREE),
    (r"^No endpoints found that support tool use", _lack("tools")),
    (r"^No endpoints found that support image input", _lack("image")),
    (r"^No endpoints found that support input audio", _lack("audio")),
    (r"^No endpoints found that support .*tool_choice", _lack("tool_choice")),
    (r"^No endpoints found that support", _UNFIT),
    (r"^No endpoints found that can handle the requested parameters", _UNFIT),
    (r"^No endpoints (found|available) matching .*(data policy|guardrail)", _PRIVACY),
    (r"^All providers have been ignored.*data policy", _PRIVACY),
    (r"^All providers have been ignored", _PROVIDERS),
    (r"^The (free|alpha|beta|stealth)\b.{0,80}\bended", _NO_LONGER_FREE),
    (_THE_MODEL + _NOT_FOR_YOU + r"(?:region|country|territory|terms of (?:service|use))\b", _REGION),
    (
        _THE_MODEL + r"(?:\bno longer (?:available )?(?:for )?free\b|.{0,60}\bfor continued paid access)",
        _NO_LONGER_FREE,
    ),
    (
        _THE_MODEL + r"\b(?:(?:is|was|has been) (?:now )?"
        r"(?:deprecated|retired|discontinued|sunset|decommissioned|removed|shut down)"
        r"|does not exist|(?:has )?reached (?:its )?end[ -]of[ -]life"
        r"|no longer (?:available|supported|offered|hosted|served))\b",
        _GONE,
    ),
    (r"^No endpoints found for ", _GONE),
    (r"^No (endpoints|allowed providers)\b", _PROVIDERS),
    (r"^\S+ is not a valid model ID", _GONE),
    (r"^The request is prohibited due to a violation of provider", _REGION),
    (r"^\S+ is only available on agentic harnesses", _APP),
    (r"^Reasoning is mandatory", Row(_ANOTHER, _REQUEST, "reasoning_mandatory", Lasting.LACKS, "reasoning:off")),
    (r"^\S+ is not supported by this model", _UNFIT),
    (r"^Key limit exceeded", _BUDGET),
]

_OWN_BY_STATUS = {
    400: _INVALID,
    401: _KEY,
    402: _CREDIT,
    403: _FORBIDDEN,
    404: _UNAVAILABLE,
    408: _TIMEOUT,
    412: _INVALID,
    413: _TOO_LARGE,
    422: _INVALID,
    429: _RATE_LIMITED,
    503: _OVERLOADED,
    504: _TIMEOUT,
    524: _TIMEOUT,
    529: _OVERLOADED,
}
# Statuses of a provider that are about this request; its other ones are about the model.
ABOUT_THE_REQUEST = frozenset({400, 404, 413, 422})
_PROVIDER_BY_STATUS = {
    408: _TIMEOUT,
    429: _RATE_LIMITED,
    503: _OVERLOADED,
    504: _TIMEOUT,
    524: _TIMEOUT,
    529: _OVERLOADED,
}
# A page with one of these comes from something in front of OpenRouter; any other page is a server error.
_BLOCKING = frozenset({401, 403, 503})


def row_of_flaw(flaw: Flaw, status: int) -> Row:
    """The row of a missing or malformed reply; only a page has the status of an error."""
    return _BLOCKED if status in _BLOCKING else _BY_FLAW[flaw]


def row_of(evidence: Evidence) -> Row:
    """The row of the table."""
    if 300 <= evidence.status < 400:
        return _REDIRECTED
    if is_overflow(evidence):
        return _CONTEXT if evidence.voice is Voice.OPENROUTER else _TOO_LONG
    match evidence.voice:
        case Voice.PROVIDER:
            return _provider_row(evidence)
        case Voice.OPENROUTER:
            return _own_row(evidence)
    return _unknown_row(evidence)


def _provider_row(evidence: Evidence) -> Row:
    """The row of a provider's error, whatever its status: about that model, or this request to it; nothing lasting."""
    if _is_moderation(evidence):
        return _MODERATED
    if evidence.status in ABOUT_THE_REQUEST:
        return _REFUSED
    return _PROVIDER_BY_STATUS.get(evidence.status) or (_UNAVAILABLE if evidence.status >= 500 else _PROVIDER_FAILED)


def _own_row(evidence: Evidence) -> Row:
    """The row of OpenRouter's own error: the first one that fits."""
    if evidence.status == 403 and "patterns" in evidence.metadata:
        return _FORBIDDEN  # a guardrail, for any error type
    return (
        _excluded(evidence)
        or _BY_AVAILABILITY.get(evidence.availability)
        or (_MODERATED if _is_moderation(evidence) else None)
        or _BY_ERROR_TYPE.get(evidence.error_type)
        or _BY_LIMIT_SOURCE.get(evidence.limit_source)
        or _by_message(evidence)
        or (_UNAVAILABLE if evidence.retryable else None)
        or _OWN_BY_STATUS.get(evidence.status)
        or (_UNAVAILABLE if evidence.status >= 500 else _unsure(_INVALID))
    )


def _unknown_row(evidence: Evidence) -> Row:
    """The row of an unknown voice: a second model is asked. A 5xx counts as the model's until many fail alike."""
    if evidence.status >= 500 or evidence.status == 408:
        return _OWN_BY_STATUS.get(evidence.status, _UNAVAILABLE)
    if evidence.status == 403 and "patterns" in evidence.metadata:
        return _FORBIDDEN
    if _is_moderation(evidence):
        return _MODERATED
    return _by_message(evidence) or _unsure(_unknown_by_status(evidence))


def _unknown_by_status(evidence: Evidence) -> Row:
    return _REFUSED if evidence.status == 404 else _OWN_BY_STATUS.get(evidence.status, _INVALID)


def _unsure(row: Row) -> Row:
    return row._replace(verdict=_ANOTHER, sure=False)


def _excluded(evidence: Evidence) -> Row | None:
    """The row of what removed the endpoints; an unknown name means the preferences of the caller or the account."""
    if not evidence.excluded_by:
        return None
    rows = [_BY_EXCLUDER.get(name.partition(":")[0], _PROVIDERS) for name in evidence.excluded_by]
    return rows[0] if all(row is rows[0] for row in rows) else _PROVIDERS


def _is_moderation(evidence: Evidence) -> bool:
    flagged = "reasons" in evidence.metadata or "flagged_input" in evidence.metadata
    refused = evidence.error_type in ("content_policy_violation", "refusal")
    return (evidence.status == 403 and flagged) or refused


def _by_message(evidence: Evidence) -> Row | None:
    rows = (row for pattern, row in _BY_MESSAGE if re.search(pattern, evidence.message, re.IGNORECASE))
    return next(rows, None)
