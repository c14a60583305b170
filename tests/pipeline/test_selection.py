"""Random Selection: uniform, without replacement, repeatable; cooling models last; explained as it happens."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from freerouter.pipeline.drawing import between, draw
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting, Scope, Verdict
from tests.builders import Clock, asker_of, healthy, index_of, need_of, required, row, selection_of

DRAWS = 20_000


def name(number):
    return f"a/m{number:02}:free"


def rows(count=10, **changes):
    """Models of ascending contexts: 1000, 2000, ..."""
    return [row(name(n), **{"context": 1_000 * (n + 1)} | changes) for n in range(count)]


def cooling(*seconds, clock=None):
    """Health in which model n cools for so many seconds, from the first on; None leaves it alone."""
    health = healthy(clock)
    for number, ready in enumerate(seconds):
        if ready is not None:
            health.cool(name(number), Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, "test", seconds=ready))
    return health


def all_picks(selection):
    """Every pick until there is nobody left, as a driver makes them."""
    picked = []
    while (model := selection.pick()) is not None:
        assert model.id not in selection.tried
        picked.append(model.id)
        selection.tried.add(model.id)
    return picked


def assert_uniform(counts, expected):
    assert counts.keys() == expected
    assert len(expected) == 1 or chisquare([counts[key] for key in sorted(expected)]).pvalue > 0.001


UNIFORM = {
    "the whole pool": (required(), (), range(10)),
    "half of the pool cooling": (required(), (60,) * 5, range(5, 10)),
    "all but one cooling": (required(), (60,) * 9, range(9, 10)),
    "a long prompt": (required(tokens=5_500), (), range(5, 10)),
    "a long prompt, some cooling": (required(tokens=2_500), (60,) * 4, range(4, 10)),
    "the largest context alone": (required(tokens=10_000), (), range(9, 10)),
}


@pytest.mark.parametrize(("requirements", "cooled", "drawn"), UNIFORM.values(), ids=UNIFORM)
def test_a_draw_is_uniform_over_who_is_eligible_and_not_cooling(requirements, cooled, drawn):
    index, health, rng = index_of(*rows()), cooling(*cooled), Random(20260901)
    positions = between(index.pool(requirements.need).best, index.first(requirements.context))
    picks = (draw(index.models, positions, health.cooling, rng) for _ in range(DRAWS))
    assert_uniform(Counter(model.id for model in picks), {name(n) for n in drawn})


def test_the_first_pick_is_uniform():
    selection = selection_of(index_of(*rows()), seed=7)
    counts = Counter(selection.pick().id for _ in range(DRAWS))
    assert_uniform(counts, {name(n) for n in range(10)})


def test_the_second_pick_is_uniform_over_the_others():
    index = index_of(*rows(5))
    seconds = Counter()
    for seed in range(4_000):
        selection = selection_of(index, seed=seed)
        selection.tried.add(name(0))
        seconds[selection.pick().id] += 1
    assert_uniform(seconds, {name(n) for n in range(1, 5)})


def test_equal_seeds_give_equal_draws_and_different_ones_others():
    index = index_of(*rows(30))
    sequences = [all_picks(selection_of(index, seed=seed)) for seed in (1, 1, 2)]
    assert sequences[0] == sequences[1] != sequences[2]


@given(
    st.lists(st.sampled_from([None, None, 5, 60, 600]), min_size=1, max_size=12),
    st.sets(st.integers(0, 11)),
    st.sets(st.integers(0, 11)),
    st.integers(0, 13_000),
    st.integers(),
)
def test_no_model_comes_twice_the_better_come_first_and_cooling_ones_last_as_they_are_ready(
    cooled, tools, seeded, tokens, seed
):
    parameters = [[*(["tools"] if n in tools else []), *(["seed"] if n in seeded else [])] for n in range(len(cooled))]
    index = index_of(*(row(name(n), context=1_000 * (n + 1), parameters=p) for n, p in enumerate(parameters)))
    health = cooling(*cooled)
    picked = all_picks(selection_of(index, required("tools", soft=("seed",), tokens=tokens), health=health, seed=seed))
    eligible = {n for n in tools if n < len(cooled) and 1_000 * (n + 1) >= tokens}
    known = any("seed" in p for p in parameters)
    awake = [n for n in eligible if cooled[n] is None]
    asleep = [n for n in eligible if cooled[n] is not None]
    best = [n for n in awake if not known or n in seeded]
    assert set(picked[: len(best)]) == {name(n) for n in best}
    assert set(picked[: len(awake)]) == {name(n) for n in awake}
    assert set(picked[len(awake) :]) == {name(n) for n in asleep}
    assert [cooled[int(p[3:5])] for p in picked[len(awake) :]] == sorted(cooled[n] for n in asleep)


def test_a_cooldown_that_is_over_is_forgotten():
    clock = Clock()
    index, health = index_of(*rows(2)), cooling(30, clock=clock)
    first_picks = [{selection_of(index, health=health, seed=s).pick().id for s in range(30)}]
    clock.advance(30)
    first_picks.append({selection_of(index, health=health, seed=s).pick().id for s in range(30)})
    assert first_picks == [{name(1)}, {name(0), name(1)}]


# What the error states, whether there is media, and the smaller ones that follow the equal ones.
STATED = {
    "nothing": (0, 0, {name(0), name(1)}),
    "more than the smallest": (1_001, 0, {name(1)}),
    "as much as its context": (2_000, 0, set()),
    "more than all": (9_000, 0, set()),
    "nothing, with media": (0, 1, set()),
}


@pytest.mark.parametrize("case", STATED)
def test_after_an_exceeded_context_larger_ones_follow_then_equal_ones_then_those_with_enough(case):
    stated, media, smaller = STATED[case]
    contexts = [1_000, 1_500, 2_000, 2_000, 3_000, 4_000]
    index = index_of(*(row(name(n), context=context) for n, context in enumerate(contexts)))
    selection = selection_of(index, required()._replace(media=media))
    selection.tried.add(name(2))
    selection.exceeded(2_000, stated)
    picked = all_picks(selection)
    assert set(picked[:2]) == {name(4), name(5)}
    assert picked[2] == name(3)
    assert set(picked[3:]) == smaller


def test_an_exceeded_context_never_falls():
    selection = selection_of(index_of(*rows(4)), required(tokens=3_000))
    selection.exceeded(3_000)
    selection.exceeded(1_000)
    assert all_picks(selection) == [name(3), name(2)]


def test_after_a_moderators_refusal_only_models_without_one_follow():
    index = index_of(*(row(name(n), moderated=n < 3) for n in range(5)))
    selection = selection_of(index)
    selection.avoid_moderated()
    assert set(all_picks(selection)) == {name(3), name(4)}


def test_what_was_learnt_of_a_model_bars_it():
    health, requirements = healthy(), required("tools")
    gone = Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, "gone", lasting=Lasting.GONE)
    index = index_of(*rows(3, parameters=["tools"]))
    selection = selection_of(index, requirements, health=health)
    health.lessons.learn(name(1), gone, asker_of(requirements))
    picks = all_picks(selection)
    assert set(picks[:2]) == {name(0), name(2)}
    assert picks[2:] == [name(1)]  # the last resort
    assert len(selection) == 3
    assert selection.objections(index.catalog.get(name(1))) == ["gone, by its own answer"]


NAMED = {
    "one": ([3], (), [3]),
    "in order": ([3, 1, 2], (), [3, 1, 2]),
    "given twice": ([3, 1, 3], (), [3, 1]),
    "the first is cooling": ([0, 3, 1], (60,), [3, 1, 0]),
    "all are cooling": ([0, 1, 2], (60, 30, 90), [1, 0, 2]),
    "one that patterns exclude": (["guard", 1], (), ["guard", 1]),
    "one that is unfit": (["blind", 1], (), [1]),
    "none that is fit": (["blind"], (), []),
}


def odd_rows():
    odd = [row("a/guard:free", inputs=["image"]), row("a/blind:free")]
    return [*rows(4, inputs=["image"]), *odd]


def models(index, named):
    return [
        None if n is None else index.catalog.get(name(n) if isinstance(n, int) else f"a/{n}:free") for n in named
    ]  # fmt: skip


@pytest.mark.parametrize(("named", "cooled", "expected"), NAMED.values(), ids=NAMED)
def test_models_asked_for_by_name_come_in_order(named, cooled, expected):
    index = index_of(*odd_rows())
    selection = selection_of(index, required("image"), named=models(index, named), health=cooling(*cooled))
    assert len(selection) == len(expected)
    assert all_picks(selection) == [model.id for model in models(index, expected)]


def test_a_draw_may_follow_names():
    index = index_of(*odd_rows())
    for seed in range(20):
        selection = selection_of(index, required("image"), named=models(index, [2, "guard", None]), seed=seed)
        assert len(selection) == 5
        picked = all_picks(selection)
        assert picked[:2] == [name(2), "a/guard:free"]
        assert set(picked[2:]) == {name(0), name(1), name(3)}


@pytest.mark.parametrize(("stated", "picked"), [(0, [3, 0]), (1_000, [3, 0]), (1_001, [3])])
def test_names_with_a_smaller_context_come_last_after_an_exceeded_one_if_they_surely_have_room(stated, picked):
    index = index_of(*rows(4))
    selection = selection_of(index, named=models(index, [1, 0, 3]))
    selection.tried.add(name(1))
    selection.exceeded(2_000, stated)
    assert all_picks(selection) == [name(n) for n in picked]


def test_a_moderated_name_is_left_out_after_a_moderators_refusal():
    index = index_of(row("a/guard:free", moderated=True), row(name(0)))
    selection = selection_of(index, named=models(index, ["guard", 0]))
    selection.avoid_moderated()
    assert all_picks(selection) == [name(0)]


PREFERRED = {
    "eligible": (name(2), (), True),
    "cooling": (name(0), (60,), False),
    "not in the catalog any more": ("a/gone:free", (), False),
    "unfit": ("a/blind:free", (), False),
    "excluded by a pattern": ("a/guard:free", (), False),
    "nobody": (None, (), False),
}


@pytest.mark.parametrize(("preferred", "cooled", "taken"), PREFERRED.values(), ids=PREFERRED)
def test_a_conversations_model_is_taken_while_it_is_eligible_and_awake(preferred, cooled, taken):
    index = index_of(*odd_rows())
    picks = Counter(
        selection_of(index, required("image"), health=cooling(*cooled), seed=seed).pick(preferred).id
        for seed in range(100)
    )
    assert (picks.keys() == {preferred}) is taken
    assert taken or preferred not in picks


def test_given_up_are_the_soft_parameters_that_a_model_lacks():
    index = index_of(row(name(0), parameters=["seed"]), row(name(1), parameters=["stop"]))
    selection = selection_of(index, required(soft=("seed", "stop", "unheard_of")))
    assert [selection.given_up(model) for model in index.models] == [["stop"], ["seed"]]
    assert [len(tier) for tier in index.pool(need_of(soft=("seed", "stop"))).tiers] == [2]
