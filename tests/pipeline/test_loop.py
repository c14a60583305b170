"""The loop over real connections: failover, stops and broken streams, for a handful of central cases."""

import asyncio
import json
import time
from dataclasses import dataclass, field

import httpx
import pytest

from freerouter import (
    AsyncFreeRouter,
    AttemptsFailedError,
    FreeRouter,
    FreeRouterError,
    Router,
    Settings,
    StreamInterruptedError,
    UpstreamUnavailableError,
)
from tests.stage import BODY, CATALOG, NOWHERE, SOON, TODAY, exchange, striking


@dataclass
class Story:
    """What became of one request to the library."""

    router: Router
    text: str = ""
    model: str | None = None
    error: FreeRouterError | None = None
    models: set[str] = field(default_factory=set)

    @property
    def trace(self):
        return self.error.trace if self.error else self._trace


def ask(way: str, stream: bool, settings: Settings, **options) -> Story:
    return asyncio.run(_ask_async(stream, settings, options)) if way == "async" else _ask(stream, settings, options)


def _ask(stream, settings, options) -> Story:
    with FreeRouter(settings=settings, **options) as client:
        story = Story(client.router)
        try:
            if not stream:
                _note(story, client.chat.send("Hello"))
                return story
            with client.chat.stream("Hello") as answer:
                for chunk in answer:
                    _note_chunk(story, chunk, answer)
        except FreeRouterError as error:
            story.error = error
        return story


async def _ask_async(stream, settings, options) -> Story:
    async with AsyncFreeRouter(settings=settings, **options) as client:
        story = Story(client.router)
        try:
            if not stream:
                _note(story, await client.chat.send("Hello"))
                return story
            async with client.chat.stream("Hello") as answer:
                async for chunk in answer:
                    _note_chunk(story, chunk, answer)
        except FreeRouterError as error:
            story.error = error
        return story


def _note(story, answer):
    story.text, story.model, story._trace = answer.text, answer.trace.model, answer.trace
    story.models.add(answer.model)


def _note_chunk(story, chunk, answer):
    story.text, story.model, story._trace = answer.text, answer.model, answer.trace
    story.models.add(chunk.model)


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


@pytest.mark.parametrize(
    "fault", ["rate_limited", "internal_error", "no_endpoints", "empty_content", "html_in_200", "resets"]
)
def test_when_the_first_model_fails_the_second_answers(way, stream, settings, emulator, fault):
    emulator.faults = striking(fault, count=1)
    story = ask(way, stream, settings)
    failed, answered = emulator.completions
    assert (failed.fault, answered.fault) == (fault, None)
    assert failed.model != answered.model == story.model
    assert answered.model in story.text
    assert failed.model not in story.text
    assert [attempt.model for attempt in story.trace.attempts] == [failed.model, answered.model]
    assert set(story.router.health.cooling) <= {failed.model}


@pytest.mark.parametrize(
    "fault", ["daily_limit", "minute_limit", "unauthorized", "payment_required", "guardrail", "invalid_request"]
)
def test_what_no_other_model_would_mend_is_sent_once(way, stream, settings, emulator, fault):
    emulator.faults = striking(fault)
    story = ask(way, stream, settings)
    assert story.error is not None
    assert len(emulator.completions) == len(story.trace.attempts) == 1
    assert not story.router.health.cooling


def test_a_used_up_allowance_is_not_asked_for_again(way, stream, settings, emulator):
    emulator.faults = striking("daily_limit")
    router = Router(settings, CATALOG)
    stories = [ask(way, stream, settings, router=router) for _ in range(3)]
    assert len(emulator.completions) == 1
    assert {type(story.error).__name__ for story in stories} == {"AllowanceExhaustedError"}
    assert all(story.error.retry_after > 0 for story in stories)


@pytest.mark.parametrize(
    "fault",
    ["stream_error_first", "stream_error_after_role", "stream_ends_first", "stream_cut_first", "stream_done_first"],
)
def test_a_stream_that_fails_before_its_first_token_is_taken_over(way, settings, emulator, fault):
    emulator.faults = striking(fault, count=1)
    request = httpx.Request("POST", f"{settings.upstream}/chat/completions", json=BODY | {"stream": True})
    response = exchange(way, request, settings=settings)
    failed, answered = emulator.completions
    chunks = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]
    assert failed.fault == fault
    assert {chunk["model"] for chunk in chunks} == {CATALOG.get(answered.model).slug_as_answered}
    assert "error" not in response.text
    assert response.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("stream_cut_midway", "broke off before its end"),
        ("stream_reset_midway", "broke off before its end"),
        ("stream_ends_midway", "broke off before its end"),
        ("stream_stalls", "broke off before its end"),
        ("stream_error_midway", "Provider disconnected unexpectedly"),
    ],
)
def test_a_stream_that_breaks_in_its_midst_ends_in_an_error_and_in_nothing_else(
    way, settings, emulator, fault, message
):
    emulator.faults = striking(fault, count=1)
    settings = Settings.adjusted(settings, idle_timeout=0.5, first_token_timeout=5)
    story = ask(way, True, settings)
    assert isinstance(story.error, StreamInterruptedError)
    assert message in story.error.message
    assert story.error.text == story.text != ""
    assert len(story.models) == 1
    assert story.trace.ending == "interrupted"
    assert len(emulator.completions) == 1, "no other model is asked"
    assert list(story.router.health.cooling) == [emulator.completions[0].model]


@pytest.mark.parametrize("fault", ["stream_cut_midway", "stream_ends_midway", "stream_error_midway"])
def test_and_those_who_read_the_wire_see_one_error_event_last(way, settings, emulator, fault):
    emulator.faults = striking(fault, count=1)
    request = httpx.Request("POST", f"{settings.upstream}/chat/completions", json=BODY | {"stream": True})
    response = exchange(way, request, settings=settings)
    *before, last = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    assert last["error"]["code"] == 502
    assert last["choices"][0]["finish_reason"] == "error"
    assert {chunk["choices"][0]["finish_reason"] for chunk in before} == {None}
    assert "[DONE]" not in response.text


def test_a_refused_connection_is_soon_an_error_and_nobodys_fault(way):
    settings = Settings(upstream=NOWHERE, seed=1)
    router = Router(settings, CATALOG)
    start = time.perf_counter()
    story = ask(way, way == "sync", settings, router=router)
    assert time.perf_counter() - start < SOON
    assert isinstance(story.error, UpstreamUnavailableError)
    assert not router.health.cooling
    assert len({attempt.model for attempt in story.trace.attempts}) == 1, "another model would not help"


@pytest.mark.parametrize("fault", ["never_answers", "silent_after_headers", "stream_comments_forever"])
def test_a_model_that_hangs_is_left_when_its_time_is_up(way, settings, emulator, fault):
    emulator.faults = striking(fault, count=1)
    settings = Settings.adjusted(settings, first_token_timeout=0.5, idle_timeout=0.5)
    start = time.perf_counter()
    story = ask(way, True, settings)
    assert time.perf_counter() - start < SOON
    assert story.model == emulator.completions[1].model
    assert [attempt.outcome.reason for attempt in story.trace.attempts] == ["timeout", "answered"]


@pytest.mark.parametrize(
    ("fault", "stream"), [("never_answers", False), ("never_answers", True), ("silent_after_headers", False)]
)
def test_the_deadline_ends_a_read_that_may_take_longer_by_itself(way, settings, emulator, fault, stream):
    emulator.faults = striking(fault)
    settings = Settings.adjusted(settings, deadline=0.3)
    start = time.perf_counter()
    story = ask(way, stream, settings)
    assert time.perf_counter() - start < SOON
    assert isinstance(story.error, AttemptsFailedError)
    assert "the deadline has passed" in story.error.message


def test_no_more_models_are_asked_than_the_settings_allow_and_none_twice(way, stream, settings, emulator):
    emulator.faults = striking("internal_error")
    for most in (1, 3, 5):
        emulator.forget()
        story = ask(way, stream, Settings.adjusted(settings, max_attempts=most))
        models = [sent.model for sent in emulator.completions]
        assert len(models) == len(set(models)) == most
        assert story.error.retry_after > 0


def test_models_that_always_fail_are_asked_once_and_then_left_alone(way, settings, emulator):
    faulty = [model.id for model in CATALOG.free(TODAY)][::3]
    emulator.faults = striking("rate_limited", models=faulty)
    router = Router(settings, CATALOG)
    stories = [ask(way, False, settings, router=router) for _ in range(30)]
    assert all(story.model and story.model not in faulty for story in stories)
    failed = [sent.model for sent in emulator.completions if sent.fault]
    assert len(failed) == len(set(failed)) == len(router.health.cooling) > 0
    assert not emulator.bill
