"""What the command line prints keeps what stands in square brackets, which rich would take for a style."""

import inspect
import io
import json
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from freerouter.__main__ import main
from freerouter.cli import app
from freerouter.emulator import Faults
from tests.builders import body_of, row

GROUP = typer.main.get_command(app)
COMMANDS = {"": GROUP, **GROUP.commands}
BRACKETED = "[red]x[/red]"
NOWHERE = "http://127.0.0.1:9/api/v1"


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs a command line in a folder of its own; gives all that it printed."""
    for name in os.environ:
        if name.startswith("FREEROUTER_") or name == "OPENROUTER_API_KEY":
            monkeypatch.delenv(name)
    for name, value in {
        "COLUMNS": "400",
        "FREEROUTER_CACHE_DIR": str(tmp_path),
        "FREEROUTER_UPSTREAM": NOWHERE,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run_a_command(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["freerouter", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        complaint = ""
        try:
            main()
        except SystemExit as end:
            complaint = end.code if isinstance(end.code, str) else ""
        return "".join([*capsys.readouterr(), complaint])

    return run_a_command


def in_one_line(printed: str) -> str:
    """What was printed, without frames and with single spaces."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", printed).split())


def as_shown(text: str) -> str:
    """A text of the help as it has to be read: without marks for typer and rich, and with single spaces."""
    return " ".join(text.replace("\b", "").replace("\\[", "[").split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_is_whole(run, name):
    command = COMMANDS[name]
    printed = in_one_line(run(*filter(None, [name]), "--help"))
    assert command.help
    for paragraph in inspect.cleandoc(command.help).split("\n\n"):
        assert as_shown(paragraph) in printed
    for parameter in command.params:
        assert as_shown(getattr(parameter, "help", None) or "") in printed


def test_the_rules_in_the_help_of_emulate_are_a_file_of_rules(run):
    printed = run("emulate", "--help")
    lines = (line.strip() for line in printed[printed.index("[[faults]]") :].splitlines())
    (rule,) = Faults.parse(tomllib.loads("\n".join(line for line in lines if re.match(r"\[\[|\w+ = ", line)))).rules
    assert (rule.kind, rule.models, rule.probability) == ("rate_limited", "nvidia/*", 0.3)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_named_whole(run, name):
    assert f"--{BRACKETED}" in run(*filter(None, [name]), f"--{BRACKETED}")


@pytest.mark.parametrize(
    "arguments",
    [
        ("chat", BRACKETED, "--emulate"),
        ("chat", "Hi", "--emulate", "--model", BRACKETED),
        ("explain", "request.json", "--catalog", "models.json"),
        ("models", "--catalog", "models.json"),
        ("models", "--catalog", "models.json", "--all"),
        ("models", "--sort", BRACKETED),
        ("explain", f"{BRACKETED}.json"),
        ("explain", "request.json", "--catalog", f"{BRACKETED}.json"),
        ("batch", f"{BRACKETED}.jsonl"),
        ("batch", "in.jsonl", "--dry-run", "--emulate"),
        ("doctor",),
        ("quota",),
        ("config",),
        ("serve", "--emulate", "--map", BRACKETED),
        ("emulate", "--faults", "faults.toml"),
    ],
    ids=" ".join,
)
def test_what_a_user_wrote_is_printed_whole(run, monkeypatch, arguments):
    Path("models.json").write_bytes(body_of(row(f"acme/{BRACKETED}:free"), row(f"acme/{BRACKETED}")))
    Path("request.json").write_text(json.dumps({"messages": [{"role": "user", "content": "Hi"}]}))
    Path("in.jsonl").write_text(json.dumps({"custom_id": BRACKETED, "body": {"model": BRACKETED, "messages": []}}))
    Path("faults.toml").write_text(f'[[faults]]\nkind = "{BRACKETED}"\n')
    if arguments[0] in ("doctor", "quota", "config"):
        monkeypatch.setenv("FREEROUTER_UPSTREAM", f"{NOWHERE}/{BRACKETED}")
        monkeypatch.setenv("OPENROUTER_API_KEY", "any")
    assert BRACKETED in run(*arguments)
