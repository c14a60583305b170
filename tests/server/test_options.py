"""What the options of ``freerouter serve`` make of the rules of access."""

import pytest
from typer.testing import CliRunner

import freerouter.server
from freerouter import SettingsError
from freerouter.cli import app
from freerouter.server import Access


@pytest.fixture
def access(monkeypatch):
    """Starts the command with options; gives its Access instead of serving."""
    made: list[Access] = []
    monkeypatch.setattr(freerouter.server, "serve", lambda settings, access, *rest: made.append(access))

    def start(*options: str) -> Access:
        result = CliRunner().invoke(app, ["serve", *options], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return made.pop()

    return start


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ([], "off"),
        (["--client-keys"], "only"),
        (["--client-keys", "--cors", "http://localhost:3000"], "only"),
        (["--client-keys=fallback"], "fallback"),
    ],
)
def test_client_keys_can_stand_alone(access, options, keys):
    assert access(*options).client_keys == keys


def test_names_networks_and_origins_can_be_given_several_times(access):
    made = access("--host-name", "Lab.Example", "--host-name", "10.0.0.0/8", "--cors", "http://a.test/", "--cors", "*")
    assert made.hosts == ("lab.example", "10.0.0.0/8")
    assert made.origins == ("http://a.test", "*")


@pytest.mark.parametrize("option", ["--cors", "--host-name"])
def test_letting_everybody_in_needs_a_token(option):
    with pytest.raises(SettingsError, match=f"{option} '\\*' lets any web page spend"):
        CliRunner().invoke(app, ["serve", "--port", "0", option, "*"], catch_exceptions=False)
