import json
from collections import Counter

import pytest

from freerouter.emulator.catalog import own_catalog
from freerouter.emulator.offer import read
from freerouter.emulator.rows import own_models
from tests.emulator.conftest import NOON

OFFERS = own_catalog().by_id
ODD = {"content-safety", "qianfan-ocr", "trinity-large", "grok-4.1-fast"}
CHATTING = [
    o
    for o in OFFERS.values()
    if o.costs(NOON - 6 * 3600, 0) is None and not o.expired(NOON) and not any(odd in o.id for odd in ODD)
]


def test_the_free_models_have_the_spread_of_capabilities_seen_in_the_wild():
    listed = Counter(p for offer in CHATTING for p in offer.parameters)
    taken = Counter(m for offer in CHATTING for m in offer.inputs)
    assert len(CHATTING) == 18
    assert {
        p: listed[p] for p in ("tools", "tool_choice", "response_format", "structured_outputs", "seed", "stop")
    } == {
        "tools": 17,
        "tool_choice": 15,
        "response_format": 7,
        "structured_outputs": 5,
        "seed": 15,
        "stop": 5,
    }
    assert listed["logprobs"] == 1
    assert listed["parallel_tool_calls"] == 0
    assert (taken["image"], taken["video"], taken["audio"], taken["file"]) == (8, 4, 3, 0)


def test_images_with_tools_and_structured_outputs_are_left_to_one_free_model():
    seeing = [o for o in CHATTING if "image" in o.inputs and "tools" in o.parameters]
    assert len(seeing) == 7
    assert sum("structured_outputs" in o.parameters for o in seeing) == 1


@pytest.mark.parametrize(
    ("model", "hour", "tokens", "costs"),
    [
        ("nvidia/nemotron-3-nano-30b-a3b:free", 12, 0, False),
        ("nvidia/nemotron-3-nano-30b-a3b", 12, 0, True),
        ("google/gemini-2.0-flash-exp:free", 12, 0, True),
        ("google/lyria-3-clip-preview", 12, 0, True),
        ("qwen/qwen3-vl-30b-a3b-thinking", 12, 0, True),
        ("stealth/lunar-heron", 12, 0, True),
        ("openrouter/owl-alpha", 12, 0, True),
        ("openrouter/auto", 12, 0, True),
        ("~anthropic/claude-sonnet-latest", 12, 0, True),
        ("google/gemini-2.5-flash-image-preview:free", 12, 0, True),
        ("amazon/nova-2-lite-v1:free", 12, 0, True),
        ("arcee-ai/trinity-large-preview:free", 7, 0, False),
        ("arcee-ai/trinity-large-preview:free", 8, 0, True),
        ("arcee-ai/trinity-large-preview:free", 20, 0, False),
        ("x-ai/grok-4.1-fast:free", 12, 127_999, False),
        ("x-ai/grok-4.1-fast:free", 12, 128_000, True),
    ],
)
def test_what_costs(model, hour, tokens, costs):
    assert (OFFERS[model].costs(NOON + (hour - 12) * 3600, tokens) is not None) is costs


@pytest.mark.parametrize(("hour", "price"), [(16, True), (17, False), (0, False), (1, True)])
def test_a_window_may_wrap_midnight(hour, price):
    prices = OFFERS["deepseek/deepseek-v3.2"].prices(NOON + (hour - 12) * 3600, 0)
    assert bool(prices["prompt"]) is price


@pytest.mark.parametrize(
    ("model", "expired"),
    [
        ("tencent/hy3-preview:free", True),
        ("nvidia/nemotron-3-nano-30b-a3b:free", False),
        ("z-ai/glm-4.5-air:free", False),
        ("google/gemma-4-26b-a4b-it:free", False),
        ("openai/gpt-oss-20b:free", False),
    ],
)
def test_what_has_expired(model, expired):
    assert OFFERS[model].expired(NOON) is expired


def test_the_smaller_context_counts():
    assert OFFERS["google/gemma-4-26b-a4b-it:free"].context == 131_072
    assert OFFERS["openrouter/free"].context == 200_000


def test_a_free_row_shares_the_slug_of_its_paid_twin_and_answers_with_the_suffix():
    free, paid = OFFERS["qwen/qwen3-coder:free"], OFFERS["qwen/qwen3-coder"]
    assert free.slug == paid.slug == "qwen/qwen3-coder-480b-a35b-07-25"
    assert free.answers_as == "qwen/qwen3-coder-480b-a35b-07-25:free"
    assert paid.answers_as == "qwen/qwen3-coder-480b-a35b-07-25"


def test_the_free_router_lists_the_union_over_the_free_ids():
    free = [o for o in OFFERS.values() if o.id.endswith(":free")]
    assert OFFERS["openrouter/free"].parameters == frozenset().union(*(o.parameters for o in free))


def test_a_meagre_row_is_read_and_promises_nothing():
    offer = read({"id": "a/b:free"})
    assert (offer.inputs, offer.context, offer.slug) == ({"text"}, 0, "a/b")
    assert offer.costs(NOON, 0) == "a/b:free has a price for prompt"


def test_an_unreadable_price_is_no_promise_of_zero():
    assert read({"id": "a/b:free", "pricing": {"prompt": "0", "completion": "soon"}}).costs(NOON, 0) is not None


@pytest.mark.parametrize(
    ("body", "ids"),
    [(b"[]", []), (b'{"data": []}', []), (b'[{"id": "a/b"}, 3, {}]', ["a/b"]), (b'{"data": [{"id": "a/b"}]}', ["a/b"])],
)
def test_a_body_that_is_a_catalog_changes_the_models(body, ids):
    catalog = own_catalog().serving(body)
    assert catalog.body == body
    assert [offer.id for offer in catalog] == ids
    assert "openai/gpt-oss-20b:free" in catalog.known


@pytest.mark.parametrize("body", [b"<html>", b"", b"{}", b'{"data": 3}', b"[" * 100_000])
def test_a_body_that_is_no_catalog_changes_no_model(body):
    catalog = own_catalog().serving(body)
    assert (catalog.body, catalog.listed) == (body, ())
    assert list(catalog) == list(own_catalog())


def test_every_id_is_listed_once():
    assert max(Counter(m["id"] for m in own_models()).values()) == 1
    assert json.dumps(own_models())
