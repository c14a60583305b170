"""make bench-quick: what has to be fast, each figure beside its floor; benchmarks.compare reads what this prints."""

from __future__ import annotations

import gc
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from random import Random
from statistics import median

import httpx
from pydantic_core import from_json, to_json

from benchmarks.workloads import (
    answer_of_2_kb,
    beginning_of_a_stream,
    catalog_body,
    picture_request,
    short_request,
    tool_request,
)
from freerouter import RoutingTransport
from freerouter.memory.health import Health
from freerouter.memory.lessons import Asker
from freerouter.openrouter.catalog import Catalog
from freerouter.openrouter.dialects import CHAT
from freerouter.openrouter.headers import NOBODY
from freerouter.openrouter.model_names import DRAW
from freerouter.pipeline.actions import Request, Send
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.drawing import draw
from freerouter.pipeline.router import Router
from freerouter.pipeline.selection import Selection
from freerouter.replies.outcome import classify
from freerouter.replies.reading import Head
from freerouter.settings import Settings

_SIZES = (30, 350, 10_000, 300_000)
_ROUNDS = 7
_BASE = "https://openrouter.ai/api/v1"
_HEAVY = "import httpx, pydantic, numpy"
_USED = "import freerouter; freerouter.FreeRouter; freerouter.RoutingTransport; freerouter.Settings()"


def measure(action: Callable[[], object], seconds: float = 0.02) -> float:
    """Median CPU seconds of one call, over rounds of about this length; without garbage collection, as timeit."""
    gc.disable()
    try:
        return _measured(action, seconds)
    finally:
        gc.enable()


def _measured(action: Callable[[], object], seconds: float) -> float:
    start = time.process_time()
    action()
    once = max(time.process_time() - start, 1e-7)
    calls = max(1, int(seconds / once))
    if once > 1:
        return once
    rounds = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        for _ in range(calls):
            action()
        rounds.append((time.process_time() - start) / calls)
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
    measure_judging()
    measure_transport()
    measure_import()


def make_ready(router: Router, body: bytes) -> None:
    """Parse a catalog, and lay it out for choosing."""
    router.update(Catalog.parse(body))
    router.index()


def measure_choosing(router: Router, choice: float) -> None:
    index = router.index()
    rng = Random(1)
    asker = Asker(analyze(short_request()), NOBODY)
    pool = index.pool(asker.requirements.need)
    nothing: dict[str, float] = {}
    line("a draw from a known pool", measure(lambda: draw(index.models, pool.best, nothing, rng)), choice, "choice")
    health = Health(time.monotonic, rng)
    line(
        "requirements to model, a request's first draw",
        measure(lambda: Selection(index, asker, DRAW, health, rng).pick()),
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
    router.endpoint.allowances.uncount(NOBODY.account)  # nothing is sent, so the window must not fill
    return step


def measure_judging() -> None:
    print("\nJudging a reply")
    body, events = answer_of_2_kb(), beginning_of_a_stream()
    data = [event[6:] for event in events if event.startswith(b"data: ")]
    floor = measure(lambda: from_json(body))
    line("JSON, 2 KB", measure(lambda: judge([body], stream=False)), floor, "from_json")
    floor = measure(lambda: [from_json(each) for each in data])
    line("stream up to the first token", measure(lambda: judge(events, stream=True)), floor, "from_json")


def judge(chunks: list[bytes], stream: bool) -> None:
    """A reply, as far as it has to be read, and what it means."""
    head = Head(CHAT, stream, 200, {"content-type": "text/event-stream" if stream else "application/json"})
    for chunk in chunks:
        head.feed(chunk)
    assert classify(head.end(), time.time()).reason == "answered"


class AtOnce(httpx.BaseTransport):
    """A transport without a network: it has one answer, and the list of models."""

    def __init__(self) -> None:
        self._answer, self._models = answer_of_2_kb(), catalog_body(350)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = self._answer if request.method == "POST" else self._models
        return httpx.Response(200, headers={"content-type": "application/json"}, content=body)


def measure_transport() -> None:
    print("\nTransport, without a network")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(api_key="none", upstream=_BASE, requests_per_minute=10**9, cache_dir=folder, seed=1)
        bare = AtOnce()
        with RoutingTransport(bare, settings=settings) as routing:
            floor = measure(lambda: call(bare))
            line("one request through RoutingTransport", measure(lambda: call(routing)), floor, "the inner one")


def call(transport: httpx.BaseTransport) -> None:
    """One request through a transport, without a client around it."""
    request = httpx.Request("POST", f"{_BASE}/chat/completions", content=short_request())
    response = transport.handle_request(request)
    response.read()
    response.close()
    assert response.status_code == 200, response.content


def measure_import() -> None:
    print("\nA new Python")
    run(_USED, times=1)  # compiles what is not yet compiled
    line("import, and the classes used", run(_USED), run(_HEAVY), "httpx, pydantic, numpy")


def run(code: str, times: int = _ROUNDS) -> float:
    """Median CPU seconds of a new Python that runs this; the folder it runs in comes first on its path."""
    rounds = []
    for _ in range(times):
        start = cpu_of_children()
        subprocess.run([sys.executable, "-c", code], check=True)
        rounds.append(cpu_of_children() - start)
    return median(rounds)


def cpu_of_children() -> float:
    """CPU seconds of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
