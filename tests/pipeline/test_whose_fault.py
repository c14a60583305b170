"""Whose fault a failure is: the cases of the field, one model of twelve ill, or all of them, and what others notice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.errors import AllowanceExhaustedError, UpstreamUnavailableError
from freerouter.openrouter.headers import Caller
from freerouter.openrouter.requirements import Need
from freerouter.pipeline.actions import Request
from freerouter.replies.reading import Flaw, Reading
from tests.builders import index_of, row
from tests.walks import ANSWER, HELLO, always, error_reading, models, stage, walk

ACME = {"provider_name": "Acme", "is_byok": False}
ILL = "m/5:free"
ME, OTHER = Caller("me"), Caller("other")
POLICY = error_reading(404, "No endpoints found matching your data policy (Free model publication).")
LIMIT = {"x-ratelimit-limit": "50", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1788268000000"}


def from_provider(status: int, raw: str = "no") -> Reading:
    return error_reading(status, "Provider returned error", metadata=ACME | {"raw": raw})


# What one model of twelve says all the time.
OF_THE_MODEL = {
    **{
        f"a provider's {status}": from_provider(status) for status in (400, 401, 402, 403, 408, 409, 410, 413, 429, 500)
    },
    "its own rate limit": error_reading(429, f"Rate limit exceeded: limit_rpm/{ILL}/free. High demand", LIMIT),
    "not in this region": error_reading(403, "This model is not available in your region."),
    "terms of service": error_reading(
        403, "The request is prohibited due to a violation of provider Terms Of Service."
    ),
    "a dead one that says one second": error_reading(503, "busy", {"retry-after": "1"}, metadata=ACME),
    "an empty answer": Reading(200, flaw=Flaw.EMPTY),
    "a prompt repeated: context": from_provider(400, "you said: maximum context length"),
    "a prompt repeated: unsupported": from_provider(400, "you said: x is not supported by this model"),
}


@pytest.mark.parametrize("case", OF_THE_MODEL)
def test_one_ill_model_of_twelve_costs_no_request(case):
    actor, asked, sends = stage(models(12)), 0, 0
    for number in range(300):
        walked = walk(actor.router, lambda model: OF_THE_MODEL[case] if model == ILL else ANSWER, caller=ME)
        assert walked.answered, walked.error
        asked += walked.sent.count(ILL)
        sends += len(walked.sent)
        actor.advance(1)
        assert number < 100 or sends <= 1.15 * (number + 1)
    assert actor.router.endpoint.allowances.shut("me") is None
    assert actor.router.endpoint.outage.reason == ""


def test_a_dead_model_that_says_one_second_is_asked_seldom():
    actor, asked = stage(models(12)), 0
    dead = OF_THE_MODEL["a dead one that says one second"]
    for _ in range(100):
        asked += walk(actor.router, lambda model: dead if model == ILL else ANSWER).sent.count(ILL)
        actor.advance(2)
    assert 0 < asked <= 8


WISHES = [
    {"only": ["nobody"]},
    {"ignore": ["acme"]},
    {"data_collection": "deny"},
    {"zdr": True},
    {"quantizations": ["x"]},
]
REFUSALS = [
    POLICY,
    error_reading(404, "No allowed providers are available for the selected model."),
    error_reading(404, "No endpoints found for m/5:free."),
    error_reading(404, "No endpoints found that can handle the requested parameters."),
]


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: next(iter(wish)))
@pytest.mark.parametrize("refusal", range(len(REFUSALS)))
def test_a_request_s_own_preferences_are_nobody_else_s_matter(wish, refusal):
    actor = stage(models(12))
    for _ in range(3):
        walked = walk(actor.router, always(REFUSALS[refusal]), HELLO | {"provider": wish}, caller=ME)
        assert len(walked.sent) <= 5
        assert walked.error is not None
    for caller in (ME, OTHER):
        explained = actor.router.explain(Request(HELLO, caller=caller))
        assert len([entry for entry in explained["eligible"] if entry["cooling_s"] is None]) == 12


def test_the_preference_is_named_when_it_is_the_cause():
    walked = walk(stage(models(12)).router, always(REFUSALS[1]), HELLO | {"provider": {"only": ["nobody"]}})
    assert "provider preferences (only)" in walked.error.message


@pytest.mark.parametrize("words", ["maximum context length", "is not supported by this model", "prompt is too long"])
def test_a_prompt_that_is_repeated_teaches_nothing(words):
    actor = stage(models(12))
    walk(actor.router, always(from_provider(400, f'{{"message": "{words}"}}')), caller=ME)
    assert len(actor.router.health.lessons) == 0
    assert all(walk(actor.router, always(ANSWER), caller=caller).answered for caller in (ME, OTHER))


LESSONS = {
    "privacy": POLICY,
    "gone": error_reading(404, "No endpoints found for m/5:free."),
    "region": error_reading(403, "This model is not available in your region."),
    "apps": error_reading(403, "m/5:free is only available on agentic harnesses."),
    "unfit": error_reading(404, "No endpoints found that can handle the requested parameters."),
}


@pytest.mark.parametrize("case", LESSONS)
def test_when_all_are_barred_the_one_barred_longest_ago_is_asked(case):
    actor = stage(models(18))
    order: list[str] = []

    def barring(_model: str) -> Reading:
        actor.advance(0.1)
        return LESSONS[case]

    while len(set(order)) < 18:
        order += walk(actor.router, barring).sent
        assert len(order) < 60
    walked = walk(actor.router, always(ANSWER))
    assert walked.answered
    assert len(walked.sent) == 1
    last = {model: max(place for place, name in enumerate(order) if name == model) for model in order}
    assert walked.sent[0] == min(last, key=lambda model: last[model])
    assert walk(actor.router, always(ANSWER)).sent == walked.sent


@pytest.mark.parametrize("case", LESSONS)
def test_only_one_barred_model_is_asked_for_a_request(case):
    actor = stage(models(4))
    for _ in range(2):
        walk(actor.router, always(LESSONS[case]))
    assert len(walk(actor.router, always(LESSONS[case])).sent) == 1


def test_everything_down_costs_few_sends_and_blames_no_model():
    actor, sends = stage(models(18)), 0
    for _ in range(20):
        sends += len(walk(actor.router, always(error_reading(502, "Bad gateway"))).sent)
        actor.advance(1)
    assert sends <= 25
    assert actor.router.health.cooling == {}
    refused = walk(actor.router, always(ANSWER))
    assert isinstance(refused.error, UpstreamUnavailableError)
    actor.advance(refused.error.retry_after)
    drawn = {walk(actor.router, always(ANSWER)).sent[0] for _ in range(300)}
    assert len(drawn) == 18


def test_the_request_that_meets_the_minute_waits():
    actor = stage(models(12), max_wait=60)
    walked = walk(actor.router, always(error_reading(429, "Rate limit exceeded: free-models-per-min. ")))
    assert (len(walked.sent), walked.wait) == (1, pytest.approx(50))
    impatient = walk(stage(models(12)).router, always(error_reading(429, "Rate limit exceeded: free-models-per-min. ")))
    assert isinstance(impatient.error, AllowanceExhaustedError)


# Pools.

FIELDS = st.frozensets(st.sampled_from(["tools", "seed", "image", "x1", "x2", "x3", "x4"]))
NEEDS = st.builds(Need, FIELDS, FIELDS, st.booleans(), st.integers(0, 2**40))
OFFER = index_of(
    row("a/one:free", parameters=["tools"], max_output=100),
    row("a/two:free", inputs=["image"], parameters=["seed"], max_output=5_000),
    row("a/three:free"),
)


@given(NEEDS)
def test_a_reduced_need_has_the_same_pool(need):
    def names(pool):
        return [[OFFER.models[position].id for position in part] for part in pool.tiers]

    assert names(OFFER.pool(OFFER.reduced(need))) == names(OFFER._make(need))


@given(NEEDS)
def test_a_reduced_need_holds_only_what_the_catalog_tells_apart(need):
    reduced = OFFER.reduced(need)
    assert reduced.soft <= OFFER.alphabet
    assert len(reduced.hard - OFFER.alphabet) <= 1
    assert reduced.output in (0, 100, 5_000, 2**62)
    assert OFFER.reduced(reduced) == reduced


def test_what_callers_write_makes_no_pools_without_end():
    actor = stage(models(6, max_output=4_000))
    for number in range(2_000):
        body = HELLO | {"max_tokens": number + 1, f"field_{number}": 1}
        assert walk(actor.router, always(ANSWER), body).answered
    assert len(actor.router.index()._pools) <= 3


@pytest.mark.parametrize("asked", [1, 100, 9_000])
def test_what_is_asked_for_counts_as_it_is_and_not_as_the_pool_has_it(asked):
    walked = walk(stage(models(3)).router, always(ANSWER), HELLO | {"max_tokens": asked})
    assert walked.answered
    assert walked.trace.requirements.need.output == asked
    assert walked.bodies[0]["max_tokens"] == asked
