"""Everything fails now and then: 5,000 requests, 32 at a time, 30 % of all sends struck by one fault or another."""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from random import Random
from typing import Any

import httpx

from freerouter import AttemptsFailedError, Router, StreamInterruptedError
from freerouter.emulator import FAULTS, Emulator, Fault
from freerouter.replies.outcome import classify
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Lasting, Verdict
from tests.faults.expected import BACKOFF, EXPECTED, HANGING, Expected
from tests.walks import Played, async_client, emulated_router, play_async

REQUESTS, AT_A_TIME, ATTEMPTS, SHARE, ANSWERED = 5_000, 32, 5, 0.3, 0.995

# Long enough for what is well on a machine that is not; what hangs costs that much, so it strikes but a few times.
PATIENT = {"first_token_timeout": 3.0, "idle_timeout": 3.0, "reply_timeout": 3.0}
# What is remembered for an hour strikes these alone: by and by they are left out, and the others remain.
UNLUCKY = "nvidia/*"


def mendable(*, remembered: bool) -> list[str]:
    """The faults that another model can mend: no account's stop, no wrong request, nothing after the first token."""
    return [
        kind
        for kind, expected in EXPECTED.items()
        if expected.sends is None
        and expected.verdict in (Verdict.TRY_ANOTHER, Verdict.AGAIN)
        and is_remembered(expected) is remembered
    ]


def is_remembered(expected: Expected) -> bool:
    """Whether the model is left out for longer than the run takes."""
    cools_long = expected.cools is not None and expected.cools[1] > BACKOFF[1]
    return cools_long or expected.lasting not in (None, Lasting.MODERATED)


# After the first token nothing can be mended: each of these strikes once.
MIDWAY = [kind for kind, expected in EXPECTED.items() if expected.error is StreamInterruptedError]

# A second opinion mends these; two of a kind for one request would end it.
TOLD_ONCE = [kind for kind, expected in EXPECTED.items() if expected.sends is not None]


def chaos() -> list[Fault]:
    """A mix in which all kinds together strike with the chance of SHARE, whether a request streams or not."""
    kinds = [kind for kind in mendable(remembered=False) if kind not in HANGING]
    Random(1).shuffle(kinds)
    rules = [Fault(kind, count=1) for kind in (*MIDWAY, *TOLD_ONCE)]
    rules += [Fault(kind, probability=0.01, count=5) for kind in HANGING if kind not in MIDWAY]
    rules += [Fault(kind, UNLUCKY, probability=0.02) for kind in mendable(remembered=True)]
    left = dict.fromkeys((False, True), 1.0)
    number = {stream: sum(FAULTS[kind].strikes(stream=stream, reused=True) for kind in kinds) for stream in left}
    for kind in kinds:
        struck = [stream for stream in left if FAULTS[kind].strikes(stream=stream, reused=True)]
        # A rule is drawn only if those before it have not struck.
        chance = max(SHARE / number[stream] / left[stream] for stream in struck)
        rules.append(Fault(kind, probability=chance))
        for stream in struck:
            left[stream] *= 1 - chance
    return rules


async def ask(client, number: int) -> Played:
    """One request that can be told from the others in the emulator's log."""
    return await play_async(client, stream=number % 2 == 0, user=f"r{number}")


async def run(router: Router) -> list[Played]:
    results: list[Played] = [Played()] * REQUESTS
    numbers = iter(range(REQUESTS))

    async def work(client) -> None:
        for number in numbers:
            results[number] = await ask(client, number)

    async with async_client(router) as client, asyncio.TaskGroup() as group:
        for _ in range(AT_A_TIME):
            group.create_task(work(client))
    return results


# In a process of its own: in a thread, it and the router would wait for each other.
SERVE = """
import json, sys
from freerouter.emulator import Emulator, Faults
rules = Faults.parse(json.loads(sys.argv[1]))
Emulator(seed=1, per_minute=None, per_day=None, faults=rules).serve(port=0, ready=lambda url: print(url, flush=True))
"""


@contextmanager
def serving(faults: list[Fault]) -> Iterator[str]:
    rules = json.dumps({"seed": 11, "faults": [asdict(fault) for fault in faults]})
    with subprocess.Popen([sys.executable, "-c", SERVE, rules], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)


Log = Mapping[str, list[dict[str, Any]]]


def test_chaos():
    """One run, since it takes its time; what it has to show are the functions below."""
    with serving(chaos()) as url:
        results = asyncio.run(run(emulated_router(Emulator(), url, max_attempts=ATTEMPTS, **PATIENT)))
        received, bill = (httpx.get(url.removesuffix("/api/v1") + path).json() for path in ("/_requests", "/_bill"))
    log = defaultdict(list)
    for request in received:
        log[request["body"]["user"]].append(request)
    every_request_is_answered_or_fails_for_a_stated_cause(results)
    nearly_all_are_answered(results)
    no_request_is_answered_twice(results)
    the_share_of_sends_that_fail_is_as_meant_and_every_kind_strikes(received)
    the_log_and_the_traces_agree_send_for_send(results, log)
    assert bill == []
    assert {request["closed"] for request in received} <= {"finished", "client gone"}


def every_request_is_answered_or_fails_for_a_stated_cause(results: list[Played]) -> None:
    failed = [played for played in results if played.error is not None]
    assert Counter(type(played.error) for played in failed).keys() <= {AttemptsFailedError, StreamInterruptedError}
    for played in failed:
        if isinstance(played.error, StreamInterruptedError):
            assert played.models
        else:
            assert (played.error.status, played.text) == (429, "")
            assert played.error.metadata["cause"]["reason"] == played.trace.attempts[-1].outcome.reason


def nearly_all_are_answered(results: list[Played]) -> None:
    interrupted = sum(isinstance(played.error, StreamInterruptedError) for played in results)
    answered = [played for played in results if played.error is None]
    assert interrupted == len(MIDWAY)
    assert all(played.text.endswith("emulated.") and len(played.models) == 1 for played in answered)
    assert len(answered) >= ANSWERED * (REQUESTS - interrupted)


def the_share_of_sends_that_fail_is_as_meant_and_every_kind_strikes(received: list[dict[str, Any]]) -> None:
    struck = Counter(request["fault"] for request in received)
    sends = sum(struck.values())
    assert 0.27 < 1 - struck[None] / sends < 0.33
    assert struck.keys() >= {*mendable(remembered=False), *MIDWAY}


def no_request_is_answered_twice(results: list[Played]) -> None:
    for played in results:
        verdicts = [attempt.outcome.verdict for attempt in played.trace.attempts]
        assert Verdict.ANSWERED not in verdicts[:-1]
        assert (verdicts[-1] is Verdict.ANSWERED) is not isinstance(played.error, AttemptsFailedError)
        asked = [a.model for a in played.trace.attempts if a.outcome.verdict is not Verdict.AGAIN]
        assert len(asked) == len(set(asked)) <= ATTEMPTS


def the_log_and_the_traces_agree_send_for_send(results: list[Played], log: Log) -> None:
    """A request that nothing came back for may not have been seen: the time was up while it was on its way."""
    assert len(log) == REQUESTS
    for number, played in enumerate(results):
        received = iter(log[f"r{number}"])
        request = next(received, None)
        for attempt in played.trace.attempts:
            unsent = attempt.outcome.reason == "unreachable"
            if not unsent and request is not None and request["model"] == attempt.model:
                assert attempt.outcome.reason in reasons(request["fault"])
                request = next(received, None)
            else:
                assert attempt.outcome.status == 0
        assert request is None


def reasons(fault: str | None) -> set[str]:
    """What may become of a send; a busy machine is late now and then, and a kept connection breaks as a stale one."""
    if fault is None:
        return {"answered", "timeout"}
    broken = {"stale_connection", "connection_broken"}
    reason, status = EXPECTED[fault].reason, EXPECTED[fault].status
    late = classify(Reading(status, flaw=Flaw.TIMEOUT), 0.0).reason  # after the status, it may be all that is known
    return {reason, "timeout", late} | (broken if reason in broken else set())
