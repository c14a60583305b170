"""``freerouter serve`` as a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

# What goes wrong is news; a line for each request would be, too, to those who did not ask for it.
QUIET = {"FREEROUTER_SERVE_LOG_LEVEL": "warning"}
LONG = 30
# The base URL, the one for clients of Anthropic's, and the upstream.
_URL = re.compile(r"(http://[^/]+)/api")


def clean(home: Path, **changes: str) -> dict[str, str]:
    """The environment without anything that is meant for freerouter or for an SDK."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FREEROUTER_", "OPENROUTER_", "OPENAI_", "ANTHROPIC_"))
        and not name.lower().endswith("_proxy")
    }
    return kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": str(home)} | changes


class Process:
    """A running server: where it is, where its upstream is, what it said at the start, and the process itself."""

    def __init__(self, popen: subprocess.Popen[str], announced: str) -> None:
        self.popen = popen
        self.announced = announced
        self.url, _, self.upstream = _URL.findall(announced)

    @property
    def base(self) -> str:
        return f"{self.url}/api/v1"

    @property
    def received(self) -> list[dict[str, Any]]:
        """The completions that reached the emulator."""
        requests = httpx.get(f"{self.upstream}/_requests").json()
        return [request for request in requests if request["method"] == "POST"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "freerouter", "serve", *arguments]


@contextmanager
def serving(home: Path, *arguments: str, **environment: str) -> Iterator[Process]:
    """A server on a free port, until the block ends."""
    with subprocess.Popen(
        command("--port", "0", *arguments),
        env=clean(home, **QUIET | environment),
        cwd=home,
        stderr=subprocess.PIPE,
        text=True,
    ) as popen:
        try:
            announced = popen.stderr.readline()
            while "Ctrl-C" not in announced:
                line = popen.stderr.readline()
                assert line, announced
                announced += line
            yield Process(popen, announced)
        finally:
            popen.kill()


def refused(home: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Start a server that cannot start; returns the status and what it said."""
    run = subprocess.run(
        command(*arguments),
        env=clean(home, **environment),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert run.stdout == ""
    return run.returncode, run.stderr
