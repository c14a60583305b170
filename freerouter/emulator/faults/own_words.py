"""Faults in OpenRouter's own voice that concern a model, this request, or the account (openrouter-facts 6)."""

from collections.abc import Mapping

from freerouter.emulator.faults.errors import ROWS
from freerouter.emulator.faults.kinds import FaultKind
from freerouter.emulator.faults.row import Row, elsewhere, everywhere

_LIMIT = "Rate limit exceeded: {which}/{model}/00000000-0000-0000-0000-000000000000. High demand for {model} on "
_NOT_FOUND = "No endpoints found for {model}."


def _limited(which: str, limit: int, per: str, reset: str) -> Row:
    """Return OpenRouter's limit of one model, which has the headers of the account's."""
    headers = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    told = f"OpenRouter - limited to {limit} requests per {per}. Please retry shortly."
    message = _LIMIT.replace("{which}", which) + told
    return Row(f"429: this model's requests of the {per} are used up", 429, message, "",
               {"headers": headers, "provider_name": None})  # fmt: skip


OWN_ROWS: Mapping[str, Row] = {
    "model_minute_limit": _limited("limit_rpm", 8, "minute", "{soon}"),
    "model_day_limit": _limited("limit_rpd", 200, "day", "{midnight}"),
    "model_not_in_region": Row(
        "403: this model is not available in this region", 403, "This model is not available in your region.", ""),
    "model_terms": Row(
        "403: this model's provider and its terms of service", 403,
        "The request is prohibited due to a violation of provider Terms Of Service.", "permission_denied"),
    "no_allowed_providers": Row(
        "404: neither the account nor the request allows a provider of this model", 404,
        "No allowed providers are available for the selected model.", "",
        {"available_providers": ["{provider}"], "requested_providers": ["anthropic"]}),
    "excluded_by_zdr": Row(
        "404, availability form: a wish for zero data retention excluded the providers", 404, _NOT_FOUND, "not_found",
        code="no_endpoints", excluded_by=("data_policy:zdr",)),
    "excluded_by_quantization": Row(
        "404, availability form: a wish for a quantization excluded the providers", 404, _NOT_FOUND, "not_found",
        code="no_endpoints", excluded_by=("quantization",)),
    "excluded_by_allowed_providers": Row(
        "404, availability form: the account's allowed providers excluded them", 404, _NOT_FOUND, "not_found",
        code="no_endpoints", excluded_by=("allowed_providers",)),
    "excluded_by_max_price": Row(
        "404, availability form: no provider is free any more", 404, _NOT_FOUND, "not_found",
        code="constraint_filtered", excluded_by=("max_price",)),
    "guardrail_privacy": Row(
        "404: the account's guardrails and its privacy settings leave no provider", 404,
        "No endpoints available matching your guardrail restrictions and data policy. "
        "Configure: https://openrouter.ai/settings/privacy", ""),
    "conflict": Row("409 in words that no list has", 409, "Conflict", ""),
    "user_not_found": Row(
        "401: the key belongs to no account", 401, "User not found.", "", account=True),
    "insufficient_balance": Row(
        "402: the account's balance is negative", 402,
        "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only "
        "afford 0. To increase, visit https://openrouter.ai/settings/credits and upgrade to a paid account",
        "payment_required", account=True),
}  # fmt: skip

# Errors of the other table that are seen elsewhere, too; rate_limited has kinds of its own there.
_ELSEWHERE = (
    "context_length_exceeded",
    "free_variant_ended",
    "free_variant_ended_availability",
    "guardrail",
    "key_limit",
    "moderation",
    "no_endpoints_availability",
    "payment_required",
    "privacy_restricted",
    "upstream_rejects",
)

OWN_WORDS: Mapping[str, FaultKind] = {
    **everywhere(OWN_ROWS),
    **elsewhere({name: ROWS[name] for name in _ELSEWHERE}),
}
