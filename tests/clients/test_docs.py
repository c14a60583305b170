"""The examples of docs/clients.md run as they stand, but for the port."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.test_node import FOLDER, node  # noqa: F401  # a fixture

TEXT = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
HERE = "http://127.0.0.1:8788"


def examples(language: str) -> list:
    found = re.findall(rf"^### ([^\n]+)\n\n```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    return [pytest.param(example, id=title) for title, example in found]


def run(command: list[str], folder: Path) -> str:
    """What a program prints that gets nothing but its search path from the environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_each_sdk_has_an_example():
    assert [len(examples(language)) for language in ("python", "javascript", "bash")] == [3, 3, 1]
    assert TEXT.count(HERE) > 20


@pytest.mark.parametrize("example", examples("python"))
def test_python(example, server, talk, tmp_path):
    # Nobody closes a client at the end of a script.
    command = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", example.replace(HERE, server.url)]
    assert "sky" in run(command, tmp_path)
    assert talk.models


@pytest.mark.parametrize("example", examples("javascript"))
def test_javascript(example, node, server, talk, tmp_path):  # noqa: F811  # a fixture
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    (tmp_path / "example.mjs").write_text(example.replace(HERE, server.url))
    assert "sky" in run([node, "example.mjs"], tmp_path)
    assert talk.models


@pytest.mark.parametrize("example", examples("bash"))
def test_curl(example, server, talk, tmp_path):
    if shutil.which("curl") is None:
        assert os.environ.get("CI") != "true", "there is no curl"
        pytest.skip("there is no curl")
    assert "sky" in run(["bash", "-c", example.replace(HERE, server.url)], tmp_path)
    assert talk.models
