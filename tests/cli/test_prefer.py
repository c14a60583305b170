"""``--prefer`` of each command: what counts in its draws."""

import json

import pytest

from freerouter.emulator import Emulator
from tests.builders import body_of, row
from tests.stage import KEY

BEST, OTHER = "acme/best:free", "acme/other:free"
QUESTION = {"messages": [{"role": "user", "content": "Hi"}]}
OFFER = body_of(
    *(
        row(name, benchmarks={"artificial_analysis": {"coding_index": score}})
        for name, score in ((OTHER, 10.0), (BEST, 50.0))
    )
)


@pytest.fixture
def emulator():
    return Emulator(seed=1, per_minute=None, per_day=None, catalog=OFFER)


@pytest.fixture(autouse=True)
def surroundings(upstream, monkeypatch, tmp_path):
    """Sharp draws, of which one shows what counts."""
    given = {"UPSTREAM": upstream, "API_KEY": KEY, "SHARPNESS": "inf"}
    for name, value in given.items():
        monkeypatch.setenv(f"FREEROUTER_{name}", value)
    monkeypatch.chdir(tmp_path)


def test_chat(cli):
    for _ in range(3):
        status, out, _ = cli("chat", "Hi", "--prefer", "coding", "--json")
        assert status == 0
        assert json.loads(out)["model"] == BEST


def test_explain(cli):
    status, out, _ = cli("explain", "-", "--prefer", "coding", stdin=json.dumps(QUESTION).encode())
    assert status == 0
    assert "2 eligible, drawn by coding (sharpness inf)" in out
    assert f"100.0%  {BEST}" in out
    assert "coding index 50: rank 1 of 2" in " ".join(out.split())


def test_batch(cli, tmp_path):
    prompts, answers = tmp_path / "in.txt", tmp_path / "out.jsonl"
    prompts.write_text("One\nTwo\nThree\n")
    status, _, _ = cli("batch", prompts, "--prompts", "-o", answers, "--prefer", "coding")
    assert status == 0
    assert {json.loads(line)["freerouter"]["model"] for line in answers.read_text().splitlines()} == {BEST}


@pytest.mark.parametrize("command", [("chat", "Hi"), ("batch", "in.jsonl"), ("explain", "in.json"), ("serve",)])
def test_a_word_that_is_unknown_is_refused_with_the_nearest(cli, command, tmp_path):
    (tmp_path / "in.json").write_text(json.dumps(QUESTION))
    status, _, err = cli(*command, "--prefer", "codng")
    assert status == 2
    assert "Invalid value for '--prefer': 'codng' is unknown: did you mean coding?" in " ".join(err.split())
    assert "Traceback" not in err


def test_what_is_not_known_to_train_is_explained_beforehand(cli, emulator, monkeypatch):
    emulator.denies_training = True
    emulator.training = (OTHER,)
    monkeypatch.setenv("FREEROUTER_TRAIN", "deny")
    _, out, _ = cli("explain", "-", "--json", stdin=json.dumps(QUESTION).encode())
    shown = json.loads(out)
    assert shown["train"] == "deny"
    assert [row["id"] for row in shown["eligible"]] == [BEST]
    assert shown["ineligible"][0]["reasons"] == ["may train on prompts: the account's own list of models lacks it"]
    assert not emulator.completions


def test_the_text_says_how_much_is_unknown(cli, monkeypatch):
    body = json.dumps(QUESTION).encode()
    assert "train on prompts" not in cli("explain", "-", stdin=body)[1]
    monkeypatch.setenv("FREEROUTER_TRAIN", "deny")
    words = " ".join(cli("explain", "-", stdin=body)[1].split())
    assert "whether 2 of them train on prompts is unknown: OpenRouter is told that they must not" in words
