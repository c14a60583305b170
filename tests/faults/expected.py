"""What is to become of each fault: one row a kind, next to openrouter-facts.md section 6 and failure-modes.md."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from freerouter.errors import (
    AllowanceExhaustedError,
    AttemptsFailedError,
    FreeRouterError,
    StreamInterruptedError,
    UpstreamError,
    UpstreamUnavailableError,
)
from freerouter.replies.verdicts import Gate, Lasting, Scope, Verdict

BACKOFF = (24.0, 30.0)
LIGHT = (5.0, 5.0)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the first attempt is to come to.

    ``error`` is what the caller sees when every model fails so (or the only one that is asked), with its HTTP status
    ``seen``; ``cools`` are the bounds of the model's cooldown in seconds, None when it is not cooled; ``sends`` is
    how many models are asked when all fail so, None for as many as may be. ``outage``: when all fail so it is an
    outage, which the caller is told, and no model cools.
    """

    reason: str
    status: int
    verdict: Verdict
    scope: Scope
    error: type[FreeRouterError] | None
    seen: int
    cools: tuple[float, float] | None = None
    lasting: Lasting | None = None
    gate: Gate | None = None
    sends: int | None = None
    outage: bool = False


def model(reason: str, status: int, seconds: float | None = None, lasting: Lasting | None = None) -> Expected:
    """The model's fault: another one is asked, this one cools for the longer of its hint and the backoff."""
    cools = BACKOFF if seconds is None or seconds < BACKOFF[0] else (seconds, seconds)
    return Expected(reason, status, Verdict.TRY_ANOTHER, Scope.MODEL, AttemptsFailedError, 429, cools, lasting)


def way(reason: str, status: int) -> Expected:
    """The model's fault, with no provider named: when all models fail so it is the way to OpenRouter."""
    return replace(model(reason, status), error=UpstreamUnavailableError, outage=True)


def request(reason: str, status: int, lasting: Lasting | None = None) -> Expected:
    """This model with this request: another one is asked, this one does not cool."""
    return Expected(
        reason, status, Verdict.TRY_ANOTHER, Scope.REQUEST, AttemptsFailedError, 429, cools=None, lasting=lasting
    )


def stop(reason: str, status: int, scope: Scope = Scope.ACCOUNT) -> Expected:
    """Nobody would do better: the caller sees OpenRouter's own status."""
    return Expected(reason, status, Verdict.STOP, scope, UpstreamError, status)


def second_opinion(reason: str, status: int, scope: Scope = Scope.REQUEST) -> Expected:
    """What no voice explains: one other model is asked, and the same again is handed on with its status.

    When the other model answers, the failure was the first one's: a refusal of this request, or a cooldown.
    """
    return Expected(reason, status, Verdict.TRY_ANOTHER, scope, UpstreamError, status, sends=2)


def in_the_way(status: int) -> Expected:
    """A page in OpenRouter's stead: the same from a second model is an outage, and no model cools."""
    error = UpstreamUnavailableError
    return Expected("html_page", status, Verdict.TRY_ANOTHER, Scope.UPSTREAM, error, 429, sends=2, outage=True)


def everywhere(rows: Mapping[str, Expected]) -> dict[str, Expected]:
    """The same error means the same with its status, inside a 200 and at the start of a stream."""
    return {**rows, **elsewhere(rows)}


def elsewhere(rows: Mapping[str, Expected]) -> dict[str, Expected]:
    inside = {f"{name}_in_200": expected for name, expected in rows.items()}
    return inside | {f"stream_{name}_first": expected for name, expected in rows.items()}


def shut(gate: Gate) -> Expected:
    """The account's allowance is used up."""
    reason = f"allowance_{gate.value}"
    return Expected(reason, 429, Verdict.STOP, Scope.ACCOUNT, AllowanceExhaustedError, 429, gate=gate)


def midway() -> Expected:
    """It breaks off after its first token: the caller sees what came, then an error; the model cools."""
    return Expected("answered", 200, Verdict.ANSWERED, Scope.REQUEST, StreamInterruptedError, 502, cools=BACKOFF)


EMPTY = Expected("empty_answer", 200, Verdict.TRY_ANOTHER, Scope.MODEL, AttemptsFailedError, 429, cools=LIGHT)
SKEWED = dict.fromkeys(
    ("in_seconds", "in_the_past", "far_ahead", "negative", "absurd", "is_text", "is_a_date"), shut(Gate.MINUTE)
)

ERRORS: Mapping[str, Expected] = {
    "rate_limited": model("rate_limited_upstream", 429, 7),
    "capacity_exhausted": model("rate_limited_upstream", 429, 5),
    "model_not_found": model("gone", 400, lasting=Lasting.GONE),
    "no_endpoints": model("gone", 404, lasting=Lasting.GONE),
    "no_endpoints_availability": model("gone", 404, lasting=Lasting.GONE),
    "model_deprecated": model("gone", 404, lasting=Lasting.GONE),
    "model_unavailable_upstream": model("gone", 404, lasting=Lasting.GONE),
    "free_variant_ended": model("no_longer_free", 404, lasting=Lasting.GONE),
    "free_variant_ended_availability": model("no_longer_free", 404, lasting=Lasting.GONE),
    "privacy_restricted": request("privacy_settings", 404, Lasting.PRIVACY),
    "privacy_restricted_availability": request("privacy_settings", 404, Lasting.PRIVACY),
    "harness_only": request("reserved_for_apps", 403, Lasting.APP),
    "moderation": request("moderated", 403, Lasting.MODERATED),
    "guardrail": stop("forbidden", 403),
    "key_limit": stop("budget_exhausted", 403),
    "region_restricted": request("region_restricted", 403, Lasting.REGION),
    "payment_required": stop("payment_required", 402),
    "unauthorized": stop("key_refused", 401),
    "upstream_rejects": request("refused_by_model", 400),
    "parameter_unsupported": request("refused_by_model", 400, Lasting.LACKS),
    "context_length_exceeded": request("context_exceeded", 400, Lasting.CONTEXT),
    "mandatory_reasoning": request("reasoning_mandatory", 400, Lasting.LACKS),
    "lacks_tools": request("lacks_tools", 404, Lasting.LACKS),
    "lacks_tool_choice": request("lacks_tool_choice", 404, Lasting.LACKS),
    "lacks_image_input": request("lacks_image", 404, Lasting.LACKS),
    "lacks_audio_input": request("lacks_audio", 404, Lasting.LACKS),
    "lacks_output_modalities": request("refused_by_model", 404, Lasting.LACKS),
    "lacks_parameters": request("refused_by_model", 404, Lasting.LACKS),
    "invalid_request": stop("invalid_request", 400, Scope.REQUEST),
    "payload_too_large": stop("payload_too_large", 413, Scope.REQUEST),
    "request_timeout": model("timeout", 408),
    "internal_error": way("unavailable", 500),
    "bad_gateway": model("unavailable", 502),
    "unavailable": way("unavailable", 503),
    "gateway_timeout": model("timeout", 504),
    "edge_timeout": model("timeout", 524),
    "overloaded": model("overloaded", 529),
    "temporarily_unavailable": way("unavailable", 503),
    "daily_limit": shut(Gate.DAY),
    "daily_limit_high_balance": shut(Gate.DAY),
    "minute_limit": shut(Gate.MINUTE),
    **{f"reset_{skew}": expected for skew, expected in SKEWED.items()},
}

OWN_WORDS: Mapping[str, Expected] = {
    **everywhere({
        # The server's clock shows whole seconds.
        "model_minute_limit": replace(model("rate_limited_upstream", 429), cools=(40.0, 41.0)),
        "model_day_limit": replace(model("rate_limited_upstream", 429), cools=(0.0, 86_400.0)),
        "model_not_in_region": request("region_restricted", 403, Lasting.REGION),
        "model_terms": request("region_restricted", 403, Lasting.REGION),
        "no_allowed_providers": request("providers_excluded", 404, Lasting.PROVIDERS),
        "excluded_by_zdr": request("privacy_settings", 404, Lasting.PRIVACY),
        "excluded_by_quantization": request("providers_excluded", 404, Lasting.PROVIDERS),
        "excluded_by_allowed_providers": request("providers_excluded", 404, Lasting.PROVIDERS),
        "excluded_by_max_price": model("no_longer_free", 404, lasting=Lasting.GONE),
        "guardrail_privacy": request("privacy_settings", 404, Lasting.PRIVACY),
        "conflict": replace(second_opinion("invalid_request", 409), cools=BACKOFF),
        "user_not_found": stop("key_refused", 401),
        "insufficient_balance": stop("payment_required", 402),
    }),
    **elsewhere({
        name: ERRORS[name]
        for name in (
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
    }),
}  # fmt: skip

RELAYED: Mapping[str, Expected] = everywhere({
    "provider_unauthorized": model("refused_by_provider", 401),
    "provider_unauthorized_code": model("refused_by_provider", 401),
    "provider_out_of_credits": model("refused_by_provider", 402),
    "provider_terms": model("refused_by_provider", 403),
    "provider_region": model("refused_by_provider", 403),
    "provider_conflict": model("refused_by_provider", 409),
    "provider_gone": model("refused_by_provider", 410),
    "provider_too_large": request("refused_by_model", 413),
    "provider_unprocessable": request("refused_by_model", 422),
    "provider_rejects_code": request("refused_by_model", 400),
    # It is believed for this request alone: the larger models are asked.
    "provider_echoes_context": request("context_exceeded", 400, Lasting.TOO_LONG),
    "provider_echoes_support": request("refused_by_model", 400),
    "provider_context_exceeded": request("context_exceeded", 400, Lasting.TOO_LONG),
    "provider_waits_in_words": model("rate_limited_upstream", 429, 450),
    "provider_retry_info": model("rate_limited_upstream", 429, 37),
    "provider_upstream_error": model("unavailable", 502),
    # The longer of what it says and of our own backoff.
    "provider_busy_a_second": model("rate_limited_upstream", 429),
})  # fmt: skip

FLAT: Mapping[str, Expected] = {
    "flat_message": second_opinion("invalid_request", 400),
    "flat_relayed": request("refused_by_model", 400),
    "flat_detail": second_opinion("invalid_request", 400),
    "flat_issues": second_opinion("invalid_request", 400),
    "flat_text": way("unavailable", 502),
    **dict.fromkeys(
        ("flat_limit_in_200", "stream_flat_limit_first"),
        replace(second_opinion("rate_limited_upstream", 429, Scope.MODEL), cools=BACKOFF),
    ),
    "flat_text_in_200": way("unavailable", 502),
    "stream_flat_text_first": way("unavailable", 502),
}

# A page in OpenRouter's stead: no model is to blame. One with a 502 may be one model's, until all have it.
PAGES: Mapping[str, Expected] = {
    "page_challenge": in_the_way(403),
    "page_blocked": in_the_way(403),
    "page_worker": in_the_way(503),
    "page_outage": way("html_page", 502),
}

PAID = Expected("answered", 200, Verdict.ANSWERED, Scope.REQUEST, None, 200)

BODIES: Mapping[str, Expected] = {
    "error_in_200": model("unavailable", 502),
    "rate_limited_in_200": model("rate_limited_upstream", 429),
    "finish_error": model("unavailable", 502),
    "null_content": EMPTY,
    "empty_content": EMPTY,
    "null_choices": model("no_choices", 200),
    "empty_choices": model("no_choices", 200),
    "truncated_json": model("truncated", 200),
    "short_body": way("connection_broken", 200),
    "truncated_gzip": model("encoded_unasked", 200),
    "broken_gzip": model("encoded_unasked", 200),
    "wrong_content_type": model("wrong_content_type", 200),
    "html_in_200": way("html_page", 200),
    "html_in_502": way("html_page", 502),
    "context_as_success": ERRORS["context_length_exceeded"],
    **dict.fromkeys(("cost_in_usage", "byok_cost", "cost_as_text", "cost_in_long_event"), PAID),
}

STREAMS: Mapping[str, Expected] = {
    "stream_error_first": way("unavailable", 502),
    "stream_rate_limited_first": model("rate_limited_upstream", 429),
    "stream_error_after_role": way("unavailable", 502),
    "stream_ends_first": model("ended_before_first_token", 200),
    "stream_ends_after_role": model("ended_before_first_token", 200),
    "stream_done_first": model("ended_before_first_token", 200),
    "stream_cut_first": way("connection_broken", 200),
    "stream_comments_forever": model("timeout", 200),
    "stream_silent_after_comments": model("timeout", 200),
    "stream_stalls": midway(),
    "stream_error_midway": midway(),
    "stream_ends_midway": midway(),
    "stream_cut_midway": midway(),
    "stream_reset_midway": midway(),
}

CONNECTIONS: Mapping[str, Expected] = {
    "never_answers": model("timeout", 0),
    "silent_after_headers": model("timeout", 200),
    "trickles": model("timeout", 200),
    "resets": way("connection_broken", 0),
    "closes": way("connection_broken", 0),
    # The same model once more, on a connection of its own: there the fault strikes no longer.
    "stale_keep_alive": Expected("stale_connection", 0, Verdict.AGAIN, Scope.UPSTREAM, None, 200),
}

EXPECTED: Mapping[str, Expected] = {
    **ERRORS,
    **OWN_WORDS,
    "stream_conflict_first": model("refused_by_provider", 409),  # the chunk names the provider that served it
    **RELAYED,
    **FLAT,
    **PAGES,
    **BODIES,
    **STREAMS,
    **CONNECTIONS,
}

# They cost a time-out each.
HANGING = (
    "never_answers",
    "silent_after_headers",
    "stream_comments_forever",
    "stream_silent_after_comments",
    "stream_stalls",
    "trickles",
)
