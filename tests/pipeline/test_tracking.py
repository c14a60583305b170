"""The story of a request: its headers, its JSON, its log lines; never a key, never a message's content."""

import json
import logging

import pytest

from freerouter.openrouter.tokens import Bounds, ShortPrompt
from freerouter.pipeline.tracking import Attempt, Trace
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Scope, Verdict
from tests.builders import required

CANARY = "sk-or-canary"
ANSWERED = Outcome(Verdict.ANSWERED, Scope.REQUEST, "answered")
LIMITED = Outcome(
    Verdict.TRY_ANOTHER,
    Scope.MODEL,
    "rate_limited_upstream",
    429,
    message=f"you said {CANARY}",
    body={"error": {"message": CANARY}},
)
SILENT = Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, "broken", 0)


def told():
    """A trace of two attempts, the second of which was answered."""
    trace = Trace(requirements=required("text", soft=("seed",)), free=18, eligible=7)
    trace.note(Attempt("acme/alpha:free", LIMITED, 0.0004, 0.25, 28.7654))
    trace.note(Attempt("acme/beta:free", ANSWERED, 0.26, 1.5))
    trace.model, trace.given_up, trace.ending = "acme/beta:free", ["seed"], "finished"
    return trace


def test_headers_tell_the_model_the_attempts_and_the_trace():
    trace = told()
    assert trace.headers() == {
        "x-freerouter-model": "acme/beta:free",
        "x-freerouter-attempts": "2",
        "x-freerouter-trace": trace.id,
    }


def test_without_an_answer_no_model_is_named():
    assert Trace().headers().keys() == {"x-freerouter-attempts", "x-freerouter-trace"}


def test_ids_are_unique_and_fit_into_a_header():
    ids = [Trace().id for _ in range(1_000)]
    assert len(set(ids)) == 1_000
    assert all(identity.isascii() and identity.replace("-", "").isalnum() for identity in ids)
    assert (trace := Trace()).id == trace.id


def test_the_whole_story_as_json():
    trace = told()
    assert json.loads(json.dumps(trace.as_dict())) == {
        "id": trace.id,
        "requirements": {
            "hard": {"text": "somewhere"},
            "soft": ["seed"],
            "require_parameters": False,
            "prompt_tokens": 10,
            "prompt_tokens_least": 10,
            "output_tokens": 0,
            "stream": False,
        },
        "free": 18,
        "eligible": 7,
        "prefer": "uniform",
        "conversation": "",
        "skipped": [],
        "attempts": [
            {
                "model": "acme/alpha:free",
                "status": 429,
                "verdict": "try_another",
                "scope": "model",
                "reason": "rate_limited_upstream",
                "started_ms": 0.4,
                "duration_ms": 250.0,
                "cooldown_s": 28.8,
            },
            {
                "model": "acme/beta:free",
                "status": 200,
                "verdict": "answered",
                "scope": "request",
                "reason": "answered",
                "started_ms": 260.0,
                "duration_ms": 1500.0,
                "cooldown_s": None,
            },
        ],
        "model": "acme/beta:free",
        "given_up": ["seed"],
        "second_opinion": None,
        "cost": None,
        "ending": "finished",
    }


def test_a_request_that_could_not_be_analysed_has_a_story_too():
    assert Trace().as_dict()["requirements"] is None
    assert str(Trace()) == "0 of 0 free models eligible"


def test_the_story_in_words():
    assert str(told()).splitlines() == [
        "7 of 18 free models eligible",
        "acme/alpha:free: 429 rate_limited_upstream after 0.25 s",
        "acme/beta:free: 200 answered after 1.50 s",
    ]
    assert str(Attempt("acme/alpha:free", SILENT, 0, 2)) == "acme/alpha:free: no reply broken after 2.00 s"


@pytest.mark.parametrize(("level", "lines"), [(logging.INFO, 2), (logging.WARNING, 0)])
def test_each_attempt_is_one_line_of_the_log_at_info(caplog, level, lines):
    with caplog.at_level(level, "freerouter"):
        trace = told()
    assert (
        caplog.messages
        == [
            f"attempt 1 of {trace.id}: acme/alpha:free: 429 rate_limited_upstream after 0.25 s",
            f"attempt 2 of {trace.id}: acme/beta:free: 200 answered after 1.50 s",
        ][:lines]
    )


def test_what_upstream_said_is_in_none_of_it(caplog):
    with caplog.at_level(logging.DEBUG, "freerouter"):
        trace = told()
    assert CANARY not in caplog.text + str(trace) + json.dumps(trace.as_dict()) + str(trace.headers())


@pytest.mark.parametrize("barred", ["acme/alpha:free", "the account"])
def test_an_answer_that_cost_money_is_an_error_in_the_log(caplog, barred):
    trace = Trace()
    trace.alarm("acme/alpha:free", 0.02, barred)
    assert trace.cost == trace.as_dict()["cost"] == 0.02
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.messages == [f"ALARM: acme/alpha:free cost $0.02 in {trace.id}; {barred} is not used again"]


def test_what_is_kept_holds_no_prompt_and_nothing_that_upstream_said():
    trace = told()
    prompt = ShortPrompt(f'{{"messages": "{CANARY}"}}'.encode())
    trace.requirements = trace.requirements._replace(tokens=prompt)
    trace.strip()
    limited, answered = trace.attempts
    assert CANARY not in repr((limited.outcome, answered.outcome))
    assert answered.outcome is ANSWERED
    assert trace.requirements.tokens == Bounds(0, prompt.ceiling)
    assert [str(attempt) for attempt in trace.attempts] == [str(attempt) for attempt in told().attempts]


def test_what_was_counted_of_a_prompt_is_kept():
    counted = ShortPrompt(b'{"messages": "one two three"}')
    bounds = Bounds(counted.least, counted.most)
    assert type(counted.bare()) is Bounds
    assert counted.bare() == bounds.bare() == bounds


def test_a_trace_without_requirements_can_be_kept():
    trace = Trace()
    trace.strip()
    assert trace.requirements is None
