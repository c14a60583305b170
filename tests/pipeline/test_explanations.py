"""What an explanation says is what happens: chances agree with frequencies, and asking changes nothing."""

from collections import Counter
from random import Random

import pytest
from scipy.stats import chisquare

from freerouter.errors import UnknownModelError
from freerouter.openrouter.model_names import DRAW
from freerouter.pipeline.actions import Request
from freerouter.pipeline.explaining import explain
from freerouter.pipeline.router import Router
from freerouter.pipeline.selection import Selection
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting, Scope, Verdict
from freerouter.settings import Settings
from tests.builders import Clock, asker_of, catalog_of, healthy, index_of, order_of, required, row

HI = {"role": "user", "content": "Hi"}
DRAWS = 3_000
AWAKE, OVER, ASLEEP = None, 35, 80


def offer():
    rows = [
        row(f"a/{letter}:free", parameters=["tools"], context=1_000 * n) for n, letter in enumerate("bcdef", start=1)
    ]
    rows += [row("a/seeded:free", parameters=["tools", "seed"]), row("a/mute:free")]
    rows += [row("a/guard:free", parameters=["tools"]), row("a/zero", parameters=["tools"])]
    return index_of(*rows, row("a/paid", price={"prompt": "1"}))


def slept(**seconds):
    """Health after 40 seconds in which models began to cool for so many seconds."""
    clock = Clock()
    health = healthy(clock)
    for letter, time in seconds.items():
        health.cool(f"a/{letter}:free", Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, "test", seconds=time))
    clock.advance(40)
    return health


# What is asked, by which names, with which model preferred, in which health; and who has a chance.
CASES = {
    "a draw": ({}, None, None, {}, "b c d e f seeded"),
    "the better ones first": ({"soft": ("seed",)}, None, None, {}, "seeded"),
    "the better one asleep": ({"soft": ("seed",)}, None, None, {"seeded": ASLEEP}, "b c d e f"),
    "some asleep, one awake again": ({}, None, None, {"b": ASLEEP, "c": ASLEEP, "d": OVER}, "d e f seeded"),
    "a long prompt": ({"tokens": 4_500}, None, None, {}, "f seeded"),
    "all asleep": ({"tokens": 4_500}, None, None, {"f": 100, "seeded": ASLEEP}, "seeded"),
    "by name": ({}, "c b", None, {}, "c"),
    "the first name asleep": ({}, "c b", None, {"c": ASLEEP}, "b"),
    "all names asleep": ({}, "c b", None, {"c": 110, "b": 100}, "b"),
    "the first name unfit": ({}, "mute b", None, {}, "b"),
    "every name unfit": ({}, "mute", None, {}, ""),
    "a name, then a draw": ({}, "c *", None, {}, "c"),
    "a sleeping name, then a draw": ({}, "c *", None, {"c": ASLEEP}, "b d e f seeded"),
    "an unfit name, then a draw": ({}, "mute *", None, {}, "b c d e f seeded"),
    "a conversation's model": ({}, None, "d", {}, "d"),
    "a conversation's model asleep": ({}, None, "d", {"d": ASLEEP}, "b c e f seeded"),
    "a conversation's model awake again": ({}, None, "d", {"d": OVER}, "d"),
    "a conversation's model unfit": ({}, None, "mute", {}, "b c d e f seeded"),
}


def prepared(case):
    need, names, preferred, sleepers, who = case
    index, health = offer(), slept(**sleepers)
    named = None if names is None else [None if n == "*" else index.catalog.get(f"a/{n}:free") for n in names.split()]
    rng = Random(1)
    requirements = required("tools", "text", **need)

    def select():
        return Selection(index, asker_of(requirements), order_of(named), health, rng)

    return select, preferred and f"a/{preferred}:free", {f"a/{letter}:free" for letter in who.split()}, rng


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_chances_agree_with_frequencies(case):
    select, preferred, who, _ = prepared(case)
    chances = select().chances(preferred)
    assert chances.keys() == who
    assert sum(chances.values()) == pytest.approx(1 if who else 0)
    counts = Counter(model.id for _ in range(DRAWS if who else 1) if (model := select().pick(preferred)) is not None)
    assert counts.keys() == who
    if len(who) > 1:
        names = sorted(who)
        expected = [chances[name] * DRAWS for name in names]
        assert chisquare([counts[name] for name in names], expected).pvalue > 0.001


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_explanation_draws_nothing_and_accounts_for_everybody(case):
    select, preferred, who, rng = prepared(case)
    before = rng.getstate()
    explanation = explain(select(), preferred)
    assert rng.getstate() == before
    eligible, ineligible = ({entry["id"] for entry in explanation[kind]} for kind in ("eligible", "ineligible"))
    free = {"a/seeded:free", "a/mute:free", "a/guard:free"} | {f"a/{letter}:free" for letter in "bcdef"}
    assert eligible | ineligible == free | {"a/zero"}
    assert not eligible & ineligible
    assert {entry["id"] for entry in explanation["eligible"] if entry["probability"]} == who


def reasons(case):
    select, preferred, _, _ = prepared(case)
    return {entry["id"]: entry["reasons"] for entry in explain(select(), preferred)["ineligible"]}


def test_reasons_tell_why_a_name_that_was_asked_for_cannot_serve():
    found = reasons(({}, "mute b", None, {}, ""))
    assert found["a/mute:free"] == ["lacks tools"]
    assert found["a/c:free"] == ["not asked for by name"]
    assert found["a/zero"] == ["not asked for by name", "id does not end in :free"]
    assert "a/b:free" not in found


def test_reasons_tell_patterns_lacks_and_prices():
    found = reasons(CASES["a draw"])
    assert found["a/guard:free"] == ["excluded by *guard*"]
    assert found["a/mute:free"] == ["lacks tools"]
    assert found["a/zero"] == ["id does not end in :free"]


def test_reasons_tell_what_was_learnt():
    health = healthy()
    requirements = required("text")
    for letter, outcome in {
        "b": Outcome(Verdict.TRY_ANOTHER, Scope.REQUEST, "", lasting=Lasting.LACKS, lacks="text"),
        "c": Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, "", lasting=Lasting.GONE),
    }.items():
        health.lessons.learn(f"a/{letter}:free", outcome, asker_of(requirements))
    health.costs.models["a/d:free"] = 0.25
    explanation = explain(Selection(offer(), asker_of(requirements), DRAW, health, Random(1)))
    found = {entry["id"]: entry["reasons"] for entry in explanation["ineligible"]}
    assert found["a/b:free"] == ["lacks text, by its own answer"]
    assert found["a/c:free"] == ["gone, by its own answer"]
    assert found["a/d:free"] == ["one of its answers cost $0.25: see freerouter alarms"]


def test_an_explanation_names_what_is_given_up():
    select, _, _, _ = prepared(({"soft": ("seed", "stop")}, None, None, {}, ""))
    gives_up = {entry["id"]: entry["gives_up"] for entry in explain(select())["eligible"]}
    assert gives_up["a/b:free"] == ["seed"]
    assert gives_up["a/seeded:free"] == []


def test_an_explanation_tells_who_is_left_alone_and_for_how_long():
    select, _, _, _ = prepared(({}, None, None, {"b": ASLEEP, "d": OVER}, ""))
    cooling = {entry["id"]: entry["cooling_s"] for entry in explain(select())["eligible"]}
    assert cooling["a/b:free"] == 40.0
    assert cooling["a/d:free"] is None
    assert cooling["a/c:free"] is None


def test_a_model_that_is_gone_is_an_error_and_in_a_list_it_is_told_as_skipped():
    router = Router(Settings(), catalog_of(row("acme/alpha:free")))
    with pytest.raises(UnknownModelError):
        router.explain(Request({"messages": [HI], "model": "acme/alpho:free"}))
    trace = router.route(Request({"messages": [HI], "models": ["acme/alpho:free", "acme/alpha:free"]})).trace
    assert trace.skipped == ("acme/alpho:free",)
    assert trace.as_dict()["skipped"] == ["acme/alpho:free"]
    assert "acme/alpho:free is skipped" in str(trace)
