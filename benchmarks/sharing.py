"""python -m benchmarks.sharing: what sharing costs a request, and what a thousand processes ask of Redis."""

from __future__ import annotations

import heapq
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import redis

from benchmarks.quick import make_ready, shown
from benchmarks.workloads import catalog_body, short_request, tool_request
from freerouter.openrouter.headers import NOBODY
from freerouter.pipeline.actions import Request, Reserve, Send
from freerouter.pipeline.news import News
from freerouter.pipeline.router import Router
from freerouter.settings import Settings
from freerouter.sharing.facts import Fact, Kind, heard, tell
from freerouter.sharing.file_store import FileStore
from freerouter.sharing.outbox import Outbox
from freerouter.sharing.redis_store import RedisStore
from freerouter.sharing.slots import SLOT_SECONDS, Slot
from freerouter.sharing.stores import Store
from freerouter.sharing.telling import PIECE, Retelling

_PATIENT = 5.0
_MINUTE, _DAY = 20, 50
_ACCOUNT = "a" * 32
_PROCESSES = 1_000
_SIMULATED = 600.0  # seconds


# What a decision takes, with and without. Another process is not waited for: its answer is at hand.


class Wanted(NamedTuple):
    """A slot that is wanted."""

    account: str
    number: int
    limit: int


class AtHand:
    """Slots that are granted at once."""

    answer = Slot(True, tuple(float(rest) for rest in range(1, 11)), (50, 20))


def decide(router: Router, body: bytes) -> tuple[float, float]:
    """Seconds of a decision, and those of applying the answer about the slot."""
    applying = 0.0
    start = time.perf_counter()
    routing = router.route(Request(body))
    step = routing.next()
    if isinstance(step, Reserve):
        answered = time.perf_counter()
        routing.reserved(AtHand.answer)
        applying = time.perf_counter() - answered
        step = routing.next()
    whole = time.perf_counter() - start
    assert isinstance(step, Send), step
    router.endpoint.allowances.of(NOBODY.account).sent.clear()  # nothing was sent
    return whole - applying, applying


def measure_decisions() -> None:
    print("A decision, bytes to bytes to send, 350 models")
    settings, routers = Settings(requests_per_minute=1_000, seed=1), []
    for shared in (False, True):
        router = Router(settings)
        make_ready(router, catalog_body(350))
        if shared:
            router.share(News(router, Outbox(), AtHand()))  # type: ignore[arg-type]  # nothing is taken
        routers.append(router)
    for name, body, rounds in (("short", short_request(), 6_000), ("54 KB with tools", tool_request(), 1_000)):
        taken = [(decide(routers[0], body), decide(routers[1], body)) for _ in range(rounds)]
        alone, shared = median(one[0] for one, _ in taken), median(other[0] for _, other in taken)
        applying = median(other[1] for _, other in taken)
        print(f"  {name:<18} alone {shown(alone)}, shared {shown(shared)}: {shared / alone:.2f} x")
        print(f"  {'':<18} and {shown(applying)} to apply the answer about the slot")


# What a slot adds to a request.


@contextmanager
def server() -> Iterator[str]:
    """A Redis of this machine on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while True:
                try:
                    with redis.Redis(port=port, protocol=2) as client:
                        client.ping()
                        break
                except redis.ConnectionError:
                    time.sleep(0.01)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            running.kill()
            running.wait()


def measure_slots(url: str) -> None:
    print("\nA slot, as a request waits for it")
    with tempfile.TemporaryDirectory() as folder:
        stores: list[Store] = [
            RedisStore(url, "slots", "me", patience=_PATIENT),
            FileStore(Path(folder) / "shared.sqlite3", "me", patience=_PATIENT),
        ]
        for store in stores:
            store.connect()
            asks = [Wanted(f"{number // _MINUTE}", number, _MINUTE) for number in range(4_000)]
            taken = [timed(lambda store=store, ask=ask: store.take(ask)) for ask in asks]
            percentiles = quantiles(taken, n=100)
            print(f"  {store.kind:<6} p50 {shown(percentiles[49])}, p99 {shown(percentiles[98])}")
            store.close()


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


# A thousand processes on one key, on a clock of the simulation, with the real scripts in a real Redis.


class Simulated:
    """The clock of the simulation."""

    now = 1_788_264_000.0

    def __call__(self) -> int:
        return int(self.now * 1000)


def simulate(url: str) -> None:
    clock = Simulated()
    store = RedisStore(url, "simulated", "all", patience=_PATIENT, now=clock)
    store.connect()
    rng, started, asked = random.Random(1), clock.now, 0
    # When each process wants to send next; all want to at once, and again and again.
    wanting = [(clock.now + rng.uniform(0, 1), process) for process in range(_PROCESSES)]
    heapq.heapify(wanting)
    sent: list[float] = []
    answered = time.perf_counter()
    while wanting[0][0] < started + _SIMULATED:
        clock.now, process = heapq.heappop(wanting)
        slot = store.take(Wanted(_ACCOUNT, asked, _MINUTE))
        asked += 1
        if slot.granted:
            sent.append(clock.now)
            again = rng.expovariate(1.0)
        else:  # as Routing waits: until the first slot is free
            again = min(slot.taken, default=1.0) + rng.uniform(0, 0.05)
        heapq.heappush(wanting, (clock.now + again, process))
    answered = time.perf_counter() - answered
    store.close()
    busiest = max(sum(at - 60 < other <= at for other in sent) for at in sent)
    print(f"\n{_PROCESSES:,} processes that want all the time, {_MINUTE} a minute, {_SIMULATED / 60:.0f} minutes")
    print(f"  sent {len(sent)}, at most {busiest} in any 60 seconds")
    print(f"  asked {asked:,} times: {asked / _SIMULATED:.0f} a second; Redis could answer {asked / answered:,.0f}")
    assert busiest <= _MINUTE


def simulate_day(url: str) -> None:
    """Sends are on their way for a while; OpenRouter's 429 is told at once, and ends the day for all."""
    clock = Simulated()
    stores = [RedisStore(url, "day", f"{number}", patience=_PATIENT, now=clock) for number in range(8)]
    for store in stores:
        store.connect()
    rng, reached, beyond, in_flight, number = random.Random(2), 0, 0, 0, 0
    events = [(clock.now + rng.uniform(0, 30), 0, process) for process in range(_PROCESSES)]
    heapq.heapify(events)
    flying, shut = 0, False
    while events:
        clock.now, kind, process = heapq.heappop(events)
        store = stores[process % len(stores)]
        if kind == 1:  # the reply
            flying -= 1
            reached += 1
            beyond += reached > _DAY
            if reached > _DAY and not shut:
                shut, in_flight = True, flying + 1
                gate = Fact(Kind.GATE, (_ACCOUNT,), ["day", _DAY], 0.0, 3_600.0)
                store.publish([told for told in [tell(gate, 0.0)] if told is not None])
            continue
        number += 1
        if store.take(Wanted(_ACCOUNT, number, 1_000)).granted:
            flying += 1
            heapq.heappush(events, (clock.now + rng.uniform(0.5, 5), 1, process))
    for store in stores:
        store.close()
    print(f"\n{_PROCESSES:,} processes, {_DAY} a day: {beyond} sent beyond it, {in_flight} were in flight at its 429")
    assert beyond <= in_flight


def simulate_loss(url: str) -> None:
    """Redis is emptied; each process notices within five seconds, and tells again what is lacking."""
    clock, rng = Simulated(), random.Random(3)
    start = clock.now = time.time()  # the index ends by Redis' own clock
    store = RedisStore(url, "loss", "all", patience=_PATIENT, now=clock)
    store.connect()
    since, until = start - 60, start + 600
    known = [Fact(Kind.COOLED, (f"model {number}",), 1, since, until) for number in range(200)]
    known += [Fact(Kind.TALK, (_ACCOUNT, str(number)), ["model", False], since, until) for number in range(400)]
    pieces = [known[at : at + PIECE] for at in range(0, len(known), PIECE)]
    processes = [Retelling(lambda _: iter(pieces), lambda: clock.now, rng) for _ in range(_PROCESSES)]
    for each in processes:
        each.check(store, clock.now, anew=True)
        each.begins(inf)
    with redis.Redis.from_url(url, protocol=2) as client:
        client.flushall()
        client.config_resetstat()
        told, looked = 0, []
        for tick in range(3_000):
            clock.now = start + tick / 100
            for each in processes[2 * tick : 2 * tick + 2]:
                each.check(store, clock.now)
            for each in processes:
                if each.begins(clock.now):
                    looked.append(clock.now)
                    stored = heard(store.snapshot(), clock.now)
                    each.begin(fact._replace(until=until) for fact in stored)  # Redis has a clock of its own for it
                    while number := each.go_on(store):
                        told += number
        busy = sum(row["usec"] for row in client.info("commandstats").values()) / 1e6
    store.close()
    print(f"\nA store that held {len(known)} facts is emptied under {_PROCESSES:,} processes")
    print(f"  told again: {told} facts; {len(looked):,} looked, within {max(looked) - start:.0f} seconds")
    print(f"  Redis was busy for {busy:.1f} s in all: {busy / len(looked) * 1e3:.1f} ms for each process")


def measure_memory(url: str) -> None:
    print("\nMemory of Redis")
    with redis.Redis.from_url(url, protocol=2) as client:
        client.flushall()
        before = client.info("memory")["used_memory"]
        store = RedisStore(url, "memory", "me", patience=_PATIENT)
        store.connect()
        facts = [Fact(Kind.TALK, (_ACCOUNT, str(rng)), ["nvidia/nemotron-3-nano-30b-a3b:free", False], 0.0, 600.0)
                 for rng in range(10**18, 10**18 + 10_000)]  # fmt: skip
        for start in range(0, len(facts), 500):
            store.publish([told for fact in facts[start : start + 500] if (told := tell(fact, 0.0)) is not None])
        each = (client.info("memory")["used_memory"] - before) / len(facts)
        print(f"  a fact: {each:.0f} bytes (of 10,000 conversations, with their index)")
        before = client.info("memory")["used_memory"]
        for account in range(1_000):
            for number in range(_MINUTE):
                store.take(Wanted(f"{account:032}", number, _MINUTE))
            store.set_day(f"{account:032}", (_DAY, 0), 3_600.0, 0.0)
        each = (client.info("memory")["used_memory"] - before) / 1_000
        print(f"  an account: {each:.0f} bytes (a full minute of {_MINUTE} slots of {SLOT_SECONDS} s, and its day)")
        store.close()


def main() -> None:
    measure_decisions()
    if shutil.which("redis-server") is None:
        sys.exit("the rest needs redis-server: apt-get install redis-server")
    with server() as url:
        measure_slots(url)
        simulate(url)
        simulate_day(url)
        simulate_loss(url)
        measure_memory(url)


if __name__ == "__main__":
    main()
