"""Commands in a process of their own: the demo, the emulator, and what is loaded when."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import freerouter
from freerouter.emulator import Emulator
from tests.stage import BODY


def environment(home: Path) -> dict[str, str]:
    """An environment whose folders are all below one."""
    for name in ("home", "cache", "mine", "tmp"):
        (home / name).mkdir(parents=True)
    return os.environ | {
        "HOME": str(home / "home"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "FREEROUTER_CACHE_DIR": str(home / "mine"),
        "TMPDIR": str(home / "tmp"),
        "COLUMNS": "80",
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    home = tmp_path_factory.mktemp("demo")
    # A proxy that does not exist: this machine is never behind one.
    env = environment(home) | {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
    command = [sys.executable, "-m", "freerouter", "demo"]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    return run, home


def test_the_demo_shows_the_five_steps_and_ends_well(demo):
    run, _ = demo
    assert (run.returncode, run.stderr) == (0, "")
    for step in ("1 Analysis", "2 Filtering", "3 Selection", "4 Forwarding", "5 Tracking"):
        assert run.stdout.count(step) >= 5
    assert "1,000 draws" in run.stdout
    assert run.stdout.count(" drew ") == run.stdout.count("4 Forwarding")
    assert run.stdout.count("answered by") >= 5


def test_the_demo_is_readable_in_80_columns_and_plain_when_piped(demo):
    run, _ = demo
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert "\x1b" not in run.stdout


def test_the_demo_leaves_nothing_behind(demo):
    _, home = demo
    assert [path for path in home.rglob("*") if path.is_file()] == []


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_the_emulator_serves_until_it_is_interrupted(tmp_path):
    port = unused_port()
    command = [sys.executable, "-m", "freerouter", "emulate", "--port", str(port), "--seed", "1", "--per-minute", "1"]
    url = f"http://127.0.0.1:{port}/api/v1"
    with subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert url in process.stderr.readline()
            with httpx.Client(base_url=url, headers={"authorization": "Bearer key"}) as client:
                assert client.get("models").json()["total_count"] > 18
                body = BODY | {"model": "openrouter/free"}
                replies = [client.post("chat/completions", json=body).status_code for _ in range(2)]
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == 0
        finally:
            process.kill()
        assert replies == [200, 429]
        assert process.stderr.read() == ""


@pytest.mark.parametrize("command", [["emulate"], ["serve", "--emulate"]], ids=["emulate", "serve"])
def test_machines_are_told_where_a_server_is(tmp_path, command):
    line = [sys.executable, "-m", "freerouter", *command, "--port", str(unused_port()), "--json"]
    with subprocess.Popen(line, env=environment(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        try:
            where = json.loads(process.stdout.readline())
            reply = httpx.get(f"{where['url']}/models", timeout=60)
            process.send_signal(signal.SIGINT)
            process.wait(60)
        finally:
            process.kill()
        assert process.stdout.read() == ""
    assert reply.json()["data"]


def loaded(code: str) -> set[str]:
    """The names of the packages that are loaded after some code has run."""
    code = f"{code}\nimport json, sys\nsys.stdout.write('\\n' + json.dumps(list(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return {name.partition(".")[0] for name in json.loads(run.stdout.splitlines()[-1])}


HEAVY = {"httpx", "numpy", "pydantic", "anyio", "openai", "starlette", "uvicorn", "rich", "typer"}


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import freerouter", set()),
        ("import sys; sys.argv = ['freerouter', '--version']; from freerouter.__main__ import main; main()", set()),
        (
            "import sys; sys.argv = ['freerouter', '--help']; from freerouter.__main__ import main\n"
            "try: main()\nexcept SystemExit: pass",
            {"rich", "typer"},
        ),
    ],
    ids=["import", "--version", "--help"],
)
def test_nothing_is_loaded_that_is_not_needed(code, allowed):
    assert loaded(code) & HEAVY <= allowed


def test_help_takes_little_longer_than_what_it_is_made_with():
    def seconds(*arguments: str) -> float:
        before = os.times()
        subprocess.run([sys.executable, *arguments], capture_output=True, timeout=60, check=True)
        after = os.times()
        # Of the processor's time: what else runs on the machine is not the command's doing.
        return after.children_user + after.children_system - before.children_user - before.children_system

    floor = ("-c", "import typer, rich.console, rich.table, rich.markdown, rich.panel")
    taken = [(seconds("-m", "freerouter", "--help"), seconds(*floor)) for _ in range(3)]
    assert min(ours / theirs for ours, theirs in taken) < 3


COMPLETIONS = [
    ("freerouter ch", "chat"),
    ("freerouter models --wa", "--watch"),
    ("freerouter models --sort con", "context"),
]


@pytest.mark.parametrize(("typed", "completed"), COMPLETIONS)
def test_a_shell_completes_commands_options_and_choices(typed, completed):
    env = os.environ | {
        "_FREEROUTER_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    command = [sys.executable, "-m", "freerouter"]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert completed in run.stdout.split()
    assert run.stderr == ""


def test_a_shell_completes_the_ids_of_models_from_the_copy(tmp_path, monkeypatch, upstream):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    command = [sys.executable, "-m", "freerouter"]
    subprocess.run([*command, "models"], capture_output=True, timeout=60, check=True)
    env = os.environ | {
        "_FREEROUTER_COMPLETE": "complete_bash",
        "COMP_WORDS": "freerouter chat --model openai/",
        "COMP_CWORD": "3",
    }
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert sorted(run.stdout.split()) == ["openai/gpt-oss-120b:free", "openai/gpt-oss-20b:free"]


def test_without_standard_input_the_prompt_is_all_there_is():
    command = f"exec {sys.executable} -m freerouter chat Hello --emulate <&-"
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0
    assert 'You said: "Hello"' in run.stdout


@pytest.mark.parametrize("command", ["models --json", "models", "explain -"])
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path, command):
    catalog = tmp_path / "models.json"
    catalog.write_bytes(Emulator().catalog_body)
    line = [sys.executable, "-m", "freerouter", *command.split(), "--catalog", str(catalog)]
    env = environment(tmp_path)
    with subprocess.Popen(
        line, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        run.stdout.close()
        run.stdin.write(json.dumps(BODY))
        run.stdin.close()
        assert run.stderr.read() == ""
        assert run.wait(10) in (0, 1)


@pytest.mark.parametrize("module", ["typer", "rich"])
def test_without_the_extra_one_line_says_what_to_install(tmp_path, module):
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError({module!r})")
    env = os.environ | {"PYTHONPATH": f"{tmp_path}:{Path(freerouter.__file__).parents[1]}"}
    command = [sys.executable, "-m", "freerouter", "models"]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert "pip install 'freerouter-client[cli]'" in run.stderr
    assert run.stderr.count("\n") == 1
