"""The account's allowance: a closed gate is answered at once, and our own count keeps it from closing."""

import threading
import time
from datetime import UTC, datetime

import httpx
import pytest

from freerouter import AllowanceExhaustedError, AttemptsFailedError
from freerouter.emulator import Emulator
from freerouter.network.key_source import KeySource
from freerouter.network.refresh import Refresh
from freerouter.openrouter.headers import Caller
from freerouter.pipeline.actions import Fail, Request, Send, Wait
from freerouter.pipeline.forwarding import Forwarder
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Gate
from tests.replies.rows import DAILY, DAY_LEFT, MINUTE_LEFT, MINUTELY, SECTION_6
from tests.replies.shapes import DONE, END, HI
from tests.walks import (
    ANSWER,
    HELLO,
    NOON,
    ScriptedReply,
    ScriptedWire,
    always,
    emulated_router,
    error_reading,
    models,
    once,
    play,
    stage,
    sync_client,
    walk,
)

MINE, YOURS = Caller("mine"), Caller("yours")
FAILED = error_reading(502, "no", metadata={"provider_name": "Acme"})  # so it is no outage


def limited(case: str) -> Reading:
    row = SECTION_6[case]
    return error_reading(row.status, row.message, row.headers, metadata=row.metadata)


GATES = {
    "429 a day": (Gate.DAY, DAY_LEFT, {"limit": 50, "used": 50}),
    "429 a day, by its words": (Gate.DAY, DAY_LEFT, {}),
    "429 a minute": (Gate.MINUTE, MINUTE_LEFT, {}),
    "429 a minute, by its words": (Gate.MINUTE, MINUTE_LEFT, {}),
}


@pytest.mark.parametrize(("headers", "gate"), [(MINUTELY, Gate.MINUTE), (DAILY, Gate.DAY)])
def test_a_limit_in_unknown_words_closes_the_gate_of_its_reset_when_a_second_model_says_the_same(headers, gate):
    actor = stage(models(3))
    first = walk(actor.router, always(error_reading(429, "Too many", headers)), caller=MINE)
    assert (len(first.sent), first.error.metadata["gate"]) == (2, gate.value)
    assert walk(actor.router, always(ANSWER), caller=MINE).sent == []


@pytest.mark.parametrize("case", GATES)
def test_a_closed_gate_is_answered_without_sending_until_its_reset(case):
    gate, left, figures = GATES[case]
    actor = stage(models(3))
    first = walk(actor.router, always(limited(case)), caller=MINE)
    assert len(first.sent) == 1
    resets_at = datetime.fromtimestamp(NOON + left, UTC).isoformat(timespec="seconds")
    for passed in (0, left / 2, left / 2 - 1):
        actor.advance(passed)
        left -= passed
        walked = walk(actor.router, always(ANSWER), caller=MINE)
        assert walked.sent == []
        for error in (first.error, walked.error):
            assert isinstance(error, AllowanceExhaustedError)
            assert error.metadata == {"gate": gate.value, "resets_at": resets_at, **figures}
        assert walked.error.retry_after == pytest.approx(left)
        assert walk(actor.router, always(ANSWER), caller=YOURS).answered
    actor.advance(left + 0.01)
    assert walk(actor.router, always(ANSWER), caller=MINE).answered


def test_no_model_is_to_blame():
    actor = stage(models(3))
    walk(actor.router, always(limited("429 a day")), caller=MINE)
    assert actor.router.health.cooling == {}
    eligible = {walk(actor.router, always(ANSWER), caller=YOURS).sent[0] for _ in range(40)}
    assert len(eligible) == 3


@pytest.mark.parametrize(("max_wait", "waits"), [(0, False), (49.9, False), (50.1, True), (65, True)])
def test_a_minute_is_waited_for_if_that_is_wanted(max_wait, waits):
    actor = stage(models(3), max_wait=max_wait)
    walk(actor.router, always(limited("429 a minute")))
    walked = walk(actor.router, always(ANSWER))
    assert walked.sent == []
    assert walked.wait == (pytest.approx(MINUTE_LEFT) if waits else None)
    assert isinstance(walked.error, AllowanceExhaustedError) is not waits


def test_nobody_waits_for_a_day_nor_beyond_the_deadline():
    actor = stage(models(3), max_wait=10**6, deadline=40)
    for case in ("429 a minute", "429 a day"):
        walk(actor.router, always(limited(case)))
        assert isinstance(walk(actor.router, always(ANSWER)).error, AllowanceExhaustedError)


def test_a_later_smaller_reset_does_not_open_the_gate():
    actor = stage(models(3))
    racing = [actor.router.route(Request(HELLO)) for _ in range(2)]
    for routing in racing:
        routing.next()
    for routing, case in zip(racing, ("429 a day", "429 a minute"), strict=True):
        routing.record(routing.judge(limited(case)))
    actor.advance(MINUTE_LEFT + 1)
    assert walk(actor.router, always(ANSWER)).error.metadata["gate"] == "day"


SKEWS = {
    "milliseconds": (str(int((NOON + 30) * 1000)), 30),
    "seconds": (str(int(NOON + 30)), 30),
    "past": (str(int((NOON - 9_000) * 1000)), MINUTE_LEFT),
    "years ahead": (str(int((NOON + 10**9) * 1000)), MINUTE_LEFT),
    "two minutes ahead": (str(int((NOON + 120) * 1000)), MINUTE_LEFT),
    "negative": ("-1", MINUTE_LEFT),
    "zero": ("0", MINUTE_LEFT),
    "1e18": (str(10**18), MINUTE_LEFT),
    "huge": ("9" * 400, MINUTE_LEFT),
    "nan": ("nan", MINUTE_LEFT),
    "a word": ("soon", MINUTE_LEFT),
    "a date": ("Fri, 31 Dec 2027 23:59:59 GMT", MINUTE_LEFT),
    "nothing": ("", MINUTE_LEFT),
}


@pytest.mark.parametrize("skew", SKEWS)
def test_a_reset_is_believed_as_far_as_it_makes_sense(skew):
    value, seconds = SKEWS[skew]
    actor = stage(models(1))
    headers = {"x-ratelimit-reset": value, "x-ratelimit-limit": "20"}
    reply = error_reading(429, "Rate limit exceeded: free-models-per-min. ", headers)
    error = walk(actor.router, always(reply)).error
    assert error.retry_after == pytest.approx(seconds)


@pytest.mark.parametrize("behind", [-3_000, -300, 300, 3_000])
def test_a_reset_is_meant_by_the_server_s_clock(behind):
    """Ten minutes before midnight by OpenRouter's clock; ours is behind, or ahead."""
    midnight = NOON + DAY_LEFT
    actor = stage(models(1))
    actor.wall.now = midnight - 600 - behind
    date = datetime.fromtimestamp(midnight - 600, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"x-ratelimit-reset": str(int(midnight * 1000)), "x-ratelimit-limit": "50", "date": date}
    reply = error_reading(429, "Rate limit exceeded: free-models-per-day. ", headers)
    assert walk(actor.router, always(reply)).error.retry_after == pytest.approx(600)
    actor.advance(599)
    assert not walk(actor.router, always(ANSWER)).answered
    actor.advance(2)
    assert walk(actor.router, always(ANSWER)).answered


# Our own sends.


@pytest.mark.parametrize("reply", [ANSWER, FAILED, Reading(flaw=Flaw.TIMEOUT)])
def test_requests_per_minute_are_respected_beforehand(reply):
    actor = stage(models(30), requests_per_minute=6, max_attempts=1)
    for _ in range(6):
        assert len(walk(actor.router, always(reply)).sent) == 1
        actor.advance(5)
    walked = walk(actor.router, always(reply))
    assert (walked.sent, walked.error.metadata["gate"]) == ([], "minute")
    assert walked.error.retry_after == pytest.approx(30)
    actor.advance(30.001)
    assert len(walk(actor.router, always(reply)).sent) == 1
    assert walk(actor.router, always(reply)).sent == []
    actor.advance(5)
    assert len(walk(actor.router, always(reply)).sent) == 1


def test_attempts_count_one_by_one():
    actor = stage(models(30), requests_per_minute=7, max_attempts=5)
    assert len(walk(actor.router, always(FAILED)).sent) == 5
    walked = walk(actor.router, always(FAILED))
    assert len(walked.sent) == 2
    assert isinstance(walked.error, AllowanceExhaustedError)
    assert len(walked.trace.attempts) == 2


def test_our_own_minute_is_waited_for_and_is_each_account_s_own():
    actor = stage(models(3), requests_per_minute=1, max_wait=65)
    assert walk(actor.router, always(ANSWER), caller=MINE).answered
    actor.advance(20)
    assert walk(actor.router, always(ANSWER), caller=MINE).wait == pytest.approx(40)
    assert walk(actor.router, always(ANSWER), caller=YOURS).answered


# GET /key.


@pytest.mark.parametrize("used", [10, 47, 49, 50, 60])
def test_the_key_s_word_alone_stops_nothing(used):
    actor = stage(models(30), max_attempts=5)
    actor.router.learn_allowance("mine", used, 50)
    walked = walk(actor.router, always(FAILED), caller=MINE)
    assert len(walked.sent) == 5
    assert isinstance(walked.error, AttemptsFailedError)
    assert actor.router.allowance_left("mine") == max(45 - used, 0)
    assert walk(actor.router, always(ANSWER), caller=MINE).answered


def test_requests_go_on_before_midnight_when_the_key_shows_room():
    actor = stage(models(3))
    walk(actor.router, always(limited("429 a day")), caller=MINE)
    for seconds, used, sends in ((0, 0, 0), (59, 0, 0), (2, 50, 0), (60, 50, 0), (60, 50, 0), (60, 49, 1)):
        actor.advance(seconds)
        assert actor.router.is_day_used_up("mine")
        actor.router.learn_allowance("mine", used, 50)
        assert len(walk(actor.router, always(ANSWER), caller=MINE).sent) == sends
    assert not actor.router.is_day_used_up("mine")
    assert actor.router.allowance_left("mine") == 0


@pytest.mark.parametrize(("max_wait", "waits"), [(0, False), (49.9, False), (50.1, True)])
def test_the_request_that_meets_the_minute_waits_too_and_uses_up_no_attempt(max_wait, waits):
    actor = stage(models(3), max_wait=max_wait, max_attempts=1)
    routing = actor.router.route(Request(HELLO))
    asked = routing.next().model.id
    routing.record(routing.judge(limited("429 a minute")))
    step = routing.next()
    if not waits:
        assert isinstance(step.error, AllowanceExhaustedError)
        return
    assert step == Wait(pytest.approx(MINUTE_LEFT))
    actor.advance(step.seconds + 0.01)
    step = routing.next()
    assert step.model.id in {"m/0:free", "m/1:free", "m/2:free"}
    routing.record(routing.judge(ANSWER))
    assert (asked is not None, routing.trace.model) == (True, step.model.id)


def test_the_model_that_met_the_minute_may_be_asked_again():
    actor = stage(models(1), max_wait=60)
    routing = actor.router.route(Request(HELLO))
    assert routing.next().model.id == "m/0:free"
    routing.record(routing.judge(limited("429 a minute")))
    actor.advance(routing.next().seconds + 0.01)
    assert routing.next().model.id == "m/0:free"


def test_waits_add_up_to_no_more_than_max_wait():
    actor = stage(models(9), max_wait=110, deadline=10**6)
    routing, waits = actor.router.route(Request(HELLO)), []
    while not isinstance(step := routing.next(), Fail):
        if isinstance(step, Wait):
            waits.append(step.seconds)
            actor.advance(step.seconds + 0.01)
        else:
            routing.record(routing.judge(limited("429 a minute")))
    assert len(waits) == 2
    assert sum(waits) <= 110
    assert isinstance(step.error, AllowanceExhaustedError)


# Seconds left when the first attempt has failed, of a deadline, and whether another one follows.
LEFT = {
    "much": (100, 50, True),
    "three seconds": (100, 3.1, True),
    "less": (100, 2.9, False),
    "a tenth of a short deadline": (10, 1.1, True),
    "less than that": (10, 0.9, False),
}


@pytest.mark.parametrize(("deadline", "left", "goes_on"), LEFT.values(), ids=LEFT)
def test_near_the_deadline_nothing_more_is_sent(deadline, left, goes_on):
    actor = stage(models(9), deadline=deadline)
    routing = actor.router.route(Request(HELLO))
    routing.next()
    actor.advance(deadline - left)
    routing.record(routing.judge(FAILED))
    step = routing.next()
    assert isinstance(step, Send) is goes_on
    if not goes_on:
        assert isinstance(step.error, AttemptsFailedError)
        assert "the deadline has passed" in step.error.message


@pytest.mark.parametrize(("deadline", "blamed"), [(300, True), (20, False)])
def test_a_time_out_that_the_deadline_cut_short_is_held_against_nobody(deadline, blamed):
    actor = stage(models(3), deadline=deadline, reply_timeout=60)
    walked = walk(actor.router, once(Reading(flaw=Flaw.TIMEOUT)))
    assert (walked.sent[0] in actor.router.health.cooling) is blamed
    assert len(actor.router.health.lessons) == 0


class SlowKey(httpx.BaseTransport):
    """GET /key that does not answer before it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.headers["authorization"])
        assert self.released.wait(5)
        daily = {"used": 48, "limit": 50, "remaining": 2}
        return httpx.Response(200, json={"data": {"free_model_daily_requests": daily}})


def test_a_slow_key_is_in_nobody_s_way_and_read_once_for_each_account():
    actor, key = stage(models(3)), SlowKey()
    news = Refresh(None, KeySource("http://127.0.0.1:9/api/v1", actor.router.learn_allowance, key))
    wire = ScriptedWire(*(ScriptedReply([HI, END, DONE]) for _ in range(6)))
    forwarder = Forwarder(actor.router, wire, news)
    start = time.monotonic()
    for account in ("one", "one", "one", "two", "two", "two"):
        answer = forwarder.forward(HELLO | {"stream": True}, [("authorization", f"Bearer {account}")])
        assert b"".join(answer.body) == HI + END + DONE
    assert time.monotonic() - start < 1
    key.released.set()
    for thread in readers():
        thread.join(5)
    assert sorted(key.asked) == ["Bearer one", "Bearer two"]
    assert [
        actor.router.endpoint.allowances.left(account) for account in list(actor.router.endpoint.allowances._accounts)
    ] == [2, 2]


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "freerouter-allowance"]


def test_many_unknown_keys_are_read_by_one_thread_and_all_of_them():
    key, learnt = SlowKey(), []
    news = Refresh(None, KeySource("http://127.0.0.1:9/api/v1", lambda *what: learnt.append(what), key))
    for n in range(200):
        news.meet(Caller(str(n)), [("authorization", f"Bearer {n}")])
    (reader,) = readers()
    key.released.set()
    reader.join(5)
    assert [account for account, *_ in learnt] == [str(n) for n in range(200)]
    assert readers() == []


def test_what_unknown_keys_can_fill_is_bounded():
    key = SlowKey()
    source = KeySource("http://127.0.0.1:9/api/v1", lambda *_: None, key)
    news = Refresh(None, source)
    for n in range(5_000):
        news.meet(Caller(str(n)), [("authorization", f"Bearer {n}")])
    assert max(len(news._met), len(source._waiting), len(source._lately)) <= 1_000
    source._waiting.clear()
    key.released.set()


def test_while_the_day_is_shut_the_allowance_is_read_again_once_a_minute(clock):
    key, learnt = SlowKey(), []
    key.released.set()
    source = KeySource("http://127.0.0.1:9/api/v1", lambda *what: learnt.append(what), key, clock)
    news, headers = Refresh(None, source), [("authorization", "Bearer me")]
    for second in range(0, 301, 10):
        news.meet(Caller("me"), headers, shut=second > 0)
        for reader in readers():
            reader.join(5)
        assert len(learnt) == second // 60 + 1
        clock.advance(10)
    clock.advance(60)
    news.meet(Caller("me"), headers)
    assert len(learnt) == 6


def test_nothing_is_asked_of_a_caller_without_a_key():
    actor, key = stage(models(3)), SlowKey()
    news = Refresh(None, KeySource("http://127.0.0.1:9/api/v1", actor.router.learn_allowance, key))
    Forwarder(actor.router, ScriptedWire(ScriptedReply([HI])), news).forward(HELLO | {"stream": True}, [])
    assert readers() == []


def test_the_emulator_s_allowance_is_never_overdrawn():
    emulator = Emulator(seed=1, per_minute=None, per_day=3)
    with emulator.running() as url:
        with sync_client(emulated_router(emulator, url)) as client:
            played = [play(client, stream=False) for _ in range(6)]
        assert [p.error is None for p in played] == [True] * 3 + [False] * 3
        assert len(emulator.completions) == 4  # the fourth is told so; the others are not sent
