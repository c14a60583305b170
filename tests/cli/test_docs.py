"""Every command in docs/terminal.md runs, and its JSON has the documented fields, against an emulated OpenRouter."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from freerouter.emulator import Emulator
from tests.stage import KEY

PAGE = (Path(__file__).parents[2] / "docs" / "terminal.md").read_text(encoding="utf-8")
COMMANDS = [
    line[2:]
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
DOCUMENTED = re.findall(r"^\$ (freerouter [^\n]*--json)\n```\n\n```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
REQUEST = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
            ],
        }
    ],
    "seed": 1,
}


@pytest.fixture(autouse=True)
def there(monkeypatch, tmp_path, upstream):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    Path("photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Path("city.json").write_text('{"type": "object", "properties": {"city": {"type": "string"}}}')
    Path("request.json").write_text(json.dumps(REQUEST))


@pytest.fixture
def emulator():
    return Emulator(seed=1)


def run(cli, line: str) -> tuple[int, str, str]:
    """Run a line of a shell: what comes before a pipe, or after <, is standard input."""
    line, _, redirected = line.partition(" < ")
    stdin = Path(redirected).read_bytes() if redirected else b"diff --git a b\n"
    return cli(*shlex.split(line.rpartition("| ")[2])[1:], stdin=stdin)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_runs(cli, line):
    status, out, _ = run(cli, line)
    assert status == 0
    assert out


def alike(sample: Any, actual: Any, where: str) -> None:
    """What is documented is there, with the same type; null stands for what is not known."""
    if sample is None or actual is None:
        return
    if isinstance(sample, dict):
        for name, value in sample.items():
            if where.endswith((".hard",)):
                assert all(isinstance(found, str) for found in actual.values())
                return
            assert name in actual, f"{where} has no {name}"
            alike(value, actual[name], f"{where}.{name}")
    elif isinstance(sample, list):
        assert isinstance(actual, list), where
        for value in actual if sample else ():
            alike(sample[0], value, f"{where}[]")
    else:
        kinds = (int, float) if isinstance(sample, int | float) and not isinstance(sample, bool) else type(sample)
        # The value of a setting may be anything.
        assert isinstance(actual, kinds) or where == "answer[].value", f"{where} is {actual!r}"


@pytest.mark.parametrize(("line", "sample"), DOCUMENTED, ids=[line for line, _ in DOCUMENTED])
def test_json_is_as_documented(cli, line, sample):
    _, out, _ = run(cli, line)
    documented, actual = json.loads(sample), json.loads(out)
    assert actual, "there is something to compare"
    alike(documented, actual, "answer")


def test_every_json_that_is_documented_is_compared():
    assert len(DOCUMENTED) == PAGE.count("```json") == 9


@pytest.mark.parametrize("command", ["chat", "models", "explain", "quota", "alarms", "doctor", "config", "demo"])
def test_every_top_level_field_is_documented(cli, command):
    line, sample = next(pair for pair in DOCUMENTED if pair[0].startswith(f"freerouter {command} "))
    documented, actual = json.loads(sample), json.loads(run(cli, line)[1])
    if isinstance(documented, list):
        documented, actual = documented[0], actual[0]
    assert actual.keys() == documented.keys()
