"""``freerouter config``: what is in effect, and where it came from."""

import json
import logging
import tomllib

import pytest
from typer.testing import CliRunner

from freerouter.cli import app
from freerouter.errors import FreeRouterError
from freerouter.settings import Settings
from tests.stage import KEY


@pytest.fixture(autouse=True)
def folders(monkeypatch, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "freerouter").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("FREEROUTER_CACHE_DIR")
    level = logging.getLogger("freerouter").level
    yield tmp_path
    logging.getLogger("freerouter").setLevel(level)


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["config", *arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_each_source_is_named(folders, monkeypatch):
    (folders / "work" / "freerouter.toml").write_text("max_attempts = 3\nmin_context = 10\n")
    (folders / "freerouter" / "freerouter.toml").write_text('max_attempts = 4\nsticky = "off"\n')
    monkeypatch.setenv("FREEROUTER_MIN_CONTEXT", "20")
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    rows = {row["name"]: (row["value"], row["from"]) for row in json.loads(shown("--json"))}
    assert rows.keys() == Settings.model_fields.keys()
    assert rows["max_attempts"] == (3, "freerouter.toml")
    assert rows["sticky"] == ("off", str(folders / "freerouter" / "freerouter.toml"))
    assert rows["min_context"] == (20, "environment FREEROUTER_MIN_CONTEXT")
    assert rows["api_key"] == ("(set)", "environment OPENROUTER_API_KEY")
    assert rows["deadline"] == (300, "default")


def test_it_is_written_as_the_file_would_be(monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    monkeypatch.setenv("FREEROUTER_MAX_ATTEMPTS", "5")
    text = shown()
    assert KEY not in text
    assert max(map(len, text.splitlines()[1:])) <= 80
    values = tomllib.loads(text)
    monkeypatch.delenv("FREEROUTER_MAX_ATTEMPTS")
    assert values["max_attempts"] == 5
    assert Settings(**values, api_key=KEY).model_dump() == Settings(max_attempts=5, api_key=KEY).model_dump()


def test_a_variable_that_is_no_setting_is_pointed_out(monkeypatch):
    monkeypatch.setenv("FREEROUTER_MAX_ATTEMPT", "1")
    monkeypatch.setenv("FREEROUTER_TOKEN", "t")
    (line,) = [line for line in shown().splitlines() if "ignored" in line]
    assert "FREEROUTER_MAX_ATTEMPT" in line
    assert "did you mean max_attempts?" in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("max_atempts = 3", ["freerouter.toml", "'max_atempts'", "did you mean max_attempts?"]),
        ('max_attempts = "many"', ["freerouter.toml", "'max_attempts'", "integer"]),
        ('sticky = "sesion"', ["freerouter.toml", "'sticky'", "'session'"]),
        ("max_attempts = \nseed = 1", ["freerouter.toml", "line 1"]),
        (f'api_key = "{KEY} x"', ["freerouter.toml", "'api_key'", "copy the key again"]),
        (f'api_key = "{KEY}"', ["freerouter.toml", "'api_key'", "trusted_folders"]),
    ],
)
def test_what_is_wrong_in_a_file_is_named(folders, content, words):
    (folders / "work" / "freerouter.toml").write_text(content)
    with pytest.raises(FreeRouterError) as caught:
        shown()
    for word in words:
        assert word in str(caught.value)
    assert KEY not in str(caught.value)
