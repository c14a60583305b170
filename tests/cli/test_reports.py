"""The commands that report: doctor, quota, and what appeared and vanished among the models."""

import json
import socket

import pytest

from freerouter import Router, Settings
from freerouter.cli import doctor as doctor_command
from freerouter.cli import models as models_command
from freerouter.emulator import Emulator
from freerouter.emulator.serving import Serving
from freerouter.network import fetching
from freerouter.server.app import App
from tests.cli.terminals import Terminal
from tests.stage import KEY, NOWHERE


@pytest.fixture
def emulator():
    return Emulator(seed=1)


@pytest.fixture(autouse=True)
def port(monkeypatch) -> int:
    """The server's port: one that is free, whatever else runs on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setattr(doctor_command, "PORT", port)
    return port


@pytest.fixture
def here(monkeypatch, upstream):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    return upstream


def states(out: str) -> dict[str, str]:
    return {check["name"]: check["state"] for check in json.loads(out)["checks"]}


# doctor


def test_all_is_well(cli, here, emulator):
    status, out, err = cli("doctor", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["ok"] is True
    assert set(states(out).values()) - {"ok"} == set()
    assert [request.path for request in emulator.requests] == [
        "/api/v1/models",
        "/api/v1/models/user",
        "/api/v1/key",
        "/health",
    ]
    assert not emulator.completions
    sent = [request.headers.get("authorization") for request in emulator.requests]
    assert sent == [f"Bearer {KEY}"] * 3 + [None]


def test_a_dry_run_needs_neither_key_nor_network(cli, monkeypatch):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", NOWHERE)
    status, out, _ = cli("doctor", "--emulate")
    assert status == 0
    assert "there, and valid" in out
    assert "failed" not in out


def test_without_network_it_says_what_it_could_not_check(cli, monkeypatch):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", NOWHERE)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    status, out, err = cli("doctor", "--json")
    assert (status, err) == (1, "")
    assert states(out) == {
        "versions": "ok",
        "settings": "ok",
        "upstream": "failed",
        "circle": "warning",
        "clock": "warning",
        "models": "warning",
        "catalog copy": "failed",
        "key": "warning",
        "allowance": "warning",
        "privacy": "warning",
        "shared state": "ok",
        "server port": "ok",
    }
    assert KEY not in out


def test_what_fails_has_its_remedy_in_80_columns(cli, here, monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY")
    status, out, _ = cli("doctor")
    assert status == 1
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out
    line = next(line for line in out.splitlines() if " key " in line)
    assert line.startswith("failed")
    assert "https://openrouter.ai/keys" in out


def test_settings_that_make_no_sense_are_a_check_like_others(cli, monkeypatch):
    monkeypatch.setenv("FREEROUTER_MAX_ATTEMPTS", "none")
    status, out, err = cli("doctor", "--json")
    assert (status, err) == (1, "")
    assert states(out) == {"versions": "ok", "settings": "failed", "server port": "ok"}
    assert "max_attempts" in out


def test_an_unknown_variable_is_a_warning_with_the_nearest_name(cli, here, monkeypatch):
    monkeypatch.setenv("FREEROUTER_MAX_ATEMPTS", "3")
    _, out, _ = cli("doctor", "--json")
    assert states(out)["settings"] == "warning"
    assert "FREEROUTER_MAX_ATEMPTS: unknown setting 'max_atempts': did you mean max_attempts?" in out


def test_models_that_the_account_hides_are_counted(cli, here, emulator, monkeypatch):
    monkeypatch.setattr(doctor_command, "_versions", dict)
    shown = json.loads(emulator.catalog_body)
    seen = []

    def hide(settings, url):
        found = look(settings, url)
        seen.append(url)
        if url.endswith("/models/user"):
            rows = [row for row in shown["data"] if not row["id"].startswith("nvidia/")]
            return found._replace(body=json.dumps(shown | {"data": rows}).encode())
        return found

    look = fetching.look
    monkeypatch.setattr(fetching, "look", hide)
    _, out, _ = cli("doctor", "--json")
    check = next(check for check in json.loads(out)["checks"] if check["name"] == "privacy")
    assert check["state"] == "warning"
    assert "nvidia/" in check["found"]
    assert "https://openrouter.ai/settings/privacy" in check["remedy"]


def test_a_circle_is_found(cli, monkeypatch, serving_freerouter):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", f"{serving_freerouter}/api/v1")
    assert states(cli("doctor", "--json")[1])["circle"] == "warning"


@pytest.fixture
def serving_freerouter(upstream):
    """The address of a freerouter server."""
    app = App(Router(Settings(upstream=upstream, api_key=KEY)))
    server = Serving(app, "127.0.0.1", 0)
    with server.in_thread():
        yield server.url.removesuffix("/api/v1")


def test_a_port_that_is_taken_is_a_warning(cli, here, monkeypatch):
    taken = Emulator()
    with taken.running() as url:
        monkeypatch.setattr(doctor_command, "PORT", int(url.removesuffix("/api/v1").rpartition(":")[2]))
        status, out, _ = cli("doctor", "--json")
    assert status == 0
    assert states(out)["server port"] == "warning"
    assert [request.path for request in taken.requests] == ["/health"]
    assert "authorization" not in taken.requests[0].headers, "the key is for the upstream alone"


def test_a_server_of_ours_on_its_port_is_fine(cli, here, monkeypatch, serving_freerouter):
    monkeypatch.setattr(doctor_command, "PORT", int(serving_freerouter.rpartition(":")[2]))
    _, out, _ = cli("doctor", "--json")
    check = next(check for check in json.loads(out)["checks"] if check["name"] == "server port")
    assert (check["state"], "is running on" in check["found"]) == ("ok", True)


# quota


def test_quota_tells_what_is_used_and_left(cli, here, emulator):
    for _ in range(3):
        assert cli("chat", "Hi")[0] == 0
    status, out, err = cli("quota", "--json")
    shown = json.loads(out)
    assert (status, err) == (0, "")
    assert (shown["used"], shown["limit"], shown["left"]) == (3, 50, 47)
    assert shown["resets_at"].endswith("T00:00:00Z")
    assert 0 < shown["resets_in_s"] <= 86_400
    assert shown["per_minute"] == {"limit": 20, "used": None}
    _, out, _ = cli("quota")
    assert "3 of 50" in out
    assert "00:00 UTC" in out
    assert max(map(len, out.splitlines())) <= 80
    assert len(emulator.completions) == 3, "asking costs nothing"


def test_quota_guesses_nothing(cli, monkeypatch):
    emulator = Emulator(per_day=None)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    with emulator.running() as url:
        monkeypatch.setenv("FREEROUTER_UPSTREAM", url)
        shown = json.loads(cli("quota", "--json")[1])
        text = cli("quota")[1]
    assert (shown["used"], shown["limit"], shown["left"]) == (None, None, None)
    assert "does not say" in text


def test_quota_in_the_readers_time(here):
    with Terminal("quota", TZ="Asia/Tokyo", FREEROUTER_UPSTREAM=here, OPENROUTER_API_KEY=KEY) as terminal:
        assert terminal.end() == 0
    assert "09:00 here, 00:00 UTC" in terminal.written


@pytest.mark.parametrize(("key", "words"), [("", "https://openrouter.ai/keys"), (KEY, "could not be reached")])
def test_quota_fails_in_one_line(cli, monkeypatch, key, words):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", NOWHERE)
    monkeypatch.setenv("OPENROUTER_API_KEY", key)
    status, out, err = cli("quota")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert words in err


# models --watch, and the list


def test_what_appeared_and_vanished_is_told(cli, here, emulator, monkeypatch, tmp_path):
    monkeypatch.setenv("FREEROUTER_CATALOG_AGE", "0.001")
    first = json.loads(cli("models", "--watch", "--json")[1])
    assert (first["since"], first["appeared"], first["vanished"], first["free"]) == (None, [], [], 20)

    offer = json.loads(emulator.catalog_body)
    rows = {row["id"]: row for row in offer["data"]}
    del rows["qwen/qwen3-coder:free"]
    rows["z-ai/glm-4.5-air:free"]["pricing"]["prompt"] = "0.001"
    rows["new/one:free"] = rows["openai/gpt-oss-20b:free"] | {"id": "new/one:free", "canonical_slug": "new/one"}
    emulator.catalog_body = json.dumps(offer | {"data": list(rows.values())}).encode()

    second = json.loads(cli("models", "--watch", "--json")[1])
    assert second["since"] is not None
    assert second["appeared"] == ["new/one:free"]
    assert second["vanished"] == [
        {"id": "qwen/qwen3-coder:free", "reasons": ["is no longer listed"]},
        {"id": "z-ai/glm-4.5-air:free", "reasons": ["price of prompt is 0.001"]},
    ]
    third = json.loads(cli("models", "--watch", "--json")[1])
    assert (third["appeared"], third["vanished"]) == ([], [])
    assert "no changes since" in cli("models", "--watch")[1]
    # One of each; a copy that is just being written is there under another name beside it.
    assert {path.name.partition("-")[0] for path in (tmp_path / "cache").iterdir()} == {"models", "seen"}


def test_what_a_server_leaves_alone_is_told(cli, here, monkeypatch):
    monkeypatch.setattr(models_command, "cooling", lambda server: {"openai/gpt-oss-20b:free": 12.3})
    assert "failed lately: cooling down for 12 s" in " ".join(cli("models")[1].split())
    apart = {row["id"]: row["cooling_s"] for row in json.loads(cli("models", "--json")[1]) if row["cooling_s"]}
    assert apart == {"openai/gpt-oss-20b:free": 12.3}


@pytest.mark.parametrize("path", ["", "/api/v1/key", "/nothing"])
def test_where_no_server_of_ours_answers_nothing_is_left_alone(upstream, path):
    assert not models_command.cooling(upstream.removesuffix("/api/v1") + path)


def test_a_look_that_is_no_use_is_none(cli, here, tmp_path):
    cli("models", "--watch")
    look = next((tmp_path / "cache").glob("seen-*"))
    for content in (b"", b"[]", b'{"at": "x", "free": []}', b'{"at": "2026-01-01", "free": 7}'):
        look.write_bytes(content)
        assert "20 free models noted" in cli("models", "--watch")[1]


def test_a_file_cannot_be_watched(cli, tmp_path):
    status, _, err = cli("models", "--watch", "--catalog", tmp_path / "x")
    assert (status, err.count("\n")) == (2, 1)


ROW = {"context": lambda row: -row["context"], "output": lambda row: -(row["max_output"] or 0)}
ROW |= {"name": lambda row: row["id"], "newest": lambda row: -row["created"]}
ROW |= {"expires": lambda row: row["expires"] or "9999"}


@pytest.mark.parametrize("order", ROW)
def test_models_are_sorted(cli, here, order):
    rows = json.loads(cli("models", "--sort", order, "--json")[1])
    keys = [ROW[order](row) for row in rows]
    assert keys == sorted(keys)
    assert len(rows) == 18


def test_models_are_filtered(cli, here):
    rows = json.loads(cli("models", "--author", "nvidia, openai/", "--min-context", "200000", "--json")[1])
    assert rows
    assert {row["id"].partition("/")[0] for row in rows} <= {"nvidia", "openai"}
    assert all(row["context"] >= 200_000 for row in rows)


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize(
    "command", [["models"], ["models", "--all"], ["doctor"], ["quota"], ["--help"], ["chat", "-h"]]
)
def test_every_screen_fits(here, columns, command):
    environment = {"FREEROUTER_UPSTREAM": here, "OPENROUTER_API_KEY": KEY}
    with Terminal(*command, columns=columns, lines=400, **environment) as terminal:
        assert terminal.end() == 0
    if command != ["quota"]:
        assert max(map(len, terminal.screen)) <= columns
    assert "🆓" not in terminal.written
