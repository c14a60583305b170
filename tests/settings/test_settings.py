"""Settings: where they come from, what they may be, what is said of wrong ones, and that a key is never shown."""

import pytest

from freerouter.errors import SettingsError
from freerouter.settings import DEFAULT_UPSTREAM, Settings, is_loopback

KEY = "sk-or-v1-canary"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """Neither a configuration nor a variable of the machine that the tests run on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FREEROUTER_{name.upper()}", raising=False)
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)


def test_the_defaults_are_those_of_the_design():
    settings = Settings()
    assert settings.key is None
    assert (settings.upstream, settings.exclude) == ("https://openrouter.ai/api/v1", ())
    assert settings.exclude_defaults
    assert (settings.prefer, settings.sharpness, settings.train) == ("uniform", 2, "allow")
    assert (settings.include, settings.authors, settings.min_context, settings.seed) == ((), (), 0, None)
    assert (settings.max_attempts, settings.requests_per_minute, settings.max_wait) == (5, 20, 0)
    assert (settings.first_token_timeout, settings.idle_timeout, settings.reply_timeout) == (60, 60, 180)
    assert (settings.deadline, settings.catalog_age, settings.sticky) == (300, 300, "auto")


FROM_ENVIRONMENT = {
    "include": ("a/*, b/*", ("a/*", "b/*")),
    "exclude": ("a/*", ("a/*",)),
    "authors": ("google meta-llama", ("google", "meta-llama")),
    "min_context": ("32000", 32_000),
    "seed": ("7", 7),
    "max_attempts": ("3", 3),
    "first_token_timeout": ("2.5", 2.5),
    "max_wait": ("65", 65),
    "sticky": ("off", "off"),
    "upstream": ("http://127.0.0.1:8788/api/v1/", "http://127.0.0.1:8788/api/v1"),
    "account_models": ("true", True),
    "cache_dir": ("/tmp/x", "/tmp/x"),
    "model_map": ("claude-*=openrouter/free", ("claude-*=openrouter/free",)),
}


@pytest.mark.parametrize(("name", "given"), FROM_ENVIRONMENT.items(), ids=FROM_ENVIRONMENT)
def test_each_setting_can_come_from_the_environment_and_an_argument_wins(monkeypatch, name, given):
    text, value = given
    default = getattr(Settings(), name)
    monkeypatch.setenv(f"FREEROUTER_{name.upper()}", text)
    assert getattr(Settings(), name) == value != default
    assert getattr(Settings(**{name: default}), name) == default


def test_each_setting_can_come_from_a_file_and_the_environment_wins(monkeypatch, tmp_path):
    (tmp_path / "home" / "freerouter").mkdir(parents=True)
    (tmp_path / "home" / "freerouter" / "freerouter.toml").write_text('seed = 1\nmin_context = 1\nexclude = ["a/*"]\n')
    (tmp_path / "freerouter.toml").write_text("seed = 2\nmin_context = 2\n")
    monkeypatch.setenv("FREEROUTER_SEED", "3")
    settings = Settings()
    assert (settings.seed, settings.min_context, settings.exclude) == (3, 2, ("a/*",))
    assert Settings(seed=4).seed == 4


KEYS = {
    "OpenRouter's variable": ({"OPENROUTER_API_KEY": KEY}, {}, KEY),
    "our variable wins": ({"OPENROUTER_API_KEY": "other", "FREEROUTER_API_KEY": KEY}, {}, KEY),
    "an argument wins": ({"FREEROUTER_API_KEY": "other"}, {"api_key": KEY}, KEY),
    "a line break after it is dropped": ({"OPENROUTER_API_KEY": f"{KEY}\r\n"}, {}, KEY),
    "blanks around it are dropped": ({}, {"api_key": f" {KEY} "}, KEY),
    "an empty one is none": ({"OPENROUTER_API_KEY": ""}, {}, None),
    "a blank one is none": ({}, {"api_key": " \n"}, None),
    "none": ({}, {"api_key": None}, None),
}


@pytest.mark.parametrize(("environment", "arguments", "key"), KEYS.values(), ids=KEYS)
def test_the_key(monkeypatch, environment, arguments, key):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings(**arguments).key == key


@pytest.mark.parametrize("name", Settings.model_fields)
@pytest.mark.parametrize("prefix", ["", "FREEROUTER", "OPENROUTER_", "FREEROUTER__"])
def test_a_variable_of_another_program_sets_nothing(monkeypatch, prefix, name):
    variable = f"{prefix}{name.upper()}"
    if variable == "OPENROUTER_API_KEY":
        return
    before = Settings()
    for spelling in (variable, variable.lower()):
        monkeypatch.setenv(spelling, "7")
    assert Settings() == before


def test_no_other_program_s_key_wins(monkeypatch):
    monkeypatch.setenv("API_KEY", "sk-another-programs")
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    assert Settings().key == KEY


@pytest.mark.parametrize(
    "key", [f"{KEY} {KEY}", f"{KEY}\n{KEY}", f"{KEY}\u00e9", f"{KEY}\x00", f"\u201c{KEY}\u201d"], ids=ascii
)
@pytest.mark.parametrize("name", ["OPENROUTER_API_KEY", "FREEROUTER_API_KEY", None])
def test_a_key_that_is_none_is_refused_and_not_shown(monkeypatch, name, key):
    if name is None or "\x00" in key:  # which no variable can hold
        arguments = {"api_key": key}
    else:
        monkeypatch.setenv(name, key)
        arguments = {}
    with pytest.raises(SettingsError, match=r"setting 'api_key'.*: must be printable ASCII without spaces") as error:
        Settings(**arguments)
    assert "canary" not in f"{error.value!r}{error.value}{error.value.__cause__}{error.value.metadata}"
    assert error.value.__suppress_context__


def test_a_key_is_never_shown():
    settings = Settings(api_key=KEY)
    assert "canary" not in f"{settings!r}{settings}{settings.model_dump()}{settings.model_dump_json()}"


UPSTREAMS = {
    "openrouter": ("https://openrouter.ai/api/v1", DEFAULT_UPSTREAM),
    "a slash at its end": ("https://openrouter.ai/api/v1//", DEFAULT_UPSTREAM),
    "blanks around": (" https://openrouter.ai/api/v1\n", DEFAULT_UPSTREAM),
    "this machine": ("http://localhost:1/api/v1", "http://localhost:1/api/v1"),
    "this machine by its address": ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    "this machine by another address": ("http://127.8.9.1:1", "http://127.8.9.1:1"),
    "this machine by IPv6": ("http://[::1]:1/api/v1", "http://[::1]:1/api/v1"),
}


@pytest.mark.parametrize(("given", "upstream"), UPSTREAMS.values(), ids=UPSTREAMS)
def test_upstreams(given, upstream):
    assert Settings(upstream=given).upstream == upstream


WRONG = {
    "http to elsewhere": ({"upstream": "http://openrouter.ai/api/v1"}, "must be https"),
    "http to what looks like this machine": ({"upstream": "http://localhost.evil.test"}, "must be https"),
    "http to an address that looks like it": ({"upstream": "http://127.0.0.1.evil.test"}, "must be https"),
    "http to the net next door": ({"upstream": "http://192.168.1.5:8788"}, "must be https"),
    "another scheme": ({"upstream": "ftp://openrouter.ai"}, "must be a URL such as https://openrouter.ai/api/v1"),
    "no scheme": ({"upstream": "openrouter.ai/api/v1"}, "must be a URL"),
    "no host": ({"upstream": "https:///api/v1"}, "must be a URL"),
    "a broken host": ({"upstream": "https://[::1/api"}, "Invalid IPv6 URL"),
    "a user": ({"upstream": f"https://me:{KEY}@openrouter.ai/api/v1"}, "must be a plain base URL"),
    "a query": ({"upstream": f"https://openrouter.ai/api/v1?key={KEY}"}, "must be a plain base URL"),
    "no attempts": ({"max_attempts": 0}, "setting 'max_attempts': Input should be greater than 0"),
    "half an attempt": ({"max_attempts": 1.5}, "setting 'max_attempts'"),
    "no time": ({"deadline": 0}, "setting 'deadline'"),
    "a time that is no number": ({"reply_timeout": float("nan")}, "setting 'reply_timeout'"),
    "waiting backwards": ({"max_wait": -1}, "setting 'max_wait'"),
    "context below nothing": ({"min_context": -1}, "setting 'min_context'"),
    "sticky as it likes": ({"sticky": "maybe"}, "setting 'sticky': Input should be 'auto', 'session' or 'off'"),
    "patterns in numbers": ({"exclude": [1]}, "setting 'exclude'"),
    "half a name to map": ({"model_map": ["claude-*"]}, "'claude-*' is not of the form glob=name"),
    "one letter wrong": ({"exclud": ["x"]}, "unknown setting 'exclud': did you mean exclude?"),
    "not known at all": ({"zzz": 1}, "unknown setting 'zzz'"),
    "paid on purpose": ({"allow_paid": True}, "unknown setting 'allow_paid'"),
}  # fmt: skip


@pytest.mark.parametrize(("values", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_named_with_what_it_may_be(values, words):
    with pytest.raises(SettingsError) as error:
        Settings(**values)
    assert words in error.value.message
    assert "canary" not in error.value.message
    assert error.value.status == 400


def test_all_wrong_settings_are_named_at_once():
    with pytest.raises(SettingsError) as error:
        Settings(max_attempts=0, deadline=-1, exclud=())
    assert [part.partition("'")[2].partition("'")[0] for part in error.value.message.split("; ")] == [
        "max_attempts",
        "deadline",
        "exclud",
    ]


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().seed = 5


def test_settings_can_be_adjusted(monkeypatch):
    monkeypatch.setenv("FREEROUTER_MAX_ATTEMPTS", "3")
    base = Settings(api_key=KEY, seed=1)
    adjusted = Settings.adjusted(base, api_key=None, seed=2, upstream=None)
    assert (adjusted.key, adjusted.seed, adjusted.max_attempts) == (KEY, 2, 3)
    assert base.seed == 1
    assert Settings.adjusted(base, api_key=None) is base
    assert Settings.adjusted(None, seed=5).seed == 5


HOSTS = {"localhost": True, "a.localhost": True, "127.0.0.1": True, "127.1.2.3": True, "::1": True}
HOSTS |= {"": False, "0.0.0.0": False, "10.0.0.1": False, "::": False, "mylocalhost": False, "2130706433": False}


@pytest.mark.parametrize(("host", "loopback"), HOSTS.items(), ids=HOSTS)
def test_which_hosts_are_this_machine(host, loopback):
    assert is_loopback(host) is loopback
