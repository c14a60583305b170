"""make bench-quick: draw, decision and catalog load at four sizes of the catalog, each beside its floor."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from random import Random
from statistics import median

from pydantic_core import from_json, to_json

from benchmarks.workloads import catalog_body, picture_request, short_request, tool_request
from freerouter.memory.health import Health
from freerouter.openrouter.catalog import Catalog
from freerouter.openrouter.headers import NOBODY
from freerouter.pipeline.actions import Request, Send
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.router import Router
from freerouter.pipeline.selection import Selection, draw
from freerouter.settings import Settings

_SIZES = (30, 350, 10_000, 300_000)
_ROUNDS = 7


def measure(action: Callable[[], object], seconds: float = 0.02) -> float:
    """Median seconds of one call, over several rounds of about this length; without garbage collection, as timeit."""
    gc.disable()
    try:
        return _measured(action, seconds)
    finally:
        gc.enable()


def _measured(action: Callable[[], object], seconds: float) -> float:
    start = time.perf_counter()
    action()
    once = max(time.perf_counter() - start, 1e-7)
    calls = max(1, int(seconds / once))
    if once > 1:
        return once
    rounds = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        for _ in range(calls):
            action()
        rounds.append((time.perf_counter() - start) / calls)
    return median(rounds)


def shown(seconds: float) -> str:
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.2f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def line(what: str, ours: float, floor: float, of: str) -> None:
    print(f"{what:<44}{shown(ours):>10}   {ours / floor:6.2f} x {of} ({shown(floor)})")


def main() -> None:
    settings = Settings(requests_per_minute=10**12, seed=1)
    thirty = tuple(range(30))
    choice = measure(lambda: random.choice(thirty))
    for size in _SIZES:
        print(f"\n{size:,} models")
        body = catalog_body(size)
        floor = measure(lambda body=body: from_json(body))
        router = Router(settings)
        load = measure(lambda body=body, router=router: make_ready(router, body))
        line("catalog: bytes to ready to route", load, floor, "from_json")
        measure_choosing(router, choice)


def make_ready(router: Router, body: bytes) -> None:
    """Parse a catalog, and lay it out for choosing."""
    router.update(Catalog.parse(body))
    router.index()


def measure_choosing(router: Router, choice: float) -> None:
    index = router.index()
    rng = Random(1)
    requirements = analyze(short_request())
    pool = index.pool(requirements.need)
    nothing: dict[str, float] = {}
    line("a draw from a known pool", measure(lambda: draw(index.models, pool.best, 0, nothing, rng)), choice, "choice")
    health = Health(time.monotonic, rng)
    line(
        "requirements to model, a request's first draw",
        measure(lambda: Selection(index, requirements, None, NOBODY, health, rng).pick()),
        choice,
        "choice",
    )
    requests = (("short", short_request()), ("54 KB with tools", tool_request()), ("1 MB picture", picture_request()))
    for name, body in requests:
        floor = measure(lambda body=body: to_json(from_json(body)))
        line(f"bytes to bytes to send, {name}", measure(lambda body=body: decide(router, body)), floor, "from/to_json")


def decide(router: Router, body: bytes) -> Send:
    step = router.route(Request(body)).next()
    assert isinstance(step, Send), step
    router.quota.uncount(NOBODY.account)  # nothing is sent, so the window must not fill
    return step


if __name__ == "__main__":
    main()
