"""Never pay, second part: what is added before sending, and that nothing else changes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.cost_guard import seal
from freerouter.openrouter.json_bodies import LARGE, parse
from tests.builders import BILLING_OFF, JSON, NO_PRICE, SEAL, model_of

MODEL = model_of()
READER = model_of(name="acme/reader:free", inputs=("file",))
ZERO = NO_PRICE
FREE_PARSER = {"id": "file-parser", "pdf": {"engine": "cloudflare-ai"}}

PROVIDER = st.none() | st.dictionaries(st.sampled_from(["order", "sort", "require_parameters", "zdr"]), JSON)
BODY = st.fixed_dictionaries(
    {"messages": st.lists(JSON)},
    optional={
        "model": JSON,
        "models": st.lists(JSON),
        "fallbacks": JSON,
        "provider": PROVIDER,
        "plugins": st.lists(JSON, max_size=3),
        "temperature": JSON,
        "nobody knows this": JSON,
    },
)


def exactly(value):
    """A JSON value as text that tells 1 from 1.0 and true."""
    return json.dumps(value, sort_keys=True)


def sealed(body, model=MODEL, **rest):
    return json.loads(seal(body, model, **rest))


@pytest.mark.parametrize("size", [LARGE - 500, LARGE + 500])
def test_a_large_body_is_sealed_like_a_small_one(size):
    large, small = ({"messages": [{"role": "user", "content": "x" * length}]} for length in (size, 1))
    assert len(seal(large, MODEL)) - len(seal(small, MODEL)) == size - 1
    assert sealed(large) == {**sealed(small), **large}


@given(BODY)
def test_nothing_changes_but_the_model_and_what_it_may_cost(body):
    sent = sealed(body)
    provider = {**(body.get("provider") or {}), "max_price": ZERO}
    kept = {name: value for name, value in body.items() if name not in ("models", "fallbacks")}
    plugins = body.get("plugins", [])
    assert sent.pop("plugins")[: len(plugins)] == kept.pop("plugins", [])
    assert exactly(sent) == exactly({**kept, "model": MODEL.id, "provider": provider})


@given(BODY)
def test_the_callers_own_copy_is_untouched(body):
    before = exactly(body)
    sealed(body, pdf=True)
    assert exactly(body) == before


@given(BODY)
def test_a_pdf_changes_the_plugins_besides_and_only_on_a_model_that_takes_no_files(body):
    assert exactly(sealed(body, READER, pdf=True)) == exactly(sealed(body, READER))
    with_pdf, without = sealed(body, pdf=True), sealed(body)
    plugins = without.pop("plugins")
    assert exactly(with_pdf.pop("plugins")[: len(plugins)]) == exactly(plugins)
    assert exactly(with_pdf) == exactly(without)


@given(BODY)
def test_whichever_of_two_equal_keys_a_parser_takes_it_reads_the_same_free_model(body):
    top = json.loads(seal(body, MODEL), object_pairs_hook=list)
    assert [value for key, value in top if key == "model"] == [MODEL.id]
    assert not {key for key, _ in top} & {"models", "fallbacks"}


@given(st.lists(st.sampled_from(['"paid/one"', '"free"', "null", "5", '{"model": "paid"}']), min_size=2, max_size=4))
def test_a_model_given_several_times_is_sent_once(names):
    written = "{" + ", ".join(f'"model": {name}' for name in names) + ', "messages": []}'
    sent = seal(parse(written), MODEL)
    assert json.loads(sent, object_pairs_hook=list) == [
        ("model", MODEL.id),
        ("messages", []),
        ("provider", [("max_price", list(ZERO.items()))]),
        ("plugins", [list(plugin.items()) for plugin in BILLING_OFF]),
    ]


PRICES = {
    "no provider": ({}, {"max_price": ZERO}),
    "null provider": ({"provider": None}, {"max_price": ZERO}),
    "other wishes": ({"provider": {"order": ["a"], "zdr": True}}, {"order": ["a"], "zdr": True, "max_price": ZERO}),
    "a higher price": ({"provider": {"max_price": {"prompt": 5, "completion": "9"}}}, {"max_price": ZERO}),
    "half a price": ({"provider": {"max_price": {"prompt": 5}}}, {"max_price": ZERO}),
    "another price besides": (
        {"provider": {"max_price": {"prompt": 5, "tokens": 3}}},
        {"max_price": {**ZERO, "tokens": 3}},
    ),
    "a price for all": ({"provider": {"max_price": 5}}, {"max_price": ZERO}),
    "null price": ({"provider": {"max_price": None}}, {"max_price": ZERO}),
}


@pytest.mark.parametrize(("body", "provider"), PRICES.values(), ids=PRICES)
def test_the_price_is_lowered_to_nothing_and_other_wishes_stay(body, provider):
    assert sealed({"messages": [], **body})["provider"] == provider


def parser(**fields):
    return {"id": "file-parser", **fields}


PLUGINS = {
    "none": (None, [FREE_PARSER]),
    "others": ([{"id": "response-healing"}], [{"id": "response-healing"}, FREE_PARSER]),
    "a parser without engine": ([parser()], [FREE_PARSER]),
    "a parser with another wish": ([parser(pdf={"pages": 3})], [parser(pdf={"pages": 3, "engine": "cloudflare-ai"})]),
    "a parser with a null engine": ([parser(pdf={"engine": None})], [FREE_PARSER]),
    "the free engine, by the caller": ([FREE_PARSER], [FREE_PARSER]),
    "the native engine, by the caller": ([parser(pdf={"engine": "native"})], [parser(pdf={"engine": "native"})]),
    "a parser switched off": ([parser(enabled=False)], [parser(enabled=False), FREE_PARSER]),
}


@pytest.mark.parametrize(("plugins", "sent"), PLUGINS.values(), ids=PLUGINS)
def test_a_pdf_gets_the_free_parser_where_the_caller_chose_none(plugins, sent):
    sealed_plugins = sealed({"messages": [], "plugins": plugins}, pdf=True)["plugins"]
    assert [plugin for plugin in sealed_plugins if plugin not in BILLING_OFF] == sent


def test_a_pdf_gets_the_free_parser_where_the_caller_set_no_plugins():
    assert sealed({"messages": []}, pdf=True)["plugins"] == [*BILLING_OFF, FREE_PARSER]


def test_without_a_pdf_no_parser_is_added():
    assert sealed({"messages": []})["plugins"] == BILLING_OFF
    assert sealed({"plugins": [parser()]})["plugins"] == [parser(), *BILLING_OFF]


@pytest.mark.parametrize("plugin", [*BILLING_OFF, {"id": "web", "enabled": True}], ids=str)
def test_a_plugin_that_the_caller_names_is_sent_as_it_is(plugin):
    others = [off for off in BILLING_OFF if off["id"] != plugin["id"]]
    assert sealed({"messages": [], "plugins": [plugin]})["plugins"] == [plugin, *others]


@pytest.mark.parametrize("plugins", [None, []], ids=str)
def test_without_plugins_of_the_callers_all_that_bill_are_switched_off(plugins):
    assert sealed({"messages": [], "plugins": plugins})["plugins"] == BILLING_OFF


def test_the_plugin_of_the_auto_router_is_for_freerouter_alone():
    plugins = [{"id": "auto-router", "allowed_models": ["acme/*"]}, {"id": "response-healing"}]
    assert sealed({"messages": [], "plugins": plugins})["plugins"] == [{"id": "response-healing"}, *BILLING_OFF]


def test_lone_surrogates_survive():
    body = parse(b'{"messages": [{"content": "\\ud83d"}], "\\udc00": 1}')
    assert b"\\ud83d" in seal(body, MODEL)
    assert {**body, "model": MODEL.id, **SEAL} == sealed(body)


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(InvalidRequestError, match="not finite"):
        seal(parse(b'{"messages": [], "temperature": 1e999}'), MODEL)
    with pytest.raises(InvalidRequestError, match="not finite"):
        seal({"messages": [], "temperature": float("nan")}, MODEL)
