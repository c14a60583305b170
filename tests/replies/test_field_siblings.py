"""Kinds of replies as providers and proxies in the field send them, in words and shapes beside those of the cases."""

import json
from typing import Any

import pytest

from freerouter.openrouter.costs import cost_of
from freerouter.openrouter.dialects import MESSAGES, RESPONSES
from freerouter.replies.ending import Tail
from freerouter.replies.verdicts import Gate, Lasting, Scope, Verdict
from tests.replies.places import event, judged
from tests.replies.shapes import JSON, SSE

OVERFLOWS = [
    "litellm.ContextWindowExceededError: the model holds less",
    "total length of messages exceeds 8192",
    "tokens in request more than max tokens allowed",
    "This model only supports up to 8,192 tokens",
    "input_tokens + max_new_tokens exceeds 8192",
    "messages resulted in 9000 tokens. Please reduce the length",
    "The decoder prompt (length 40000) is longer than the maximum model length of 32768.",
    "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens",
    "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000",
    "Input is too long for requested model.",
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
    "request (40000 tokens) exceeds the available context size (8192 tokens), try increasing it",
    "Your input exceeds the context window of this model.",
    "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]",
    "Invalid request: Your request exceeded model token limit: 8192",
    "The input (40000 tokens) is longer than the model's context length (32768 tokens).",
    "invalid params, context window exceeds limit (2013)",
    "The number of tokens to keep from the initial prompt is greater than the context length.",
    "a sequence length of 9000 is needed, but the maximum supported sequence length is just 8192!",
    "Request body too large for gpt-4o model. Max size: 8000 tokens.",
    "token count exceeds limit of 32768",
    "This model's maximum sequence length is 8192 tokens",
    "prompt token count of 140000 exceeds the limit of 128000",
    "Conversation too long",
    "The request exceeds the model's maximum input tokens",
    "number of input tokens (9000) must be less than 8192",
    "The request exceeds the maximum number of tokens",
    "input tokens exceed the configured limit of 272000 tokens.",
]
# They speak of other limits than the context.
OTHER_LIMITS = [
    "Too many tokens per day",
    "Too many tool messages: this model only supports up to 128 tools",
    "Image size exceeds the limit",
    "tools[0].function.name is too long: maximum length is 64",
    "too many stop sequences: limit is 4",
    "The input image exceeds the maximum size of 5 MB",
    "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum",
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens",
    "temperature: Input should be less than or equal to 2",
    "input tokens per minute limit exceeded",
    "Invalid 'input[0].call_id': string too long. Expected a string with maximum length 64",
]


def relayed(words: Any, status: int = 400, **metadata: Any) -> dict[str, Any]:
    """A provider's own words, as OpenRouter relays them."""
    metadata = {"provider_name": "Acme", "raw": words, "is_byok": False, **metadata}
    return {"error": {"code": status, "message": "Provider returned error", "metadata": metadata}}


def replied(body: Any, status: int, headers: dict[str, str] | None = None, **options: Any):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judged(status, JSON | (headers or {}), data, **options)


@pytest.mark.parametrize("status", [400, 413, 422, 200])
@pytest.mark.parametrize("words", OVERFLOWS)
def test_an_overflow_in_any_words_is_this_requests_alone(words, status):
    outcome = replied(relayed(words, 400 if status == 200 else status), status)
    assert (outcome.reason, outcome.lasting, outcome.scope) == ("context_exceeded", Lasting.TOO_LONG, Scope.REQUEST)


@pytest.mark.parametrize("words", OTHER_LIMITS)
def test_another_limit_is_no_overflow(words):
    assert replied(relayed(words), 400).reason == "refused_by_model"


WAITS = {
    "Please try again in 2m3.5s. Need more tokens?": 123.5,
    "Please wait 20 seconds and try again": 20,
    "wait for 15 seconds before retrying": 15,
    "You must wait at least 20 secs": 20,
    "Rate limit resets in 45s": 45,
    "Please retry your requests after 12 seconds": 12,
    "You can make another request in 12 seconds": 12,
    "Please try again in about 30 seconds": 30,
    "Please try again in ~30s": 30,
    "Retry-After: 25": 25,
    "retry_after_seconds=12": 12,
    "The rate limit will be lifted in 3 minutes": 180,
    "Limit resets at 2026-09-01T12:01:10Z": 60,
    "quota will reset at 2026-09-01 12:01:10 UTC": 60,
    "Retry after 2026-09-01T14:01:10+02:00": 60,
    "limited to 20 requests in 60 seconds": None,
    "Limit resets at 2026-08-01T12:01:10Z": None,
    "Limit resets at 2026-09-41T12:01:10Z": None,
    "I cannot wait 20 minutes": None,
    "Please try again later": None,
}


@pytest.mark.parametrize("words", WAITS)
def test_a_wait_in_any_words(words):
    assert replied(relayed(words, 429), 429).seconds == WAITS[words]


_RETRY_INFO = {"error": {"code": 429, "message": "Exhausted", "details": [{"retryDelay": "37s"}]}}


@pytest.mark.parametrize(
    "body",
    [
        relayed(_RETRY_INFO, 429),
        relayed([_RETRY_INFO], 429),
        relayed(json.dumps([_RETRY_INFO]), 429),
        [_RETRY_INFO],
        relayed({"error": {"message": "slow", "retry_after": 37}}, 429),
        relayed('{"retryAfter": "37"}', 429),
        relayed("slow", 429, headers={"Retry-After": "37s"}),
        relayed("slow", 429, headers={"retry-after-ms": "37000"}),
        {"title": "You are being rate limited", "status": 429, "retry_after": "37 seconds"},
    ],
)
def test_a_wait_in_any_place(body):
    assert replied(body, 429).seconds == 37


RELAYED_401 = relayed("bad key", 401)
_TEXT = json.dumps(RELAYED_401).encode()
WRAPPED = {
    "in another error": {"error": RELAYED_401},
    "in two others": {"error": {"error": RELAYED_401}},
    "in a list": {"error": [RELAYED_401["error"]]},
    "a list of bodies": [RELAYED_401],
    "as text": {"error": json.dumps(RELAYED_401)},
    "a provider's name beside the words": {"error": {"code": 401, "message": "no", "provider_name": "Acme"}},
    "a provider beside the error": {"error": {"code": 401, "message": "no"}, "provider": "Acme"},
    "errors of others beside the words": {
        "error": {"code": 401, "message": "no", "previous_errors": [{"status": 401}]}
    },
    "whose key it was": {"error": {"code": 401, "message": "no", "metadata": {"is_byok": False}}},
    "named in the words": {"error": {"code": 401, "message": "Provider Acme returned error: no"}},
    "a byte order mark": b"\xef\xbb\xbf" + _TEXT,
    "a null byte at the end": _TEXT + b"\n\x00",
    "two objects": _TEXT + b"\n" + _TEXT,
    "junk behind": _TEXT + b"</html>",
    "an event": b"event: error\ndata: " + _TEXT + b"\n\ndata: [DONE]\n\n",
    "comments before": b": OPENROUTER PROCESSING\n\n" + _TEXT,
    "Latin-1": _TEXT.replace(b"bad", b"b\xe4d"),
    "NaN": _TEXT.replace(b"false", b"NaN"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", WRAPPED)
def test_a_providers_error_in_any_wrapping_blames_its_model_alone(name, stream):
    outcome = replied(WRAPPED[name], 401, stream=stream)
    assert (outcome.verdict, outcome.scope, outcome.sure) == (Verdict.TRY_ANOTHER, Scope.MODEL, True)
    assert outcome.reason == "refused_by_provider"


DAILY = {"error": {"code": 429, "message": " Rate limit exceeded: free-models-per-day. "}}


@pytest.mark.parametrize("body", [DAILY, [DAILY], {"error": DAILY}, {"error": [DAILY["error"]]}, b"data: %b\n\n"])
@pytest.mark.parametrize("status", [429, 200])
def test_openrouters_word_on_the_day_in_any_wrapping_shuts_the_gate(body, status):
    if isinstance(body, bytes):
        body %= json.dumps(DAILY).encode()
    assert replied(body, status).gate is Gate.DAY


def test_the_provider_of_a_chunk_is_who_failed():
    chunk = {"provider": "Acme", "error": {"code": 401, "message": "no"}, "choices": []}
    assert judged(200, SSE, event(chunk), stream=True).reason == "refused_by_provider"
    chunk["error"] = DAILY["error"]
    assert judged(200, SSE, event(chunk), stream=True).gate is Gate.DAY


def test_an_error_is_heard_although_the_stream_lacks_its_last_newline():
    outcome = judged(200, SSE, b"data: " + json.dumps(DAILY).encode(), stream=True)
    assert outcome.gate is Gate.DAY


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, {"message": "x", "status": "RESOURCE_EXHAUSTED"}),
        (503, {"message": "x", "status": "UNAVAILABLE"}),
        (429, {"message": "x", "type": "insufficient_quota"}),
        (429, {"message": "x", "status_code": 429}),
        (429, {"message": "x", "code": "429"}),
        (429, {"message": "x", "code": 429.0}),
        (429, {"message": "x", "type": "Too Many Requests"}),
        (404, {"message": "x", "code": "Not Found"}),
        (502, {"message": "x", "code": True}),
        (502, {"message": "x", "code": "brand_new"}),
    ],
)
def test_the_status_of_an_error_inside_a_200(status, error):
    assert replied({"error": error}, 200).status == status


def test_the_status_and_the_words_may_stand_beside_the_error():
    outcome = replied({"statusCode": 429, "error": "Too Many Requests", "message": "slow down"}, 200)
    assert (outcome.status, outcome.message) == (429, "slow down")


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (
            404,
            "All providers have been ignored. To change your default ignored providers, visit: x",
            "providers_excluded",
        ),
        (404, "All providers have been ignored or excluded by your data policy", "privacy_settings"),
        (403, "This model is not available in your country", "region_restricted"),
        (404, "The free period for acme/alpha:free has ended.", "no_longer_free"),
    ],
)
def test_openrouters_other_words(status, message, reason):
    assert replied({"error": {"code": status, "message": message}}, status).reason == reason
    # A provider that says the same, or a text in mid-sentence, teaches nothing.
    assert replied(relayed(message, status), status).lasting is None
    assert replied({"error": {"code": status, "message": f"You said: {message}"}}, status).lasting is None


def test_the_type_of_a_failed_response_may_stand_beside_it():
    failed = {"status": "failed", "error": {"code": "server_error", "message": "no"}}
    data = event({"type": "response.failed", "error_type": "authentication", "response": failed})
    assert judged(200, SSE, data, stream=True, dialect=RESPONSES).reason == "key_refused"


def test_a_response_that_is_incomplete_for_its_context():
    response = {"output": [], "status": "incomplete", "incomplete_details": {"reason": "context_length_exceeded"}}
    assert replied(response, 200, dialect=RESPONSES).reason == "context_exceeded"


def test_a_page_with_a_byte_order_mark():
    assert replied(b"\xef\xbb\xbf<!doctype html>", 503, {"content-type": "text/html"}).reason == "html_page"


@pytest.mark.parametrize("text", ["\u200b", "\ufeff", " \u2060\n", "\u00a0"])
def test_text_that_shows_nothing_is_no_answer(text):
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    assert replied({"choices": [choice]}, 200).reason == "empty_answer"


@pytest.mark.parametrize("error", [{}, "", False, [], {"code": None, "message": None}, {"code": 0, "message": ""}])
def test_an_empty_error_beside_a_good_answer_is_none(error):
    good = {"message": {"content": "Hello"}, "finish_reason": "stop"}
    assert replied({"error": error, "choices": [good | {"error": error}]}, 200).verdict == Verdict.ANSWERED
    message = {"type": "message", "error": error, "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end"}
    assert replied(message, 200, dialect=MESSAGES).verdict == Verdict.ANSWERED


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({"cost": "1e-3"}, 0.001),
        ({"cost": "$0.001"}, 0.001),
        ({"cost": "0.001 USD"}, 0.001),
        ({"cost": "0,001"}, 0.001),
        ({"cost": {"total": 0.5, "prompt": 0.25}}, 0.5),
        ({"cost": {"prompt": 0.25, "completion": "0.5"}}, 0.75),
        ({"total_cost": 0.5}, 0.5),
        ({"cost": 0, "is_byok": "true", "cost_details": {"upstream_inference_cost": "0.5"}}, 0.5),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_prompt_cost": 0.5}}, 0.5),
        ({"cost": True}, None),
        ({"cost": "free"}, None),
        ({"cost": {}}, None),
        ({"cost": 0, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.5}}, 0.0),
    ],
)
def test_a_cost_in_any_form(usage, cost):
    assert cost_of(usage) == cost


@pytest.mark.parametrize(
    "usage",
    [{"cost": "0.5"}, {"cost": -0.5}, {"is_byok": True, "cost": 0, "cost_details": {"upstream_inference_cost": 0.5}}],
)
def test_the_usage_of_a_last_event_that_is_too_long_to_be_kept(usage):
    tail = Tail(RESPONSES)
    response = {"output": "x" * 1_100_000, "usage": usage}
    tail.feed(event({"type": "response.completed", "response": response}))
    assert tail.end().usage == usage
