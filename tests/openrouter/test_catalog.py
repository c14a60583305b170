"""The catalog: what is free and why not, bad rows, bodies that are no catalog, and what changed."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.errors import CatalogError
from freerouter.openrouter.catalog import Changes
from tests.builders import JSON, TODAY, catalog_of, model_of, row

YESTERDAY = TODAY - timedelta(days=1)

# openrouter-facts.md, "What is really free", line by line.
NOT_FREE = {
    "zero without :free, as paid rows have shown for days": (
        {"name": "qwen/qwen3-vl-235b-a22b-thinking"},
        "id does not end in :free",
    ),
    "stealth": ({"name": "stealth/owl"}, "id does not end in :free"),
    "extended variant": ({"name": "acme/alpha:extended"}, "id does not end in :free"),
    "free within the name": ({"name": "acme/alpha:free-ish"}, "id does not end in :free"),
    "FREE in capitals": ({"name": "acme/alpha:FREE"}, "id does not end in :free"),
    "alpha router": ({"name": "openrouter/owl-alpha:free"}, "is a router, not a model"),
    "openrouter/free itself": ({"name": "openrouter/free"}, "is a router, not a model"),
    "alias": ({"name": "~acme/alpha-latest:free"}, "is an alias, not a model"),
    "lyria, billed by the clip": (
        {"name": "google/lyria-3-clip-preview:free", "outputs": ("text", "audio")},
        "output is audio+text, not only text",
    ),
    "image output": ({"outputs": ("image",)}, "output is image, not only text"),
    "embeddings": ({"outputs": ("embeddings",)}, "output is embeddings, not only text"),
    "no output stated": ({"outputs": ()}, "output is not stated, not only text"),
    "expired": ({"expiration_date": str(YESTERDAY)}, f"expired {YESTERDAY}"),
    "priced :free": ({"price": {"prompt": "0.0000001"}}, "price of prompt is 0.0000001"),
    "priced completion": ({"price": {"completion": "0.0000004"}}, "price of completion is 0.0000004"),
    "price as a number": ({"price": {"prompt": 1e-7}}, "price of prompt is 1e-07"),
    "request price": ({"price": {"request": "0.01"}}, "price of request is 0.01"),
    "image price": ({"price": {"image": "0.001"}}, "price of image is 0.001"),
    "image output price": ({"price": {"image_output": "0.03"}}, "price of image_output is 0.03"),
    "audio price": ({"price": {"audio": "0.000001"}}, "price of audio is 0.000001"),
    "web search price": ({"price": {"web_search": "0.014"}}, "price of web_search is 0.014"),
    "reasoning price": ({"price": {"internal_reasoning": "0.00001"}}, "price of internal_reasoning is 0.00001"),
    "cache price": ({"price": {"input_cache_write_1h": "0.1"}}, "price of input_cache_write_1h is 0.1"),
    "a price that is not known yet": ({"price": {"per_second": "0.1"}}, "price of per_second is 0.1"),
    "depends (-1)": ({"price": {"prompt": "-1", "completion": "-1"}}, "price of prompt is -1"),
    "negative": ({"price": {"completion": "-0.000001"}}, "price of completion is -0.000001"),
    "a word": ({"price": {"prompt": "free"}}, "price of prompt is free"),
    "empty": ({"price": {"prompt": ""}}, "price of prompt is "),
    "not a number": ({"price": {"prompt": "NaN"}}, "price of prompt is NaN"),
    "signalling NaN": ({"price": {"prompt": "sNaN"}}, "price of prompt is sNaN"),
    "infinite": ({"price": {"prompt": "Infinity"}}, "price of prompt is Infinity"),
    "a list": ({"price": {"prompt": [0]}}, "price of prompt is [0]"),
    "false": ({"price": {"prompt": False}}, "price of prompt is False"),
    "null prompt": ({"price": {"prompt": None}}, "price of prompt is not stated"),
    "null completion": ({"price": {"completion": None}}, "price of completion is not stated"),
    "no pricing": ({"pricing": None}, "price of prompt is not stated"),
    "no price of the completion": ({"pricing": {"prompt": "0"}}, "price of completion is not stated"),
    "dear in a window": (
        {"price": {"overrides": [{"utc_start": 800, "utc_end": 1600, "prompt": "0.000002"}]}},
        "price of prompt is 0.000002 from 08:00 to 16:00 UTC",
    ),
    "dear on some days": (
        {"price": {"overrides": [{"utc_days": [1, 2], "completion": "0.000002"}]}},
        "price of completion is 0.000002 on days [1, 2]",
    ),
    "dear beyond a threshold": (
        {"price": {"overrides": [{"min_prompt_tokens": 200_000, "prompt": "0.000004", "completion": "0"}]}},
        "price of prompt is 0.000004 from 200000 prompt tokens",
    ),
    "the second override": (
        {"price": {"overrides": [{"prompt": "0"}, {"request": "1"}]}},
        "price of request is 1 at times",
    ),
}

FREE = {
    "text at zero": {},
    "decimal zeros": {"price": {"prompt": "0.0", "completion": "0.000000"}},
    "a negative zero": {"price": {"prompt": "-0"}},
    "a power of zero": {"price": {"prompt": "0e-10"}},
    "zero as a number": {"price": {"prompt": 0, "completion": 0.0}},
    "other prices zero or null": {"price": {"request": "0", "image": None, "web_search": "0"}},
    "a discount on nothing": {"price": {"discount": 0.5}},
    "overrides of zero": {"price": {"overrides": [{"utc_start": 0, "utc_end": 600, "prompt": "0", "image": "0"}]}},
    "null overrides": {"price": {"overrides": None}},
    "expires today": {"expiration_date": str(TODAY)},
    "expires tomorrow, with a time": {"expiration_date": "2026-09-02T00:00:00Z"},
    "sentinel of 2098": {"expiration_date": "2098-12-31"},
    "sentinel of 9999": {"expiration_date": "9999-01-01"},
    "null expiration": {"expiration_date": None},
    "empty expiration": {"expiration_date": ""},
    "a guard, which is left out elsewhere": {"name": "nvidia/nemotron-3.5-content-safety:free"},
    "other inputs": {"inputs": ("image", "audio", "video", "file", "smell")},
}


@pytest.mark.parametrize(("changes", "reason"), NOT_FREE.values(), ids=NOT_FREE)
def test_what_could_cost_money_is_not_free_and_says_why(changes, reason):
    model = model_of(**changes)
    assert not model.is_free(TODAY)
    assert reason in model.why_not_free(TODAY)


@pytest.mark.parametrize("changes", FREE.values(), ids=FREE)
def test_what_costs_nothing_is_free(changes):
    model = model_of(**changes)
    assert model.why_not_free(TODAY) == ()
    assert model.is_free(TODAY)


def test_every_reason_is_told():
    model = model_of(
        name="~acme/alpha", outputs=("audio",), price={"prompt": "1", "request": "2"}, expiration_date="2020-01-01"
    )
    assert model.why_not_free(TODAY) == (
        "is an alias, not a model",
        "id does not end in :free",
        "output is audio, not only text",
        "expired 2020-01-01",
        "price of prompt is 1",
        "price of request is 2",
    )


@given(price=st.dictionaries(st.sampled_from(["prompt", "completion", "request", "overrides", "odd"]), JSON))
def test_free_is_what_has_no_reason_against_it_whatever_the_prices(price):
    try:
        model = model_of(pricing=price)
    except CatalogError:  # overrides that are no list of objects: the row is left out
        assert price["overrides"]
        return
    assert model.is_free(TODAY) == (model.why_not_free(TODAY) == ())
    if model.is_free(TODAY):
        assert all(float(price[key]) == 0 for key in ("prompt", "completion"))


@pytest.mark.parametrize(
    ("stated", "top", "context"),
    [(9, 9, 9), (9, 7, 7), (7, 9, 7), (None, 7, 7), (7, None, 7), (0, 7, 7), (0, None, None), (0, 0, None)],
)
def test_the_smaller_context_is_what_a_request_gets(stated, top, context):
    assert model_of(context=stated, top_context=top).context == context


def test_a_model_is_found_by_id_and_by_the_dated_slug_of_an_answer():
    paid, free = row("moonshotai/kimi-k2.6"), row("moonshotai/kimi-k2.6:free")
    paid["canonical_slug"] = free["canonical_slug"] = "moonshotai/kimi-k2.6-20260420"
    catalog = catalog_of(paid, free)
    names = {
        name: model.id
        for name in (*(paid["id"], free["id"]), "moonshotai/kimi-k2.6-20260420:free")
        if (model := catalog.get(name))
    }
    assert names == {
        "moonshotai/kimi-k2.6": "moonshotai/kimi-k2.6",
        "moonshotai/kimi-k2.6:free": "moonshotai/kimi-k2.6:free",
        "moonshotai/kimi-k2.6-20260420:free": "moonshotai/kimi-k2.6:free",
    }
    assert catalog.get("moonshotai/kimi-k2.6-20260420").id == "moonshotai/kimi-k2.6"
    assert catalog.get("moonshotai/kimi") is None


def test_an_id_wins_over_another_models_dated_slug():
    catalog = catalog_of(row("acme/new:free", canonical_slug="acme/old"), row("acme/old:free"))
    assert catalog.get("acme/old:free").id == "acme/old:free"


CHANGES = {
    "none": ([row()], [row()], Changes((), (), ())),
    "only the order": ([row(), row("b/b")], [row("b/b"), row()], Changes((), (), ())),
    "added": ([row()], [row(), row("b/b"), row("c/c")], Changes(("b/b", "c/c"), (), ())),
    "removed": ([row(), row("b/b")], [row()], Changes((), ("b/b",), ())),
    "a price": ([row()], [row(price={"prompt": "1"})], Changes((), (), ("acme/alpha:free",))),
    "a parameter": ([row()], [row(parameters=["seed"])], Changes((), (), ("acme/alpha:free",))),
    "a context": ([row()], [row(top_context=5)], Changes((), (), ("acme/alpha:free",))),
    "a field that no router needs": ([row()], [row(hugging_face_id="x")], Changes((), (), ())),
    "all at once": (
        [row("a/a"), row("b/b")],
        [row("b/b", context=1), row("c/c")],
        Changes(("c/c",), ("a/a",), ("b/b",)),
    ),
}


@pytest.mark.parametrize(("older", "newer", "changes"), CHANGES.values(), ids=CHANGES)
def test_differences_between_catalogs(older, newer, changes):
    found = catalog_of(*newer).since(catalog_of(*older))
    assert found == changes
    assert bool(found) is (changes != Changes((), (), ()))


def test_free_models_keep_the_order_of_the_catalog_and_depend_on_the_day():
    catalog = catalog_of(row("b/b:free"), row("paid/p"), row("a/a:free", expiration_date="2026-09-01"))
    assert [model.id for model in catalog.free(TODAY)] == ["b/b:free", "a/a:free"]
    assert [model.id for model in catalog.free(date(2026, 9, 2))] == ["b/b:free"]
