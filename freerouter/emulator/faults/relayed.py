"""Faults in a provider's voice: OpenRouter relays what a model's provider said (openrouter-facts 6)."""

import json
from collections.abc import Mapping
from typing import Any

from freerouter.emulator.faults.kinds import FaultKind
from freerouter.emulator.faults.row import Row, everywhere

_RETURNED = "Provider returned error"


def _relayed(raw: Any) -> dict[str, Any]:
    """Return the older metadata: the provider, and its own words as text."""
    words = raw if isinstance(raw, str) else json.dumps(raw)
    return {"raw": words, "provider_name": "{provider}", "is_byok": False}


def _coded(status: int, code: str) -> dict[str, Any]:
    """Return the newer metadata: the provider's code and what was tried before, without its words."""
    previous = [{"provider": "{provider}", "code": code, "status": status}]
    return {"provider_name": "{provider}", "is_byok": False, "provider_code": code, "previous_errors": previous}


def _said(message: str, **fields: Any) -> dict[str, Any]:
    return _relayed({"error": {"message": message, **fields}})


_RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"}

RELAYED_ROWS: Mapping[str, Row] = {
    "provider_unauthorized": Row(
        "401 of the provider, whose own key is refused", 401, _RETURNED, "",
        _said("invalid x-api-key", type="authentication_error")),
    "provider_unauthorized_code": Row(
        "401 of the provider, told by its code alone", 401, _RETURNED, "authentication",
        _coded(401, "invalid_api_key")),
    "provider_out_of_credits": Row(
        "402 of the provider, whose own credits are used up", 402, _RETURNED, "",
        _relayed({"detail": "Quota exceeded and account balance is $0.0"})),
    "provider_terms": Row(
        "403 of the provider: its terms of service", 403, _RETURNED, "permission_denied",
        _said("The request is prohibited due to a violation of provider Terms Of Service.")),
    "provider_region": Row(
        "403 of the provider: it does not serve this region", 403, _RETURNED, "",
        _said("Country, region, or territory not supported", code="unsupported_country_region_territory")),
    "provider_conflict": Row(
        "409 of the provider, named in the message alone", 409, "Upstream error from {provider}: Conflict", ""),
    "provider_gone": Row(
        "410 of the provider: it has retired the model", 410, _RETURNED, "",
        _said("The model has reached its end of life and is gone", type="invalid_request_error")),
    "provider_too_large": Row(
        "413 of the provider: too many tokens for its minute", 413, _RETURNED, "payload_too_large",
        _said("Request too large for model on tokens per minute (TPM): Limit 6000, Requested 8684, please reduce "
              "your message size and try again.", type="tokens", code="rate_limit_exceeded")),
    "provider_unprocessable": Row(
        "422 of the provider", 422, _RETURNED, "unprocessable",
        _relayed({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}]})),
    "provider_rejects_code": Row(
        "400 of the provider, told by its code alone", 400, _RETURNED, "invalid_request",
        _coded(400, "unsupported_parameter")),
    "provider_echoes_context": Row(
        "400 of the provider that repeats a prompt about context lengths", 400, _RETURNED, "",
        _said("messages.0.content was refused: 'why does it say maximum context length is 10 tokens?'")),
    "provider_echoes_support": Row(
        "400 of the provider that repeats a prompt about unsupported tools", 400, _RETURNED, "",
        _said("messages.0.content was refused: 'tool use is not supported by this model, what now?'")),
    "provider_context_exceeded": Row(
        "400 of the provider: the prompt does not fit, in its own words", 400, _RETURNED, "",
        _said("input length and `max_tokens` exceed context limit: 8684 + 1000 > 4096")),
    "provider_waits_in_words": Row(
        "429 of the provider that states its wait in words", 429, _RETURNED, "",
        _said("Rate limit reached for model `m` on tokens per day (TPD): Limit 100000, Used 99500. "
              "Please try again in 7m30s.", type="tokens", code="rate_limit_exceeded")),
    "provider_retry_info": Row(
        "429 of the provider that states its wait in a RetryInfo", 429, _RETURNED, "rate_limit_exceeded",
        _said("Resource has been exhausted (e.g. check quota).", status="RESOURCE_EXHAUSTED", details=[_RETRY_INFO])),
    "provider_upstream_error": Row(
        "502 of the provider, named in the message alone", 502,
        "Upstream error from {provider}: ResourceExhausted: Worker local total request limit reached (1)", ""),
    "provider_busy_a_second": Row(
        "429 of the provider with Retry-After: 1, however often it is asked", 429, _RETURNED, "",
        _relayed("busy"), retry_after=1),
}  # fmt: skip

RELAYED: Mapping[str, FaultKind] = everywhere(RELAYED_ROWS)
