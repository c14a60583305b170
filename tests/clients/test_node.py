"""The npm packages @openrouter/sdk, openai and @anthropic-ai/sdk, run by Node."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.stage import FREE, PNG, Talk

FOLDER = Path(__file__).parent / "node"
SCRIPTS = ["openai", "openrouter", "anthropic"]
LOOPS = ["tools", "response_tools"]


@pytest.fixture(scope="module")
def node() -> str:
    """Node with the packages; required in CI."""
    found = shutil.which("node")
    if found is None or not (FOLDER / "node_modules").is_dir():
        missing = "there is no Node" if found is None else "make test has not installed the npm packages"
        assert os.environ.get("CI") != "true", missing
        pytest.skip(missing)
    return found


@pytest.fixture(scope="module", params=SCRIPTS)
def played(request, node, server):
    """What a script told, and what reached the emulator meanwhile."""
    talk = Talk(server)
    environment = {"PATH": os.environ["PATH"], "HOME": str(FOLDER), "NO_COLOR": "1"}
    run = subprocess.run(
        [node, f"{request.param}.mjs", server.url, PNG],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    told = json.loads(run.stdout)
    return told["results"], told["meant"], talk


def test_each_scene_was_answered(played):
    results, _, _ = played
    for name in {"question", "stream", "response", "response_stream"} & results.keys():
        assert "Hello" in results[name]
    assert "an image" in results["picture"]
    assert results["schema"].keys() == {"city", "inhabitants"}


def test_a_tool_loop_stays_on_its_model(played):
    results, meant, talk = played
    loops = [index for index, body in enumerate(meant) if "tools" in body]
    assert len(loops) == 2 * len(results.keys() & set(LOOPS)) >= 2
    for name in results.keys() & set(LOOPS):
        arguments, answer = results[name]
        assert json.loads(arguments).keys() == {"city"}
        assert "It rains." in answer
    for first, second in zip(loops[::2], loops[1::2], strict=True):
        assert talk.models[first] == talk.models[second]


def test_a_paid_model_is_refused_as_the_sdk_tells_it(played):
    is_its_own, status, message = played[0]["error"]
    assert (is_its_own, status) == (True, 400)
    assert "could cost money" in message


def test_the_models(played):
    first, *others = played[0]["models"]
    assert first == FREE
    assert len(others) > 10
    assert all(name.endswith(":free") for name in others)


def test_what_arrived_is_what_was_meant(played):
    _, meant, talk = played
    assert talk.meant == meant
