"""Costs: one model that costs is barred; two different ones in a row stop the account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.memory.costs import ACCOUNT, Costs

# What answers have cost in turn: model, cost; and what each of them bars.
STORIES = {
    "free": ([("a", 0.0), ("b", None)], ["", ""]),
    "one that costs": ([("a", 0.1)], ["a"]),
    "the same one again": ([("a", 0.1), ("a", 0.2)], ["a", "a"]),
    "two in a row": ([("a", 0.1), ("b", 0.2)], ["a", ACCOUNT]),
    "a free one between": ([("a", 0.1), ("c", 0.0), ("b", 0.2)], ["a", "", "b"]),
    "one that says nothing between": ([("a", 0.1), ("c", None), ("b", 0.2)], ["a", "", ACCOUNT]),
    "less than nothing": ([("a", -1.0)], [""]),
    "as much as a dollar": ([("a", 1.0)], ["a"]),
}


@pytest.mark.parametrize(("answers", "barred"), STORIES.values(), ids=STORIES)
def test_what_is_barred(answers, barred):
    costs = Costs(lambda: 0.0)
    assert [costs.note("me", model, cost) for model, cost in answers] == barred
    assert set(costs.accounts) == ({"me"} if ACCOUNT in barred else set())
    assert set(costs.models) == set(barred) - {"", ACCOUNT} - ({"a"} if ACCOUNT in barred else set())


def test_when_the_account_bills_the_models_are_not_to_blame():
    costs = Costs(lambda: 0.0)
    costs.note("me", "a", 0.1)
    costs.note("me", "b", 0.2)
    assert (costs.models, costs.accounts) == ({}, {"me": 0.2})


def test_what_is_cleared_is_forgotten():
    costs = Costs(lambda: 0.0)
    for account, models in (("me", "ab"), ("you", "c")):
        for model in models:
            costs.note(account, model, 0.5)
    costs.clear()
    assert (costs.models, costs.accounts) == ({}, {})
    assert costs.note("me", "d", 0.5) == "d"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, 0.0, 0.1]))))
def test_accounts_are_apart(answers):
    costs = Costs(lambda: 0.0)
    for model, cost in answers:
        costs.note("me", model, cost)
    assert set(costs.accounts) <= {"me"}
    assert costs.note("you", "z", 0.5) == "z"
