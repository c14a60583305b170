"""docs/faults.md is what the registry of faults says, and its example is a file of rules that works."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from freerouter.emulator import FAULTS, Faults
from freerouter.emulator.faults.page import page

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "faults.md").read_text(encoding="utf-8")


def test_the_page_is_up_to_date():
    assert page() == PAGE, "run: make faults"


def test_the_command_prints_the_page():
    command = [sys.executable, "-m", "freerouter.emulator.faults"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout == PAGE


def test_each_fault_has_one_row():
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \| the (?:model|account) \|$", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(FAULTS)


def test_the_example_is_a_file_of_rules():
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (rule,) = Faults.parse(tomllib.loads(example)).rules
    assert rule.kind in FAULTS


def test_the_example_in_python_runs():
    (example,) = re.findall(r"^```py\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    subprocess.run([sys.executable, "-W", "error", "-c", example], timeout=30, check=True)


@pytest.mark.parametrize(
    "page_of_docs", [DOCS.parent / "README.md", DOCS / "reliability.md"], ids=lambda path: path.name
)
def test_readers_find_the_page(page_of_docs):
    assert "faults.md)" in page_of_docs.read_text(encoding="utf-8")
