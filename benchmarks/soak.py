"""make soak: many clients, faults and leaving clients for ten minutes, against freerouter serve and the emulator."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, mean
from typing import NamedTuple

import aiohttp

from freerouter.emulator import FAULTS

_PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
TITLE = "\n## Soak\n"
CONNECTIONS = 256
_SHARE = 0.2
_LEAVING = 0.05
_DEADLINE = 30
_STREAM = 30  # stream_timeout: seconds that a stream may take once it has begun
_GRACE = 5  # seconds above these after which a client gives up: by then the server has to have answered
_FLAT = 0.2  # MB a minute that memory may rise in the second half
_SPARE = 4  # descriptors that the server may have more afterwards: it reads the list of models, too
_REST = 70  # seconds after which all idle connections to the upstream are closed: they are looked at every 30
_BAD = ("no cause stated", "no answer in time", "connection failed")
_DIALECTS = {
    "chat/completions": {"messages": [{"role": "user", "content": "Name a river."}]},
    "responses": {"input": "Name a river."},
    "messages": {"messages": [{"role": "user", "content": "Name a river."}], "max_tokens": 200},
}
_LAST = (b"data: [DONE]", b'"response.completed"', b'"response.incomplete"', b'"message_stop"')
_FINISHED = re.compile(rb'"(?:finish|stop)_reason"\s*:\s*"')
_STATED = re.compile(rb'"error"\s*:\s*\{|"type"\s*:\s*"error"|"response.failed"')


@dataclass(slots=True)
class Tally:
    """What became of the requests, and what the server's process looked like meanwhile."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    samples: list[tuple[float, float, int]] = field(default_factory=list)


class Result(NamedTuple):
    """What a run came to.

    Attributes:
        tally: what became of the requests.
        before, after: file descriptors.
        running: requests left in flight.
        rise, error: of the memory, in MB a minute, and its standard error.
    """

    tally: Tally
    before: int
    after: int
    running: float
    rise: float
    error: float


def faults(folder: Path) -> Path:
    """A file of rules in which each request fails with the share, by a fault of the model's own."""
    # A model that has cost money is not used again, and soon there would be none.
    kinds = sorted(name for name, kind in FAULTS.items() if not kind.account and "cost" not in name)
    each = _SHARE / len(kinds)
    path = folder / "faults.toml"
    path.write_text("".join(f'[[faults]]\nkind = "{kind}"\nprobability = {each:.6f}\n\n' for kind in kinds))
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def command(*arguments: str, **variables: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A freerouter that runs, and the URL that it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FREEROUTER_", "OPENROUTER_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "freerouter", *arguments, "--port", str(free_port()), "--json"],
        env=kept | variables,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield json.loads(process.stdout.readline())["url"], process
        finally:
            process.terminate()


async def ask(http: aiohttp.ClientSession, url: str, rng: random.Random, tally: Tally) -> None:
    """One request, of any dialect; some clients leave before the end."""
    path, body = rng.choice(list(_DIALECTS.items()))
    stream = rng.random() < 0.5
    leaves = rng.uniform(0, 0.3) if rng.random() < _LEAVING else None
    patience = _DEADLINE + _GRACE + (_STREAM if stream else 0)
    came: list[bytes] = []
    try:
        async with asyncio.timeout(leaves or patience):
            async with http.post(f"{url}/{path}", json=body | {"stream": stream}) as response:
                came.append(b"")
                async for chunk in response.content.iter_any():
                    came.append(chunk)  # noqa: PERF401  # what came before a time-out is told
                judge(response.status, b"".join(came), stream, tally)
    except TimeoutError:
        tally.outcomes["no answer in time" if leaves is None else "left"] += 1
        if leaves is None:
            got = f"{len(b''.join(came))} bytes of a body, the last {came[-1][-200:]!r}" if came else "no headers"
            tally.odd.append(f"no answer in time at {path}, stream={stream}: {got}")
    except aiohttp.ClientError as error:
        tally.outcomes["connection failed"] += 1
        tally.odd.append(f"{type(error).__name__} at {path}, stream={stream}")


def judge(status: int, data: bytes, stream: bool, tally: Tally) -> None:
    """Count an answer: whole, an error that says why, or neither; a stream may lack its last line alone."""
    stated = _STATED.search(data)
    whole = any(last in data for last in _LAST) if stream else data.endswith(b"}")
    if status == 200 and whole and not (stream and stated):
        tally.outcomes["answered"] += 1
    elif stated:
        tally.outcomes["error with its cause"] += 1
        tally.reasons[f"{status}{' in a stream' if status == 200 else ''}"] += 1
    elif status == 200 and stream and _FINISHED.search(data):
        tally.outcomes["answered, but the end marker is missing"] += 1
    else:
        tally.outcomes["no cause stated"] += 1
        tally.odd.append(f"status {status}, stream={stream}: {data[-200:]!r}")


async def work(http: aiohttp.ClientSession, url: str, number: int, until: float, tally: Tally) -> None:
    rng = random.Random(number)
    while time.monotonic() < until:
        await ask(http, url, rng, tally)


def look(pid: int) -> tuple[float, int]:
    """The memory of a process in MB, and how many file descriptors it has open."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def watch(pid: int, tally: Tally) -> None:
    start = time.monotonic()
    while True:
        tally.samples.append((time.monotonic() - start, *look(pid)))
        await asyncio.sleep(1)


async def run(url: str, pid: int, seconds: float) -> Result:
    """The load, and what came of it."""
    tally = Tally()
    root = url.removesuffix("/api/v1")
    async with aiohttp.ClientSession() as probe:
        await (await probe.get(f"{root}/ready")).read()
        before = look(pid)[1]
        watching = asyncio.create_task(watch(pid, tally))
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as http:
            until = time.monotonic() + seconds
            await asyncio.gather(*(work(http, url, number, until, tally) for number in range(CONNECTIONS)))
        watching.cancel()
        await asyncio.sleep(_REST)
        text = await (await probe.get(f"{root}/metrics")).text()
    running = float(re.search(r"^freerouter_in_flight (\S+)$", text, re.MULTILINE)[1])
    return Result(tally, before, look(pid)[1], running, *slope(tally.samples))


def slope(samples: list[tuple[float, float, int]]) -> tuple[float, float]:
    """MB a minute in the second half, and the standard error of that."""
    half = samples[len(samples) // 2 :]
    times, sizes = [at / 60 for at, _, _ in half], [size for _, size, _ in half]
    found = linear_regression(times, sizes)
    rest = sum((size - found.intercept - found.slope * at) ** 2 for at, size in zip(times, sizes, strict=True))
    spread = sum((at - mean(times)) ** 2 for at in times)
    return found.slope, (rest / max(len(half) - 2, 1) / spread) ** 0.5


def faults_found(result: Result) -> list[str]:
    """What must not be: each in words."""
    bad = [f"{result.tally.outcomes[name]} times {name}" for name in _BAD if result.tally.outcomes[name]]
    if result.rise > max(_FLAT, 2 * result.error):
        bad.append(f"memory rises by {result.rise:.2f} MB a minute")
    if result.after > result.before + _SPARE:
        bad.append(f"{result.after - result.before} more file descriptors than before")
    if result.running:
        bad.append(f"{result.running:g} requests left in flight")
    return bad


def section(seconds: float, result: Result) -> str:
    tally = result.tally
    total = sum(tally.outcomes.values())
    outcomes = "\n".join(
        f"| {name} | {count:,} | {count / total:.2%} |" for name, count in tally.outcomes.most_common()
    )
    reasons = ", ".join(f"{count} with {name}" for name, count in tally.reasons.most_common()) or "none"
    sizes = [size for _, size, _ in tally.samples]
    return f"""{TITLE}
`make soak` writes this section: {CONNECTIONS} connections for {seconds:g} seconds against `freerouter serve` as a
process of its own, with the emulator as upstream, in all dialects, half of it streamed. A request to a model fails with
a probability of {_SHARE:.0%}, by any fault that is not the account's and not about cost; {_LEAVING:.0%} of the clients
leave within 0.3 seconds. The server's deadline is {_DEADLINE} seconds, and a stream that has begun may take {_STREAM}
more; a client gives up {_GRACE} seconds later.

| outcome | requests | share |
|---|---|---|
{outcomes}

* Errors by status: {reasons}.
* Memory: {sizes[0]:.0f} MB at the start, {max(sizes):.0f} MB at most; in the second half it rose by {result.rise:+.2f}
  MB a minute (standard error {result.error:.2f}).
* File descriptors: {result.before} before, {max(count for _, _, count in tally.samples)} at most, {result.after}
  afterwards. Requests left in flight: {result.running:g}.
* Faults found: {"; ".join(faults_found(result)) or "none"}.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        emulate = ("emulate", "--faults", str(faults(Path(folder))), "--per-minute", "0", "--per-day", "0")
        with command(*emulate) as (upstream, _):
            variables = {
                "FREEROUTER_UPSTREAM": upstream,
                "FREEROUTER_API_KEY": "sk-or-soak",
                "FREEROUTER_CACHE_DIR": folder,
                "FREEROUTER_REQUESTS_PER_MINUTE": "1000000000",
                "FREEROUTER_FIRST_TOKEN_TIMEOUT": "5",
                "FREEROUTER_IDLE_TIMEOUT": "5",
                "FREEROUTER_REPLY_TIMEOUT": "5",
                "FREEROUTER_DEADLINE": str(_DEADLINE),
                "FREEROUTER_STREAM_TIMEOUT": str(_STREAM),
                "FREEROUTER_SERVE_LOG_LEVEL": "error",
            }
            with command("serve", **variables) as (url, process):
                result = asyncio.run(run(url, process.pid, arguments.seconds))
    written = section(arguments.seconds, result)
    print(written)
    print("\n".join(result.tally.odd[:20]))
    _PAGE.write_text(_PAGE.read_text().partition(TITLE)[0] + written)
    sys.exit(1 if faults_found(result) else 0)


if __name__ == "__main__":
    main()
