"""Nothing sent: it is the fault of no model, costs nothing of the allowance, and is said soon."""

import socket
import time

import pytest

from freerouter import AttemptsFailedError, Catalog, Router, Settings, UpstreamUnavailableError
from freerouter.network.wire_protocols import Broken, NotSent, Stale
from freerouter.pipeline.forwarding import Forwarder
from freerouter.replies.reading import Flaw
from freerouter.replies.verdicts import Scope, Verdict
from tests.replies.shapes import DONE, END, HI
from tests.stage import KEY, SOON
from tests.walks import HELLO, ScriptedReply, ScriptedWire, models, play_either, stage

# Jitter of 0.25 s and 0.5 s at most, and the tries themselves, on a busy machine; a time-out would be 10 s.


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"


@pytest.fixture
def no_network():
    """The watch on host names is off here: one that does not exist is looked up on purpose."""


@pytest.fixture
def unreachable(request, upstream):
    """An address at which nothing can be sent."""
    return {
        "closed port": closed_port(),
        "no such host": "https://no-such-host.invalid/api/v1",
        "no TLS": upstream.replace("http:", "https:"),
    }[request.param]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("unreachable", ["closed port", "no such host", "no TLS"], indirect=True)
def test_what_cannot_be_reached(emulator, unreachable, way, stream):
    settings = Settings(upstream=unreachable, api_key=KEY, seed=1, requests_per_minute=1)
    router = Router(settings, Catalog.parse(emulator.catalog_body))
    start = time.monotonic()
    played = play_either(way, router, stream=stream)
    assert time.monotonic() - start < SOON
    assert isinstance(played.error, UpstreamUnavailableError)
    assert (played.error.status, played.error.retry_after) == (429, 30)
    assert unreachable in str(played.error)
    attempts = played.trace.attempts
    assert {(a.outcome.verdict, a.outcome.scope, a.outcome.status) for a in attempts} == {
        (Verdict.AGAIN, Scope.UPSTREAM, 0)
    }
    assert len(attempts) == 3
    assert len({attempt.model for attempt in attempts}) == 1
    assert router.health.cooling == {}
    (account,) = router.endpoint.allowances._accounts
    assert (list(router.endpoint.allowances.settle(account).sent), router.endpoint.allowances.shut(account)) == (
        [],
        None,
    )
    assert emulator.requests == []


GOOD = [HI, END, DONE]

# What the wire does in turn: the models' numbers in the order in which they were asked, and who cools.
TURNS = {
    "unreachable once": ([NotSent(), GOOD], [0, 0], []),
    "unreachable twice": ([NotSent(), NotSent(), GOOD], [0, 0, 0], []),
    "stale once": ([Stale(), GOOD], [0, 0], []),
    "stale twice": ([Stale(), Stale(), GOOD], [0, 0, 1], [0]),
    "unreachable, then stale": ([NotSent(), Stale(), GOOD], [0, 0, 1], [0]),
    "stale, then unreachable": ([Stale(), NotSent(), GOOD], [0, 0, 0], []),
    "broken": ([Broken(), GOOD], [0, 1], [0]),
    "unreachable, then broken": ([NotSent(), Broken(), GOOD], [0, 0, 1], [0]),
    "unreachable with each of two models": ([NotSent(), Broken(), NotSent(), NotSent(), GOOD], [0, 0, 1, 1, 1], [0]),
}


def forward(turns, **settings):
    actor = stage(models(6), **settings)
    wire = ScriptedWire(*(turn if isinstance(turn, Exception) else ScriptedReply(turn) for turn in turns))
    pauses: list[float] = []
    answer = Forwarder(actor.router, wire, sleep=pauses.append).forward(HELLO | {"stream": True}, [])
    return actor.router, answer, pauses


@pytest.mark.parametrize("turn", TURNS)
def test_who_is_asked_again(turn):
    turns, expected, cooled = TURNS[turn]
    router, answer, pauses = forward(turns)
    assert b"".join(answer.body) == b"".join(GOOD)
    asked = [attempt.model for attempt in answer.trace.attempts]
    numbered = {model: number for number, model in enumerate(dict.fromkeys(asked))}
    assert [numbered[model] for model in asked] == expected
    assert [numbered[model] for model in router.health.cooling] == cooled
    again = [attempt for attempt in answer.trace.attempts if attempt.outcome.verdict is Verdict.AGAIN]
    assert len(pauses) == len(again)
    (account,) = router.endpoint.allowances._accounts
    unsent = [attempt for attempt in again if attempt.outcome.reason == Flaw.NOT_SENT]
    assert len(router.endpoint.allowances.settle(account).sent) == len(asked) - len(unsent)


def test_tries_that_reach_nobody_are_no_attempts():
    turns = [turn for _ in range(4) for turn in (NotSent(), NotSent(), Broken())]
    _, answer, _ = forward(turns, max_attempts=4)
    assert isinstance(answer.error, AttemptsFailedError)
    assert len(answer.trace.attempts) == 12
    assert len({attempt.model for attempt in answer.trace.attempts}) == 4


@pytest.mark.parametrize(("attempts", "models_asked"), [(1, 1), (2, 1), (3, 2), (4, 3)])
def test_a_repeat_on_a_stale_connection_is_an_attempt(attempts, models_asked):
    _, answer, _ = forward([Stale(), Broken(), Broken(), Broken(), Broken()], max_attempts=attempts)
    assert isinstance(answer.error, AttemptsFailedError)
    assert len(answer.trace.attempts) == attempts
    assert len({attempt.model for attempt in answer.trace.attempts}) == models_asked


@pytest.mark.parametrize("seed", range(20))
def test_pauses_have_jitter_and_a_bound(seed):
    _, answer, pauses = forward([NotSent()] * 3, seed=seed)
    assert isinstance(answer.error, UpstreamUnavailableError)
    assert len(pauses) == 2
    assert 0 <= pauses[0] <= 0.25
    assert 0 <= pauses[1] <= 0.5


def test_jitter_differs():
    assert len({forward([NotSent()] * 3, seed=seed)[2][0] for seed in range(20)}) == 20


def test_nothing_is_remembered_of_it():
    router, answer, _ = forward([NotSent()] * 3)
    assert answer.error is not None
    assert len(router.health.lessons) == 0
    assert router.health.cooling == {}
