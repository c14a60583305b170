"""make reliability: the share of requests answered while a third of the models fails, in docs/reliability.md."""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.soak import TITLE as SOAK
from freerouter import AsyncFreeRouter, Catalog, FreeRouterError, Settings
from freerouter.emulator import FAULTS, Emulator, Fault, Faults
from freerouter.pipeline.router import Router

_PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
_AT_ONCE = 8
_ATTEMPTS = Settings.model_fields["max_attempts"].default
_PATIENCE = 1.0  # seconds, where the default is a minute: a model that hangs must not make the run hang
# What no other model would mend: the request is answered with the error at once, by design.
_REQUEST_FAULTS = (
    *("invalid_request", "payload_too_large"),
    # Unknown words from two models in a row: with a third of the models faulty that happens by design.
    *("conflict", "conflict_in_200", "flat_message", "flat_detail", "flat_issues"),
    *("flat_limit_in_200", "stream_flat_limit_first"),
    # Answers of two different models in a row that cost money stop the account, by design.
    *("cost_in_usage", "cost_as_text", "cost_in_long_event", "byok_cost"),
)

_HEAD = """# Reliability

How many requests are answered while models fail. A third of the emulator's free models (every third by name) has the
[fault](faults.md) named in a row, at each request; the others have none. Each row is
{requests:,} requests, {at_once} at a time, over HTTP on one machine, with a new router that has seen no failure yet.
The limits of 20 requests a minute and 50 a day are off. Timeouts are {patience} s instead of a minute, so that a model
that hangs costs that much.

* **answered**: the share of requests that got a whole answer of one model.
* **sends**: requests that reached OpenRouter for each request made. Failed attempts count against the allowance of a
  day, so fewer is better; 1.00 is the least.
* **p50**: the median time of a request, over that of the same requests without faults in the same run ({plain:.1f} ms
  for an answer in one piece, {streamed:.1f} ms for a stream).

Errors that no other model would mend (an invalid request, a bad key, the allowance) are left out: they are handed on
at once. A stream that fails after its first token is handed on as it is, error and all, since the texts of two models
are never joined; what is lost there is the first such answer of each faulty model, which then has a cooldown.

Each request asks another question, as callers do. A provider's refusal of one request gives the model no cooldown until
it has refused two different ones in a row. A moderator's refusal is about the request alone and gives none at all, so
each request may be drawn by several of the faulty models: those rows need about 1.5 sends, and with the limit of five
attempts, {unlucky:.2%} of the requests meet five faulty models. Asked the same question again and again, the rows of a
provider's refusals are like that, too.

`make reliability` writes this page.

| fault | answer | answered | sends | p50 |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one row's requests."""

    requests: int
    answered: int
    sends: int
    seconds: float
    paid: int

    @property
    def share(self) -> float:
        return self.answered / self.requests


async def ask(router: AsyncFreeRouter, question: str, stream: bool) -> bool:
    try:
        if not stream:
            return bool((await router.chat.send(question)).text)
        async with router.chat.stream(question) as answer:
            async for _ in answer:
                pass
            return bool(answer.text) and answer.trace.ending == "finished"
    except FreeRouterError:
        return False


async def run(emulator: Emulator, url: str, requests: int, stream: bool) -> Result:
    """This many requests, through a router that is new."""
    emulator.forget()
    times, answered = [], 0
    waiting = iter(range(requests))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            api_key="sk-or-bench",
            upstream=url,
            cache_dir=folder,
            seed=1,
            requests_per_minute=10**9,
            first_token_timeout=_PATIENCE,
            idle_timeout=_PATIENCE,
            reply_timeout=_PATIENCE,
        )

        async with AsyncFreeRouter(router=Router(settings)) as router:

            async def work() -> None:
                nonlocal answered
                for number in waiting:
                    start = time.perf_counter()
                    done = await ask(router, f"Name river number {number}.", stream)
                    answered += done
                    times.append(time.perf_counter() - start)

            await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return Result(requests, answered, len(emulator.completions), median(times), len(emulator.bill))


def rows(name: str) -> Iterator[bool]:
    """The ways to ask for which a fault is worth a row: whole, streamed."""
    kind = FAULTS[name]
    if not kind.account and name not in _REQUEST_FAULTS:
        yield from (stream for stream in (False, True) if kind.strikes(stream=stream, reused=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--only", nargs="+", default=[""], help="faults whose name holds one of these; writes no page")
    arguments = parser.parse_args()
    logging.getLogger("freerouter").setLevel(logging.CRITICAL)
    emulator = Emulator(seed=1, per_minute=None, per_day=None)
    with emulator.running() as url:
        names = free_models(emulator)
        faulty = names[::3]
        floors = {stream: asyncio.run(run(emulator, url, arguments.requests, stream)) for stream in (False, True)}
        lines, paid = [], 0
        for name in sorted(FAULTS):
            if not any(part in name for part in arguments.only):
                continue
            for stream in rows(name):
                emulator.faults = Faults([Fault(name, models=faulty)], seed=1)
                result = asyncio.run(run(emulator, url, arguments.requests, stream))
                emulator.faults = None
                paid += result.paid
                lines.append(row(name, stream, result, floors[stream]))
                print(lines[-1], flush=True)
    head = _HEAD.format(
        requests=arguments.requests,
        at_once=_AT_ONCE,
        patience=_PATIENCE,
        plain=floors[False].seconds * 1000,
        streamed=floors[True].seconds * 1000,
        unlucky=math.comb(len(faulty), _ATTEMPTS) / math.comb(len(names), _ATTEMPTS),
    )
    tail = f"\n{len(faulty)} of {len(names)} models were faulty. Sends that cost money: {paid}.\n"
    if arguments.only == [""]:
        _, title, soak = _PAGE.read_text().partition(SOAK)
        _PAGE.write_text(head + "\n".join(lines) + "\n" + tail + title + soak)


def free_models(emulator: Emulator) -> list[str]:
    router = Router(Settings(requests_per_minute=10**9))
    router.update(Catalog.parse(emulator.catalog_body))
    return sorted(model.id for model in router.models())


def row(name: str, stream: bool, result: Result, floor: Result) -> str:
    kind = "stream" if stream else "whole"
    sends = result.sends / result.requests
    return f"| {name} | {kind} | {result.share:.2%} | {sends:.2f} | {result.seconds / floor.seconds:.2f} x |"


if __name__ == "__main__":
    main()
