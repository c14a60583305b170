"""Schemathesis: an independent program reads GET /openapi.json and examines the server by it."""

import subprocess
import sys
from pathlib import Path

_CONFIG = Path(__file__).with_name("schemathesis.toml")
# Hypothesis 6.170.17 ends with an IndexError of its own, at times, where it searches for a target: it gets none.
_RUN = """
import hypothesis
from schemathesis.cli import schemathesis

hypothesis.target = lambda *_, **__: None
schemathesis()
"""


def examine(url: str, folder: str | Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Examine the server at a URL without a path; it exits with 0 when all is as described.

    Args:
        url: where the server is.
        folder: an empty one, for what schemathesis writes.
        options: of ``schemathesis run``.
    """
    command = [sys.executable, "-c", _RUN, "--config-file", str(_CONFIG), "run", f"{url}/openapi.json"]
    return subprocess.run(
        [*command, "--no-color", "--warnings", "off", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
