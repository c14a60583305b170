"""What was seen, and what a diagnosis makes of it: row by row."""

import json
import re
from email.utils import formatdate
from pathlib import Path

import pytest

from freerouter import Settings
from freerouter.cli.diagnosis import Findings, Level, examine, in_words, next_reset
from freerouter.network.probe import Probe
from freerouter.sharing.condition import Status
from tests.builders import body_of, row

PAGE = (Path(__file__).parents[2] / "docs" / "terminal.md").read_text(encoding="utf-8")
NOON = 1_790_000_000.0  # 2026-09-21, 14:13:20 UTC
OFFER = body_of(row("a/one:free"), row("a/two:free"), row("a/guard:free"), row("a/paid", price={"prompt": "1"}))
MODELS = Probe(200, OFFER, formatdate(NOON), 0.25, NOON)
UNREACHABLE = Probe(trouble="ConnectError")


def key_of(used=3, limit=50) -> Probe:
    return Probe(200, json.dumps({"data": {"free_model_daily_requests": {"used": used, "limit": limit}}}).encode())


def seen(*, settings=None, **changes) -> Findings:
    """Findings of an installation that nothing is wrong with, but for what is changed."""
    there = {
        "models": MODELS,
        "account_models": MODELS,
        "key": key_of(),
        "copy_written": NOON - 100,
        "wall": NOON,
        "port": 8788,
        "versions": {"freerouter": "1", "jsonschema": None},
    }
    settings = Settings(**{"api_key": "sk-or-1", **(settings or {})})
    return Findings(settings, **(there | changes))


def test_nothing_is_wrong():
    checks = examine(seen())
    assert {check.state for check in checks} == {Level.OK}
    assert not any(check.remedy for check in checks)
    assert [check.name for check in checks] == [
        "versions", "settings", "upstream", "circle", "clock", "models", "catalog copy", "key", "allowance", "privacy",
        "shared state", "server port",
    ]  # fmt: skip


def test_the_page_lists_all_checks_in_their_order():
    listed = PAGE.split("The checks are ")[1].partition("; `state`")[0]
    assert re.findall("`(.*?)`", listed) == [check.name for check in examine(seen())]


HERE = {"upstream": "http://127.0.0.1:8788/api/v1"}

ROWS = [
    # What is otherwise, which check tells, its state, and words of what it says.
    ({}, "settings", "ok", "make sense"),
    ({"strays": ("FREEROUTER_SED: unknown setting 'sed'",)}, "settings", "warning", "FREEROUTER_SED: unknown setting"),
    ({"strays": ("FREEROUTER_SED: unknown setting 'sed'",)}, "settings", "warning", "-> correct the names"),
    ({"models": UNREACHABLE}, "upstream", "failed", "cannot be reached (ConnectError)"),
    ({"models": Probe(503)}, "upstream", "failed", "status 503"),
    ({"upstream_is_ours": True, "settings": HERE}, "circle", "warning", "8788/api/v1 is a freerouter server"),
    ({"upstream_is_ours": True, "settings": HERE, "models": Probe(429)}, "circle", "failed", "set upstream to https://"),
    ({"models": UNREACHABLE, "settings": HERE}, "circle", "warning", "not checked"),
    ({"models": Probe(200, OFFER, formatdate(NOON - 9), 0, NOON)}, "clock", "ok", "within 10 s"),
    ({"models": Probe(200, OFFER, formatdate(NOON - 90), 0, NOON)}, "clock", "warning", "1 min 30 s ahead of"),
    ({"models": Probe(200, OFFER, formatdate(NOON + 7_200), 0, NOON)}, "clock", "warning", "2 h behind"),
    ({"models": Probe(200, OFFER, "yesterday", 0, NOON)}, "clock", "warning", "Date header is not valid"),
    ({"models": Probe(200, OFFER, None, 0, NOON)}, "clock", "warning", "does not send its time"),
    ({"models": UNREACHABLE}, "clock", "warning", "not checked: the upstream cannot be reached"),
    ({}, "models", "ok", "3 free, 2 of them allowed"),
    ({"settings": {"include": ("b/*",)}}, "models", "failed", "loosen include"),
    ({"models": Probe(200, b"<html>")}, "models", "failed", "list of models is not valid"),
    ({"models": UNREACHABLE}, "models", "warning", "not checked"),
    ({}, "catalog copy", "ok", "1 min 40 s old"),
    ({"copy_written": NOON - 100_000}, "catalog copy", "warning", "1 d 3 h old"),
    ({"copy_written": NOON + 100}, "catalog copy", "warning", "read it again"),
    ({"copy_written": None}, "catalog copy", "ok", "none yet"),
    ({"copy_written": None, "models": UNREACHABLE}, "catalog copy", "failed", "when the network is up"),
    ({}, "key", "ok", "valid"),
    ({"settings": {"api_key": ""}, "key": None}, "key", "failed", "https://openrouter.ai/keys"),
    ({"key": Probe(401)}, "key", "failed", "refused"),
    ({"key": Probe(500)}, "key", "warning", "GET /key answers with status 500"),
    ({"key": UNREACHABLE}, "key", "warning", "cannot be reached"),
    ({}, "allowance", "ok", "47 of 50 free requests left today"),
    ({"key": key_of(46)}, "allowance", "warning", "4 of 50"),
    ({"key": key_of(60)}, "allowance", "warning", "0 of 50 free requests left today -> it is reset at 00:00 UTC"),
    ({"key": Probe(200, b'{"data": {}}')}, "allowance", "warning", "does not say"),
    ({"key": Probe(401)}, "allowance", "warning", "the key is not accepted"),
    ({"settings": {"api_key": ""}, "key": None}, "allowance", "warning", "needs a key"),
    ({"account_models": Probe(200, body_of(row("a/two:free")))}, "privacy", "warning", "hide 2 of 3"),
    ({"account_models": Probe(200, body_of(row("a/two:free")))}, "privacy", "warning", "a/guard:free, a/one:free"),
    ({"account_models": Probe(401)}, "privacy", "warning", "not checked"),
    ({}, "shared state", "ok", "off"),
    ({"shared": Status("local", "/a/file")}, "shared state", "ok", "over the file /a/file"),
    ({"shared": Status("redis", "redis://r", "cannot be reached")}, "shared state", "warning", "the password"),
    ({"shared": Status("local", "/a/file", "is read-only")}, "shared state", "warning", "set cache_dir"),
    ({"port_state": "taken"}, "server port", "warning", "with freerouter serve --port"),
    ({"port_state": "freerouter"}, "server port", "ok", "is running on 8788"),
    ({}, "versions", "ok", "freerouter 1; not installed: jsonschema"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "name", "state", "words"), ROWS)
def test_what_is_seen_is_judged(changes, name, state, words):
    check = next(check for check in examine(seen(**changes)) if check.name == name)
    assert check.state == state
    assert words in f"{check.found} -> {check.remedy}"
    assert check.remedy or state == "ok" or "not checked" in check.found


def test_settings_that_make_no_sense_leave_the_rest_unchecked():
    checks = examine(Findings(None, "setting 'upstream': must be https", port=8788))
    assert [(check.name, check.state.value) for check in checks] == [
        ("versions", "ok"),
        ("settings", "failed"),
        ("server port", "ok"),
    ]
    assert "must be https" in checks[1].found


def test_no_check_shows_the_key():
    findings = seen(settings={"api_key": "sk-or-canary"}, key=Probe(401, b"sk-or-canary"))
    assert "canary" not in json.dumps([check.as_dict() for check in examine(findings)])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.4, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3_600, "1 h"), (90_061, "1 d 1 h")],
)
def test_times_are_told_in_their_two_largest_units(seconds, words):
    assert in_words(seconds) == words


def test_the_day_begins_anew_at_midnight_utc():
    assert next_reset(NOON).isoformat() == "2026-09-22T00:00:00+00:00"
    assert next_reset(next_reset(NOON).timestamp()).isoformat() == "2026-09-23T00:00:00+00:00"
