"""The table of openrouter-facts.md section 6, row by row, in each of the places where an error can stand."""

import json
from itertools import pairwise

import pytest

from freerouter.openrouter.dialects import MESSAGES
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Scope, Verdict
from tests.replies.places import MASKED, PLAIN, can_tell, judged
from tests.replies.rows import (
    ACCOUNT,
    ANOTHER,
    AVAILABILITY,
    ERROR_TYPES,
    LIMIT_SOURCES,
    MODEL,
    REQUEST,
    SECTION_6,
    STOP,
    UNKNOWN_STATUSES,
    UPSTREAM,
    Row,
    typed,
)
from tests.replies.shapes import JSON, SSE


def in_brief(outcome: Outcome) -> tuple:
    return outcome.verdict, outcome.scope, outcome.reason, outcome.lasting


CASES = [
    pytest.param(row, place, id=f"{name}-{place.__name__}")
    for name, row in SECTION_6.items()
    for place in (*PLAIN, *MASKED)
    if can_tell(place, row)
]


@pytest.mark.parametrize(("row", "place"), CASES)
def test_section_6_row_by_row(row, place):
    outcome = place(row)
    assert in_brief(outcome) == (row.verdict, row.scope, row.reason, row.lasting)
    assert (outcome.lacks, outcome.gate, outcome.sure) == (row.lacks, row.gate, row.sure)
    assert outcome.seconds == pytest.approx(row.seconds)
    if place in PLAIN:
        assert outcome.status == row.status
        assert outcome.message.startswith(row.message.strip())


@pytest.mark.parametrize("place", PLAIN)
@pytest.mark.parametrize("code", AVAILABILITY)
def test_every_availability_code(code, place):
    status, retryable, *expected = AVAILABILITY[code]
    availability = {"code": code, "retryable": retryable, "retry_after": 9, "requested_models": ["acme/alpha:free"]}
    row = Row(status, "Something about availability.", *expected[:3], availability=availability)
    outcome = place(row)
    assert in_brief(outcome) == tuple(expected)
    assert (outcome.status, outcome.seconds) == (status, 9)


@pytest.mark.parametrize("place", PLAIN)
@pytest.mark.parametrize("kind", ERROR_TYPES)
def test_every_error_type(kind, place):
    status, *expected = ERROR_TYPES[kind]
    outcome = place(Row(status, "Something went wrong.", *expected[:3], metadata=typed(kind)))
    assert in_brief(outcome) == tuple(expected)
    assert outcome.status == status


@pytest.mark.parametrize("kind", ERROR_TYPES)
def test_an_error_type_may_stand_in_the_error_itself(kind):
    status, *expected = ERROR_TYPES[kind]
    error = {"message": "Something went wrong.", "http_status": status, "error_type": kind}
    assert in_brief(judged(status, JSON, json.dumps({"error": error}).encode())) == tuple(expected)


@pytest.mark.parametrize("place", PLAIN)
@pytest.mark.parametrize("source", LIMIT_SOURCES)
def test_every_limit_source(source, place):
    verdict, scope, reason, gate, seconds = LIMIT_SOURCES[source]
    outcome = place(Row(429, "Too much.", verdict, scope, reason, metadata=typed("x", limit_source=source)))
    assert in_brief(outcome) == (verdict, scope, reason, None)
    assert outcome.gate == gate
    assert outcome.seconds == pytest.approx(seconds)


@pytest.mark.parametrize("place", PLAIN)
@pytest.mark.parametrize("status", UNKNOWN_STATUSES)
def test_every_status(status, place):
    outcome = place(Row(status, "It did not work.", *UNKNOWN_STATUSES[status]))
    assert in_brief(outcome) == (*UNKNOWN_STATUSES[status], None)
    assert outcome.status == status
    assert outcome.sure is (status == 408 or not 400 <= status < 500)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"no"', b"{}", b"nonsense", b'{"error":'])
@pytest.mark.parametrize("status", UNKNOWN_STATUSES)
def test_a_status_counts_whatever_the_body_is(status, body):
    assert in_brief(judged(status, JSON, body)) == (*UNKNOWN_STATUSES[status], None)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503, 504])
def test_a_page_in_html_is_no_voice_and_three_statuses_show_that_something_stands_in_the_way(status, stream):
    outcome = judged(status, {"content-type": "text/html"}, b"\n<!DOCTYPE html><html></html>", stream=stream)
    blocks = status in (401, 403, 503)
    assert in_brief(outcome) == (ANOTHER, UPSTREAM if blocks else MODEL, "html_page", None)
    assert (outcome.status, outcome.sure, outcome.may_be_outage) == (status, not blocks, True)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_one_though_a_page_comes_with_it(status):
    outcome = judged(status, {"content-type": "text/html"}, b"<html>moved</html>")
    assert in_brief(outcome) == (*UNKNOWN_STATUSES[status], None)


# Each row speaks for one thing, in the order in which they count; a row is given with all those after it.
WORDS = [
    ("availability", {"availability": {"code": "model_deprecated", "retryable": False}}, (ANOTHER, MODEL, "gone")),
    ("error_type", {"metadata": {"error_type": "timeout"}}, (ANOTHER, MODEL, "timeout")),
    ("limit_source", {"metadata": {"limit_source": "openrouter_key_limit"}}, (STOP, ACCOUNT, "budget_exhausted")),
    ("message", {"message": "Reasoning is mandatory"}, (ANOTHER, REQUEST, "reasoning_mandatory")),
    ("retryable", {"availability": {"code": "brand_new", "retryable": True}}, (ANOTHER, MODEL, "unavailable")),
    ("status", {"metadata": {"provider_name": None}}, (STOP, ACCOUNT, "payment_required")),
]


def merged(*parts: dict) -> dict:
    """The fields together; of two, the earlier one stands, and metadata is put together."""
    result: dict = {}
    for part in parts:
        for name, value in part.items():
            result[name] = {**value, **result.get(name, {})} if name == "metadata" else result.get(name, value)
    return result


@pytest.mark.parametrize("first", range(len(WORDS)), ids=[name for name, _, _ in WORDS])
def test_what_counts_before_what(first):
    error = merged(*(fields for _, fields, _ in WORDS[first:]))
    outcome = judged(402, JSON, json.dumps({"error": {"code": 402, **error}}).encode())
    assert in_brief(outcome)[:3] == WORDS[first][2]


def test_each_word_means_something_else_than_the_next():
    assert all(earlier[2] != later[2] for earlier, later in pairwise(WORDS))


SHAPES = {
    "error is text": ({"error": "Provider returned error"}, 502),
    "error is text of a known kind": ({"error": "No endpoints found for a/b:free."}, 502),
    "no code": ({"error": {"message": "no"}}, 502),
    "code is null": ({"error": {"code": None, "message": "no"}}, 502),
    "code is a word": ({"error": {"code": "rate_limit_exceeded", "message": "no"}}, 429),
    "code is an unknown word": ({"error": {"code": "oh_no", "message": "no"}}, 502),
    "code is digits": ({"error": {"code": "429", "message": "no"}}, 429),
    "code is no status": ({"error": {"code": 42, "message": "no"}}, 502),
    "code is a success": ({"error": {"code": 200, "message": "no"}}, 502),
    "code is far off": ({"error": {"code": 10**30, "message": "no"}}, 502),
    "http_status": ({"error": {"http_status": 503, "message": "no"}}, 503),
    "code before http_status": ({"error": {"code": 429, "http_status": 503}}, 429),
    "no message": ({"error": {"code": 429}}, 429),
    "message is no text": ({"error": {"code": 429, "message": {"no": 1}}}, 429),
    "metadata is no object": ({"error": {"code": 429, "metadata": "none"}}, 429),
    "availability is no object": ({"error": {"code": 429, "availability": [1]}}, 429),
    "a list of errors": ({"error": [{"message": "no"}]}, 502),
    "a choice's error": ({"choices": [{"finish_reason": "error", "error": {"code": 429, "message": "no"}}]}, 429),
    "finish_reason alone": ({"choices": [{"finish_reason": "error", "message": {"content": ""}}]}, 502),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_errors_inside_a_200_are_read_leniently(shape):
    body, status = SHAPES[shape]
    outcome = judged(200, JSON, json.dumps(body).encode())
    assert (outcome.verdict, outcome.scope, outcome.status) == (ANOTHER, MODEL, status)


def test_the_status_of_the_reply_counts_before_the_code_in_its_body():
    assert judged(503, JSON, b'{"error":{"code":401}}').reason == "overloaded"


MESSAGES_ERRORS = {
    "rate_limit_exceeded": (429, Verdict.TRY_ANOTHER, Scope.MODEL),
    "context_length_exceeded": (400, Verdict.TRY_ANOTHER, Scope.REQUEST),
    "authentication": (401, Verdict.STOP, Scope.ACCOUNT),
}


@pytest.mark.parametrize("kind", MESSAGES_ERRORS)
def test_errors_in_the_form_of_messages(kind):
    status, verdict, scope = MESSAGES_ERRORS[kind]
    body = {"type": "error", "error": {"type": "api_error", "message": "no", "error_type": kind}}
    outcome = judged(status, JSON, json.dumps(body).encode(), dialect=MESSAGES)
    assert (outcome.verdict, outcome.scope) == (verdict, scope)
    event = b"event: error\ndata: " + json.dumps(body).encode() + b"\n\n"
    assert judged(200, SSE, event, stream=True, dialect=MESSAGES).verdict is (
        Verdict.TRY_ANOTHER if kind == "rate_limit_exceeded" else verdict
    )


@pytest.mark.parametrize(
    ("fields", "headers", "seconds"),
    [
        ({}, {"retry-after": "12"}, 12),
        ({}, {"retry-after": "Tue, 01 Sep 2026 12:00:40 GMT"}, 30),
        ({}, {"retry-after": "Tue, 01 Sep 2026 11:00:00 GMT"}, None),
        ({"retry_after": 3}, {}, 3),
        ({"metadata": {"retry_after_seconds": 4}}, {}, 4),
        ({"availability": {"retry_after": 5}}, {}, 5),
        ({"metadata": {"headers": {"Retry-After": "6"}}}, {}, 6),
        ({"metadata": {"headers": {"Retry-After": "6"}}}, {"retry-after": "7"}, 7),
        ({"retry_after": 3}, {"retry-after": "12"}, 12),
        ({"retry_after": 10**9}, {}, 3600),
        ({"retry_after": -1}, {}, None),
        ({"retry_after": True}, {}, None),
        ({"retry_after": "soon"}, {"retry-after": "later"}, None),
        ({"retry_after": [1]}, {"retry-after": "nan"}, None),
    ],
)
def test_how_long_a_reply_asks_to_be_left_alone(fields, headers, seconds):
    body = json.dumps({"error": {"code": 503, "message": "no", **fields}}).encode()
    assert judged(503, JSON | headers, body).seconds == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("text", ["free-models-per-day", "free-models-per-min"])
def test_a_provider_that_repeats_the_prompt_closes_no_gate(text):
    raw = f"cannot parse: Rate limit exceeded: {text}"
    error = {"code": 400, "message": "Provider returned error", "metadata": {"raw": raw}}
    outcome = judged(400, JSON, json.dumps({"error": error}).encode())
    assert (outcome.gate, outcome.scope) == (None, REQUEST)
