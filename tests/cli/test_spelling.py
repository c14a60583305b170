"""What is wrong on the command line is told with the nearest word that exists."""

from typing import get_args

import pytest
import typer

from freerouter.cli import app
from freerouter.cli.models import SortOrder
from freerouter.preferences import Prefer
from freerouter.settings import ClientKeys, LogFormat, LogLevel
from tests.slips import proposes, slip

COMMANDS = typer.main.get_command(app).commands
OPTIONS = [
    (command, option)
    for command, how in COMMANDS.items()
    for parameter in how.params
    for option in parameter.opts
    if option.startswith("--")
]
CHOICES = {
    ("models", "--sort"): tuple(SortOrder),
    ("serve", "--client-keys"): get_args(ClientKeys),
    ("serve", "--log-format"): get_args(LogFormat),
    ("serve", "--log-level"): get_args(LogLevel),
    ("explain", "--prefer"): get_args(Prefer),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command(cli, name):
    assert proposes(cli(slip(name))[2], name)


@pytest.mark.parametrize(("command", "option"), OPTIONS, ids=str)
def test_an_option(cli, command, option):
    status, _, said = cli(command, slip(option))
    assert status == 2
    assert proposes(said, option)


@pytest.mark.parametrize(("where", "word"), [(where, word) for where, words in CHOICES.items() for word in words])
def test_a_word_of_an_option(cli, where, word):
    status, _, said = cli(*where[:1], f"{where[1]}={slip(word)}", *(["in.json"] if where[0] == "explain" else []))
    assert status == 2
    assert proposes(said, word)
    assert "Value error" not in said


def test_a_command_of_a_conversation(cli):
    _, _, said = cli("chat", "-i", "--emulate", stdin=b"/modl\n")
    assert proposes(said, "/model")
