"""Preferences: ranks become weights, draws agree with explanations, and nothing else about a draw changes."""

import math
from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from freerouter.memory.timings import Measured
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.choosing import FREELY, DrawRules
from freerouter.pipeline.drawing import between
from freerouter.pipeline.explaining import explain
from freerouter.pipeline.filtering import Index
from freerouter.pipeline.policy import Policy
from freerouter.pipeline.selection import Selection
from freerouter.pipeline.weighing import standings
from freerouter.preferences import Preference
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Scope, Verdict
from tests.builders import asker_of, catalog_of, healthy, index_of, order_of, required, row

DRAWS = 200_000
KINDS = ("quality", "coding", "agentic", "fast", "large", "reliable")


def name(number):
    return f"a/m{number:02}:free"


def scored(number, score, **changes):
    scores = {"intelligence_index": score, "coding_index": score, "agentic_index": score}
    return row(
        name(number), **{"context": 1_000 * (number + 1), "benchmarks": {"artificial_analysis": scores}} | changes
    )


SCORES = (10.0, 50.0, None, 30.0, 20.0, None, 40.0)
MEASURED = Measured(
    first={name(0): 1.0, name(1): 0.2, name(3): 3.0},
    pace={name(0): 0.01, name(1): 0.02, name(4): 0.05},
    answered={name(0): 0.9, name(1): 0.5, name(3): 0.7},
)


def offer(scores=SCORES, **policy):
    return index_of(*(scored(number, score) for number, score in enumerate(scores)), **policy)


def select(index, kind, sharpness=2.0, requirements=None, *, cooled=(), named=None, seed=1, policy=None, barred=()):
    health = healthy()
    for number in cooled:
        health.cool(name(number), Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, "test", seconds=60 + number))
    choice = DrawRules(Preference(kind, sharpness), policy, MEASURED, dict.fromkeys(barred, "barred"))
    asker = asker_of(requirements or required())
    return Selection(index, asker, order_of(named), health, Random(seed), choice)


def all_picks(selection):
    picked = []
    while (model := selection.pick()) is not None:
        picked.append(model.id)
        selection.tried.add(model.id)
    return picked


RANKS = {
    # Scores 50, 40, 30 (the median of 10, 20, 30, 40, 50, three times), 20, 10.
    "coding": ({1: 1, 6: 2, 2: 4, 3: 4, 5: 4, 4: 6, 0: 7}, "coding index 50: rank 1 of 7"),
    "large": ({6: 1, 5: 2, 4: 3, 3: 4, 2: 5, 1: 6, 0: 7}, "context 7,000: rank 1 of 7"),
    # Seconds for 200 tokens: 1: 0.2 + 4; 0: 1 + 2; 3: 3 + 4 (median pace); 4: 1 (median first) + 10; others the median.
    "fast": ({0: 1, 1: 2, 2: 4, 5: 4, 6: 4, 3: 6, 4: 7}, "3.00 s for 200 tokens: rank 1 of 7"),
    "reliable": ({0: 1, 2: 4, 3: 4, 4: 4, 5: 4, 6: 4, 1: 7}, "90% of attempts answered: rank 1 of 7"),
}


@pytest.mark.parametrize(("kind", "expected"), RANKS.items(), ids=RANKS)
def test_models_are_ranked_and_the_unknown_ones_count_as_the_median(kind, expected):
    ranks, why = expected
    places = standings(offer().models, Preference(kind), MEASURED)
    assert {int(model[3:5]): place.rank for model, place in places.items()} == ranks
    assert next(place.why for place in places.values() if place.rank == 1) == why


def test_what_is_not_known_is_said():
    places = standings(offer().models, Preference("coding"), None)
    assert places[name(2)] == (4, None, "no coding index: counts as the median, rank 4 of 7")
    for kind in KINDS:
        unknown = standings(index_of(row(name(0)), row(name(1))).models, Preference(kind), None)
        assert {place.rank for place in unknown.values()} == {1.5}


@pytest.mark.parametrize("scores", [(None,) * 5, (7.0,) * 5], ids=["all unknown", "all equal"])
def test_without_differences_the_draw_is_uniform(scores):
    chances = select(offer(scores), "coding").chances()
    assert [*chances.values()] == pytest.approx([0.2] * 5)


def test_weights_are_powers_of_the_rank_from_1_for_the_best():
    chances = select(offer((1.0, 2.0, 3.0, 4.0)), "coding", 3.0).chances()
    weights = {name(n): ((n + 1) / 4) ** 3 for n in range(4)}
    assert chances == pytest.approx({model: weight / sum(weights.values()) for model, weight in weights.items()})


def frequencies(selection, draws=DRAWS):
    return Counter(selection.pick().id for _ in range(draws))


CASES = {
    "coding": {"kind": "coding"},
    "fast, gently": {"kind": "fast", "sharpness": 0.5},
    "some cooling": {"kind": "quality", "cooled": (1, 6)},
    "a long prompt": {"kind": "agentic", "requirements": required(tokens=3_500), "cooled": (5,)},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_probabilities_of_an_explanation_are_the_frequencies_of_draws(case):
    selection = select(offer(), **case)
    explained = {row["id"]: row["probability"] for row in explain(selection)["eligible"] if row["probability"]}
    counts = frequencies(selection)
    assert counts.keys() == explained.keys()
    observed = np.array([counts[model] for model in explained])
    assert chisquare(observed, DRAWS * np.array([*explained.values()])).pvalue > 0.001


def test_a_probability_that_is_a_little_wrong_would_be_seen():
    selection = select(offer(), "coding")
    counts, wrong = frequencies(selection), select(offer(), "coding", 2.05).chances()
    assert chisquare([counts[model] for model in wrong], DRAWS * np.array([*wrong.values()])).pvalue < 0.001


def test_infinite_sharpness_takes_the_best_that_is_available():
    index = offer((5.0, 9.0, 9.0, 7.0))
    assert select(index, "coding", math.inf).chances() == {name(1): 0.5, name(2): 0.5}
    assert set(frequencies(select(index, "coding", math.inf), 200)) == {name(1), name(2)}
    assert select(index, "coding", math.inf, cooled=(1, 2)).chances() == {name(3): 1.0}
    picked = all_picks(select(index, "coding", math.inf, cooled=(3,)))
    assert set(picked[:2]) == {name(1), name(2)}
    assert picked[2:] == [name(0), name(3)]


@pytest.mark.parametrize("sharpness", [1e3, 1e6, math.inf])
def test_weights_too_small_for_a_float_are_drawn_all_the_same(sharpness):
    picked = all_picks(select(offer((1.0, 2.0, 3.0, 4.0)), "coding", sharpness))
    assert picked == [name(3), name(2), name(1), name(0)]


def test_models_with_more_of_the_soft_parameters_come_first_whatever_their_rank():
    rows = [scored(n, 10.0 * n, parameters=["seed"] if n < 2 else []) for n in range(5)]
    picked = all_picks(select(index_of(*rows), "coding", math.inf, required(soft=("seed",))))
    assert picked == [name(1), name(0), name(4), name(3), name(2)]


def test_models_that_surely_have_room_come_first_whatever_their_rank():
    index = offer((50.0, 40.0, 30.0, 20.0, 10.0))
    needs = required()
    needs = needs._replace(tokens=needs.tokens._replace(least=1_500, most=3_500))
    picked = all_picks(select(index, "coding", math.inf, needs))
    assert picked == [name(3), name(4), name(1), name(2)]


def test_names_and_conversations_come_before_the_preference():
    index = offer()
    named = [index.catalog.get(name(0)), None]
    assert all_picks(select(index, "coding", named=named))[0] == name(0)
    assert select(index, "coding").pick(name(4)).id == name(4)


def test_equal_seeds_give_equal_draws():
    first, second, other = (all_picks(select(offer(), "coding", 0.2, seed=seed)) for seed in (3, 3, 4))
    assert first == second != other


def test_a_preference_is_explained():
    explanation = explain(select(offer(), "coding", requirements=required(tokens=1_500)))
    assert explanation["preference"] == {"prefer": "coding", "sharpness": 2.0}
    rows = {row["id"]: row for row in explanation["eligible"]}
    assert (rows[name(1)]["rank"], rows[name(1)]["value"]) == (1, 50.0)
    assert rows[name(1)]["why"] == "coding index 50: rank 1 of 7"
    uniform = explain(Selection(offer(), asker_of(), order_of(None), healthy(), Random(1)))
    assert uniform["preference"]["prefer"] == "uniform"
    assert {(row["rank"], row["value"], row["why"]) for row in uniform["eligible"]} == {(None, None, "")}


def test_a_requests_own_policy_holds_besides_that_of_the_settings():
    index = offer(exclude=("*m01*",))
    policy = Policy(exclude=("*m06*",), min_context=3_000)
    selection = select(index, "uniform", policy=policy)
    assert len(selection) == 4
    assert selection.chances() == pytest.approx({name(n): 0.25 for n in (2, 3, 4, 5)})
    reasons = {row["id"]: row["reasons"] for row in explain(selection)["ineligible"]}
    assert reasons[name(6)] == ["excluded by *m06*"]
    assert reasons[name(0)] == ["context 1000 < 3000 required by min_context"]


def test_barred_models_are_not_asked_by_name_either_and_not_as_a_last_resort():
    index = offer()
    assert name(1) not in all_picks(select(index, "coding", barred=[name(1)]))
    only = select(index, "coding", barred=[name(1)], named=[index.catalog.get(name(1))])
    assert all_picks(only) == []
    assert only.barred_reasons() == {name(1): ["barred"]}


def test_weights_are_built_once_and_again_when_something_was_measured():
    index, need = offer(), required().need
    choice = DrawRules(Preference("fast"), None, MEASURED)
    first = index.chosen(need, choice)
    assert index.chosen(need, choice._replace()) is first
    again = choice._replace(measured=Measured())
    assert index.chosen(need, again) is not first
    assert index.chosen(need, again) is index.chosen(need, again)


def test_the_number_of_cached_choices_is_bounded():
    index, need = offer(), required().need
    for number in range(5_000):
        index.chosen(need, DrawRules(Preference("coding", 1 + number / 1_000)))
    assert len(index._chosen._known) <= 2_000


SOME_SCORES = st.lists(st.none() | st.floats(0, 100), min_size=1, max_size=12)


@given(
    SOME_SCORES,
    st.sampled_from(KINDS),
    st.sampled_from([0.3, 2.0, 40.0, math.inf]),
    st.sets(st.integers(0, 11)),
    st.integers(0, 13_000),
    st.integers(),
)
def test_a_preference_changes_the_order_and_never_who_is_eligible(scores, kind, sharpness, tools, tokens, seed):
    rows = [scored(n, score, parameters=["tools"] if n in tools else []) for n, score in enumerate(scores)]
    index, requirements = index_of(*rows), required("tools", tokens=tokens)
    selections = [select(index, each, sharpness, requirements, seed=seed) for each in (kind, "uniform")]
    explained = [{row["id"] for row in explain(selection)["eligible"]} for selection in selections]
    picked = [all_picks(selection) for selection in selections]
    eligible = {name(n) for n in tools if n < len(scores) and 1_000 * (n + 1) >= tokens}
    assert explained[0] == explained[1] == eligible
    assert sorted(picked[0]) == sorted(picked[1]) == sorted(eligible)
    assert len(selections[0]) == len(eligible)


@given(
    SOME_SCORES, st.sampled_from([0.5, 2.0, 300.0]), st.integers(0, 12), st.integers(0, 12), st.sets(st.integers(0, 11))
)
def test_any_stretch_is_drawn_with_the_probabilities_that_are_told(scores, sharpness, first, end, cooled):
    index = offer(scores)
    tier = between(index.chosen(required().need, DrawRules(Preference("coding", sharpness)))[0], first, end)
    unavailable = {name(n) for n in cooled}
    chances = tier.chances(index.models, unavailable)
    left = {name(n) for n in range(first, min(end, len(scores)))} - unavailable
    assert chances.keys() <= left
    assert sum(chances.values()) == pytest.approx(1 if left else 0)
    drawn = tier.draw(index.models, unavailable, Random(1))
    assert (drawn is None) is not left or drawn.id in left
    assert len(tier) == len([*tier])


def ranked(values):
    """The rank of each value, 1 for the largest, reckoned one by one; None counts as the median of the others."""
    known = sorted(value for value in values.values() if value is not None)
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2 if known else 0
    filled = {model: middle if value is None else value for model, value in values.items()}
    return {
        model: sum(other > value for other in filled.values()) + (sum(o == value for o in filled.values()) + 1) / 2
        for model, value in filled.items()
    }


def drawable(offer):
    """The free models of a real list that are drawn from, and their raw rows."""
    day, rows, catalog = offer
    index = Index(catalog, Policy(), day)
    return index, {raw["id"]: raw for raw in rows if raw["id"] in {model.id for model in index.models}}


def test_the_ranks_of_real_lists_are_those_of_their_contexts(offer):
    index, rows = drawable(offer)
    contexts = {name: min(raw["context_length"], raw["top_provider"]["context_length"]) for name, raw in rows.items()}
    places = standings(index.models, Preference("large"), None)
    assert {model: place.rank for model, place in places.items()} == ranked(contexts)
    chances = Selection(
        index, asker_of(), order_of(None), healthy(), Random(1), DrawRules(Preference("large"))
    ).chances()
    assert contexts[max(chances, key=chances.get)] == max(contexts.values())


def test_the_ranks_of_real_lists_with_scores_are_those_of_the_scores(offer):
    """Lists before August 2026 carry none, so about 60 % of the free rows get some, as in newer ones."""
    day, rows, _ = offer
    rng = Random(day.toordinal())
    scores = {raw["id"]: round(rng.uniform(5, 60), 1) if rng.random() < 0.6 else None for raw in rows}
    scored = [raw | {"benchmarks": {"artificial_analysis": {"coding_index": scores[raw["id"]]}}} for raw in rows]
    index = Index(catalog_of(*scored), Policy(), day)
    places = standings(index.models, Preference("coding"), None)
    assert {model: place.rank for model, place in places.items()} == ranked({name: scores[name] for name in places})
    for body in ({}, {"tools": [{"type": "function", "function": {"name": "f"}}]}, {"seed": 1}):
        requirements = analyze({"messages": [{"role": "user", "content": "Hello"}], **body})
        explained = [
            explain(Selection(index, asker_of(requirements), order_of(None), healthy(), Random(1), choice))
            for choice in (FREELY, DrawRules(Preference("coding")), DrawRules(Preference("reliable", math.inf)))
        ]
        eligible = [{row["id"] for row in each["eligible"]} for each in explained]
        assert eligible[0] == eligible[1] == eligible[2]
        assert all(sum(row["probability"] for row in each["eligible"]) == pytest.approx(1) for each in explained)
