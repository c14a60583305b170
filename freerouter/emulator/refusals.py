"""The errors that OpenRouter answers with, in its own words and shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

USER = "user_2emulated0freerouter0loopback"

_ROUTING = "To learn more about provider routing, visit: https://openrouter.ai/docs/guides/routing/provider-selection"

_TYPES: Mapping[int, str] = {
    400: "invalid_request",
    401: "authentication",
    402: "payment_required",
    403: "permission_denied",
    404: "not_found",
    413: "payload_too_large",
    422: "unprocessable",
    429: "rate_limit_exceeded",
    502: "provider_unavailable",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error: HTTP status, message, `error.metadata` and headers (openrouter-facts 6).

    With `availability` the error takes the other form: no `code`, but `error_type` and
    `http_status` in the error itself.
    """

    status: int
    message: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    availability: Mapping[str, Any] | None = None

    @property
    def error(self) -> dict[str, Any]:
        """The value of `error` in the body."""
        if self.availability is None:
            plain: dict[str, Any] = {"code": self.status, "message": self.message}
            return plain | ({"metadata": dict(self.metadata)} if self.metadata else {})
        return {
            "message": self.message,
            "http_status": self.status,
            **self.metadata,
            "availability": dict(self.availability),
        }

    @property
    def error_type(self) -> str:
        """The stable type of the error: the one that is stated, else that of the status."""
        return str(self.metadata.get("error_type") or _TYPES.get(self.status, "unmapped"))

    @property
    def body(self) -> dict[str, Any]:
        """The whole body; only an account that is known is named in it."""
        return {"error": self.error} | ({} if self.status == 401 else {"user_id": USER})


def typed(status: int, message: str, error_type: str, **metadata: Any) -> Refusal:
    """Return a refusal that names its stable `error_type`."""
    return Refusal(status, message, {"error_type": error_type, **metadata})


def missing_key() -> Refusal:
    """401: no key came with the request."""
    return typed(401, "Missing Authentication header", "authentication")


def invalid_request(message: str) -> Refusal:
    """400: the request itself is wrong; no model will do better."""
    return typed(400, message, "invalid_request")


def unknown_model(model: str) -> Refusal:
    """400: OpenRouter never had this id."""
    return invalid_request(f"{model} is not a valid model ID")


def no_endpoints(model: str) -> Refusal:
    """404: the model is gone."""
    return typed(404, f"No endpoints found for {model}.", "not_found")


def trains_on_prompts() -> Refusal:
    """404: the model's only providers train on prompts, which the request or the account denies."""
    setting = "https://openrouter.ai/settings/privacy"
    return typed(
        404, f"No endpoints found matching your data policy (Free model training). Configure: {setting}", "not_found"
    )


def unsupported(what: str) -> Refusal:
    """404: this model lacks what the request needs, for example "tool use"."""
    return typed(404, f"No endpoints found that {what}. {_ROUTING}", "not_found")


def not_found(path: str) -> Refusal:
    """404: no such resource."""
    return typed(404, f"Not Found: {path}", "not_found")


def mandatory_reasoning() -> Refusal:
    """400: reasoning was switched off on a model that always reasons."""
    return invalid_request("Reasoning is mandatory for this endpoint and cannot be disabled.")


def context_exceeded(context: int, prompt: int, output: int) -> Refusal:
    """400: prompt and output, in tokens, do not fit into the context."""
    message = (
        f"This endpoint's maximum context length is {context} tokens. However, you requested about "
        f"{prompt + output} tokens ({prompt} of text input, {output} in the output). Please reduce "
        'the length of either one, or use the "middle-out" transform to compress your prompt '
        "automatically."
    )
    return typed(400, message, "context_length_exceeded")


def limited(window: str, source: str, limit: int, reset_ms: object) -> Refusal:
    """429: the account's allowance is used up until `reset_ms`, epoch milliseconds (openrouter-facts 7)."""
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(reset_ms),
    }
    metadata = {"headers": headers, "error_type": "rate_limit_exceeded", "limit_source": source}
    return Refusal(429, f"Rate limit exceeded: {window}", metadata, headers)


def daily_limit(limit: int, reset_ms: object) -> Refusal:
    """429: no free request is left today."""
    window = (
        "free-models-per-day-high-balance. "
        if limit > 50
        else "free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"
    )
    return limited(window, "openrouter_free_tier_daily", limit, reset_ms)


def minute_limit(limit: int, reset_ms: object) -> Refusal:
    """429: no free request is left this minute."""
    return limited("free-models-per-min. ", "openrouter_free_tier_per_minute", limit, reset_ms)


def no_match() -> Refusal:
    """404: a router finds no model for the request."""
    return typed(404, "No models match your request and model restrictions", "not_found")
