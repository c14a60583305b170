"""``freerouter alarms``: which models are barred, and how that ends."""

import json

from freerouter import Settings
from freerouter.network.alarm_file import AlarmFile
from tests.stage import NOWHERE


def test_the_command_shows_and_clears_them(cli, monkeypatch):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", NOWHERE)
    assert cli("alarms") == (0, "No answer has cost anything\n", "")
    AlarmFile(Settings(), lambda: 1_790_000_000.0).add("a/one:free", 0.5)
    assert "2026-09-21T14:13:20Z  $0.5  a/one:free" in cli("alarms")[1]
    shown = json.loads(cli("alarms", "--clear", "--json")[1])
    assert shown["alarms"] == [{"model": "a/one:free", "cost": 0.5, "at": "2026-09-21T14:13:20Z"}]
    assert json.loads(cli("alarms", "--json")[1])["alarms"] == []
