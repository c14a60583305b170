"""freerouter top, against a running server; and the JSON of docs/window.md."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from freerouter.cli.dashboard import condition, picture
from freerouter.server import Access, tokens
from tests.cli.terminals import Terminal
from tests.cli.test_docs import alike
from tests.server.stage import served
from tests.stage import NOWHERE, striking

TOKEN = "let-me-in-0123456789"
PAGE = (Path(__file__).parents[2] / "docs" / "window.md").read_text(encoding="utf-8")


@pytest.fixture
def server(upstream):
    with served(upstream, requests_per_minute=20) as running:
        yield running


@pytest.mark.parametrize("base", ["", "/", "/api", "/api/v1"])
def test_it_shows_what_the_server_does(cli, server, emulator, base, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    emulator.faults = striking("rate_limited", count=1)
    answer = server.ask(tools=[{"type": "function", "function": {"name": "weather"}}])
    status, out, complaint = cli("top", "--url", f"{server.url}{base}")
    assert (status, complaint) == (0, "")
    assert "working, 17 of 18 models ready" in out
    assert "1 answered, 0 failed, 0 running" in out
    assert re.search(r"cooling \d+ s +\S+ +0% of 1 ", out)
    model = answer.headers["x-freerouter-model"].removesuffix(":free")
    assert re.search(rf"\d\d:\d\d:\d\d +tools +\d+ of 18 +x ● +{re.escape(model)} +\d+ ms +\d+ ms", out)


@pytest.mark.parametrize("base", ["", "/", "/api/v1", "/api/v1/"])
def test_the_list_of_models_takes_the_same_addresses(cli, server, upstream, emulator, base, monkeypatch):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    emulator.faults = striking("rate_limited", count=1)
    server.ask()
    status, out, complaint = cli("models", "--json", "--server", f"{server.url}{base}")
    assert (status, complaint) == (0, "")
    assert sum(row["cooling_s"] is not None for row in json.loads(out)) == 1


def test_the_list_of_models_says_when_the_server_that_is_named_does_not_answer(cli, upstream, monkeypatch):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    status, out, complaint = cli("models", "--json", "--server", NOWHERE)
    assert (status, bool(json.loads(out))) == (0, True)
    assert complaint.startswith("freerouter: no list of models from http://127.0.0.1:")
    assert cli("models", "--json")[2] == "", "the default address was not named"
    assert "--server 127.0.0.1 is not the address of a server" in cli("models", "--server", "127.0.0.1")[2]


def test_it_is_live_on_a_terminal(server):
    with Terminal("top", "--url", server.url, columns=140, lines=40) as terminal:
        terminal.read_until("0 answered")
        server.ask()
        terminal.read_until("1 answered")
        terminal.type("\x03")
        assert terminal.end() == 0


def test_the_json_is_as_documented(cli, server):
    server.ask()
    status, out, _ = cli("top", "--json", "--url", server.url)
    assert status == 0
    (sample,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    documented, actual = json.loads(sample), json.loads(out)
    alike(documented, actual, "answer")
    for where in (lambda told: told, lambda told: told["models"][0], lambda told: told["requests"][0]):
        assert where(actual).keys() == where(documented).keys()
    assert actual["allowance"].keys() == documented["allowance"].keys()


def test_the_token_is_shown_to_the_server(cli, upstream, monkeypatch):
    with served(upstream, Access(tokens(TOKEN))) as server:
        status, _, complaint = cli("top", "--url", server.url)
        assert (status, complaint) == (1, "freerouter: the token is missing or wrong: see --token\n")
        assert cli("top", "--url", server.url, "--token", TOKEN)[0] == 0
        monkeypatch.setenv("FREEROUTER_TOKEN", TOKEN)
        assert cli("top", "--url", server.url)[0] == 0


def test_what_is_no_server_is_told(cli, upstream):
    status, _, complaint = cli("top", "--url", NOWHERE)
    assert (status, "start freerouter serve" in complaint) == (1, True)
    status, _, complaint = cli("top", "--url", upstream.removesuffix("/api/v1"))
    assert (status, "not as freerouter serve does" in complaint) == (1, True)


@pytest.mark.parametrize("url", ["localhost:8788", "ftp://localhost", ""])
def test_what_is_no_address_is_told(cli, url):
    status, _, complaint = cli("top", "--url", url)
    assert (status, "it begins with http:// or https://" in " ".join(complaint.split())) == (2, True)


def told(**changes):
    allowance = {"left": None, "limit": None, "minute_sent": 0, "minute_limit": 20, "gate": None, "opens_at": None}
    return {
        "version": "1",
        "upstream": "https://up.test/\x1b[31m",
        "catalog": {"read_at": 0, "failed": 0},
        "allowance": allowance | {"resets_at": 86_400} | changes.pop("allowance", {}),
        "outage": None,
        "shared_state": {"store": "off", "where": "", "ok": True},
        "counts": {"requests": 0, "answered": 0, "failed": 0, "running": 0},
        "models": [],
        "requests": [],
    } | changes


MODEL = {"id": "acme/[red]alpha:free", "context": None, "cooling_until": None, "attempts": 0, "answered": 0}
MODEL |= {"share": None, "tries": [], "rank": None, "trains": "unknown"}


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"catalog": {"read_at": None, "failed": 1}}, "bad", "no list of models yet"),
        ({}, "bad", "no eligible model"),
        ({"models": [MODEL], "outage": {"reason": "5xx", "until": 130}}, "bad", "outage (5xx): asks again in 30 s"),
        ({"models": [MODEL], "allowance": {"gate": "day", "opens_at": 3700}}, "warn", "goes on in 1 h"),
        ({"models": [MODEL], "allowance": {"gate": "minute", "opens_at": 90}}, "warn", "goes on in 0 s"),
        (
            {"models": [MODEL], "shared_state": {"store": "redis", "ok": False, "trouble": "cannot be reached"}},
            "warn",
            "limits are not shared: Redis cannot be reached",
        ),
        ({"models": [MODEL, MODEL | {"cooling_until": 101}]}, "good", "working, 1 of 2 models ready"),
    ],
)
def test_the_condition_is_the_worst_that_holds(changes, level, words):
    found = condition(told(**changes), 100)
    assert found[0] == level
    assert words in found[1]


def drawn(value, height=None, lost="", width=140) -> str:
    console = Console(width=width, markup=False, record=True, file=io.StringIO())
    console.print(picture(value, 100, width, height, lost))
    return console.export_text()


def test_a_picture_fits_into_the_terminal_and_holds_no_commands_for_it():
    request = {"number": 1, "at": 1, "status": 0, "first_ms": None, "total_ms": 1500, "trace": None}
    text = drawn(told(models=[MODEL], requests=[request] * 50), height=30)
    assert len(text.splitlines()) <= 30
    assert "\x1b" not in text
    assert "acme/[red]alpha" in text
    assert "client left" in text
    assert "1.50 s" in text
    assert "unknown" in text


def test_a_narrow_terminal_shows_less_and_cuts_names():
    long = MODEL | {"id": f"acme/{'x' * 80}:free", "cooling_until": 130, "attempts": 12, "answered": 12, "rank": 9.5}
    narrow, wide = (drawn(told(models=[long]), width=width) for width in (80, 140))
    for text in (narrow, wide):
        assert all(words in text for words in ("cooling 30 s", "100% of 12", "9.5"))
    assert ("unknown" in narrow, "unknown" in wide) == (False, True)
    assert "x\u2026" in narrow
    assert max(map(len, narrow.splitlines())) <= 80


def test_a_lost_connection_is_told():
    assert "connection lost: away" in drawn(told(models=[MODEL]), lost="away")
