"""Evidence: what an error says, wherever it stands in the body, and in which voice."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.openrouter.dialects import CHAT
from freerouter.replies.evidence import Voice, read_evidence
from freerouter.replies.outcome import classify
from freerouter.replies.reading import Flaw, Head, Reading
from tests.replies.rows import NOW

NAMED = {"provider_name": "Acme"}
OWN, PROVIDER, UNKNOWN = Voice.OPENROUTER, Voice.PROVIDER, Voice.UNKNOWN

# body: its words, its voice.
SHAPES = {
    "wrapped": ({"error": {"message": "no"}}, "no", UNKNOWN),
    "text": ({"error": "no"}, "no", UNKNOWN),
    "text of an object": ({"error": json.dumps({"message": "no"})}, "no", UNKNOWN),
    "text of a wrapped object": ({"error": json.dumps({"error": {"message": "no"}})}, "no", UNKNOWN),
    "text of an object with metadata": ({"error": json.dumps({"message": "no", "metadata": NAMED})}, "no", PROVIDER),
    "text that only looks like an object": ({"error": "{no"}, "{no", UNKNOWN),
    "flat": ({"message": "no", "code": 400}, "no", UNKNOWN),
    "flat, relayed": ({"message": "no", "metadata": NAMED}, "no", PROVIDER),
    "flat, own": ({"message": "User not found."}, "User not found.", OWN),
    "detail": ({"detail": "no"}, "no", UNKNOWN),
    "detail as a list": ({"detail": [{"loc": ["body"], "msg": "no"}, {"msg": "nor this"}]}, "no; nor this", UNKNOWN),
    "detail as an object": ({"detail": {"message": "no"}}, "no", UNKNOWN),
    "issues": ({"issues": [{"path": ["messages"], "message": "no"}]}, "no", UNKNOWN),
    "issues in an error": ({"error": {"issues": [{"message": "no"}]}}, "no", UNKNOWN),
    "errors": ({"errors": ["no", {"message": "nor this"}]}, "no; nor this", UNKNOWN),
    "message beside a null error": ({"error": None, "message": "no"}, "no", UNKNOWN),
    "message beside an empty error": ({"error": {}, "message": "no"}, "no", UNKNOWN),
    "message as an object": ({"error": {"message": {"message": "no"}}}, "no", UNKNOWN),
    "error_description": ({"error": "", "error_description": "no"}, "no", UNKNOWN),
    "title": ({"title": "no", "status": 400}, "no", UNKNOWN),
    "raw": ({"error": {"message": "no", "metadata": {"raw": "why"}}}, "no why", PROVIDER),
    "raw as an object": ({"error": {"message": "no", "metadata": {"raw": {"message": "why"}}}}, "no why", PROVIDER),
    "raw as a wrapped object": (
        {"error": {"message": "no", "metadata": {"raw": {"error": {"message": "why"}}}}}, "no why", PROVIDER),
    "raw as a list": ({"error": {"message": "no", "metadata": {"raw": [1]}}}, "no", PROVIDER),
    "error_type at the top": ({"error": {"message": "no"}, "error_type": "authentication"}, "no", OWN),
    "error_type in the error": ({"error": {"message": "no", "error_type": "server"}}, "no", OWN),
    "availability in the metadata": ({"error": {"message": "no", "metadata": {"availability": {"code": "x"}}}},
                                     "no", OWN),
    "limit_source in the error": ({"error": {"message": "no", "limit_source": "x"}}, "no", OWN),
    "wrapped twice": ({"error": {"error": {"message": "no"}}}, "no", UNKNOWN),
    "words before a wrapped error": ({"error": {"message": "no", "error": {"message": "nor this"}}}, "no", UNKNOWN),
    "words beside a number": ({"error": 3, "message": "no"}, "no", UNKNOWN),
    "metadata beside an empty text": ({"error": "", "metadata": NAMED}, "", PROVIDER),
    "a list": ({"error": [{"message": "no"}]}, "no", UNKNOWN),
    "a list of words": ({"error": ["no", "nor this"]}, "no; nor this", UNKNOWN),
    "a list of words and an error": ({"error": ["but", {"message": "no"}]}, "no", UNKNOWN),
    "an empty complaint": ({"detail": [{"msg": "no"}, {"loc": ["body"]}]}, "no", UNKNOWN),
    "raw beside the message": ({"error": {"message": "no", "raw": "why"}}, "no why", PROVIDER),
    "raw in both places": ({"error": {"message": "no", "raw": "oh", "metadata": {"raw": "why"}}}, "no why", PROVIDER),
    "provider_name beside raw": ({"error": {"message": "no", **NAMED, "metadata": {"raw": "why"}}}, "no why", PROVIDER),
    "who served, in the error": ({"error": {"message": "no", "provider": "Acme"}}, "no", PROVIDER),
    "who served, at the top": ({"error": {"message": "no"}, "provider": "Acme"}, "no", PROVIDER),
    "whose key": ({"error": {"message": "no", "metadata": {"is_byok": False}}}, "no", PROVIDER),
    "provider_name empty": ({"error": {"message": "no", "metadata": {"provider_name": ""}}}, "no", UNKNOWN),
    "provider_name null": ({"error": {"message": "no", "metadata": {"provider_name": None}}}, "no", OWN),
    "nothing": ({}, "", UNKNOWN),
}  # fmt: skip


def evidence_of(body, status: int = 400):
    return read_evidence(Reading(status, error=body))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_words_and_the_voice_of_an_error_in_every_shape(shape):
    body, words, voice = SHAPES[shape]
    evidence = evidence_of(body)
    assert (evidence.words, evidence.voice) == (words, voice)


def wrapped(times: int):
    return {"message": "no"} if times == 0 else {"error": wrapped(times - 1)}


def written(times: int):
    return {"message": "no"} if times == 0 else {"error": json.dumps(written(times - 1))}


def test_errors_in_errors_are_read_to_a_limit():
    assert [evidence_of(wrapped(times)).words for times in (5, 6)] == ["no", ""]
    assert [evidence_of(written(times)).words for times in (4, 5)] == ["no", '{"message": "no"}']


STRUCTURED = {
    "objects": ({"metadata": {"raw": {"a": 1}}, "details": [2]}, '{"a":1} [2]'),
    "a text": ({"metadata": {"raw": "why"}, "details": 3}, ""),
}


@pytest.mark.parametrize(("error", "structured"), STRUCTURED.values(), ids=STRUCTURED)
def test_the_objects_beside_the_words(error, structured):
    assert evidence_of({"error": {"message": "no", **error}}).structured == structured


def test_plain_text_keeps_its_words():
    head = Head(CHAT, False, 400, {"content-type": "text/plain"})
    head.feed(b"upstream connect error or disconnect")
    assert read_evidence(head.end()).words == "upstream connect error or disconnect"


def test_a_page_is_no_voice():
    assert read_evidence(Reading(403, flaw=Flaw.HTML)).voice is Voice.PAGE


EXCLUDERS = {
    "text": ("zdr", ("zdr",)),
    "a list": (["geo", "max_price"], ("geo", "max_price")),
    "objects": ([{"constraint": "geo"}, {"name": "max_price", "n": 2}], ("geo", "max_price")),
    "an object without a name": ([{"n": 2}], ("",)),
    "empty": ([], ()),
    "an empty text": ("", ()),
    "null": (None, ()),
    "a number": (3, ()),
}


@pytest.mark.parametrize("place", ["availability", "metadata"])
@pytest.mark.parametrize("spelling", EXCLUDERS)
def test_what_removed_the_endpoints(spelling, place):
    value, expected = EXCLUDERS[spelling]
    error = {"message": "no", place: {"code": "constraint_filtered", "excluded_by": value}}
    assert evidence_of({"error": error}, 404).excluded_by == expected


STATUSES_INSIDE = {
    "code": ({"error": {"code": 429}}, 429),
    "code as digits": ({"error": {"code": "429"}}, 429),
    "http_status": ({"error": {"http_status": 404}}, 404),
    "flat code": ({"message": "no", "code": 429}, 429),
    "flat status": ({"detail": "no", "status": 422}, 422),
    "error_type": ({"error": {"metadata": {"error_type": "authentication"}}}, 401),
    "error_type at the top": ({"error": {"code": "server_error"}, "error_type": "payload_too_large"}, 413),
    "type of Messages": ({"type": "error", "error": {"type": "rate_limit_error"}}, 429),
    "code as a word": ({"error": {"code": "context_length_exceeded"}}, 400),
    "a word in place of the error": ({"error": "rate_limit_exceeded", "message": "no"}, 429),
    "an empty error in an error": ({"error": {"code": 429, "error": {}}}, 429),
    "a code that is true": ({"error": {"code": True}}, 502),
    "an unknown code": ({"error": {"code": "oh"}}, 502),
    "nothing": ({}, 502),
}


@pytest.mark.parametrize("shape", STATUSES_INSIDE)
def test_the_status_of_an_error_inside_a_200(shape):
    body, status = STATUSES_INSIDE[shape]
    assert evidence_of(body, 200).status == status
    assert evidence_of(body, 418).status == 418


NAMES = ("error", "message", "detail", "issues", "errors", "metadata", "raw", "availability", "excluded_by", "headers")
NAMES += ("code", "status", "type", "error_type", "provider_name", "limit_source", "retryable", "retry_after", "msg")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(['{"error":1}']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6), st.sampled_from([0, 200, 400, 403, 429, 500]))
def test_whatever_an_error_holds_it_is_read(body, status):
    evidence = evidence_of(body, status)
    assert isinstance(evidence.words, str)
    assert all(isinstance(name, str) for name in evidence.excluded_by)
    outcome = classify(Reading(status, error=body), NOW)
    assert outcome.seconds is None or 0 < outcome.seconds <= 86_400


@pytest.mark.parametrize("filler", ["a", "1", "a/", "-", " ", "limit_a/", "again in ", '"retryDelay"', "1s", "\\", "{"])
@pytest.mark.parametrize("mark", [{}, NAMED])
def test_a_megabyte_of_words_is_judged_in_no_time(filler, mark):
    words = filler * (1_000_000 // len(filler))
    reading = Reading(400, error={"error": {"message": words, "metadata": {"raw": words, **mark}}})
    started = time.thread_time()
    classify(reading, NOW)
    classify(Reading(409, error={"error": {"message": words}}), NOW)
    assert time.thread_time() - started < 1


@pytest.mark.parametrize("place", ["raw", "details"])
def test_a_wait_that_stands_in_an_object_is_heard(place):
    retry_info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"}
    told = {"error": {"details": [retry_info]}}
    error = {"code": 429, "message": "Provider returned error", "metadata": {"provider_name": "P1"}}
    if place == "raw":
        error["metadata"]["raw"] = told
    else:
        error["details"] = [retry_info]
    assert classify(Reading(429, error={"error": error}), 0.0).seconds == 37


# Inside of a 200, what an error is called says which status it would have had (openrouter-facts.md, section 6).
STATUSES = {
    400: "context_length_exceeded max_tokens_exceeded token_limit_exceeded string_too_long invalid_request "
    "invalid_prompt invalid_image image_too_large image_too_small unsupported_image_format image_not_found "
    "image_download_failed invalid_request_error",
    401: "authentication authentication_error",
    402: "payment_required billing_error",
    403: "permission_denied content_policy_violation refusal permission_error",
    404: "not_found not_found_error",
    408: "timeout",
    412: "precondition_failed",
    413: "payload_too_large request_too_large",
    422: "unprocessable",
    429: "rate_limit_exceeded rate_limit_error",
    500: "server unmapped",
    502: "provider_unavailable",
    503: "provider_overloaded",
    529: "overloaded_error",
}
NAMED_STATUSES = [(name, status) for status, names in STATUSES.items() for name in names.split()]


@pytest.mark.parametrize(("name", "status"), NAMED_STATUSES)
@pytest.mark.parametrize("field", ["error_type", "code", "type"])
def test_inside_of_a_success_the_name_of_an_error_says_its_status(name, status, field):
    assert evidence_of({"error": {"message": "no", field: name}}, 200).status == status
