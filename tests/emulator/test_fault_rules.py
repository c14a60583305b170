import json

import pytest

from freerouter.emulator import Fault, FaultError, Faults

FREE = "nvidia/nemotron-3-nano-30b-a3b:free"


def strike(faults: Faults, *names: str, stream=False, reused=False, now=0.0) -> str | None:
    return faults.strike(*(names or (FREE,)), stream=stream, reused=reused, now=now)


@pytest.mark.parametrize(
    ("models", "names", "struck"),
    [
        ("*", [FREE], True),
        ("nvidia/*", [FREE], True),
        ("*:free", [FREE], True),
        ("google/*", [FREE], False),
        ("openrouter/free", ["openrouter/free", FREE], True),
        (["google/*", "nvidia/*"], [FREE], True),
        (["google/*", "qwen/*"], [FREE], False),
    ],
)
def test_models_are_globs(models, names, struck):
    assert (strike(Faults([Fault("internal_error", models)]), *names) is not None) is struck


def test_the_first_rule_that_matches_wins():
    faults = Faults([Fault("bad_gateway", "google/*"), Fault("internal_error"), Fault("overloaded")])
    assert strike(faults) == "internal_error"
    assert strike(faults, "google/gemma") == "bad_gateway"


def test_a_rule_that_cannot_strike_such_a_reply_is_passed_over():
    faults = Faults([Fault("stream_stalls"), Fault("null_choices"), Fault("internal_error")])
    assert strike(faults, stream=True) == "stream_stalls"
    assert strike(faults, stream=False) == "null_choices"


def test_a_kept_connection_is_needed_for_it_to_be_stale():
    faults = Faults([Fault("stale_keep_alive")])
    assert strike(faults, reused=False) is None
    assert strike(faults, reused=True) == "stale_keep_alive"


def test_a_count_is_used_up():
    faults = Faults([Fault("internal_error", count=2), Fault("bad_gateway", count=1)])
    assert [strike(faults) for _ in range(4)] == ["internal_error", "internal_error", "bad_gateway", None]


def test_a_window_opens_and_closes():
    faults = Faults([Fault("internal_error", window=(10, 20))])
    faults.start(1000)
    assert [strike(faults, now=1000 + t) is not None for t in (0, 9.9, 10, 19.9, 20)] == [
        False,
        False,
        True,
        True,
        False,
    ]


def test_the_probability_is_about_right_and_the_seed_decides():
    def drawn(seed: int) -> list[bool]:
        faults = Faults([Fault("internal_error", probability=0.3)], seed)
        return [strike(faults) is not None for _ in range(1000)]

    assert 250 < sum(drawn(1)) < 350
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.parametrize(("probability", "struck"), [(0, 0), (1, 100)])
def test_never_and_always(probability, struck):
    faults = Faults([Fault("internal_error", probability=probability)])
    assert sum(strike(faults) is not None for _ in range(100)) == struck


def test_no_rules_strike_nothing():
    assert strike(Faults()) is None


PARSED = {
    "seed": 7,
    "faults": [
        {"kind": "rate_limited", "models": "nvidia/*", "probability": 0.5, "count": 3, "window": [0, 60]},
        {"kind": "resets"},
    ],
}


def test_rules_can_be_parsed():
    first, second = Faults.parse(PARSED).rules
    assert first == Fault("rate_limited", "nvidia/*", 0.5, 3, [0, 60])
    assert second == Fault("resets")
    assert Faults.parse({}).rules == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rules": []}, "rules: no such field"),
        ({"faults": {}}, "faults: a list of rules is wanted"),
        ({"seed": "x"}, "seed: a whole number is wanted"),
        ({"faults": ["resets"]}, "rule 1: a table of fields is wanted"),
        ({"faults": [{}]}, "rule 1: kind: the name of a kind of fault is wanted (docs/faults.md has all), not None"),
        ({"faults": [{"kind": "no_such"}]}, "rule 1: kind: unknown kind 'no_such' (docs/faults.md has all)"),
        ({"faults": [{"kind": ["resets"]}]}, "rule 1: kind: the name of a kind of fault is wanted"),
        ({"faults": [{"kind": "resets"}, {"kind": "resets", "model": "*"}]}, "rule 2: model: no such field"),
        ({"faults": [{"kind": "resets", "models": 3}]}, "rule 1: models: globs are wanted, not 3"),
        ({"faults": [{"kind": "resets", "models": [3]}]}, "rule 1: models: globs are wanted"),
        ({"faults": [{"kind": "resets", "models": []}]}, "rule 1: models: globs are wanted"),
        (
            {"faults": [{"kind": "resets", "probability": 2}]},
            "rule 1: probability: a number from 0 to 1 is wanted, not 2",
        ),
        ({"faults": [{"kind": "resets", "probability": True}]}, "rule 1: probability: a number from 0 to 1"),
        ({"faults": [{"kind": "resets", "count": -1}]}, "rule 1: count: a whole number is wanted, not -1"),
        ({"faults": [{"kind": "resets", "count": 1.5}]}, "rule 1: count: a whole number is wanted"),
        (
            {"faults": [{"kind": "resets", "window": [5, 5]}]},
            "rule 1: window: two rising numbers of seconds are wanted",
        ),
        ({"faults": [{"kind": "resets", "window": ["a", "b"]}]}, "rule 1: window: two rising numbers"),
        ({"faults": [{"kind": "resets", "window": 5}]}, "rule 1: window: two rising numbers"),
    ],
)
def test_an_error_names_the_rule_and_the_field(given, message):
    with pytest.raises(FaultError) as caught:
        Faults.parse(given)
    assert str(caught.value).startswith(message)


TOML = """
seed = 7

[[faults]]
kind = "rate_limited"
models = "nvidia/*"
probability = 0.5
count = 3
window = [0, 60]

[[faults]]
kind = "resets"
"""


@pytest.mark.parametrize(("name", "text"), [("faults.toml", TOML), ("faults.json", json.dumps(PARSED))])
def test_rules_can_be_read_from_a_file(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    assert Faults.read(path).rules == Faults.parse(PARSED).rules


@pytest.mark.parametrize(("name", "text"), [("x.toml", "= 1"), ("x.json", "{"), ("x.json", "[]")])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(FaultError, match=name):
        Faults.read(path)


def test_setting_faults_starts_their_time(emulator, clock):
    clock.now += 100
    emulator.faults = Faults([Fault("internal_error", window=(0, 10))])
    assert strike(emulator.faults, now=clock.now + 5) == "internal_error"
    assert strike(emulator.faults, now=clock.now + 15) is None
    emulator.faults = None
    assert emulator.faults.rules == ()
