"""What the options of ``freerouter serve`` make of the rules of access."""

import tomllib

import pytest
import typer
from typer.testing import CliRunner

import freerouter.server
from freerouter import SettingsError
from freerouter.cli import app
from freerouter.server import Access, tokens
from freerouter.settings import Settings


@pytest.fixture
def access(monkeypatch):
    """Starts the command with options; gives its Access instead of serving."""
    made: list[Access] = []
    monkeypatch.setattr(freerouter.server, "serve", lambda settings, access, ready: made.append(access))

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


# Options that are settings of the router, or of typer.
OTHERWISE = {"model_map": "model_map", "prefer": "prefer", "as_json": "serve_json", "help": None}


def test_every_option_is_a_setting_and_no_other_has_its_prefix():
    options = {parameter.name for parameter in typer.main.get_command(app).commands["serve"].params}
    names = {OTHERWISE.get(name, f"serve_{name}") for name in options} - {None}
    assert names == {name for name in Settings.model_fields if name.startswith("serve_")} | {"model_map", "prefer"}


IN_A_FILE = """
serve_token = ["alice=aaaa", "bbbb"]
serve_token_limit = 3
serve_client_keys = "fallback"
serve_cors = ["http://a.test/"]
serve_host_name = ["Lab.Example"]
"""


def in_the_file(values):
    assert [token.name for token in values.tokens] == ["alice", "token-2"]
    assert (values.token_limit, values.client_keys) == (3, "fallback")
    assert (values.origins, values.hosts) == (("http://a.test",), ("lab.example",))


def test_they_are_read_from_the_users_file(access, monkeypatch, tmp_path):
    (tmp_path / "freerouter").mkdir()
    (tmp_path / "freerouter" / "freerouter.toml").write_text(IN_A_FILE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    in_the_file(access())
    assert access("--client-keys").client_keys == "only"


def test_they_are_read_from_the_environment(access, monkeypatch):
    for name, value in tomllib.loads(IN_A_FILE).items():
        monkeypatch.setenv(f"FREEROUTER_{name.upper()}", ", ".join(value) if isinstance(value, list) else str(value))
    in_the_file(access())
    monkeypatch.setenv("FREEROUTER_TOKEN", "carol=cccc")
    monkeypatch.delenv("FREEROUTER_SERVE_TOKEN")
    assert [token.name for token in access().tokens] == ["carol"]
    assert [token.name for token in access("--token", "dave=dddd").tokens] == ["dave"]


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name.startswith("serve_")])
def test_a_folder_that_is_not_trusted_sets_none(monkeypatch, tmp_path, name):
    value = "8788" if name in ("serve_port", "serve_token_limit") else "true"
    (tmp_path / "freerouter.toml").write_text(f"{name} = {value if value != 'true' else repr('x')}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=name):
        Settings()


def test_the_file_of_tokens_has_comments_and_names(access, tmp_path):
    path = tmp_path / "tokens"
    path.write_text("# who may\nalice=aaaa\n\n  c2VjcmV0==  \n")
    found = access("--token-file", str(path), "--token", "zoe=zzzz").tokens
    assert [(token.name, token.secret.get_secret_value()) for token in found] == [
        ("zoe", "zzzz"),
        ("alice", "aaaa"),
        ("token-3", "c2VjcmV0=="),
    ]
    assert "aaaa" not in repr(found)


@pytest.mark.parametrize("given", [("a=1", "a=2"), ("a=with blank",), ("é",)])
def test_tokens_that_cannot_be_are_refused_and_not_shown(given):
    with pytest.raises(SettingsError) as error:
        tokens(*given)
    assert "blank" not in str(error.value)


@pytest.mark.parametrize(("host", "everywhere"), [("127.0.0.1", False), ("0.0.0.0", True), ("::", True)])
def test_a_server_on_all_addresses_says_so(monkeypatch, host, everywhere):
    def run(_settings, _access, ready):
        ready("http://127.0.0.1:8788")

    monkeypatch.setattr(freerouter.server, "serve", run)
    told = CliRunner().invoke(app, ["serve", "--host", host, "--token", "let-me-in-0123456789"]).output.splitlines()
    assert "Free models at http://127.0.0.1:8788/api/v1" in told
    assert ("it listens on all addresses of this machine" in told) is everywhere
