"""Plays a case through a way in, and says what of ``right`` does not hold."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.field.answers import GOOD
from tests.field.cases import request_of, rows_of
from tests.field.checks import supports, wrong
from tests.field.upstream import Sent, Stage, Upstream
from tests.field.ways import HEADERS, Ask, Call, Clock, Got, settings_of, way_in

_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Round:
    """One request: what its caller got, after how long, and what went upstream for it."""

    got: Got
    seconds: float
    sent: list[Sent]


def call_of(case: dict[str, Any], name: str | None = None) -> Call:
    headers = {key: value for key, value in {**HEADERS, **case.get("headers", {})}.items() if value is not None}
    # What takes longer than is right need not be waited for.
    timeout = case["right"].get("seconds", 19) + 1
    return Call(case["method"], case["path"], headers, request_of(case, name), timeout)


def one_round(stage: Stage, ask: Ask, call: Call) -> Round:
    before, start = len(stage.sent), time.monotonic()
    got = ask(call)
    return Round(got, time.monotonic() - start, stage.sent[before:])


# With the seeds from here on, twelve draws reach models that lack tools, or forced ones, where they may.
_SEEDS = 1_000


def play(case: dict[str, Any], way: str, upstream: Upstream, folder: str) -> list[str]:
    """What is wrong with how a case comes out."""
    found: list[str] = []
    asked: list[Sent] = []
    for number in range(case.get("repeat", 1)):
        stage, clock = upstream.play(case), Clock()
        own = {"seed": _SEEDS + number, "api_key": f"sk-or-v1-{number:016}", **case.get("settings", {})}
        settings = settings_of(upstream.url, folder, **own)
        with way_in(way, settings, case.get("serve", []), clock) as ask:
            found += _storm(case, stage, ask, clock) if "storm" in case else _rounds(case, stage, ask)
        asked += stage.sent
    return found + _some_lack(case, asked)


def _rounds(case: dict[str, Any], stage: Stage, ask: Ask) -> Iterator[str]:
    rows = rows_of(case)
    for _ in range(case.get("times", 1)):
        yield from wrong(case["right"], one_round(stage, ask, call_of(case)), rows)
    stage.odd = None
    for then in case.get("then", ()):
        yield from (f"then: {what}" for what in _then(then, case, stage, ask))


def _then(then: dict[str, Any], case: dict[str, Any], stage: Stage, ask: Ask) -> list[str]:
    """What is wrong with a request that follows, tried again for as long as it may be."""
    end = time.monotonic() + then.get("within", 0)
    while True:
        found = wrong(then["right"], one_round(stage, ask, call_of(case, then.get("request"))), rows_of(case))
        if not found or time.monotonic() >= end:
            return found
        time.sleep(_PAUSE)


def _storm(case: dict[str, Any], stage: Stage, ask: Ask, clock: Clock) -> Iterator[str]:
    """A steady load, whose pauses pass on the router's clock alone."""
    storm = case["storm"]
    for _ in range(storm["seconds"] * storm["per_second"]):
        yield from wrong({"answer": GOOD}, one_round(stage, ask, call_of(case)), rows_of(case))
        clock.ahead += 1 / storm["per_second"]
    asked = sum(stage.is_odd(sent.model, place) for place, sent in enumerate(stage.sent))
    if asked > storm["asked_at_most"]:
        yield f"the odd model was asked {asked} times"


def _some_lack(case: dict[str, Any], asked: list[Sent]) -> list[str]:
    what = case["right"].get("some_lack")
    if what is None or not all(supports(rows_of(case), sent.model, what) for sent in asked):
        return []
    return [f"only models with {what} were asked"]
