"""The commands explain and models, and the entrance; what needs a process of its own is in test_cli_processes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

import freerouter
from freerouter import Catalog, CatalogError, Router, Settings
from freerouter.emulator import Emulator
from freerouter.pipeline.actions import Request
from tests.network.sources import listing
from tests.stage import BODY, HELLO

BODIES = {
    "plain": BODY,
    "tools": {"messages": HELLO, "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"},
    "schema": {"messages": HELLO, "response_format": {"type": "json_schema", "json_schema": {"name": "x"}}, "seed": 1},
    "strict": {"messages": HELLO, "logprobs": True, "provider": {"require_parameters": True}},
    "long": {"messages": [{"role": "user", "content": "word " * 200_000}], "max_tokens": 1000},
    "one": {"messages": HELLO, "model": "openai/gpt-oss-20b:free"},
    "nobody": {"messages": HELLO, "max_tokens": 10_000_000},
}


@pytest.fixture
def catalog(tmp_path) -> Path:
    path = tmp_path / "models.json"
    path.write_bytes(Emulator().catalog_body)
    return path


# explain

PROSPECT = {"id", "probability", "rank", "value", "why", "gives_up", "cooling_s", "trains"}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_explain_says_as_json_what_the_library_says(cli, catalog, body):
    written = json.dumps(body).encode()
    status, out, err = cli("explain", "-", "--catalog", catalog, "--json", stdin=written)
    assert (status, err) == (0, "")
    shown = json.loads(out)
    assert shown == Router(Settings(), Catalog.parse(catalog.read_bytes())).explain(Request(written))
    assert shown.keys() == {"requirements", "preference", "train", "eligible", "ineligible", "without"}
    assert {key for row in shown["eligible"] for key in row} <= PROSPECT
    assert {key for row in shown["ineligible"] for key in row} <= {"id", "reasons"}
    assert all(row["reasons"] for row in shown["ineligible"])
    chances = [row["probability"] for row in shown["eligible"]]
    assert sum(chances) == pytest.approx(1 if chances else 0)


def test_explain_speaks_of_every_model_that_is_named_free_or_priced_zero(cli, real_catalogs, tmp_path):
    for day, body in real_catalogs.items():
        path = tmp_path / f"{day}.json"
        path.write_bytes(body)
        _, out, _ = cli("explain", "-", "--catalog", path, "--json", stdin=json.dumps(BODY).encode())
        shown = json.loads(out)
        spoken_of = {row["id"] for row in shown["eligible"] + shown["ineligible"]}
        rows = json.loads(body)["data"]
        assert spoken_of == {
            row["id"]
            for row in rows
            if row["id"].endswith(":free")
            or float(row["pricing"]["prompt"]) == float(row["pricing"]["completion"]) == 0
        }
        assert {row["id"].partition(":")[2] for row in shown["eligible"]} == {"free"}


@pytest.mark.parametrize("name", ["plain", "tools", "nobody"])
def test_explain_is_readable_in_80_columns(cli, catalog, tmp_path, name):
    request = tmp_path / "request.json"
    request.write_text(json.dumps(BODIES[name]))
    status, out, err = cli("explain", request, "--catalog", catalog)
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out
    explained = Router(Settings(), Catalog.parse(catalog.read_bytes())).explain(Request(BODIES[name]))
    assert f"{len(explained['eligible'])} eligible" in out
    assert f"{len(explained['ineligible'])} not eligible" in out
    unwrapped = "".join(out.split())
    assert all(row["id"] in unwrapped for row in explained["eligible"])
    assert "content-safety" in unwrapped


# models


@pytest.mark.parametrize("needs", ["", "tools", "tools,image", "vision tools", "structured_outputs", "telepathy"])
def test_models_lists_those_that_have_what_is_needed(cli, catalog, needs):
    status, out, err = cli("models", "--needs", needs, "--catalog", catalog, "--json")
    assert (status, err) == (0, "")
    router = Router(Settings(), Catalog.parse(catalog.read_bytes()))
    expected = router.models(needs.replace(",", " ").split())
    rows = json.loads(out)
    assert [row["id"] for row in rows] == sorted(model.id for model in expected)
    assert all(row["eligible"] and not row["reasons"] for row in rows)
    _, text, _ = cli("models", "--needs", needs, "--catalog", catalog)
    assert all(model.id in text for model in expected)
    assert f"{len(expected)} free models" in text
    assert max(map(len, text.splitlines())) <= 80


def test_models_lists_all_with_the_reason_against_each(cli, catalog):
    _, out, _ = cli("models", "--all", "--needs", "tools", "--catalog", catalog, "--json")
    rows = {row["id"]: row for row in json.loads(out)}
    assert rows["openai/gpt-oss-20b:free"]["eligible"]
    assert rows["microsoft/phi-4-multimodal-instruct:free"]["reasons"] == ["lacks tools"]
    assert "excluded by *content-safety*" in rows["nvidia/nemotron-3.5-content-safety:free"]["reasons"]
    assert rows["stealth/lunar-heron"]["reasons"] == ["id does not end in :free"]
    _, text, _ = cli("models", "--all", "--needs", "tools", "--catalog", catalog)
    assert "not eligible: lacks tools" in text
    assert "stealth/lunar-heron" in text


@pytest.mark.parametrize(
    ("days", "words"),
    [(15, ""), (14, "expires in 14 days"), (1, "expires in 1 day"), (0, "expires today"), (40_000, "")],
)
def test_models_says_what_expires_soon(cli, tmp_path, days, words):
    expires = datetime.now(UTC).date() + timedelta(days=days)
    path = tmp_path / "models.json"
    row = json.loads(listing("one"))["data"][0] | {"expiration_date": expires.isoformat()}
    path.write_text(json.dumps({"data": [row]}))
    _, out, _ = cli("models", "--catalog", path)
    assert [line.strip() for line in out.splitlines()][2] == (f"text; {words}" if words else "text")
    assert json.loads(cli("models", "--catalog", path, "--json")[1])[0]["expires"] == expires.isoformat()


# Where the catalog comes from.


def test_without_a_file_the_models_are_openrouters(cli, monkeypatch, upstream, emulator):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    for _ in range(3):
        status, out, _ = cli("models", "--json")
        assert (status, len(json.loads(out))) == (0, 18)
    assert [request.path for request in emulator.requests] == ["/api/v1/models"], "the copy serves the other times"


def test_a_stale_copy_is_renewed_although_a_command_ends_soon(cli, monkeypatch, upstream, emulator):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    monkeypatch.setenv("FREEROUTER_CATALOG_AGE", "0.001")
    cli("models", "--json")
    emulator.catalog_body = json.dumps(
        {"data": [*json.loads(emulator.catalog_body)["data"], *json.loads(listing("new"))["data"]]}
    ).encode()
    _, out, _ = cli("models", "--json")
    assert "author/new:free" in out


# Errors.


@pytest.mark.parametrize(
    ("arguments", "stdin", "word"),
    [
        (["explain", "-"], b"", "JSON"),
        (["explain", "-"], b"{}", "messages"),
        (["explain", "-"], b'{"messages": [7]}', "messages[0]"),
        (["explain", "-"], b'{"messages": [{"content": "x"}], "model": "openai/gpt-5.4-mini"}', "cost money"),
        (["explain", "-", "--catalog", "/no/such/file"], b"{}", "/no/such/file cannot be read"),
        (["models", "--catalog", "/no/such/file"], b"", "/no/such/file cannot be read"),
        (["models", "--catalog", __file__], b"", "not valid JSON"),
    ],
)
def test_an_error_is_one_line_and_status_1(cli, catalog, arguments, stdin, word):
    if "--catalog" not in arguments:
        arguments = [*arguments, "--catalog", catalog]
    status, out, err = cli(*arguments, stdin=stdin)
    assert (status, out) == (1, "")
    assert err.startswith("freerouter: ")
    assert word in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("FREEROUTER_UPSTREAM", "http://openrouter.ai", "upstream"),
        ("FREEROUTER_MAX_ATTEMPTS", "none", "max_attempts"),
        ("OPENROUTER_API_KEY", "my secret key", "api_key"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_but_not_shown(cli, monkeypatch, catalog, name, value, word):
    monkeypatch.setenv(name, value)
    status, _, err = cli("models", "--catalog", catalog)
    assert (status, err.count("\n")) == (1, 1)
    assert word in err
    assert "secret" not in err


def test_without_network_it_is_said_so(cli, monkeypatch):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", "http://127.0.0.1:9/api/v1")
    status, _, err = cli("models")
    assert (status, err.count("\n")) == (1, 1)
    assert "could not be reached" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["explain"],
        ["explain", "/no/such/request.json"],
        ["explain", "-", "--nonsense"],
        ["models", "--needs"],
        ["emulate", "--port", "70000"],
        ["emulate", "--per-day", "-1"],
        ["emulate", "--catalog", "/no/such/file"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_status_2(cli, arguments):
    status, out, err = cli(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("freerouter: ")
    assert err.count("\n") == 1
    assert "--help" in err


def test_debug_shows_the_traceback(cli):
    with pytest.raises(CatalogError):
        cli("--debug", "models", "--catalog", "/no/such/file")


@pytest.mark.parametrize("debug", [True, False])
def test_what_should_not_have_happened_is_one_line_without_its_text(cli, monkeypatch, debug):
    def fail(_catalog):
        raise RuntimeError("sk-or-secret")

    monkeypatch.setattr("freerouter.cli.models.router_for", fail)
    if debug:
        with pytest.raises(RuntimeError):
            cli("--debug", "models")
        return
    status, out, err = cli("models")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "RuntimeError" in err
    assert "--debug" in err
    assert "secret" not in err


# The entrance.


@pytest.mark.parametrize("arguments", [["--version"], ["--debug", "--version"]], ids=" ".join)
def test_the_version_is_told(cli, arguments):
    assert cli(*arguments) == (0, f"freerouter {freerouter.__version__}\n", "")


@pytest.mark.parametrize(
    "command", ["chat", "explain", "models", "quota", "doctor", "demo", "emulate", "serve", "config"]
)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help_with_an_example(cli, command, flag):
    status, out, _ = cli(command, flag)
    assert status == 0
    assert f"freerouter {command}" in out
    assert "Example:" in out
    assert max(map(len, out.splitlines())) <= 80


def test_live_needs_a_key(cli):
    status, _, err = cli("demo", "--live")
    assert status == 1
    assert "OPENROUTER_API_KEY" in err


def test_a_port_that_is_taken_is_an_error_in_one_line(cli, upstream):
    port = httpx.URL(upstream).port
    status, out, err = cli("emulate", "--port", port)
    assert (status, out) == (1, "")
    assert err.startswith(f"freerouter: port {port}")
    assert err.count("\n") == 1


def test_faults_that_make_no_sense_are_an_error_in_one_line(cli, tmp_path):
    rules = tmp_path / "faults.toml"
    rules.write_text('[[faults]]\nkind = "nonsense"\n')
    status, _, err = cli("emulate", "--port", "1", "--faults", rules)
    assert (status, err.count("\n")) == (1, 1)
    assert "kind" in err
