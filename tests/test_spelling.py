"""An error about an unknown word names the nearest known one, for each word of each table."""

import json
from pathlib import Path
from typing import get_args

import pytest

import freerouter
from freerouter import FreeRouterError, Router, Settings
from freerouter.cli.emulate import _read_faults
from freerouter.emulator import FAULTS
from freerouter.library.parameters import OWN, Parameters, check
from freerouter.openrouter.dialects import DIALECTS
from freerouter.openrouter.headers import is_checked
from freerouter.openrouter.requirements import ALIASES
from freerouter.pipeline.actions import Request
from freerouter.preferences import ASKED, OWN_PREFIX, PREFER_WORDS, Prefer, Train, Wishing, wishes, wishes_in
from freerouter.server.listings import dialect_of, model
from freerouter.settings import ClientKeys, LogFormat, LogLevel, Sticky
from freerouter.settings.sources import strays
from freerouter.spelling import did_you_mean, nearest
from tests.builders import catalog_of, row
from tests.slips import proposes, slip
from tests.stage import BODY, KEY, router

WORDS_OF_SETTINGS = {
    "sticky": get_args(Sticky),
    "train": get_args(Train),
    "prefer": get_args(Prefer),
    "serve_client_keys": get_args(ClientKeys),
    "serve_log_format": get_args(LogFormat),
    "serve_log_level": get_args(LogLevel),
}
NEEDS = sorted(router().index().alphabet | ALIASES.keys())


def refused(act, *arguments) -> str:
    """What is said of something that is not valid."""
    with pytest.raises((FreeRouterError, TypeError)) as error:
        act(*arguments)
    return str(error.value)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting(name, tmp_path, monkeypatch):
    assert proposes(refused(lambda: Settings(**{slip(name): 1})), name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "freerouter.toml").write_text(f"{slip(name)} = 1\n")
    assert proposes(refused(Settings), name)
    monkeypatch.setenv(f"FREEROUTER_{slip(name).upper()}", "1")
    assert any(proposes(said, name) for said in strays(Settings.model_fields))


@pytest.mark.parametrize(
    ("name", "word"), [(name, word) for name, words in WORDS_OF_SETTINGS.items() for word in words]
)
def test_a_word_of_a_setting(name, word, monkeypatch):
    assert proposes(refused(lambda: Settings(**{name: slip(word)})), word)
    monkeypatch.setenv(f"FREEROUTER_{name.upper()}", slip(word))
    assert proposes(refused(Settings), word)


def test_every_setting_with_a_few_words_is_tried():
    literal = {name for name, how in Settings.model_fields.items() if "Literal" in str(how.annotation)}
    assert literal - {"shared_state"} == WORDS_OF_SETTINGS.keys()


def test_a_secret_is_not_shown():
    assert "canary" not in refused(lambda: Settings(api_key=f"{KEY}\nx", sticky="aut"))


@pytest.mark.parametrize("name", ASKED)
def test_a_header_of_a_request(name):
    given = f"{OWN_PREFIX}{slip(name.removeprefix(OWN_PREFIX))}"
    assert proposes(refused(wishes_in, [(given, "x")]), name)


@pytest.mark.parametrize(
    ("wish", "word"), [("prefer", w) for w in get_args(Prefer)] + [("train", w) for w in get_args(Train)]
)
def test_a_word_of_a_header_and_of_the_library(wish, word):
    assert proposes(refused(wishes_in, [(f"x-freerouter-{wish}", slip(word))]), word)
    assert proposes(refused(wishes, {wish: slip(word)}), word)


@pytest.mark.parametrize("word", ["true", "false", "yes"])
def test_yes_and_no_in_a_header(word):
    assert proposes(refused(lambda: is_checked([("x-freerouter-accept", slip(word))], usual=False)), word)


@pytest.mark.parametrize(("said", "read"), [("", True), ("on", True), (" NO ", False), ("0", False)])
def test_a_header_that_says_yes_or_no_is_read(said, read):
    assert is_checked([("x-freerouter-accept", said)], usual=True) is read


@pytest.mark.parametrize("name", sorted({*Parameters.__annotations__, *Wishing.__annotations__, *OWN}))
def test_a_keyword_of_the_library(name):
    if len(name) > 3:
        assert proposes(refused(check, {slip(name): 1}), name)


@pytest.mark.parametrize("word", sorted(PREFER_WORDS - {"uniform"}))
def test_a_preference_in_a_name(word):
    assert proposes(refused(router().explain, Request(BODY | {"model": f"free:{slip(word)}+tools"})), word)


@pytest.mark.parametrize("need", NEEDS)
def test_a_need(need):
    misspelt = slip(need)
    if misspelt in NEEDS:
        return
    known = router()
    assert proposes(refused(known.explain, Request(BODY, needs=(misspelt,))), need)
    assert proposes(refused(known.models, [misspelt]), need)
    if ":" not in need:
        assert proposes(refused(known.explain, Request(BODY | {"model": f"free:coding+{misspelt}"})), need)


def test_a_need_that_nothing_is_like_is_one_that_no_model_has():
    known = router()
    assert known.models(["levitation"]) == []
    assert known.explain(Request(BODY, needs=("levitation",)))["eligible"] == []


def test_a_need_that_is_a_little_like_one_is_named_where_no_model_is_eligible():
    error = Router(Settings(), catalog_of(row(parameters=["seed"]))).route(Request(BODY, needs=("sed",)))
    assert "did you mean seed?" in str(error.next().error)


def test_a_model():
    (free, *_) = [model.id for model in router().models()]
    assert free in refused(router().explain, Request(BODY | {"model": slip(free)}))
    assert proposes(refused(model, router(), slip(free)), free)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_dialect(dialect):
    assert proposes(refused(dialect_of, f"dialect={slip(dialect.name)}"), dialect.name)


def test_what_is_like_nothing_gets_no_proposal():
    assert did_you_mean("zzz", ["tools", "image"]) == ""
    assert nearest("TOLS", ["tools", "Image"]) == ["tools"]
    assert nearest("imag", ["tools", "Image"]) == ["Image"]


@pytest.mark.parametrize("kind", FAULTS)
def test_a_kind_of_fault(kind, tmp_path):
    rules = tmp_path / "faults.json"
    rules.write_text(json.dumps({"faults": [{"kind": slip(kind)}]}))
    with pytest.raises(SystemExit) as error:
        _read_faults(rules)
    assert f"rule 1: kind: unknown kind '{slip(kind)}'" in str(error.value)
    assert proposes(str(error.value), kind)


def test_it_is_said_in_one_place():
    folder = Path(freerouter.__file__).parent
    using = [str(path.relative_to(folder)) for path in folder.rglob("*.py") if "difflib" in path.read_text()]
    assert using == ["spelling.py"]
