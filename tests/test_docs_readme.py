"""The README's figures are those of benchmarks/RESULTS.md, and what it shows to be typed prints what it shows."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from freerouter.emulator import Emulator

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
EMULATED = "http://127.0.0.1:8789/api/v1"


def measured(label: str) -> tuple[str, str, str]:
    """A row of the results: our figure, what it is held against, and the ratio of the two."""
    (row,) = re.findall(rf"^\| {re.escape(label)} \| ([^|]+) \| ([^|]*) \| ([\d.,]+)[^|]* \|", RESULTS, re.MULTILINE)
    return row


def figures() -> list[str]:
    """What the README has to say, line by line."""
    draw, _, of_choice = measured("a draw, requirements to model, 350 models")
    decision, _, of_json = measured("bytes to bytes, a short question")
    served, _, of_bare = measured("requests a second, 32 connections, against bare pass-through")
    _, _, of_litellm = measured("requests a second, 32 connections, against LiteLLM")
    memory, others, _ = measured("memory at rest, MB")
    day, python, cores = re.findall(r"^Run on (\S+) .*?: Python ([\d.]+), (\d+) cores", RESULTS, re.MULTILINE)[0]
    met, targets = re.findall(r"\*\*(\d+) of (\d+) targets met", RESULTS)[0]
    return [
        f"| draw a model from 350 | {draw} | {of_choice} times `random.choice` |",
        f"| decide on a short question, bytes to bytes | {decision} | {of_json} times reading and writing it as JSON |",
        f"| answer requests over 32 connections, with one worker | {served} | "
        f"{of_bare} times a bare pass-through in Python, {of_litellm} times LiteLLM's proxy |",
        f"| memory of the server at rest | {memory} | {others} |",
        f"Measured on {day} on a machine with {cores} cores, with Python {python}; {met} of {targets} targets met.",
    ]


@pytest.mark.parametrize("place", range(5))
def test_a_figure_is_the_measured_one(place):
    assert figures()[place] in README.splitlines()


def test_no_other_figure_of_speed_is_claimed():
    section = README.partition("## Speed\n")[2].partition("\n## ")[0]
    claims = [line for line in section.splitlines() if re.search(r"\d", line)]
    assert sorted(claims) == sorted(line for line in figures() if re.search(r"\d", line))


def test_the_body_given_to_explain_is_json(tmp_path):
    ((body,),) = [re.findall(r"^\$ echo '(.*?)' \| freerouter explain -$", README, re.DOTALL | re.MULTILINE)]
    assert json.loads(body)["tools"]
    catalog = tmp_path / "models.json"
    catalog.write_bytes(Emulator().catalog_body)
    command = [sys.executable, "-m", "freerouter", "explain", "-", "--catalog", str(catalog), "--json"]
    done = subprocess.run(command, input=body, capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout)["requirements"]["hard"] == {"text": "messages", "tools": "tools"}


def test_the_example_without_a_key_runs(tmp_path):
    examples = re.findall(r"^```py\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    (example,) = [text for text in examples if EMULATED in text]
    with Emulator(seed=1).running() as url:
        command = [sys.executable, "-W", "error", "-c", example.replace(EMULATED, url)]
        environment = {"FREEROUTER_CACHE_DIR": str(tmp_path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=True)
    assert "sky" in done.stdout


def test_nothing_is_installed_from_where_it_is_not_published():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        assert "pip install 'freerouter-client" not in page.read_text(encoding="utf-8"), page.name
