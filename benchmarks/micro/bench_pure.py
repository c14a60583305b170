"""Micro-benchmarks of every pure part: make bench-micro."""

from __future__ import annotations

import time
from datetime import date
from random import Random
from typing import Any

import pytest

from benchmarks.deciding import real_catalog
from benchmarks.quick import judge
from benchmarks.workloads import answer_of_2_kb, beginning_of_a_stream, picture_request, short_request, tool_request
from freerouter.memory.allowance import Allowances
from freerouter.memory.conversations import Conversations, conversation
from freerouter.memory.health import Health
from freerouter.memory.lessons import Asker
from freerouter.openrouter import cost_guard
from freerouter.openrouter.catalog import Catalog
from freerouter.openrouter.dialects import CHAT
from freerouter.openrouter.headers import NO_SESSION, NOBODY, caller, outgoing
from freerouter.openrouter.json_bodies import encode, parse
from freerouter.openrouter.model_names import DRAW
from freerouter.openrouter.requirements import Need
from freerouter.openrouter.walk import walk
from freerouter.pipeline.actions import Request
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.delivery import returned
from freerouter.pipeline.drawing import draw
from freerouter.pipeline.filtering import Index, Policy
from freerouter.pipeline.router import Router
from freerouter.pipeline.selection import Selection
from freerouter.pipeline.tracking import Attempt, Trace
from freerouter.replies.ending import Tail
from freerouter.replies.events import Events
from freerouter.replies.outcome import Outcome, classify
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Scope, Verdict
from freerouter.settings import Settings

REQUESTS = {"short": short_request(), "54 KB with tools": tool_request(), "1 MB picture": picture_request()}
HEADERS = [("authorization", "Bearer none"), ("user-agent", "a client"), ("x-title", "An app"), ("accept", "*/*")]
RATE_LIMITED = {"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "rate-limited"}}}
body_of = pytest.mark.parametrize("body", REQUESTS.values(), ids=REQUESTS)


@pytest.fixture(scope="module")
def router() -> Router:
    return Router(Settings(requests_per_minute=10**12, seed=1), Catalog.parse(real_catalog()[0]))


@body_of
def bench_parse(benchmark: Any, body: bytes) -> None:
    benchmark(parse, body)


@body_of
def bench_encode(benchmark: Any, body: bytes) -> None:
    benchmark(encode, parse(body), parsed=True)


@body_of
def bench_analyze(benchmark: Any, body: bytes) -> None:
    benchmark(analyze, parse(body), written=body)


@body_of
def bench_seal(benchmark: Any, router: Router, body: bytes) -> None:
    benchmark(cost_guard.seal, parse(body), router.index().models[0], parsed=True)


@body_of
def bench_check_cost(benchmark: Any, body: bytes) -> None:
    parsed = parse(body)
    benchmark(cost_guard.check_cost, parsed, walk(parsed, CHAT), CHAT)


@body_of
def bench_walk(benchmark: Any, body: bytes) -> None:
    benchmark(walk, parse(body), CHAT)


@body_of
def bench_conversation(benchmark: Any, body: bytes) -> None:
    benchmark(conversation, parse(body), CHAT, NO_SESSION, "auto")


@body_of
def bench_route(benchmark: Any, router: Router, body: bytes) -> None:
    benchmark(router.route, Request(body))


def bench_catalog(benchmark: Any) -> None:
    benchmark(Catalog.parse, real_catalog()[0])


def bench_index(benchmark: Any, router: Router) -> None:
    benchmark(Index, router.catalog, Policy(), date(2026, 6, 18))


def bench_pool_cold(benchmark: Any, router: Router) -> None:
    benchmark(router.index()._make, Need(frozenset({"text", "tools"}), frozenset({"seed"}), strict=False, output=0))


def bench_draw(benchmark: Any, router: Router) -> None:
    index = router.index()
    pool = index.pool(analyze(short_request()).need)
    benchmark(draw, index.models, pool.best, {}, Random(1))


def bench_selection(benchmark: Any, router: Router) -> None:
    asker = Asker(analyze(short_request()), NOBODY)
    benchmark(lambda: Selection(router.index(), asker, DRAW, router.health, router.rng).pick())


def bench_judge_json(benchmark: Any) -> None:
    benchmark(judge, [answer_of_2_kb()], stream=False)


def bench_judge_stream(benchmark: Any) -> None:
    benchmark(judge, beginning_of_a_stream(), stream=True)


def bench_classify_error(benchmark: Any) -> None:
    benchmark(classify, Reading(429, {}, error=RATE_LIMITED), 1.8e9)


def bench_classify_flaw(benchmark: Any) -> None:
    benchmark(classify, Reading(flaw=Flaw.TIMEOUT), 1.8e9)


def bench_events(benchmark: Any) -> None:
    stream = b"".join(beginning_of_a_stream()) * 50
    benchmark(lambda: list(Events().feed(stream)))


def bench_tail(benchmark: Any) -> None:
    chunk = beginning_of_a_stream()[-1]
    benchmark(Tail(CHAT).feed, chunk)


def bench_headers(benchmark: Any) -> None:
    benchmark(lambda: (caller(outgoing(HEADERS, "none")), returned(HEADERS, Trace(), streamed=False)))


def bench_quota(benchmark: Any) -> None:
    quota = Allowances(10**12, time.monotonic, time.time)
    benchmark(lambda: (quota.shut("one"), quota.count("one"), quota.uncount("one")))


def bench_health(benchmark: Any) -> None:
    health, outcome = Health(time.monotonic, Random(1)), Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, "timeout")
    benchmark(lambda: (health.cool("author/model:free", outcome), health.restore("author/model:free", 1e12)))


def bench_sessions(benchmark: Any) -> None:
    sessions = Conversations(time.monotonic)
    benchmark(lambda: (sessions.renew("one", "id:1", "author/model:free"), sessions.model("one", "id:1")))


def bench_trace(benchmark: Any) -> None:
    attempt = Attempt("author/model:free", Outcome(Verdict.ANSWERED, Scope.REQUEST, "answered"), 0.0, 0.1)
    benchmark(lambda: Trace(attempts=[attempt]).headers())
