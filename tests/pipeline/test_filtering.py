"""Model Filtering: who is let in, who is eligible, and in words why the others are not."""

from collections import defaultdict
from random import Random
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.pipeline.filtering import Index, Policy, capabilities
from freerouter.settings import DEFAULT_EXCLUDE, Settings
from tests.builders import TODAY, catalog_of, index_of, model_of, need_of, required, row

# More than two words of 64 bits, so that a need may lie across them.
PARAMETERS = [f"parameter_{number}" for number in range(150)]
INPUTS = ["image", "audio", "video", "file"]


def ids(index, positions):
    return {index.models[position].id for position in positions}


def shapes(seed):
    """Rows of any shape: ids without a doublet, many or few parameters, contexts that repeat."""
    rng = Random(seed)
    return [
        row(
            f"author-{rng.randrange(3)}/model-{number}{rng.choice(['', ':free', ':free', ':free'])}",
            inputs=rng.sample(INPUTS, rng.randrange(5)),
            parameters=rng.sample(PARAMETERS, rng.choice([0, 3, 100, 140, 150])),
            context=rng.choice([None, 100, 200, 200, 1_000]),
            max_output=rng.choice([None, 50, 100]),
            mandatory=rng.random() < 0.3,
        )
        for number in range(rng.randrange(1, 25))
    ]


def can(raw, capability):
    if capability == "reasoning:off":
        return not raw["reasoning"]["mandatory"]
    architecture = raw["architecture"]
    outputs = [f"output:{name}" for name in architecture["output_modalities"]]
    return capability in [*architecture["input_modalities"], *outputs, *raw["supported_parameters"]]


def holds(raw, tokens):
    return raw["context_length"] is None or raw["context_length"] >= tokens


NEED = st.fixed_dictionaries(
    {
        "hard": st.lists(st.sampled_from([*PARAMETERS[::9], *INPUTS, "reasoning:off", "output:text"]), max_size=3),
        "soft": st.lists(st.sampled_from([*PARAMETERS[::7], "nobody_knows"]), max_size=3).map(tuple),
        "strict": st.booleans(),
        "output": st.sampled_from([0, 50, 60]),
        "tokens": st.sampled_from([0, 100, 150, 200, 900, 10_000]),
    }
)


@given(st.integers(0, 2**32), st.lists(NEED, min_size=1, max_size=4))
def test_pools_equal_a_naive_search(seed, needs):
    rows = shapes(seed)
    index = index_of(*rows)
    known = {name for raw in rows for name in raw["supported_parameters"]}
    for need in needs:
        hard, soft, tokens = need["hard"], {name for name in need["soft"] if name in known}, need["tokens"]
        able = [
            raw
            for raw in rows
            if raw["id"].endswith(":free")
            and all(can(raw, name) for name in [*hard, *(need["soft"] if need["strict"] else ())])
            and (raw["top_provider"]["max_completion_tokens"] or 10**9) >= need["output"]
            and holds(raw, tokens)
        ]
        pool = index.pool(need_of(*hard, soft=need["soft"], strict=need["strict"], output=need["output"]))
        first = index.first(tokens)
        by_count = defaultdict(set)
        for raw in able:
            by_count[0 if need["strict"] else sum(can(raw, name) for name in soft)].add(raw["id"])
        tiers = [ids(index, [p for p in positions if p >= first]) for positions in pool.tiers]
        assert [tier for tier in tiers if tier] == [by_count[count] for count in sorted(by_count, reverse=True)]
        assert all(list(positions) == sorted(set(positions)) for positions in pool.tiers)


@given(st.integers(0, 2**32), NEED)
def test_a_model_has_reasons_against_it_exactly_when_it_is_not_in_the_pool(seed, need):
    rows = shapes(seed)
    index = index_of(*rows, exclude=("author-1/*",), min_context=150)
    requirements = required(
        *need["hard"], tokens=need["tokens"], soft=need["soft"], strict=need["strict"], output=need["output"]
    )
    first = index.first(requirements.context)
    eligible = ids(index, [p for positions in index.pool(requirements.need).tiers for p in positions if p >= first])
    assert {model.id for model in index.catalog.models if not index.reasons(requirements, model)} == eligible


def test_the_index_has_more_than_one_word_of_bits():
    index = index_of(row(parameters=PARAMETERS), row("b/b:free", parameters=PARAMETERS[:70]))
    assert len(index.alphabet) > 128
    across = need_of(PARAMETERS[0], PARAMETERS[69], PARAMETERS[149], "text")
    assert ids(index, index.pool(across).best) == {"acme/alpha:free"}


def test_models_are_in_ascending_order_of_context_and_an_unknown_one_is_without_end():
    contexts = [500, None, 100, 500, 300]
    index = index_of(*(row(f"a/m{n}:free", context=context) for n, context in enumerate(contexts)))
    assert [model.context for model in index.models] == [100, 300, 500, 500, None]
    assert [index.first(tokens) for tokens in (0, 100, 101, 300, 500, 501, 10**15)] == [0, 0, 1, 1, 2, 4, 4]


def test_equal_needs_share_one_pool():
    index = index_of(row(parameters=["tools", "seed"]))
    assert index.pool(need_of("tools", "text")) is index.pool(need_of("text", "tools"))
    assert index.pool(need_of("tools")) is not index.pool(need_of("tools", output=1))


def test_a_catalog_without_free_models_has_empty_pools():
    index = index_of(row("acme/paid", parameters=["tools"]))
    pool = index.pool(need_of("tools", soft=("seed",)))
    assert (sum(map(len, pool.tiers)), index.first(0), index.models) == (0, 0, [])


def test_what_no_model_has_empties_the_pool_if_hard_or_demanded_and_does_not_count_if_soft():
    index = index_of(row())
    assert [len(positions) for positions in index.pool(need_of("telepathy")).tiers] == [0]
    assert [len(positions) for positions in index.pool(need_of(soft=("telepathy",))).tiers] == [1]
    assert [len(positions) for positions in index.pool(need_of(soft=("telepathy",), strict=True)).tiers] == [0]


def test_a_parameter_that_only_paid_models_honour_is_known_and_given_up():
    index = index_of(row("acme/paid", parameters=["logprobs"]), row())
    need = need_of(soft=("logprobs", "telepathy"))
    assert [len(positions) for positions in index.pool(need).tiers] == [1]
    assert index.given_up(need, index.models[0]) == ["logprobs"]
    assert [len(positions) for positions in index.pool(need._replace(strict=True)).tiers] == [0]


REASONS = {
    "none": ({}, required("text", tokens=32_768), {}, []),
    "a need": ({}, required("text", "structured_outputs"), {}, ["lacks structured_outputs"]),
    "every need": ({}, required("tools", "output:image"), {}, ["lacks output:image", "lacks tools"]),
    "mandatory reasoning": ({"mandatory": True}, required("reasoning:off"), {}, ["reasoning is mandatory"]),
    "a demanded parameter": ({}, required(soft=("seed", "x"), strict=True), {}, ["lacks seed", "lacks x"]),
    "a wished one": ({}, required(soft=("seed",)), {}, []),
    "context": ({"context": 8_192}, required(tokens=21_000), {}, ["context 8192 < 21000 tokens"]),
    "context with the answer": ({"context": 100}, required(tokens=60, output=41), {}, ["context 100 < 101 tokens"]),
    "output limit": ({"max_output": 100}, required(output=101), {}, ["output limit 100 < 101 asked for"]),
    "price": ({"price": {"request": "0.01"}}, required(), {}, ["price of request is 0.01"]),
    "expiry": ({"expiration_date": "2026-08-24"}, required(), {}, ["expired 2026-08-24"]),
    "guard": ({"name": "meta/llama-guard-4:free"}, required(), {}, ["excluded by *guard*"]),
    "least context": ({"context": 99}, required(), {"min_context": 200}, ["context 99 < 200 required by min_context"]),
    "not included": ({}, required(), {"include": ("x/*", "y/*")}, ["not included by x/*, y/*"]),
    "author": ({}, required(), {"authors": ("x", "y")}, ["author acme is not among x, y"]),
    "all at once": (
        {"name": "~acme/guard:free", "context": 5, "expiration_date": "2020-01-01"},
        required("tools"),
        {"include": ("x/*",)},
        [
            "is an alias, not a model",
            "expired 2020-01-01",
            "not included by x/*",
            "excluded by *guard*",
            "lacks tools",
            "context 5 < 10 tokens",
        ],
    ),
}


@pytest.mark.parametrize(("changes", "requirements", "policy", "reasons"), REASONS.values(), ids=REASONS)
def test_reasons_in_words(changes, requirements, policy, reasons):
    index = index_of(row(**changes), row("b/paid", parameters=["seed"]), **policy)
    assert index.reasons(requirements, index.catalog.models[0]) == reasons


def test_reasons_against_a_set_of_capabilities():
    index = index_of(row(parameters=["tools"], context=1), row("b/b:free"))
    tools = ["text", "tools"]
    assert [model.id for model in index.having(tools)] == ["acme/alpha:free"]
    assert [index.lacks(model, tools) for model in index.catalog.models] == [[], ["lacks tools"]]


PATTERNS = {
    "anything": ("*", "acme/alpha:free", True),
    "an author": ("acme/*", "acme/alpha:free", True),
    "an author's prefix": ("acm/*", "acme/alpha:free", False),
    "a family across the slash": ("*/claude-*", "anthropic/claude-3:free", True),
    "an id": ("acme/alpha:free", "acme/alpha:free", True),
    "an id without its variant": ("acme/alpha", "acme/alpha:free", False),
    "one letter": ("acme/alph?:free", "acme/alpha:free", True),
    "some letters": ("acme/alph[abc]:free", "acme/alpha:free", True),
    "a dot is a dot": ("acme/alpha.free", "acme/alpha:free", False),
    "letters as they are": ("ACME/*", "acme/alpha:free", False),
    "a broken pattern": ("acme/[", "acme/alpha:free", False),
}


@pytest.mark.parametrize(("pattern", "name", "fits"), PATTERNS.values(), ids=PATTERNS)
def test_glob_patterns_include_and_exclude(pattern, name, fits):
    model = model_of(name=name)
    assert any(Policy(include=(pattern,), exclude=()).objections(model)) is not fits
    assert any(Policy(exclude=(pattern,)).objections(model)) is fits


DEFAULTS = {
    "nvidia/nemotron-3.5-content-safety:free": False,
    "meta-llama/llama-guard-4-12b:free": False,
    "openai/omni-moderation:free": False,
    "baidu/qianfan-ocr-fast:free": False,
    "google/gemma-4-31b-it:free": True,
    "acme/rococo:free": True,
}


@pytest.mark.parametrize(("name", "drawn"), DEFAULTS.items(), ids=DEFAULTS)
def test_guards_and_classifiers_are_left_out_unless_the_user_says_otherwise(name, drawn):
    assert bool(index_of(row(name)).models) is drawn
    assert index_of(row(name), exclude=()).models
    assert Policy().exclude == DEFAULT_EXCLUDE


def test_an_exclusion_of_the_users_adds_to_the_guards_which_a_setting_drops():
    assert Policy.of(Settings(exclude="a/*")).exclude == (*DEFAULT_EXCLUDE, "a/*")
    assert Policy.of(Settings(exclude="a/*", exclude_defaults=False)).exclude == ("a/*",)


def test_exclusion_wins():
    index = index_of(row(), row("acme/beta:free"), include=("acme/*",), exclude=("*beta*",))
    assert [model.id for model in index.models] == ["acme/alpha:free"]


def test_patterns_take_linear_time():
    model = model_of(name="acme/" + "a" * 240 + ":free")
    began = perf_counter()
    assert not any(Policy(exclude=("*a*a*a*a*a*a*a*a*a*a*b",)).objections(model))
    assert perf_counter() - began < 1  # with backtracking: longer than the age of the world


def test_a_model_of_unknown_context_meets_min_context():
    assert index_of(row(context=None), min_context=10**6).models


def test_capabilities_are_in_the_words_of_the_catalog():
    model = model_of(inputs=("image", "smell"), outputs=("text", "audio"), parameters=("tools", "new_one"))
    words = {"text", "image", "smell", "output:text", "output:audio", "tools", "new_one", "reasoning:off"}
    assert set(capabilities(model)) == words
    assert set(capabilities(model_of(mandatory=True))) == {"text", "output:text"}


def test_what_is_worth_a_word_ends_in_free_or_is_priced_zero():
    rows = [row(), row("acme/zero"), row("acme/too", price={"prompt": 0, "completion": "0.000"})]
    rows += [row("acme/dear:free", price={"prompt": "1"}), row("acme/dear", price={"prompt": "1"})]
    rows += [row("acme/unstated", pricing={}), row("acme/half", price={"completion": None})]
    index = Index(catalog_of(*rows), Policy(exclude=("*",)), TODAY)
    assert [model.id for model in index.explainable()] == ["acme/alpha:free", "acme/zero", "acme/too", "acme/dear:free"]


def test_of_the_pools_only_the_newest_are_kept_up_to_a_bound(monkeypatch):
    index = index_of(*(row(f"author/model-{number}:free") for number in range(9)))
    monkeypatch.setattr(
        "freerouter.pipeline.filtering._CACHED_INDICES", 30
    )  # three pools of nine, and one each for being there
    needs = [need_of(output=tokens) for tokens in range(1, 6)]
    pools = [index.pool(need) for need in needs]
    assert all(index.pool(need) is pool for need, pool in zip(needs[2:], pools[2:], strict=True))
    assert index.pool(needs[0]) is not pools[0]
    monkeypatch.setattr("freerouter.pipeline.filtering._CACHED_INDICES", 5)
    unkept = need_of(output=7)
    assert index.pool(unkept) is not index.pool(unkept)
