"""make nightly: repeats each property with new inputs until its time is over, and lets schemathesis search as long."""

import argparse
import os
import subprocess
import sys
import tempfile
import time

from freerouter.emulator import Emulator
from tests.server.examination import examine
from tests.server.stage import served

_PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:xdist")


def collect(files: list[str]) -> list[str]:
    """The ids of the tests in these files that Hypothesis drives."""
    done = subprocess.run([*_PYTEST, "--collect-only", *files], capture_output=True, text=True, check=True)
    names = [line for line in done.stdout.splitlines() if "::" in line]
    return [name for name in names if is_property(name)]


def is_property(name: str) -> bool:
    path, _, rest = name.partition("::")
    module = __import__(path.removesuffix(".py").replace("/", "."), fromlist=["_"])
    return hasattr(getattr(module, rest.partition("[")[0]), "hypothesis")


def search(name: str, seconds: float) -> bool:
    """Run a test with one seed after the other; whether all went well."""
    until, seed, rounds = time.monotonic() + seconds, int(time.time()), 0
    while time.monotonic() < until:
        rounds += 1
        done = subprocess.run(
            [*_PYTEST, f"--hypothesis-seed={seed + rounds}", name],
            env=os.environ | {"HYPOTHESIS_PROFILE": "nightly"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stdout.write(f"{done.stdout}\nFAILED {name} with --hypothesis-seed={seed + rounds}\n")
            return False
    sys.stdout.write(f"{name}: {rounds} rounds\n")
    sys.stdout.flush()
    return True


def examine_the_server(seconds: float) -> bool:
    """Let schemathesis search; whether the server answered as its description says."""
    emulator = Emulator(seed=1, per_minute=None, per_day=None)
    with tempfile.TemporaryDirectory() as folder, emulator.running() as upstream, served(upstream) as server:
        done = examine(server.url, folder, "--max-time", f"{seconds:.0f}", "--continue-on-failure")
    sys.stdout.write(done.stdout + done.stderr)
    return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    results = [search(name, arguments.seconds) for name in collect(arguments.files)]
    results.append(examine_the_server(arguments.seconds))
    sys.exit(0 if all(results) else "some of them failed")


if __name__ == "__main__":
    main()
