"""Faults that are errors with an HTTP status: every row of openrouter-facts 6, in its own words."""

import json
from collections.abc import Callable, Mapping

from freerouter.emulator.faults.kinds import FaultKind, Strike
from freerouter.emulator.faults.row import Row, with_status
from freerouter.emulator.limits import DAY, MINUTE, reset_ms
from freerouter.emulator.refusals import (
    Refusal,
    daily_limit,
    mandatory_reasoning,
    minute_limit,
    missing_key,
    no_endpoints,
    unsupported,
)
from freerouter.emulator.reply import Reply

_PROVIDER = "Provider returned error"
_RATE_LIMITED = (
    "{model} is temporarily rate-limited upstream. Please retry shortly, or add your own key to accumulate "
    "your rate limits: https://openrouter.ai/settings/integrations"
)
_UNSUPPORTED = json.dumps({"error": {"message": "top_k is not supported by this model", "type": "invalid_request"}})


def rate_limited(strike: Strike) -> Refusal:
    """The model's provider is rate-limited: the shared pool of free users is exhausted."""
    return ROWS["rate_limited"].refusal(strike)


_UPSTREAM = {"raw": _RATE_LIMITED, "provider_name": "{provider}", "is_byok": False}
_FREE_ENDED = "This model is unavailable for free. The paid version is available now - use this slug instead: {paid}"
_PRIVACY = (
    "No endpoints found matching your data policy (Free model publication). "
    "Configure: https://openrouter.ai/settings/privacy"
)

ROWS: Mapping[str, Row] = {
    "rate_limited": Row(
        "429 from the model's provider, whose shared pool is exhausted", 429, _PROVIDER, "rate_limit_exceeded",
        _UPSTREAM | {"limit_source": "upstream_provider_shared_pool", "remedy_hint": "Retry shortly"}, retry_after=7),
    "model_not_found": Row(
        "400, availability form: the id is unknown", 400, "Model {model} not found.", "not_found",
        code="model_not_found"),
    "no_endpoints_availability": Row(
        "404, availability form: the model is gone", 404, "No endpoints found for {model}.", "not_found",
        code="no_endpoints"),
    "model_deprecated": Row(
        "404, availability form: the model was retired", 404, "{model} has been deprecated.", "not_found",
        code="model_deprecated"),
    "model_unavailable_upstream": Row(
        "404, availability form: the provider took the model down", 404,
        "{model} is no longer available from its provider.", "not_found", code="model_unavailable_upstream"),
    "free_variant_ended": Row(
        "404: free no longer, with the paid slug as a hint", 404, _FREE_ENDED, "not_found"),
    "free_variant_ended_availability": Row(
        "404, availability form: free no longer, with the paid id among the fallbacks", 404, _FREE_ENDED,
        "not_found", code="free_variant_ended", fallback="{paid}"),
    "privacy_restricted": Row(
        "404: the account's privacy settings leave no provider", 404, _PRIVACY, "not_found"),
    "privacy_restricted_availability": Row(
        "404, availability form: the privacy settings leave no provider", 404, _PRIVACY, "not_found",
        code="privacy_restricted"),
    "harness_only": Row(
        "403: the model is reserved for recognised agentic harnesses", 403,
        "{model} is only available on agentic harnesses such as Claude Code, Cline and Kilo Code.",
        "permission_denied"),
    "moderation": Row(
        "403: the prompt was flagged on a moderated model", 403,
        "{model} requires moderation on {provider}. Your input was flagged for \"violence\". No credits were charged.",
        "content_policy_violation",
        {"reasons": ["violence"], "flagged_input": "Hello", "provider_name": "{provider}", "model_slug": "{model}"}),
    "guardrail": Row(
        "403: a guardrail of the account blocked the prompt", 403, "Request blocked by guardrail: prompt injection",
        "permission_denied", {"patterns": ["ignore (all )?previous instructions"]}, account=True),
    "key_limit": Row(
        "403: the key's own limit is reached", 403,
        "Key limit exceeded (daily limit). Manage it using https://openrouter.ai/settings/keys",
        "permission_denied", {"limit_source": "openrouter_key_limit"}, account=True),
    "region_restricted": Row(
        "403, availability form: not available in this region", 403,
        "{model} is not available in your region.", "permission_denied", code="region_restricted"),
    "payment_required": Row(
        "402: no credits, or a negative balance", 402,
        "Insufficient credits. Add more using https://openrouter.ai/settings/credits", "payment_required",
        {"limit_source": "openrouter_credits"}, account=True),
    "upstream_rejects": Row(
        "400 of the provider, hidden in metadata.raw", 400, _PROVIDER, "invalid_request",
        {"raw": _UNSUPPORTED, "provider_name": "{provider}", "is_byok": False}),
    "parameter_unsupported": Row(
        "400: a parameter is not supported by this model", 400, "response_format is not supported by this model",
        "invalid_request"),
    "context_length_exceeded": Row(
        "400: the prompt does not fit into this model", 400,
        "This endpoint's maximum context length is 4096 tokens. However, you requested about 5000 tokens (5000 of "
        "text input, 0 in the output). Please reduce the length of either one, or use the \"middle-out\" transform "
        "to compress your prompt automatically.", "context_length_exceeded"),
    "invalid_request": Row(
        "400: the request is wrong for every model", 400, "messages: Invalid input", "invalid_request"),
    "payload_too_large": Row(
        "413: the body is too large", 413, "Request Entity Too Large", "payload_too_large"),
    "request_timeout": Row("408 of the provider", 408, _PROVIDER, "timeout", {"provider_name": "{provider}"}),
    "internal_error": Row("500", 500, "Internal Server Error", "server"),
    "bad_gateway": Row(
        "502 of the provider", 502, _PROVIDER, "provider_unavailable",
        {"raw": "upstream connect error", "provider_name": "{provider}"}),
    "unavailable": Row(
        "503 with Retry-After", 503, "No provider is available right now", "provider_unavailable", retry_after=11),
    "gateway_timeout": Row("504", 504, "The provider did not answer in time", "timeout"),
    "edge_timeout": Row("524 of the edge network", 524, "A timeout occurred", "timeout"),
    "overloaded": Row(
        "529 of the provider", 529, "Provider is overloaded", "provider_overloaded",
        {"provider_name": "{provider}"}),
    "capacity_exhausted": Row(
        "429, availability form: all providers are at capacity", 429, "{model} is at capacity.",
        "rate_limit_exceeded", code="capacity_exhausted", retryable=True, retry_after=5),
    "temporarily_unavailable": Row(
        "503, availability form: all providers are down for a while", 503, "{model} is temporarily unavailable.",
        "provider_unavailable", code="temporarily_unavailable", retryable=True, retry_after=9),
}  # fmt: skip

# The errors that the gateway itself answers with, struck without a reason.
_OWN: Mapping[str, tuple[str, Callable[[Strike], Refusal], bool]] = {
    "daily_limit": (
        "429: the account's 50 free requests of the day are used up",
        lambda s: daily_limit(50, reset_ms(s.now, DAY)), True),
    "daily_limit_high_balance": (
        "429: the account's 1000 free requests of the day are used up",
        lambda s: daily_limit(1000, reset_ms(s.now, DAY)), True),
    "minute_limit": (
        "429: the account's 20 free requests of the minute are used up",
        lambda s: minute_limit(20, reset_ms(s.now, MINUTE)), True),
    "unauthorized": ("401: the key is missing or wrong", lambda _: missing_key(), True),
    "no_endpoints": ("404: the model is gone", lambda s: no_endpoints(s.model), False),
    "lacks_tools": ("404: no tool use", lambda _: unsupported("support tool use"), False),
    "lacks_tool_choice": (
        "404: not this tool_choice", lambda _: unsupported("support the provided 'tool_choice' value"), False),
    "lacks_image_input": ("404: no image input", lambda _: unsupported("support image input"), False),
    "lacks_audio_input": ("404: no audio input", lambda _: unsupported("support input audio"), False),
    "lacks_output_modalities": (
        "404: not these output modalities",
        lambda _: unsupported("support the requested output modalities: image"), False),
    "lacks_parameters": (
        "404: not these parameters, when they are required",
        lambda _: unsupported("can handle the requested parameters"), False),
    "mandatory_reasoning": (
        "400: reasoning cannot be switched off on this model", lambda _: mandatory_reasoning(), False),
}  # fmt: skip

# What clocks and formats gone wrong make of X-RateLimit-Reset, given the unix time.
_SKEWS: Mapping[str, tuple[str, Callable[[float], object]]] = {
    "reset_in_seconds": ("seconds instead of milliseconds", lambda now: int(now) + 30),
    "reset_in_the_past": ("a day ago", lambda now: int((now - DAY) * 1000)),
    "reset_far_ahead": ("ten years from now", lambda now: int((now + 3650 * DAY) * 1000)),
    "reset_negative": ("below zero", lambda _: -1),
    "reset_absurd": ("1e18", lambda _: 10**18),
    "reset_is_text": ("a word", lambda _: "soon"),
    "reset_is_a_date": ("an HTTP date", lambda _: "Fri, 31 Dec 2027 23:59:59 GMT"),
}


def _skewed(reset: Callable[[float], object]) -> Callable[[Strike], Reply]:
    return with_status(lambda strike: minute_limit(20, reset(strike.now)))


ERRORS: Mapping[str, FaultKind] = {
    **{name: FaultKind(row.summary, with_status(row.refusal), account=row.account) for name, row in ROWS.items()},
    **{name: FaultKind(what, with_status(find), account=account) for name, (what, find, account) in _OWN.items()},
    **{
        name: FaultKind(f"429 of the account's minute, whose reset is {what}", _skewed(reset), account=True)
        for name, (what, reset) in _SKEWS.items()
    },
}
