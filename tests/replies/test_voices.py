"""Voices: each status with each mark of OpenRouter, of a provider, of both and of neither."""

from typing import Any

import pytest

from freerouter.replies.outcome import confirmed
from freerouter.replies.verdicts import Gate, Scope, Verdict
from tests.replies.places import PLAIN, chat_status
from tests.replies.rows import (
    ACCOUNT,
    ANOTHER,
    DAILY,
    DAY_LEFT,
    LIMIT_RPM,
    MINUTE_LEFT,
    MINUTELY,
    OWN_STATUSES,
    OWN_UNSURE,
    PROVIDER_STATUSES,
    REQUEST,
    STOP,
    UNKNOWN_STATUSES,
    Row,
)

PLAIN_WORDS = "It did not work."
# OpenRouter's marks that say whose words they are, and no more.
OWN_MARKS: dict[str, dict[str, Any]] = {
    "provider_name null": {"metadata": {"provider_name": None}},
    "error_type": {"metadata": {"error_type": "brand_new"}},
    "limit_source": {"metadata": {"limit_source": "brand_new"}},
    "availability": {"availability": {"code": "brand_new", "retryable": False}},
}
PROVIDER_MARKS: dict[str, dict[str, Any]] = {
    "provider_name": {"metadata": {"provider_name": "Acme", "is_byok": False}},
    "raw": {"metadata": {"raw": "no"}},
    "raw as an object": {"metadata": {"raw": {"error": {"message": "no"}}}},
    "provider_code": {"metadata": {"provider_code": "no"}},
    "previous_errors": {"metadata": {"previous_errors": [{"provider": "Acme", "code": "no", "status": 400}]}},
    "Provider returned error": {"message": "Provider returned error"},
    "Upstream error from": {"message": "Upstream error from Acme: no"},
    "a model's own limit": {"message": LIMIT_RPM},
}
PLACES = [pytest.param(place, id=place.__name__) for place in PLAIN]


def told(status: int, *marks: dict[str, Any]) -> Row:
    """An error with these marks."""
    metadata, availability, message = {}, {}, PLAIN_WORDS
    for mark in marks:
        metadata |= mark.get("metadata", {})
        availability |= mark.get("availability", {})
        message = mark.get("message", message)
    return Row(status, message, ANOTHER, REQUEST, "", metadata=metadata, availability=availability)


def in_brief(outcome) -> tuple:
    return outcome.verdict, outcome.scope, outcome.reason, outcome.lasting, outcome.gate, outcome.sure


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mark", OWN_MARKS)
@pytest.mark.parametrize("status", OWN_STATUSES)
def test_openrouters_own_voice(status, mark, place):
    outcome = place(told(status, OWN_MARKS[mark]))
    assert in_brief(outcome) == (*OWN_STATUSES[status], None, None, status not in OWN_UNSURE)
    assert outcome.status == status


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mark", PROVIDER_MARKS)
@pytest.mark.parametrize("status", PROVIDER_STATUSES)
def test_a_providers_voice_speaks_of_its_model_alone_whatever_the_status(status, mark, place):
    outcome = place(told(status, PROVIDER_MARKS[mark]))
    assert in_brief(outcome) == (*PROVIDER_STATUSES[status], None, None, True)
    assert outcome.status == status
    assert not outcome.may_be_outage


@pytest.mark.parametrize("own", OWN_MARKS)
@pytest.mark.parametrize("mark", PROVIDER_MARKS)
@pytest.mark.parametrize("status", PROVIDER_STATUSES)
def test_a_providers_mark_counts_before_openrouters(status, mark, own):
    outcome = chat_status(told(status, OWN_MARKS[own], PROVIDER_MARKS[mark]))
    assert in_brief(outcome) == (*PROVIDER_STATUSES[status], None, None, True)


# OpenRouter's words for the account and for what lasts, when a provider says them, or a prompt that it repeats.
LOUD = {
    "day": "Rate limit exceeded: free-models-per-day",
    "minute": "Rate limit exceeded: free-models-per-min",
    "key": "User not found.",
    "credits": "Insufficient credits",
    "gone": "No endpoints found for acme/alpha:free.",
    "privacy": "No endpoints found matching your data policy",
    "no longer free": "This model is unavailable for free.",
    "harness": "acme/alpha:free is only available on agentic harnesses",
    "support": "tools is not supported by this model",
    "region": "This model is not available in your region.",
    "key limit": "Key limit exceeded",
}


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 413, 422, 429, 500, 503])
@pytest.mark.parametrize("words", LOUD)
def test_what_a_provider_says_in_openrouters_words_teaches_nothing(words, status):
    raw = {"metadata": {"raw": LOUD[words], "provider_name": "Acme"}}
    for mark in (raw, raw | {"message": "Provider returned error"}, raw | {"message": LOUD[words]}):
        assert in_brief(chat_status(told(status, mark))) == (*PROVIDER_STATUSES[status], None, None, True)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 409, 422])
@pytest.mark.parametrize("words", [name for name in LOUD if name != "support"])
def test_words_of_openrouters_in_the_middle_of_others_are_not_its_own(words, status):
    outcome = chat_status(told(status, {"message": f"The prompt '{LOUD[words]}' is odd"}))
    assert in_brief(outcome) == (*UNKNOWN_STATUSES[status], None, None, False)


@pytest.mark.parametrize("kind", ["context_length_exceeded", "token_limit_exceeded"])
@pytest.mark.parametrize("mark", PROVIDER_MARKS)
def test_a_context_overflow_by_its_error_type_counts_in_a_providers_voice_too_for_this_request(mark, kind):
    outcome = chat_status(told(400, {"metadata": {"error_type": kind}}, PROVIDER_MARKS[mark]))
    assert (outcome.verdict, outcome.scope, outcome.reason, outcome.lasting) == (
        ANOTHER, REQUEST, "context_exceeded", "too_long")  # fmt: skip


WORDINGS = (
    "This model's maximum context length is 4096 tokens",
    "prompt is too long: 9000 tokens > 4096 maximum",
    "The input token count (9000) exceeds the maximum number of tokens allowed (4096)",
    "the request exceeds the available context size, try increasing it",
    "input length and `max_tokens` exceed context limit: 8684 + 1000 > 4096",
    "Prompt exceeds max length",
    "context window exceeded",
    "This model's maximum prompt length is 4096",
    "The request exceeds 4096 input tokens",
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("words", WORDINGS)
@pytest.mark.parametrize("voice", ["provider", "unknown", "openrouter"])
def test_every_wording_of_a_context_overflow_in_every_voice(voice, words, place):
    marks = {
        "provider": {"message": "Provider returned error", "metadata": {"raw": words}},
        "unknown": {"message": words},
        "openrouter": {"message": words, "metadata": {"error_type": "context_length_exceeded"}},
    }
    outcome = place(told(400, marks[voice]))
    lasting = "context" if voice == "openrouter" else "too_long"
    assert (outcome.verdict, outcome.scope, outcome.lasting) == (ANOTHER, REQUEST, lasting)


# A second opinion.

PAIRS = {
    "ids": ("conflict in req_8f2a91bc77d0", "conflict in req_11aa22bb33cc", True),
    "ids of letters and digits": ("request req_011CSHoEeqs5C35K2UUqR7Fy", "request req_011CSXxYzab9K27J1VVrQ8Gz", True),
    "ids with dashes": ("gen-1750000000-aBcDeFgH0 failed", "gen-1750000001-zYxWvU9 failed", True),
    "models": ("acme/alpha:free said no", "beta/gamma-7b:free said no", True),
    "numbers": ("wait 17 or 3.5 of 9", "wait 4 or 1.25 of 8", True),
    "a URL": ("see https://x.ai/a/1", "see https://x.ai/b/2", True),
    "other words": ("conflict", "no conflict", False),
    "nothing": ("", "", True),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_failures_are_alike_by_their_words_without_ids_and_numbers(pair):
    one, other, alike = PAIRS[pair]
    first, second = (chat_status(told(409, {"message": words})) for words in (one, other))
    assert (first.alike == second.alike) is alike
    assert first.alike


def test_failures_with_different_statuses_are_not_alike():
    assert chat_status(told(409)).alike != chat_status(told(418)).alike


@pytest.mark.parametrize("status", [status for status in UNKNOWN_STATUSES if status >= 500])
def test_servers_errors_in_no_providers_voice_are_alike(status):
    assert {chat_status(told(status, mark)).alike for mark in ({}, *OWN_MARKS.values())} == {"5xx"}


@pytest.mark.parametrize("status", [s for s in UNKNOWN_STATUSES if 400 <= s < 500 and s not in (408, 429)])
def test_what_a_second_model_confirms_stops_with_its_status_and_words(status):
    outcome = confirmed(chat_status(told(status)))
    assert (outcome.verdict, outcome.status, outcome.message) == (Verdict.STOP, status, PLAIN_WORDS)
    assert (outcome.sure, outcome.gate, outcome.may_be_outage) == (True, None, False)


@pytest.mark.parametrize(
    ("headers", "gate", "seconds"),
    [(DAILY, Gate.DAY, DAY_LEFT), (MINUTELY, Gate.MINUTE, MINUTE_LEFT), ({}, None, None)],
    ids=["day", "minute", "none"],
)
def test_a_limit_that_a_second_model_confirms_is_the_accounts(headers, gate, seconds):
    row = Row(429, "Too many", STOP, ACCOUNT, "", headers=headers)
    outcome = confirmed(chat_status(row))
    assert (outcome.verdict, outcome.scope, outcome.gate) == (Verdict.STOP, Scope.ACCOUNT, gate)
    assert outcome.seconds == pytest.approx(seconds)
