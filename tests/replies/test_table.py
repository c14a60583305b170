"""The table of errors: what each code, each wording and each flaw means where the status says something else."""

import time

import pytest

from freerouter.replies.evidence import read_evidence
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.table import row_of, row_of_flaw
from freerouter.replies.verdicts import Lasting, Row, Scope, Verdict
from tests.replies.rows import AVAILABILITY, ERROR_TYPES, LIMIT_SOURCES

# A status that has no row of its own: in no voice does it say more than that something was refused.
UNLISTED = 418
OWN, PROVIDER = {"provider_name": None}, {"provider_name": "Acme"}
SEVERAL_ROWS = ("permission_denied", "not_found", "rate_limit_exceeded", "unmapped", "invalid_request", "brand_new")


def row(status: int, message: str = "no", availability=None, **metadata) -> Row:
    error = {"message": message, "metadata": metadata, "availability": availability}
    return row_of(read_evidence(Reading(status, error={"error": error})))


def in_brief(found: Row) -> tuple:
    return found.verdict, found.scope, found.reason, found.lasting, found.sure


@pytest.mark.parametrize("kind", [kind for kind in ERROR_TYPES if kind not in SEVERAL_ROWS])
def test_an_error_type_counts_before_the_status(kind):
    _, *expected = ERROR_TYPES[kind]
    assert in_brief(row(UNLISTED, error_type=kind)) == (*expected, True)


@pytest.mark.parametrize("code", [code for code in AVAILABILITY if not code.startswith("brand_new")])
def test_an_availability_code_counts_before_the_status(code):
    _, _, *expected = AVAILABILITY[code]
    assert in_brief(row(UNLISTED, availability={"code": code, "retryable": False})) == (*expected, True)


@pytest.mark.parametrize("source", [source for source in LIMIT_SOURCES if source != "brand_new"])
def test_a_limit_source_counts_before_the_status(source):
    verdict, scope, reason, gate, _ = LIMIT_SOURCES[source]
    found = row(UNLISTED, limit_source=source)
    assert (in_brief(found), found.gate) == ((verdict, scope, reason, None, True), gate)


EXCLUDERS = {
    "the parameters": (["require_parameters"], "refused_by_model", Lasting.LACKS),
    "where the data may be": (["data_region"], "region_restricted", Lasting.REGION),
    "two with the same row": (["geo", "data_region:eu"], "region_restricted", Lasting.REGION),
    "two with different rows": (["geo", "max_price"], "providers_excluded", Lasting.PROVIDERS),
}


@pytest.mark.parametrize(("names", "reason", "lasting"), EXCLUDERS.values(), ids=EXCLUDERS)
def test_what_removed_the_endpoints_decides_the_row(names, reason, lasting):
    found = row(404, availability={"code": "constraint_filtered", "excluded_by": names})
    assert (found.reason, found.lasting) == (reason, lasting)


ENDED = ("no_longer_free", Lasting.GONE)
GONE = ("gone", Lasting.GONE)
REGION = ("region_restricted", Lasting.REGION)
WORDINGS = {
    "acme/alpha:free is temporarily rate-limited upstream": ("rate_limited_upstream", None),
    "All providers have been ignored. Change your data policy": ("privacy_settings", Lasting.PRIVACY),
    "All providers have been ignored.": ("providers_excluded", Lasting.PROVIDERS),
    "The free period of acme/alpha has ended": ("no_longer_free", Lasting.GONE),
    "The stealth model acme/alpha ended yesterday": ("no_longer_free", Lasting.GONE),
    "The free model has been deprecated. Transition to acme/alpha for continued paid access.": ENDED,
    "acme/alpha:free is no longer available for free.": ENDED,
    "This model has been deprecated. Use acme/beta instead.": GONE,
    "acme/alpha:free has been retired": GONE,
    "The model `acme/alpha:free` does not exist or you do not have access to it.": GONE,
    "Model acme/alpha:free was removed by its provider": GONE,
    "acme/alpha:free is no longer supported": GONE,
    "This model reached end of life": GONE,
    "The model is not available in your country.": REGION,
    "acme/alpha:free is no longer available in your region": REGION,
    "This model is unavailable due to Terms of Service.": REGION,
    "acme/alpha is not a valid model ID": ("gone", Lasting.GONE),
    "logprobs is not supported by this model": ("refused_by_model", Lasting.LACKS),
    "Key limit exceeded (daily limit)": ("budget_exhausted", None),
}


@pytest.mark.parametrize("voice", [OWN, {}], ids=["own", "unknown"])
@pytest.mark.parametrize("words", WORDINGS)
def test_a_wording_counts_before_the_status(words, voice):
    found = row(UNLISTED, words, **voice)
    assert (found.reason, found.lasting, found.sure) == (*WORDINGS[words], True)


@pytest.mark.parametrize("voice", [OWN, {}], ids=["own", "unknown"])
@pytest.mark.parametrize(
    "words",
    [
        "Your account was removed for a breach of the terms of service",
        "tools: this model was deprecated",
        "The parameter `functions` has been deprecated",
        "The messages have been removed",
        "src/main.py does not exist",
        "acme/alpha is deprecated",
        "this model does what the deprecated one did",
        "The model sent an image in your country's format",
        "images/png is not supported",
        "files/abc123 does not exist",
        "uploads/cat.png has been removed",
        "tools/0/function was removed",
        "acme/alpha/beta was removed",
        "The model parameter `functions` is deprecated",
        "The model called a tool that does not exist",
        "The API version is no longer supported",
        "This preview feature is not supported in your region",
    ],
)
def test_other_words_about_an_end_are_not_about_a_model(words, voice):
    assert row(UNLISTED, words, **voice).lasting is None


MODERATION = {
    "reasons": (403, {"reasons": ["violence"]}, True),
    "the input that was flagged": (403, {"flagged_input": "Hello"}, True),
    "reasons for another status": (400, {"reasons": ["violence"]}, False),
    "a refusal": (400, {"error_type": "refusal"}, True),
    "a policy": (400, {"error_type": "content_policy_violation"}, True),
}


@pytest.mark.parametrize("voice", [OWN, PROVIDER, {}], ids=["own", "provider", "unknown"])
@pytest.mark.parametrize(("status", "metadata", "moderated"), MODERATION.values(), ids=MODERATION)
def test_moderation_in_every_voice(status, metadata, moderated, voice):
    assert (row(status, **metadata, **voice).lasting is Lasting.MODERATED) is moderated


@pytest.mark.parametrize("voice", [OWN, {}], ids=["own", "unknown"])
@pytest.mark.parametrize(("status", "reason"), [(403, "forbidden"), (409, "invalid_request")])
def test_patterns_show_a_guardrail_of_the_account_in_a_403_alone(status, reason, voice):
    found = row(status, patterns=["x"], **voice)
    assert (found.reason, found.sure) == (reason, status == 403)


TOO_LONG = "prompt is too long: 9000 tokens > 4096 maximum"


@pytest.mark.parametrize("status", [400, 404, 413, 422])
@pytest.mark.parametrize("fields", [{"message": TOO_LONG}, {"provider_code": "context_length_exceeded"}], ids=str)
def test_these_statuses_may_speak_of_a_request_that_is_too_long(status, fields):
    assert row(status, **fields).lasting is Lasting.TOO_LONG


@pytest.mark.parametrize("status", [401, 405, 414, 423, 500])
def test_no_other_status_speaks_of_a_request_that_is_too_long(status):
    assert row(status, TOO_LONG).lasting is None


FLAWS = {
    **dict.fromkeys(Flaw, (Verdict.TRY_ANOTHER, Scope.MODEL)),
    **dict.fromkeys([Flaw.NOT_SENT, Flaw.STALE], (Verdict.AGAIN, Scope.UPSTREAM)),
    **dict.fromkeys([Flaw.CALLER_TIMEOUT, Flaw.DEADLINE], (Verdict.TRY_ANOTHER, Scope.REQUEST)),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_every_flaw_has_a_row_with_its_name(flaw):
    found = row_of_flaw(flaw, 0)
    assert in_brief(found) == (*FLAWS[flaw], flaw.value, None, True)
    assert found.light is (flaw is Flaw.EMPTY)


# A provider may repeat the prompt in its error, and the event loop waits while it is read.
LONG_WORDS = ("exceed", "input ", "prompt too long file ", "max ", "longer than ", "un-", "not:", "x", "1 ")


@pytest.mark.parametrize("voice", [OWN, PROVIDER, {}], ids=["own", "provider", "unknown"])
@pytest.mark.parametrize("beginning", ["", "a/", "The model "])
@pytest.mark.parametrize("word", LONG_WORDS)
def test_a_prompt_that_is_repeated_is_read_in_little_time(word, beginning, voice):
    words = beginning + word * (40_000 // len(word))
    started = time.process_time()
    row(400, words, raw=words, **voice)
    assert time.process_time() - started < 1
