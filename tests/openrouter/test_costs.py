"""What an answer has cost, by its own word: numbers, text, and what a provider bills to the account's own key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.openrouter.costs import cost_of
from tests.builders import JSON


def byok(billed, cost=0, **more):
    return {"is_byok": True, "cost": cost, "cost_details": {"upstream_inference_cost": billed}, **more}


USAGES = {
    "nothing": (None, None),
    "empty": ({}, None),
    "unsaid": ({"total_tokens": 3}, None),
    "null": ({"cost": None}, None),
    "free": ({"cost": 0}, 0),
    "a number": ({"cost": 0.01}, 0.01),
    "a small number": ({"cost": 1e-9}, 1e-9),
    "text": ({"cost": "0.01"}, 0.01),
    "text in scientific notation": ({"cost": "1e-7"}, 1e-7),
    "text with a sign of money": ({"cost": " $0.01 "}, 0.01),
    "text that is zero": ({"cost": "0.00"}, 0),
    "a word": ({"cost": "free"}, None),
    "true": ({"cost": True}, None),
    "not a number": ({"cost": "NaN"}, None),
    "infinite": ({"cost": float("inf")}, None),
    "a list": ({"cost": [1]}, None),
    "its own key": (byok(0.02), 0.02),
    "its own key, as text": (byok("0.02"), 0.02),
    "its own key, and a fee": (byok(0.02, 0.01), 0.03),
    "its own key, free": (byok(0), 0),
    "its own key, its fee unsaid": (byok(0.02, None), 0.02),
    "its own key, unsaid": (byok(None), 0),
    "its own key without details": ({"is_byok": True, "cost": 0}, 0),
    "what OpenRouter pays is not billed": (byok(1, is_byok=False), 0),
}


@pytest.mark.parametrize(("usage", "cost"), USAGES.values(), ids=USAGES)
def test_what_an_answer_has_cost(usage, cost):
    found = cost_of(usage)
    assert found == (None if cost is None else pytest.approx(cost))


@given(st.dictionaries(st.sampled_from(["cost", "is_byok", "cost_details", "x"]), JSON))
def test_whatever_comes_is_read_without_a_fault(usage):
    found = cost_of(usage)
    assert found is None or found == found + 0.0


@given(st.floats(1e-12, 1e6))
def test_text_and_number_are_the_same(cost):
    assert cost_of({"cost": str(cost)}) == cost_of({"cost": cost}) == cost
