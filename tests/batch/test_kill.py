"""A batch killed with -9 at random moments, and resumed until it is done: nothing lost, nothing twice."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from freerouter.emulator import Emulator, Fault, Faults
from tests.batch.stage import lines, read, standing, write

KILLS = 10
REQUESTS = 60
FAULTS = ("rate_limited", "internal_error", "empty_content", "truncated_json", "resets", "error_in_200")


class Nursery:
    """Runs the command line in processes that start at once."""

    def __init__(self, env: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "tests.batch.nursery"]
        self._process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True)

    def start(self, arguments: list[str], log: Path) -> int:
        print(json.dumps([arguments, str(log)]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def end(self, child: int, due: Callable[[], bool]) -> int:
        """Kill it when that is due, unless it ends by itself; returns its exit status."""
        while not select.select([self._process.stdout], [], [], 0.001)[0]:
            if due():
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                break
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture
def nursery(tmp_path, upstream):
    made = Nursery(
        os.environ
        | {"FREEROUTER_UPSTREAM": upstream, "OPENROUTER_API_KEY": "sk-or-v1-test"}
        | {"FREEROUTER_CACHE_DIR": str(tmp_path / "cache"), "FREEROUTER_REQUESTS_PER_MINUTE": "100000"}
    )
    yield made
    made.close()


@pytest.fixture
def emulator():
    faults = Faults([Fault(kind, probability=0.06) for kind in FAULTS])
    return Emulator(seed=1, per_minute=None, per_day=None, faults=faults)


def content(received) -> str:
    return received.json["messages"][-1]["content"]


class Ordeal:
    """One batch, killed again and again, with what its journal said after each kill."""

    def __init__(self, folder: Path, nursery: Nursery, emulator: Emulator, *, stream: bool) -> None:
        folder.mkdir()
        self.folder, self.nursery, self.emulator = folder, nursery, emulator
        self.output = folder / "out.jsonl"
        source = write(folder / "in.jsonl", lines(REQUESTS))
        self.arguments = ["batch", str(source), "-o", str(self.output), *(["--stream-output"] if stream else [])]
        self.first = len(emulator.completions)
        self.marks: list[tuple[int, set[str], set[str]]] = []

    def live(self, due: Callable[[], bool]) -> int:
        """Run it until it is due to be killed, or ends; returns its exit status."""
        status = self.nursery.end(self.nursery.start(self.arguments, self.folder / "log"), due)
        if status == -signal.SIGKILL:
            journal = self.output.with_name("out.jsonl.journal")
            answered, flying = standing(journal, self.folder / "copy")
            self.marks.append((len(self.emulator.completions), answered, flying))
        return status

    def sent_again(self) -> list[str]:
        """What reached the emulator although its answer stood in the journal."""
        received = [content(one) for one in self.emulator.completions]
        return [name for mark, answered, _ in self.marks for name in received[mark:] if name in answered]


def moment(rng: Random, emulator: Emulator) -> Callable[[], bool]:
    """A moment for a kill: up to 0.2 s after the start, or, mostly, up to 10 ms after up to 25 more requests."""
    start, pause = time.perf_counter(), rng.uniform(0.0, 0.2)
    if rng.random() < 0.2:
        return lambda: time.perf_counter() > start + pause
    goal = len(emulator.completions) + rng.randint(1, 25)
    reached: list[float] = []

    def due() -> bool:
        if not reached and len(emulator.completions) >= goal:
            reached.append(time.perf_counter())
        return bool(reached) and time.perf_counter() > reached[0] + pause / 20

    return due


def never() -> bool:
    return False


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_ten_random_moments_and_resumed_nothing_is_lost_and_nothing_sent_twice(
    seed, tmp_path, nursery, emulator
):
    rng, kills, flying, number = Random(seed), 0, 0, 0
    while kills < KILLS:
        number += 1
        stream = (seed + number) % 2 == 0
        ordeal = Ordeal(tmp_path / str(number), nursery, emulator, stream=stream)
        while (status := ordeal.live(moment(rng, emulator) if kills < KILLS else never)) == -signal.SIGKILL:
            kills += 1
        assert status in (0, 1), (ordeal.folder / "log").read_text()
        rows = read(ordeal.output)
        names = [row["custom_id"] for row in rows]
        expected = [f"r{index}" for index in range(REQUESTS)]
        assert (sorted(names) if stream else names) == (sorted(expected) if stream else expected)
        assert ordeal.sent_again() == []
        resent = {row["custom_id"] for row in rows if row["freerouter"].get("resent")}
        assert resent == set().union(*(flying for *_, flying in ordeal.marks))
        flying += len(resent)
    assert flying > KILLS, "the kills came at moments at which nothing was under way"
