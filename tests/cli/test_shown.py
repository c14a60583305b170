"""Each way that shows which models a request could reach reads what a request itself reads before its choice."""

import asyncio
import json

import pytest

from freerouter import AsyncFreeRouter, FreeRouter, Settings
from freerouter.emulator import Emulator
from freerouter.network.alarm_file import AlarmFile
from tests.builders import body_of, row
from tests.server.stage import served
from tests.stage import KEY, at_rest, striking

GOOD, TRAINS, COSTS = (f"acme/{name}:free" for name in ("good", "trains", "costs"))
QUESTION = {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def emulator():
    found = Emulator(seed=1, per_minute=None, per_day=None, catalog=body_of(*map(row, (GOOD, TRAINS, COSTS))))
    found.denies_training = True
    found.training = (TRAINS,)
    return found


@pytest.fixture(autouse=True)
def surroundings(upstream, monkeypatch, tmp_path):
    """An account that denies training, and a model that has cost money before."""
    for name, value in {"UPSTREAM": upstream, "API_KEY": KEY, "TRAIN": "deny"}.items():
        monkeypatch.setenv(f"FREEROUTER_{name}", value)
    AlarmFile(Settings()).add(COSTS, 0.5)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.json").write_text(json.dumps(QUESTION))
    (tmp_path / "in.txt").write_text("Hi\n")


def ids(rows):
    return {row["id"] for row in rows} - {"openrouter/free"}


def by_library(_cli):
    with FreeRouter() as client:
        yield ids(client.explain(QUESTION)["eligible"])
        yield {model.id for model in client.models.list()}
    with FreeRouter() as client:
        yield {model.id for model in client.models.list()}


def by_async_library(_cli):
    async def ask():
        async with AsyncFreeRouter() as client:
            listed = {model.id for model in await client.models.list()}
            return listed, ids((await client.explain(QUESTION))["eligible"])

    yield from asyncio.run(ask())


def by_server(_cli):
    with served(Settings().upstream, catalog=None, train="deny") as server:
        yield ids(server.http.get("/api/v1/models").json()["data"])
        yield ids(server.http.get("/status").json()["models"])
        yield ids(server.http.post("/explain", json=QUESTION).json()["eligible"])


def by_explain(cli):
    yield ids(json.loads(cli("explain", "in.json", "--json")[1])["eligible"])


def by_models(cli):
    yield ids(json.loads(cli("models", "--json")[1]))
    every = json.loads(cli("models", "--all", "--json")[1])
    yield ids(row for row in every if row["eligible"])
    reasons = {row["id"]: " ".join(row["reasons"]) for row in every}
    assert "may train on prompts" in reasons[TRAINS]
    assert "cost $0.5" in reasons[COSTS]


WAYS = {
    "the library": by_library,
    "the library, async": by_async_library,
    "the server": by_server,
    "freerouter explain": by_explain,
    "freerouter models": by_models,
}


@pytest.mark.parametrize("shown", WAYS.values(), ids=WAYS)
def test_what_is_shown_is_what_a_request_can_reach(cli, emulator, shown):
    assert list(shown(cli)) != []
    assert all(found == {GOOD} for found in shown(cli))
    assert not emulator.completions


def test_a_dry_run_of_a_batch_counts_what_a_run_can_reach(cli, emulator):
    _, out, _ = cli("batch", "in.txt", "--prompts", "--dry-run", "--json")
    assert [line["eligible"] for line in json.loads(out)["requests"]] == [1]
    assert not emulator.completions
    cli("batch", "in.txt", "--prompts", "-o", "out.jsonl")
    assert [asked.json["model"] for asked in emulator.completions] == [GOOD]


def test_a_request_reaches_what_was_shown(emulator):
    with FreeRouter() as client:
        assert {client.chat.send("Hi").answered_by for _ in range(5)} == {GOOD}


@pytest.mark.parametrize("command", [("explain", "in.json"), ("models",)], ids=" ".join)
def test_a_command_knows_the_cooldowns_of_other_processes(cli, emulator, monkeypatch, command):
    monkeypatch.setenv("FREEROUTER_SHARED_STATE", "auto")
    monkeypatch.setenv("FREEROUTER_TRAIN", "allow")
    emulator.denies_training = False
    emulator.faults = striking("rate_limited", models=GOOD)
    with FreeRouter() as client:
        assert client.chat.send("Hi", models=[GOOD, TRAINS]).answered_by == TRAINS
    at_rest()
    rows = json.loads(cli(*command, "--json")[1])
    shown = rows if command == ("models",) else rows["eligible"]
    assert {row["id"]: row["cooling_s"] is not None for row in shown} == {GOOD: True, TRAINS: False}
