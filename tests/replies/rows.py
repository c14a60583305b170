"""The table of openrouter-facts.md section 6, as errors with what is to be made of each."""

from dataclasses import dataclass, field
from typing import Any

from freerouter.replies.verdicts import Gate, Lasting, Scope, Verdict

STOP, ANOTHER = Verdict.STOP, Verdict.TRY_ANOTHER
REQUEST, MODEL, ACCOUNT, UPSTREAM = Scope.REQUEST, Scope.MODEL, Scope.ACCOUNT, Scope.UPSTREAM


@dataclass(frozen=True, slots=True)
class Row:
    """One error: its HTTP status, the fields of ``error`` beside ``code``, its headers, and the outcome."""

    status: int
    message: str
    verdict: Verdict
    scope: Scope
    reason: str
    lasting: Lasting | None = None
    lacks: str | None = None
    gate: Gate | None = None
    seconds: float | None = None
    sure: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)
    availability: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def error(self) -> dict[str, Any]:
        """The value of ``error``: an availability error has no code."""
        error: dict[str, Any] = {"message": self.message, "metadata": self.metadata}
        if self.availability:
            return error | {"http_status": self.status, "availability": self.availability}
        return error | {"code": self.status}


def typed(kind: str, **rest: Any) -> dict[str, Any]:
    return {"error_type": kind, **rest}


def no_endpoints(that: str) -> str:
    return f"No endpoints found that {that}. To learn more about provider routing, visit: https://openrouter.ai/docs"


# The clock of the tests stands at 12:00:10 UTC: 50 s of the minute and twelve hours less 10 s of the day are left.
NOW = 1_788_264_010.0
DAY_LEFT, MINUTE_LEFT = 43_190.0, 50.0
TODAY_ENDS, MINUTE_ENDS = int((NOW + DAY_LEFT) * 1000), int((NOW + MINUTE_LEFT) * 1000)
DAILY = {"x-ratelimit-limit": "50", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(TODAY_ENDS)}
MINUTELY = {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(MINUTE_ENDS)}
SHARED = {
    "raw": "acme/alpha:free is temporarily rate-limited upstream. Please retry shortly",
    "provider_name": "Acme",
}
HINT = "This model is unavailable for free. The paid version is available now - use this slug instead: acme/alpha"
LIMIT_RPM = (
    "Rate limit exceeded: limit_rpm/acme/alpha/0a1b2c3d. High demand for acme/alpha:free on OpenRouter - limited to 8"
    " requests per minute. Please retry shortly."
)


def barred(*excluders: Any) -> dict[str, Any]:
    return {"code": "constraint_filtered", "retryable": False, "excluded_by": list(excluders)}


SECTION_6 = {
    "429 a day": Row(
        429, "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
        STOP, ACCOUNT, "allowance_day", gate=Gate.DAY, seconds=DAY_LEFT, headers=DAILY,
        metadata=typed("rate_limit_exceeded", limit_source="openrouter_free_tier_daily")),
    "429 a day, by its words": Row(
        429, "Rate limit exceeded: free-models-per-day-high-balance. ",
        STOP, ACCOUNT, "allowance_day", gate=Gate.DAY, seconds=DAY_LEFT),
    "429 a minute": Row(
        429, "Rate limit exceeded: free-models-per-min. ",
        STOP, ACCOUNT, "allowance_minute", gate=Gate.MINUTE, seconds=MINUTE_LEFT, headers=MINUTELY,
        metadata=typed("rate_limit_exceeded", limit_source="openrouter_free_tier_per_minute")),
    "429 a minute, by its words": Row(
        429, "Rate limit exceeded: free-models-per-min. ",
        STOP, ACCOUNT, "allowance_minute", gate=Gate.MINUTE, seconds=MINUTE_LEFT),
    # Headers alone do not say whose limit it is: a second model is asked.
    "429 with headers of a minute": Row(
        429, "Too many", ANOTHER, MODEL, "rate_limited_upstream", seconds=MINUTE_LEFT, headers=MINUTELY, sure=False),
    "429 with headers of a day": Row(
        429, "Too many", ANOTHER, MODEL, "rate_limited_upstream", seconds=DAY_LEFT, headers=DAILY, sure=False),
    "429 of one model's minute": Row(
        429, LIMIT_RPM, ANOTHER, MODEL, "rate_limited_upstream", seconds=MINUTE_LEFT, headers=MINUTELY,
        metadata={"provider_name": None}),
    "429 of one model's day": Row(
        429, LIMIT_RPM.replace("rpm", "rpd"), ANOTHER, MODEL, "rate_limited_upstream", seconds=DAY_LEFT, headers=DAILY,
        metadata={"provider_name": None}),
    "403 guardrail, called a policy": Row(
        403, "blocked", STOP, ACCOUNT, "forbidden",
        metadata=typed("content_policy_violation", patterns=["x"], reasons=["x"])),
    "429 upstream": Row(
        429, "Provider returned error", ANOTHER, MODEL, "rate_limited_upstream", seconds=7,
        headers={"retry-after": "7"},
        metadata=typed("rate_limit_exceeded", limit_source="upstream_provider_shared_pool", **SHARED)),
    "429 upstream, by its words": Row(
        429, "Provider returned error", ANOTHER, MODEL, "rate_limited_upstream", metadata=SHARED),
    "404 no endpoints": Row(
        404, "No endpoints found for acme/alpha:free.", ANOTHER, MODEL, "gone", Lasting.GONE,
        metadata=typed("not_found")),
    "404 free no longer": Row(404, HINT, ANOTHER, MODEL, "no_longer_free", Lasting.GONE, metadata=typed("not_found")),
    "404 tools": Row(
        404, no_endpoints("support tool use"), ANOTHER, REQUEST, "lacks_tools", Lasting.LACKS, "tools"),
    "404 image": Row(
        404, no_endpoints("support image input"), ANOTHER, REQUEST, "lacks_image", Lasting.LACKS, "image"),
    "404 audio": Row(
        404, no_endpoints("support input audio"), ANOTHER, REQUEST, "lacks_audio", Lasting.LACKS, "audio"),
    "404 tool_choice": Row(
        404, no_endpoints("support the provided 'tool_choice' value"),
        ANOTHER, REQUEST, "lacks_tool_choice", Lasting.LACKS, "tool_choice"),
    "404 modalities": Row(
        404, no_endpoints("support the requested output modalities: image"),
        ANOTHER, REQUEST, "refused_by_model", Lasting.LACKS),
    "404 parameters": Row(
        404, no_endpoints("can handle the requested parameters"), ANOTHER, REQUEST, "refused_by_model", Lasting.LACKS),
    "404 data policy": Row(
        404, "No endpoints found matching your data policy (Free model publication). Configure: https://openrouter.ai",
        ANOTHER, REQUEST, "privacy_settings", Lasting.PRIVACY, metadata=typed("not_found")),
    "404 guardrail and data policy": Row(
        404, "No endpoints available matching your guardrail restrictions and data policy. Configure: https://x",
        ANOTHER, REQUEST, "privacy_settings", Lasting.PRIVACY),
    "404 allowed providers": Row(
        404, "No allowed providers are available for the selected model.",
        ANOTHER, REQUEST, "providers_excluded", Lasting.PROVIDERS),
    "404 excluded by allowed providers": Row(
        404, "No endpoints found.", ANOTHER, REQUEST, "providers_excluded", Lasting.PROVIDERS,
        availability=barred("allowed_providers")),
    "404 excluded by quantization": Row(
        404, "No endpoints found.", ANOTHER, REQUEST, "providers_excluded", Lasting.PROVIDERS,
        availability=barred("quantization")),
    "404 excluded by two things": Row(
        404, "No endpoints found.", ANOTHER, REQUEST, "providers_excluded", Lasting.PROVIDERS,
        availability=barred("quantization", "max_price")),
    "404 excluded by data policy": Row(
        404, "No endpoints found.", ANOTHER, REQUEST, "privacy_settings", Lasting.PRIVACY,
        availability=barred("data_policy:zdr", "data_policy:training")),
    "404 excluded by our max_price": Row(
        404, "No endpoints found.", ANOTHER, MODEL, "no_longer_free", Lasting.GONE, availability=barred("max_price")),
    "404 excluded by geo": Row(
        404, "No endpoints found.", ANOTHER, REQUEST, "region_restricted", Lasting.REGION, availability=barred("geo")),
    "404 excluded by context": Row(
        404, "No endpoints found.", ANOTHER, REQUEST, "context_exceeded", Lasting.CONTEXT,
        availability=barred("context_length")),
    "403 region": Row(
        403, "This model is not available in your region.", ANOTHER, REQUEST, "region_restricted", Lasting.REGION),
    "403 terms": Row(
        403, "The request is prohibited due to a violation of provider Terms Of Service.",
        ANOTHER, REQUEST, "region_restricted", Lasting.REGION),
    "403 harness": Row(
        403, "acme/alpha:free is only available on agentic harnesses such as Cline.",
        ANOTHER, REQUEST, "reserved_for_apps", Lasting.APP, metadata=typed("permission_denied")),
    "403 moderation": Row(
        403, "acme/alpha:free requires moderation on Acme. Your input was flagged",
        ANOTHER, REQUEST, "moderated", Lasting.MODERATED,
        metadata={"reasons": ["violence"], "flagged_input": "Hello", "provider_name": "Acme"}),
    "403 guardrail": Row(
        403, "Request blocked by guardrail: prompt injection", STOP, ACCOUNT, "forbidden",
        metadata=typed("permission_denied", patterns=["ignore all"])),
    "403 key limit": Row(
        403, "Key limit exceeded (daily limit).", STOP, ACCOUNT, "budget_exhausted",
        metadata=typed("permission_denied", limit_source="openrouter_key_limit")),
    "402": Row(
        402, "Insufficient credits", STOP, ACCOUNT, "payment_required",
        metadata=typed("payment_required", limit_source="openrouter_credits")),
    "401": Row(401, "No auth credentials found", STOP, ACCOUNT, "key_refused", metadata=typed("authentication")),
    "400 context": Row(
        400, "This endpoint's maximum context length is 4096 tokens. However, you requested about 5000 tokens",
        ANOTHER, REQUEST, "context_exceeded", Lasting.CONTEXT, metadata=typed("context_length_exceeded")),
    "400 context, by its words": Row(
        400, "This endpoint's maximum context length is 4096 tokens.",
        ANOTHER, REQUEST, "context_exceeded", Lasting.CONTEXT),
    "400 reasoning": Row(
        400, "Reasoning is mandatory for this endpoint and cannot be disabled.",
        ANOTHER, REQUEST, "reasoning_mandatory", Lasting.LACKS, "reasoning:off", metadata=typed("invalid_request")),
    "400 parameter": Row(
        400, "logprobs is not supported by this model", ANOTHER, REQUEST, "refused_by_model", Lasting.LACKS,
        metadata=typed("invalid_request")),
    "400 parameter, in raw": Row(
        400, "Provider returned error", ANOTHER, REQUEST, "refused_by_model",
        metadata=typed("invalid_request", raw='{"message":"top_k is not supported by this model"}')),
    "400 of the provider": Row(
        400, "Provider returned error", ANOTHER, REQUEST, "refused_by_model",
        metadata=typed("invalid_request", raw="messages[2]: I do not like this one", provider_name="Acme")),
    "400 of the request": Row(
        400, "messages: Invalid input", STOP, REQUEST, "invalid_request", metadata=typed("invalid_request")),
    "413": Row(
        413, "Request Entity Too Large", STOP, REQUEST, "payload_too_large", metadata=typed("payload_too_large")),
    "502 of the provider": Row(
        502, "Provider returned error", ANOTHER, MODEL, "unavailable",
        metadata=typed("provider_unavailable", raw="upstream connect error", provider_name="Acme")),
}  # fmt: skip

# code: (status, retryable, outcome); openrouter-facts.md, "error.availability".
AVAILABILITY = {
    "model_not_found": (404, False, ANOTHER, MODEL, "gone", Lasting.GONE),
    "wrong_endpoint": (400, False, ANOTHER, REQUEST, "refused_by_model", Lasting.LACKS),
    "no_endpoints": (404, False, ANOTHER, MODEL, "gone", Lasting.GONE),
    "model_deprecated": (404, False, ANOTHER, MODEL, "gone", Lasting.GONE),
    "model_unavailable_upstream": (404, False, ANOTHER, MODEL, "gone", Lasting.GONE),
    "privacy_restricted": (404, False, ANOTHER, REQUEST, "privacy_settings", Lasting.PRIVACY),
    "constraint_filtered": (404, False, ANOTHER, REQUEST, "providers_excluded", Lasting.PROVIDERS),
    "free_variant_ended": (404, False, ANOTHER, MODEL, "no_longer_free", Lasting.GONE),
    "capacity_exhausted": (429, True, ANOTHER, MODEL, "rate_limited_upstream", None),
    "temporarily_unavailable": (503, True, ANOTHER, MODEL, "unavailable", None),
    "region_restricted": (403, False, ANOTHER, REQUEST, "region_restricted", Lasting.REGION),
    # Unknown codes: by retryable, then by the status.
    "brand_new": (400, True, ANOTHER, MODEL, "unavailable", None),
    "brand_new_too": (400, False, STOP, REQUEST, "invalid_request", None),
}

# error_type: (status, outcome); those that several rows share are told apart by the status here.
ERROR_TYPES = {
    "context_length_exceeded": (400, ANOTHER, REQUEST, "context_exceeded", Lasting.CONTEXT),
    "token_limit_exceeded": (400, ANOTHER, REQUEST, "context_exceeded", Lasting.CONTEXT),
    "max_tokens_exceeded": (400, ANOTHER, REQUEST, "refused_by_model", Lasting.LACKS),
    "string_too_long": (400, ANOTHER, REQUEST, "refused_by_model", None),
    "authentication": (401, STOP, ACCOUNT, "key_refused", None),
    "payment_required": (402, STOP, ACCOUNT, "payment_required", None),
    "permission_denied": (403, STOP, ACCOUNT, "forbidden", None),
    "not_found": (404, ANOTHER, MODEL, "unavailable", None),
    "payload_too_large": (413, STOP, REQUEST, "payload_too_large", None),
    "unprocessable": (422, STOP, REQUEST, "invalid_request", None),
    "rate_limit_exceeded": (429, ANOTHER, MODEL, "rate_limited_upstream", None),
    "provider_overloaded": (503, ANOTHER, MODEL, "overloaded", None),
    "provider_unavailable": (503, ANOTHER, MODEL, "unavailable", None),
    "timeout": (408, ANOTHER, MODEL, "timeout", None),
    "server": (500, ANOTHER, MODEL, "unavailable", None),
    "unmapped": (500, ANOTHER, MODEL, "unavailable", None),
    "invalid_request": (400, STOP, REQUEST, "invalid_request", None),
    "invalid_prompt": (400, STOP, REQUEST, "invalid_request", None),
    "content_policy_violation": (403, ANOTHER, REQUEST, "moderated", Lasting.MODERATED),
    "refusal": (403, ANOTHER, REQUEST, "moderated", Lasting.MODERATED),
    "invalid_image": (400, STOP, REQUEST, "invalid_request", None),
    "image_too_large": (400, ANOTHER, REQUEST, "refused_by_model", None),
    "image_too_small": (400, ANOTHER, REQUEST, "refused_by_model", None),
    "unsupported_image_format": (400, ANOTHER, REQUEST, "refused_by_model", None),
    "image_not_found": (400, STOP, REQUEST, "invalid_request", None),
    "image_download_failed": (400, STOP, REQUEST, "invalid_request", None),
    "precondition_failed": (412, STOP, REQUEST, "invalid_request", None),
    "brand_new": (400, STOP, REQUEST, "invalid_request", None),
}

LIMIT_SOURCES = {
    "openrouter_free_tier_daily": (STOP, ACCOUNT, "allowance_day", Gate.DAY, DAY_LEFT),
    "openrouter_free_tier_per_minute": (STOP, ACCOUNT, "allowance_minute", Gate.MINUTE, MINUTE_LEFT),
    "upstream_provider_shared_pool": (ANOTHER, MODEL, "rate_limited_upstream", None, None),
    "openrouter_credits": (STOP, ACCOUNT, "payment_required", None, None),
    "openrouter_key_limit": (STOP, ACCOUNT, "budget_exhausted", None, None),
    "openrouter_guardrail_budget": (STOP, ACCOUNT, "budget_exhausted", None, None),
    "openrouter_workspace_budget": (STOP, ACCOUNT, "budget_exhausted", None, None),
    "openrouter_in_flight_budget": (STOP, ACCOUNT, "budget_exhausted", None, None),
    "brand_new": (ANOTHER, MODEL, "rate_limited_upstream", None, None),
}

# What a status means in OpenRouter's own voice, with words and marks that say no more.
OWN_STATUSES = {
    400: (STOP, REQUEST, "invalid_request"),
    401: (STOP, ACCOUNT, "key_refused"),
    402: (STOP, ACCOUNT, "payment_required"),
    403: (STOP, ACCOUNT, "forbidden"),
    404: (ANOTHER, MODEL, "unavailable"),
    408: (ANOTHER, MODEL, "timeout"),
    412: (STOP, REQUEST, "invalid_request"),
    413: (STOP, REQUEST, "payload_too_large"),
    422: (STOP, REQUEST, "invalid_request"),
    429: (ANOTHER, MODEL, "rate_limited_upstream"),
    500: (ANOTHER, MODEL, "unavailable"),
    502: (ANOTHER, MODEL, "unavailable"),
    503: (ANOTHER, MODEL, "overloaded"),
    504: (ANOTHER, MODEL, "timeout"),
    524: (ANOTHER, MODEL, "timeout"),
    529: (ANOTHER, MODEL, "overloaded"),
    # Not listed there: a class of its own each.
    **dict.fromkeys((501, 505, 520, 522, 530, 599), (ANOTHER, MODEL, "unavailable")),
    **dict.fromkeys((405, 406, 409, 410, 418, 425, 451, 499), (ANOTHER, REQUEST, "invalid_request")),
    **dict.fromkeys((300, 301, 302, 307, 308), (STOP, UPSTREAM, "redirected")),
}
# "any other 4xx, unknown words": even in OpenRouter's voice these say nothing of whose failure it is.
OWN_UNSURE = frozenset({405, 406, 409, 410, 418, 425, 451, 499})
# In a provider's voice: this model's; 400, 404, 413 and 422 are this request's. Nothing lasting.
PROVIDER_STATUSES = {
    **{status: row for status, row in OWN_STATUSES.items() if status < 400 or status >= 500},
    408: (ANOTHER, MODEL, "timeout"),
    429: (ANOTHER, MODEL, "rate_limited_upstream"),
    **dict.fromkeys((400, 404, 413, 422), (ANOTHER, REQUEST, "refused_by_model")),
    **dict.fromkeys((401, 402, 403, 412, *OWN_UNSURE), (ANOTHER, MODEL, "refused_by_provider")),
}
# In no known voice: another model is asked, whatever a status below 500 would mean; 408 is a time-out in any voice.
UNKNOWN_STATUSES = {
    status: row if status == 408 or not 400 <= status < 500 else (ANOTHER, *row[1:])
    for status, row in OWN_STATUSES.items()
} | {404: (ANOTHER, REQUEST, "refused_by_model")}
