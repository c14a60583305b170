"""How a batch grows: memory and time per request for ever more lines, over a wire that answers at once.

    python -m benchmarks.batch 1000 10000 100000

Each size runs in a process of its own, so that its peak of memory is its own. The router's limits are off.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from freerouter import Batch, Catalog, Router, Settings
from freerouter.emulator import Emulator

SIZES = (1_000, 10_000, 100_000)


class Reply:
    def __init__(self, body):
        self.status, self.headers, self.due = 200, [("content-type", "application/json")], float("inf")
        self.chunks = self._chunks(body)

    async def _chunks(self, body):
        yield body

    async def close(self):
        pass


class InstantWire:
    """Answers everything at once, with about a kilobyte."""

    def __init__(self):
        message = {"role": "assistant", "content": "word " * 150}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 5, "completion_tokens": 150, "total_tokens": 155, "cost": 0}
        answer = {"id": "gen-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        self.body = json.dumps(answer | {"usage": usage}).encode()

    async def open(self, _url, _headers, _body, _timeouts):
        return Reply(self.body)

    async def close(self):
        pass


def run(count: int) -> dict[str, float]:
    """Run a batch of so many lines in this process."""
    settings = Settings(api_key="sk-or-none", upstream="http://127.0.0.1:9/api/v1", requests_per_minute=10**9)
    router = Router(settings, Catalog.parse(Emulator().catalog_body))
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        with source.open("w") as file:
            for number in range(count):
                body = {"messages": [{"role": "user", "content": f"Question {number}: " + "why " * 100}]}
                row = {"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
                file.write(json.dumps(row) + "\n")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start = time.perf_counter()
        summary = Batch(source, output, router=router, wire=InstantWire()).run()
        seconds = time.perf_counter() - start
        with output.open() as file:
            written = sum(1 for _ in file)
    assert summary.answered == written == count
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"count": count, "seconds": seconds, "each_us": seconds / count * 1e6, "before_mb": before, "peak_mb": after}


def measured(count: int) -> dict[str, float]:
    """The figures of a batch of so many lines, run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.batch", "--here", str(count)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    if sys.argv[1:2] == ["--here"]:
        print(json.dumps(run(int(sys.argv[2]))))
        return
    print(f"{'lines':>8} {'seconds':>8} {'µs each':>8} {'MB before':>10} {'MB at most':>11}")
    for count in map(int, sys.argv[1:] or SIZES):
        row = measured(count)
        print(f"{count:>8,} {row['seconds']:>8.1f} {row['each_us']:>8.0f}", end=" ")
        print(f"{row['before_mb']:>10.0f} {row['peak_mb']:>11.0f}", flush=True)


if __name__ == "__main__":
    main()
