"""What is remembered of a failure beyond its request: for which need, for whom, how long, and what of it is shown."""

import logging
import threading
import time

import pytest

from freerouter import AttemptsFailedError, FreeRouter, Settings
from freerouter.network.catalog_source import CatalogSource
from freerouter.network.refresh import Refresh
from freerouter.openrouter.headers import Caller
from freerouter.pipeline.actions import Request
from freerouter.replies.ending import StreamEnd
from freerouter.replies.reading import Flaw, Reading
from tests.builders import Clock, catalog_of, row
from tests.replies.rows import HINT, SECTION_6, Row
from tests.stage import KEY, until
from tests.walks import (
    ANSWER,
    HELLO,
    always,
    emulated_router,
    error_reading,
    models,
    once,
    play,
    sent_to,
    stage,
    struck,
    sync_client,
    walk,
)

HOUR = 3_600
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
ACME = {"provider_name": "Acme"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}


def asking(*parts, **fields):
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, *parts]}], **fields}


# The row of section 6, a request that has the need, and how explain puts it.
LACKS = {
    "404 tools": (asking(tools=[TOOL]), "lacks tools, by its own answer"),
    "404 tool_choice": (asking(tools=[TOOL], tool_choice="required"), "lacks tool_choice, by its own answer"),
    "404 image": (asking(IMAGE), "lacks image, by its own answer"),
    "404 audio": (asking(AUDIO), "lacks audio, by its own answer"),
    "400 reasoning": (asking(reasoning={"enabled": False}), "reasoning is mandatory, by its own answer"),
    "404 parameters": (asking(seed=1), "refused such a request within the last hour"),
    "400 parameter": (asking(logprobs=True), "refused such a request within the last hour"),
}
ABLE = {"inputs": ("image", "audio"), "parameters": ("tools", "tool_choice", "seed", "logprobs")}


def reading(case: Row) -> Reading:
    return error_reading(
        case.status, case.message, case.headers, metadata=case.metadata, availability=case.availability
    )


def reached(actor, body, walks: int = 60, **request) -> set[str]:
    """The models that such a request is drawn to, when all of them answer."""
    return {model for _ in range(walks) for model in walk(actor.router, always(ANSWER), body, **request).sent}


def explained(actor, body, **request) -> dict[str, list[str]]:
    """The models that explain leaves out, with its reasons."""
    explanation = actor.router.explain(Request(body, **request))
    assert all(row["probability"] > 0 for row in explanation["eligible"])
    return {row["id"]: row["reasons"] for row in explanation["ineligible"]}


@pytest.mark.parametrize("case", LACKS)
def test_a_lack_is_remembered_for_the_need_and_for_an_hour(case):
    body, reason = LACKS[case]
    actor = stage(models(4, **ABLE))
    walked = walk(actor.router, once(reading(SECTION_6[case])), body)
    first, second = walked.sent
    assert walked.answered
    others = {"m/0:free", "m/1:free", "m/2:free", "m/3:free"} - {first}
    assert second in others
    assert (reached(actor, body), explained(actor, body)) == (others, {first: [reason]})
    assert (reached(actor, HELLO), explained(actor, HELLO)) == ({first, *others}, {})
    actor.advance(HOUR - 1)
    assert reached(actor, body) == others
    actor.advance(2)
    assert (reached(actor, body), explained(actor, body)) == ({first, *others}, {})


def test_a_context_holds_for_what_is_certainly_as_long():
    """What the first request took was estimated: only one whose least is as much is too long for sure."""
    actor = stage(models(4))
    walked = walk(actor.router, once(reading(SECTION_6["400 context"])), asking(max_tokens=9_000))
    first, most = walked.sent[0], walked.trace.requirements.context
    longer = asking(max_tokens=most)
    assert explained(actor, longer) == {first: [f"context is less than {most}, by its own answer"]}
    assert first not in reached(actor, longer)
    assert explained(actor, HELLO) == {}
    actor.advance(HOUR + 1)
    assert first in reached(actor, longer)


def test_a_context_teaches_nothing_where_a_preference_may_be_the_cause():
    actor = stage(models(4))
    body = asking(max_tokens=9_000, provider={"only": ["acme"]})
    assert walk(actor.router, once(reading(SECTION_6["400 context"])), body).answered
    assert len(actor.router.health.lessons) == 0


@pytest.mark.parametrize("case", ["400 of the provider", "403 moderation"])
def test_what_is_wrong_with_one_text_is_not_remembered(case):
    actor = stage(models(3))
    assert len(walk(actor.router, once(reading(SECTION_6[case]))).sent) == 2
    assert len(reached(actor, HELLO)) == 3
    assert explained(actor, HELLO) == {}


def test_a_moderator_s_word_holds_for_the_moderated_models_of_the_request():
    rows = [row(f"m/{n}:free", moderated=n < 4) for n in range(5)]
    actor = stage(catalog_of(*rows), max_attempts=5)
    flagged = reading(SECTION_6["403 moderation"])
    for _ in range(20):
        walked = walk(actor.router, always(flagged))
        assert len([model for model in walked.sent if model != "m/4:free"]) <= 1
        assert isinstance(walked.error, AttemptsFailedError)


# What a model says of a prompt, from 95 to 250 tokens by our count, and the contexts asked after the largest one.
TOO_LONG = {
    "no number": ("the context window is exceeded", {300, 400, 500}),
    "our count": ("prompt is too long: 150 tokens > 100 maximum", {300, 400, 500}),
    "more than our count": ("prompt is too long: 350 tokens > 100 maximum", {400, 500}),
    "more than any context": ("you requested 1,234 tokens, the maximum context length is 600 tokens", set()),
    "an id": ("input is too long (req-99999999, x99999999, 2026-09-01)", {300, 400, 500}),
}


@pytest.mark.parametrize("case", TOO_LONG)
@pytest.mark.parametrize("voice", ["own", "provider"])
def test_after_a_context_that_was_too_small_larger_ones_follow_then_those_that_surely_have_room(case, voice):
    words, smaller = TOO_LONG[case]
    own = error_reading(400, words, metadata={"error_type": "context_length_exceeded"})
    relayed = error_reading(400, "Provider returned error", metadata={"provider_name": "Acme", "raw": words})
    actor = stage(catalog_of(*(row(f"m/{n}:free", context=n * 100) for n in range(1, 7))), max_attempts=10)
    asked = set()
    for _ in range(30):
        actor.advance(HOUR + 1)
        walked = walk(actor.router, always(own if voice == "own" else relayed), prompt("word " * 100))
        contexts = [int(model[2:3]) * 100 for model in walked.sent]
        climb = contexts.index(600) + 1
        assert contexts[:climb] == sorted(contexts[:climb])
        assert set(contexts[climb:]) == smaller - set(contexts[:climb])
        assert len(set(contexts)) == len(contexts)
        asked.update(contexts)
    assert {300, 400, 500, 600} <= asked


def prompt(text, *parts):
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}]}


@pytest.mark.parametrize("way", ["not certain by our count", "an image"])
def test_smaller_ones_do_not_follow_where_our_count_is_not_certain(way):
    least = 200 if way == "an image" else 1
    rows = [row(f"m/{n}:free", context=n * 1_000, inputs=("image",)) for n in range(least, least + 6)]
    actor = stage(catalog_of(*rows))
    body = prompt("word", IMAGE) if way == "an image" else prompt("word " * 3_000)
    for _ in range(30):
        actor.advance(HOUR + 1)
        asked = walk(actor.router, always(error_reading(400, "prompt is too long", metadata=ACME)), body).sent
        assert asked == sorted(asked)


@pytest.mark.parametrize("draws", [True, False])
def test_a_model_that_is_wrong_about_its_large_context_costs_one_send(draws):
    actor = stage(catalog_of(*(row(f"m/{n}:free", context=1_000 * n) for n in range(1, 7))))
    named = {} if draws else {"models": ["m/6:free", "m/2:free", "m/3:free"]}
    wrong = error_reading(400, "prompt is too long", metadata=ACME)
    for n in range(30):
        body = prompt(f"Hello {n}") | named
        walked = walk(actor.router, lambda model: wrong if model == "m/6:free" else ANSWER, body)
        assert walked.answered
        assert len(walked.sent) <= 2
        assert draws or walked.sent[-1] == "m/2:free"


def test_a_model_that_says_too_long_of_two_short_prompts_in_a_row_has_a_cooldown():
    actor = stage(catalog_of(row("m/0:free"), row("m/1:free", context=100)))
    too_long = error_reading(400, "prompt is too long", metadata=ACME)
    for number in range(20):
        walk(actor.router, lambda model: too_long if model == "m/1:free" else ANSWER, prompt("word " * (100 + number)))
    assert not actor.router.cooling()  # our count does not rule out that these are too long for it
    said = [walk(actor.router, always(too_long), prompt("word")).trace.attempts for _ in range(2)]
    assert [attempt.cooldown for attempts in said for attempt in attempts] == [None] * 4
    again = walk(actor.router, always(too_long), prompt("words")).trace.attempts
    assert all(attempt.cooldown for attempt in again)


def test_among_the_largest_equal_ones_are_asked():
    actor = stage(models(3))
    walked = walk(actor.router, always(reading(SECTION_6["400 context"])))
    assert sorted(walked.sent) == ["m/0:free", "m/1:free", "m/2:free"]


@pytest.mark.parametrize("case", ["404 no endpoints", "404 free no longer"])
def test_what_is_gone_is_dropped_at_once_for_everybody(case):
    actor = stage(models(3))
    gone, other = walk(actor.router, once(reading(SECTION_6[case]))).sent
    for request in ({}, {"caller": Caller("another", "app")}):
        assert gone not in reached(actor, asking(temperature=0), **request)
        assert explained(actor, HELLO, **request) == {gone: ["gone, by its own answer"]}
    actor.advance(HOUR + 1)
    assert {gone, other} <= reached(actor, HELLO)


def test_the_paid_model_of_a_hint_is_never_asked():
    paid = row("acme/alpha")
    paid["pricing"] = {"prompt": "1", "completion": "1"}
    actor = stage(catalog_of(paid, row("acme/alpha:free"), row("acme/beta:free")))
    walked = walk(actor.router, always(error_reading(404, HINT)))
    assert sorted(walked.sent) == ["acme/alpha:free", "acme/beta:free"]
    assert isinstance(walked.error, AttemptsFailedError)
    assert {body["model"] for body in walked.bodies} == {"acme/alpha:free", "acme/beta:free"}
    (last_resort,) = walk(actor.router, always(ANSWER)).sent
    assert last_resort != "acme/alpha"


def test_what_is_gone_refreshes_the_catalog_once_in_the_background(emulator, upstream):
    settings = Settings(upstream=upstream, api_key=KEY, seed=1, requests_per_minute=10**6)
    with FreeRouter(settings=settings) as client:
        assert play(client, stream=False).error is None
        before = client.router.catalog
        emulator.faults = struck("no_endpoints", count=3)
        for _ in range(3):
            assert play(client, stream=False).error is None
        until(lambda: play(client, stream=False).error is None and client.router.catalog is not before)
    assert listings(emulator) == 2


def listings(emulator) -> int:
    return sum(request.path.endswith("/models") for request in emulator.requests)


def test_the_catalog_is_refreshed_at_most_once_a_minute(emulator, upstream):
    wall = Clock(time.time())
    source = CatalogSource(Settings(upstream=upstream, catalog_age=10**6), wall=wall)
    news = Refresh(source)
    news.get()
    outcome = stage(models(1)).router.route(Request(HELLO)).judge(reading(SECTION_6["404 no endpoints"]))
    for minute in range(1, 4):
        for _ in range(5):
            news.react(outcome, Caller(), [])
            until(lambda: all(thread.name != "freerouter-catalog" for thread in threading.enumerate()))
        assert listings(emulator) == 1 + minute
        wall.advance(61)


def test_a_reserved_model_is_left_out_for_this_app_alone(emulator, upstream):
    one, other = Caller("a", "one"), Caller("a", "other")
    actor = stage(models(3))
    reserved, _ = walk(actor.router, once(reading(SECTION_6["403 harness"])), caller=one).sent
    assert reserved not in reached(actor, HELLO, caller=one)
    assert reserved not in reached(actor, HELLO, caller=Caller("another account", "one"))
    assert reserved in reached(actor, HELLO, caller=other)
    assert explained(actor, HELLO, caller=one) == {reserved: ["reserved for other apps"]}


@pytest.mark.parametrize("header", ["X-Title", "X-OpenRouter-Title", "HTTP-Referer"])
def test_an_app_is_known_by_its_attribution(emulator, upstream, header):
    two = ("nvidia/nemotron-nano-9b-v2:free", "openai/gpt-oss-20b:free")
    emulator.faults = struck("harness_only", count=1)
    with sync_client(emulated_router(emulator, upstream, include=two)) as client:
        for app in ("mine", "mine", "mine", *["yours"] * 12):
            client.chat.send("Hello", extra_headers={header: app})
    reserved, *mine = sent_to(emulator.completions)[:4]
    assert reserved not in mine
    assert reserved in sent_to(emulator.completions)[4:]


def test_privacy_settings_are_the_account_s():
    mine, yours = Caller("mine", "app"), Caller("yours", "app")
    actor = stage(models(2))
    walked = walk(actor.router, always(reading(SECTION_6["404 data policy"])), caller=mine)
    assert isinstance(walked.error, AttemptsFailedError)
    assert "https://openrouter.ai/settings/privacy" in str(walked.error)
    again = walk(actor.router, always(ANSWER), caller=mine)
    assert again.answered  # the setting may have been changed as advised
    assert len(explained(actor, HELLO, caller=mine)) == 1
    assert len(reached(actor, HELLO, caller=yours)) == 2
    assert len(reached(actor, HELLO, caller=Caller("yours", "another app"))) == 2


@pytest.mark.parametrize(
    ("cost", "alarm"), [(0, False), (0.0, False), (None, False), (-1, False), ("0.01", True), (1e-9, True), (1, True)]
)
def test_an_answer_that_cost_is_an_alarm(cost, alarm, caplog):
    actor = stage(models(2))
    walked = walk(actor.router, always(Reading(200, usage={"cost": cost})))
    (model,) = walked.sent
    assert walked.trace.cost == (float(cost) if alarm else None)
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [model in record.getMessage() for record in logged] == [True] * alarm
    actor.advance(30 * 24 * HOUR)
    assert (model in reached(actor, HELLO)) is not alarm
    barred = {model: [f"one of its answers cost ${float(cost)}: see freerouter alarms"]} if alarm else {}
    assert explained(actor, HELLO) == barred
    assert walked.trace.as_dict()["cost"] == walked.trace.cost


def test_a_cost_at_the_end_of_a_stream_is_an_alarm_even_if_it_breaks_off():
    for finished in (True, False):
        actor = stage(models(2))
        walked = walk(actor.router, always(ANSWER))
        walked.routing.finish(StreamEnd(finished, usage={"cost": 0.01}))
        assert list(actor.router.health.costs.models) == walked.sent
        assert walked.trace.cost == 0.01


def test_a_refused_answer_may_have_cost_all_the_same():
    actor = stage(models(2))
    walked = walk(actor.router, once(Reading(200, flaw=Flaw.EMPTY, usage={"cost": 0.01})))
    assert list(actor.router.health.costs.models) == walked.sent[:1]
    assert walked.trace.cost == 0.01
