"""The server beside nginx, a bare pass-through and LiteLLM's proxy: throughput, latency, streams, memory, start."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from benchmarks import processes
from benchmarks.deciding import real_catalog
from benchmarks.measuring import number, ratio, shown, spread
from benchmarks.processes import KEY, Server
from benchmarks.streaming import Seen, streams
from benchmarks.table import Row, Section, at_least, at_most
from benchmarks.workloads import answer_of_2_kb

CONNECTIONS = (1, 4, 16, 32, 64)
_SLOW = "LiteLLM"
_SLOW_CONNECTIONS = (1, 32)
_ROUNDS = 3
_LUA = Path(__file__).with_name("post.lua")


class Load(NamedTuple):
    """What wrk saw: requests a second, and the median and 99th percentile of seconds that one took."""

    rate: float
    p50: float
    p99: float


Loads = dict[tuple[str, int], list[Load]]


def wrk(port: int, connections: int, seconds: float) -> Load:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", str(_LUA)]
    command.append(f"http://127.0.0.1:{port}/v1/chat/completions")
    said = subprocess.run(command, env={**os.environ, "BENCH_KEY": KEY}, capture_output=True, text=True, check=True)
    line = next(line for line in said.stdout.splitlines() if line.startswith("RESULT"))
    requests, micros, errors, p50, p99 = (float(word) for word in line.split()[1:])
    if errors:
        raise RuntimeError(f"{errors:.0f} of {requests:.0f} requests to port {port} failed")
    return Load(requests / micros * 1e6, p50 / 1e6, p99 / 1e6)


def answer_of_1_kb() -> bytes:
    return answer_of_2_kb().replace(b"Rayleigh scattering. " * 75, b"Rayleigh scattering. " * 30)


def load(servers: dict[str, Server]) -> Loads:
    """Every server at every number of connections, in rounds."""
    loads: Loads = {}
    for server in servers.values():
        wrk(server.port, 4, 1)  # warm
    for _ in range(_ROUNDS):
        for connections in CONNECTIONS:
            for name, server in servers.items():
                if name != _SLOW or connections in _SLOW_CONNECTIONS:
                    seconds = 3 if name == _SLOW else 2
                    loads.setdefault((name, connections), []).append(wrk(server.port, connections, seconds))
    return loads


def throughput(folder: Path) -> tuple[list[Section], Loads]:
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.nginx(folder, answer=answer_of_1_kb()))
        servers = {
            "nginx itself": upstream,
            "nginx proxy_pass": stack.enter_context(processes.nginx(folder, behind=upstream.port)),
            "bare pass-through": stack.enter_context(processes.bare(folder, upstream.port)),
            "freerouter": stack.enter_context(processes.freerouter(folder, upstream.port)),
            _SLOW: stack.enter_context(processes.litellm(folder, upstream.port)),
        }
        resting = _at_rest(servers)
        loads = load(servers)
    return [Section("The server: answers of 1 KB", _rates(loads), _ABOUT_LOAD), resting], loads


def workers(folder: Path) -> Section:
    """``freerouter serve --workers``, with the counts in turns."""
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.nginx(folder, answer=answer_of_1_kb()))
        servers = {count: stack.enter_context(processes.freerouter(folder, upstream.port, count)) for count in _WORKERS}
        for server in servers.values():
            wrk(server.port, _MANY, 2)  # warm
        rates: dict[int, list[float]] = {count: [] for count in servers}
        for _ in range(_ROUNDS):
            for count, server in servers.items():
                rates[count].append(wrk(server.port, _MANY, 4).rate)
    rows = [
        Row(
            f"requests a second, {_MANY} connections, {count} workers",
            f"{number(median(rates[count]))}/s",
            f"one: {number(median(rates[1]))}/s",
            ratio(rates[count], rates[1]),
        )
        for count in _WORKERS[1:]
    ]
    return Section("The server: workers", rows, _ABOUT_WORKERS)


_WORKERS = (1, 2, 4)
_MANY = 64
_ABOUT_WORKERS = (
    f"Answers of 1 KB from the same nginx, under wrk, on {os.cpu_count()} cores, which nginx and wrk share with the "
    "workers: more workers than cores can only cost."
)


_ABOUT_LOAD = "Everything is in front of the same nginx, with one worker each, under wrk with one thread."


def _rates(loads: Loads) -> list[Row]:
    rows = []
    for connections in (1, 32):
        rates = {name: [run.rate for run in runs] for (name, c), runs in loads.items() if c == connections}
        ours = rates["freerouter"]
        for name, target in (
            ("bare pass-through", at_least(0.7) if connections == 32 else None),
            ("nginx proxy_pass", None),
            (_SLOW, at_least(30) if connections == 32 else None),
        ):
            theirs = f"{name}: {number(median(rates[name]))}/s"
            what = f"requests a second, {connections} connection{'s' * (connections > 1)}, against {name}"
            rows.append(Row(what, f"{number(median(ours))}/s", theirs, ratio(ours, rates[name]), target))
    return [*rows, _added(loads)]


def _added(loads: Loads) -> Row:
    """What a server adds to nginx's own time, at one connection."""
    direct, bare, ours = (
        [run.p50 for run in loads[name, 1]] for name in ("nginx itself", "bare pass-through", "freerouter")
    )
    theirs = [b - d for b, d in zip(bare, direct, strict=True)]
    mine = [o - d for o, d in zip(ours, direct, strict=True)]
    held = f"bare pass-through adds {shown(theirs)}"
    return Row("added p50, 1 connection", shown(mine), held, ratio(mine, theirs), at_most(1.5))


def _at_rest(servers: dict[str, Server]) -> Section:
    ours, theirs = servers["freerouter"], servers[_SLOW]
    wrk(ours.port, 1, 1)
    rows = [
        Row(
            "memory at rest, MB",
            f"{ours.megabytes:.0f} MB",
            f"LiteLLM: {theirs.megabytes:.0f} MB; bare pass-through: {servers['bare pass-through'].megabytes:.0f} MB",
            ours.megabytes,
            at_most(90, "MB"),
        ),
        Row(
            "start to ready, seconds",
            shown(ours.started),
            f"LiteLLM: {shown(theirs.started)}; bare pass-through: {shown(servers['bare pass-through'].started)}",
            ours.started,
            at_most(1.2, "s"),
        ),
    ]
    return Section("The server: memory and start", rows)


def streamed(folder: Path) -> Section:
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.upstream(folder))
        servers = {
            "bare": stack.enter_context(processes.bare(folder, upstream.port)),
            "ours": stack.enter_context(processes.freerouter(folder, upstream.port)),
            _SLOW: stack.enter_context(processes.litellm(folder, upstream.port)),
        }
        for server in servers.values():
            streams(server.port, KEY, 2)
        single = {name: [streams(s.port, KEY, 20, 0.02) for _ in range(3)] for name, s in servers.items()}
        many, memory = _many(servers)
    return Section("The server: streams", [*_firsts(single), *_at_once(many), *memory], _ABOUT_STREAMS)


_ABOUT_STREAMS = (
    "Twenty tokens, one every 50 ms, from an upstream on bare asyncio. The time of a token is from the upstream's "
    "hands to the client's. Client and upstream share the two cores with the server, for each server alike."
)


def _many(servers: dict[str, Server]) -> tuple[dict[str, list[Seen]], list[Row]]:
    """200 streams at once, in turns; and the memory of ours meanwhile."""
    seen: dict[str, list[Seen]] = {name: [] for name in servers}
    peaks: dict[str, float] = {}
    for _ in range(_ROUNDS):
        for name, server in servers.items():
            if name == _SLOW and seen[name]:
                continue
            with Watched(server) as watched:
                seen[name].append(streams(server.port, KEY, 200, 0.002))
            peaks[name] = max(peaks.get(name, 0), watched.peak)
    held = f"LiteLLM: {peaks[_SLOW]:.0f} MB; bare pass-through: {peaks['bare']:.0f} MB"
    ours = peaks["ours"]
    return seen, [Row("memory with 200 streams, MB", f"{ours:.0f} MB", held, ours)]


class Watched:
    """The most memory that a server takes meanwhile."""

    def __init__(self, server: Server) -> None:
        self.peak = 0.0
        self._server = server
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            self.peak = max(self.peak, self._server.megabytes)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def _firsts(seen: dict[str, list[Seen]]) -> list[Row]:
    rows = []
    for what, part, target in (("first token, p50", 0, at_most(1.5)), ("each token, p50", 1, None)):
        p50 = {name: [median(run[part]) for run in runs] for name, runs in seen.items()}
        held = f"bare pass-through: {shown(p50['bare'])}; LiteLLM: {shown(p50[_SLOW])}"
        rows.append(Row(f"stream: {what}", shown(p50["ours"]), held, ratio(p50["ours"], p50["bare"]), target))
    return rows


def _at_once(seen: dict[str, list[Seen]]) -> list[Row]:
    rows = []
    for what, part, target in (("first token, p99", 0, at_most(2)), ("each token, p99", 1, at_most(2))):
        p99 = {name: [quantiles(run[part], n=100)[98] for run in runs] for name, runs in seen.items()}
        held = f"bare pass-through: {shown(p99['bare'])}; LiteLLM: {shown(p99[_SLOW])}"
        rows.append(Row(f"200 streams: {what}", shown(p99["ours"]), held, ratio(p99["ours"], p99["bare"]), target))
    worst = max(max(run.each) for run in seen["ours"])
    held = f"bare pass-through: {shown(max(max(run.each) for run in seen['bare']))}"
    rows.append(Row("200 streams: the latest token of all, in ms", shown(worst), held, worst * 1000))
    return rows


def write_models(folder: Path) -> None:
    (folder / "models.json").write_bytes(real_catalog()[0])


def curves(loads: Loads) -> dict[str, list[tuple[int, float, float]]]:
    """For the plot: connections, requests a second, median seconds."""
    lines: dict[str, list[tuple[int, float, float]]] = {}
    for (name, connections), runs in loads.items():
        point = (connections, spread([r.rate for r in runs]).median, spread([r.p50 for r in runs]).median)
        lines.setdefault(name, []).append(point)
    return lines
