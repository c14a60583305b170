"""Every command and program in docs/batch.md runs against an emulated OpenRouter, and its lines are what it says."""

import json
import re
import shlex
from pathlib import Path

import pytest

from freerouter import Batch
from freerouter.batch import Requests
from tests.batch.stage import lines, read, write
from tests.stage import KEY

PAGE = (Path(__file__).parents[2] / "docs" / "batch.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


COMMANDS = [line[2:].partition("#")[0].strip() for block in blocks("console") for line in block.splitlines()]


@pytest.fixture(autouse=True)
def there(monkeypatch, tmp_path, upstream):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    write(tmp_path / "in.jsonl", lines(3))
    (tmp_path / "prompts.txt").write_text("One\nTwo\n")


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_runs(line, command, tmp_path):
    assert command(*shlex.split(line)[2:])[0] == 0
    output = re.search(r"-o (\S+)", line)
    assert [path.name for path in tmp_path.glob("*.jsonl") if path.name != "in.jsonl"] == (
        [output[1]] if output else []
    )


def test_no_output_is_of_two_upstreams():
    outputs = {True: set(), False: set()}
    for line in COMMANDS:
        outputs["--emulate" in line].update(re.findall(r"-o (\S+)", line))
    assert outputs[True]
    assert not outputs[True] & outputs[False]


@pytest.mark.parametrize("program", blocks("python"))
def test_a_program_runs(program, tmp_path):
    exec(compile(program, "docs/batch.md", "exec"), {})  # the page's own
    assert [row["error"] for row in read(tmp_path / "answers.jsonl")] == [None, None]


def test_the_lines_are_in_the_documented_format(tmp_path):
    given, *written = [json.loads(line) for block in blocks("json") for line in block.splitlines()]
    assert Requests().read(1, json.dumps(given).encode()).custom_id == "sky"
    write(tmp_path / "in.jsonl", [given, {"custom_id": "sea", "body": given["body"] | {"max_tokens": 10**8}}])
    Batch("in.jsonl", "out.jsonl").run()
    for shown, row in zip(written, read(tmp_path / "out.jsonl"), strict=True):
        assert shown.keys() == row.keys()
        for name in ("response", "error", "freerouter"):
            assert (shown[name] or {}).keys() == (row[name] or {}).keys()
