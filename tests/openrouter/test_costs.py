"""What an answer has cost, by its own word: numbers, text, and what a provider bills to the account's own key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.openrouter.costs import cost_of, tokens_of
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
    "its own key, told in a word": (byok(0.02, is_byok="true"), 0.02),
    "its own key, in parts": (
        {"is_byok": True, "cost": 0, "cost_details": {
            "upstream_inference_prompt_cost": 0.01, "upstream_inference_completions_cost": 0.02, "discount": 5}}, 0.03),
    "total_cost": ({"total_cost": 0.01}, 0.01),
    "cost before total_cost": ({"cost": 0, "total_cost": 1}, 0),
    "text with the name of a currency": ({"cost": "0.01 USD"}, 0.01),
    "text with another sign": ({"cost": "0.01~"}, None),
    "text with a comma": ({"cost": "0,01"}, 0.01),
    "an object with a total": ({"cost": {"total": 0.02, "prompt": 0.01, "completion": 0.01}}, 0.02),
    "an object of parts": ({"cost": {"prompt": 0.01, "completion": 0.02}}, 0.03),
    "an object without amounts": ({"cost": {"prompt": "free"}}, None),
    "what OpenRouter pays is not billed": (byok(1, is_byok=False), 0),
}  # fmt: skip


@pytest.mark.parametrize(("usage", "cost"), USAGES.values(), ids=USAGES)
def test_what_an_answer_has_cost(usage, cost):
    found = cost_of(usage)
    assert found == (None if cost is None else pytest.approx(cost))


TOKENS = {
    "nothing": (None, 0),
    "unsaid": ({"prompt_tokens": 3}, 0),
    "a completion's": ({"prompt_tokens": 3, "completion_tokens": 7}, 7),
    "an output's": ({"input_tokens": 3, "output_tokens": 7}, 7),
    "a word": ({"completion_tokens": "many"}, 0),
}


@pytest.mark.parametrize(("usage", "tokens"), TOKENS.values(), ids=TOKENS)
def test_how_many_tokens_an_answer_has(usage, tokens):
    assert tokens_of(usage) == tokens


@given(st.dictionaries(st.sampled_from(["cost", "is_byok", "cost_details", "x"]), JSON))
def test_whatever_comes_is_read_without_a_fault(usage):
    found = cost_of(usage)
    assert found is None or found == found + 0.0


@given(st.floats(1e-12, 1e6))
def test_text_and_number_are_the_same(cost):
    assert cost_of({"cost": str(cost)}) == cost_of({"cost": cost}) == cost
