"""Every Python example of the README runs, against an emulated OpenRouter."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from freerouter.emulator import Emulator
from tests.stage import KEY

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = [
    pytest.param(found[1], id=f"line {README.read_text(encoding='utf-8')[: found.start()].count(chr(10)) + 1}")
    for found in re.finditer(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_readme_runs(tmp_path, example):
    emulator = Emulator(seed=1)
    with emulator.running() as url:
        environment = os.environ | {
            "FREEROUTER_UPSTREAM": url,
            "FREEROUTER_CACHE_DIR": str(tmp_path),
            "OPENROUTER_API_KEY": KEY,
        }
        # Not every example closes its SDK, since nobody does at the end of a script.
        command = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", example]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.strip()
    assert emulator.completions, "it asked something"
    assert not emulator.bill
