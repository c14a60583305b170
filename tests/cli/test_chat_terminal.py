"""freerouter chat as a person would use it: at a terminal of 80 and of 40 columns, with its keys."""

import json

import pytest

from freerouter.emulator import Emulator
from tests.cli.terminals import Terminal
from tests.stage import KEY, striking, until

LONG = "A question of some length, so that its answer does not fit into one line of a terminal"


@pytest.fixture
def environment(upstream) -> dict[str, str]:
    return {"FREEROUTER_UPSTREAM": upstream, "OPENROUTER_API_KEY": KEY}


@pytest.mark.parametrize("columns", [80, 40])
def test_an_answer_is_markdown_and_fits_the_screen(environment, columns):
    with Terminal("chat", f"{LONG} with **bold** words", columns=columns, **environment) as terminal:
        assert terminal.end() == 0
    assert max(map(len, terminal.screen)) <= columns
    text = " ".join(" ".join(terminal.screen).split())
    assert f'You said: "{LONG} with bold words". This is ' in text
    assert text.endswith(" s")
    assert terminal.written.count("\x1b[?25l") == terminal.written.count("\x1b[?25h"), "the cursor is back"


def test_colour_can_be_switched_off(environment):
    with Terminal("chat", "`code`", NO_COLOR="1", **environment) as terminal:
        assert terminal.end() == 0
    assert "\x1b[3" not in terminal.written
    assert "code" in terminal.written


def test_a_dumb_terminal_gets_the_text(environment):
    with Terminal("chat", "**x**", TERM="dumb", **environment) as terminal:
        assert terminal.end() == 0
    assert "\x1b" not in terminal.written
    assert "**x**" in terminal.written


def test_ctrl_c_ends_a_stream_at_once():
    emulator = Emulator(chunk_delay=0.2)
    with emulator.running() as url:
        with Terminal("chat", LONG, FREEROUTER_UPSTREAM=url, OPENROUTER_API_KEY=KEY) as terminal:
            terminal.read_until("said")
            terminal.type("\x03")
            assert terminal.end() == 130
        until(lambda: emulator.open_connections == 0, 10)
    assert "Traceback" not in terminal.written
    assert terminal.screen[-2] == "interrupted"
    assert "said" in " ".join(terminal.screen), "what had come stays"
    assert terminal.written.count("\x1b[?25l") == terminal.written.count("\x1b[?25h")


def test_ctrl_c_ends_the_waiting(environment, emulator):
    emulator.faults = striking("never_answers")
    with Terminal("chat", "Hi", **environment) as terminal:
        terminal.read_until("waiting")
        until(lambda: emulator.completions, 10)
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.written
    assert terminal.written.count("\x1b[?25l") == terminal.written.count("\x1b[?25h")


@pytest.mark.parametrize("columns", [80, 40])
def test_a_conversation(environment, emulator, columns, tmp_path):
    with Terminal("chat", columns=columns, lines=60, **environment) as terminal:
        terminal.read_until("> ")
        for typed, shown in [
            ("First\n", " s"),
            ("/model\n", ":free"),
            ("Second\n", " s"),
            ("/nonsense\n", "unknown command"),
            (f"/save {tmp_path / 's'}\n", "4 messages"),
            ("/explain\n", "100.0%"),
        ]:
            terminal.type(typed)
            terminal.read_until(shown)
            terminal.read_until("> ")
        terminal.insist("\x03", "> ")
        terminal.type("\x04")
        assert terminal.end() == 0
    assert max(len(line) for line in terminal.screen if not line.startswith("> ")) <= columns
    assert len(json.loads((tmp_path / "s").read_text())["messages"]) == 4
    assert len({sent.model for sent in emulator.completions}) == 1
    assert "Traceback" not in terminal.written


def test_ctrl_c_ends_an_answer_but_not_the_conversation():
    emulator = Emulator(chunk_delay=0.05)
    with emulator.running() as url, Terminal("chat", FREEROUTER_UPSTREAM=url, OPENROUTER_API_KEY=KEY) as terminal:
        terminal.read_until("> ")
        terminal.type(f"{LONG}\n")
        terminal.read_until("said")
        terminal.type("\x03")
        terminal.read_until("the question is forgotten")
        terminal.read_until("> ")
        terminal.type("Second\n")
        terminal.read_until(" s\x1b")
        terminal.read_until("> ")
        terminal.type("\x04")
        assert terminal.end() == 0
    assert [message["content"] for message in emulator.completions[1].json["messages"]] == ["Second"]


def test_it_can_be_tried_without_a_key():
    with Terminal("chat", "Hello", "--emulate") as terminal:
        assert terminal.end() == 0
    assert "emulated." in terminal.written
