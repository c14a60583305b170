"""What comes as a catalog: bad rows are left out with a reason, and a body that is no catalog says what it was."""

import dataclasses
import json
import logging
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.errors import CatalogError
from freerouter.openrouter.catalog import Catalog
from tests.builders import JSON, TODAY, body_of, catalog_of, row

BAD_ROWS = {
    "a number": (17, "is not an object but int"),
    "null": (None, "is not an object but NoneType"),
    "a list": ([], "is not an object but list"),
    "no id": ({"name": "x"}, "id is missing"),
    "id of no text": ({**row(), "id": 5}, "id 5 is not of the form author/slug"),
    "id without author": (row("alpha:free"), "id 'alpha:free' is not of the form author/slug"),
    "id with an empty author": (row("/alpha"), "is not of the form author/slug"),
    "id with an empty slug": (row("acme/"), "is not of the form author/slug"),
    "slug of no text": (row(canonical_slug=["x"]), "canonical_slug is not a text"),
    "name of no text": ({**row(), "name": {"en": "x"}}, "name is not a text"),
    "context in words": (row(context_length="32k"), "context_length is '32k', not a positive number"),
    "negative context": (row(context_length=-1), "context_length is -1, not a positive number"),
    "context of a provider in words": (row(top_context="all"), "context_length is 'all', not a positive number"),
    "context beyond every number": (row(context_length=10**30), "not a positive number"),
    "context without end": (row(context_length=float("inf")), "not a positive number"),
    "context that is no number": (row(context_length=float("nan")), "not a positive number"),
    "output limit beyond every number": (row(max_output=1e25), "not a positive number"),
    "output limit true": (row(max_output=True), "max_completion_tokens is True, not a positive number"),
    "parameters in one text": (row(supported_parameters="tools"), "supported_parameters is not a list"),
    "parameters of numbers": (row(parameters=[1]), "supported_parameters holds something other than text"),
    "parameters of lists": (row(parameters=[[]]), "supported_parameters holds something other than text"),
    "modalities in one text": (row(architecture={"input_modalities": "text"}), "input_modalities is not a list"),
    "architecture in words": (row(architecture="transformer"), "architecture is not an object"),
    "top_provider in words": (row(top_provider="acme"), "top_provider is not an object"),
    "reasoning in words": (row(reasoning="yes"), "reasoning is not an object"),
    "pricing in words": (row(pricing="free"), "pricing is not an object"),
    "overrides by name": (row(price={"overrides": {"night": "0"}}), "pricing.overrides is not a list of objects"),
    "overrides of numbers": (row(price={"overrides": [1]}), "pricing.overrides is not a list of objects"),
    "expires some time": (row(expiration_date="soon"), "'soon'"),
    "expires in seconds": (row(expiration_date=1_790_000_000), "expiration_date is not a text"),
    "expires on a day that is none": (row(expiration_date="2026-02-30"), "day is out of range"),
    "id of 257 characters": (row(f"acme/{'a' * 247}:free"), "id has 257 characters, more than 256"),
    "id with a line break": (row("acme/al\npha:free"), "is not of the form author/slug"),
    "id with a control character": (row("acme/al\x1bpha:free"), "is not of the form author/slug"),
    "listed twice": (row("good/first:free", context=1), "good/first:free is listed twice"),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "reason"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_left_out_with_a_reason_and_the_rest_serve(bad, reason, caplog):
    with caplog.at_level(logging.WARNING, "freerouter"):
        catalog = catalog_of(row("good/first:free"), bad, row("good/last:free"))
    assert [(model.id, model.context) for model in catalog.models] == [
        ("good/first:free", 32_768),
        ("good/last:free", 32_768),
    ]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("catalog: row 1 skipped: ")
    assert reason in caplog.messages[0]


def test_many_bad_rows_are_one_line_with_their_number(caplog):
    with caplog.at_level(logging.WARNING, "freerouter"):
        catalog = catalog_of(row("good/first:free"), *[row(f"acme/{'x' * 10_000}") for _ in range(500)])
    assert len(catalog.models) == 1
    (line,) = caplog.messages
    assert "row 1 skipped: " in line
    assert "(and 497 more rows)" in line
    assert len(line) < 2_000


NO_CATALOG = {
    "nothing": (b"", "it is empty"),
    "blanks": (b" \r\n ", "it is empty"),
    "a page": (b"<!DOCTYPE html><title>502</title>", "it is an HTML page"),
    "a page after blanks": (b"\n\n <html>", "it is an HTML page"),
    "half a body": (body_of(row())[:200], "it is truncated after 200 bytes"),
    "no JSON": (b"upstream connect error", "not valid JSON"),
    "no UTF-8": (b'{"data": ["\xff\xfe"]}', "not valid JSON"),
    "brackets without end": (b"[" * 100_000, "not valid JSON"),
    "an error": (b'{"error": {"code": 500, "message": "Internal"}}', "has no list 'data'"),
    "a list": (b"[]", "has no list 'data'"),
    "null": (b"null", "has no list 'data'"),
    "data by name": (b'{"data": {"acme/alpha": {}}}', "has no list 'data'"),
    "no rows": (b'{"data": []}', "has no usable row"),
    "bad rows alone": (b'{"data": [1, {}]}', "has no usable row"),
}


@pytest.mark.parametrize(("body", "what"), NO_CATALOG.values(), ids=NO_CATALOG)
def test_a_body_that_is_no_catalog_says_what_it_was(body, what):
    with pytest.raises(CatalogError, match=what) as error:
        Catalog.parse(body)
    assert error.value.status == 429


@given(st.integers(1, len(body_of(row(), row("acme/beta:free"))) - 1))
def test_a_body_cut_anywhere_is_truncated(length):
    with pytest.raises(CatalogError, match=f"it is truncated after {length} bytes"):
        Catalog.parse(body_of(row(), row("acme/beta:free"))[:length])


@given(
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | st.lists(JSON).map(lambda rows: body_of(*rows))
)
def test_nothing_but_a_catalog_error_comes_of_any_body(body):
    with suppress(CatalogError):
        assert Catalog.parse(body).models


@given(st.dictionaries(st.sampled_from(sorted(row())), JSON))
def test_a_row_with_anything_in_it_is_either_used_or_left_out(changes):
    catalog = catalog_of(row("good/first:free"), {**row(), **changes})
    for model in catalog.models:
        model.is_free(TODAY)
        assert hash(model) == hash(dataclasses.replace(model))


def test_missing_and_unknown_fields_are_fine():
    future = row(colour="blue", architecture={"input_modalities": None, "output_modalities": ["text"], "soul": 1})
    bare, odd = catalog_of({"id": "acme/bare:free"}, {**future, "id": "acme/odd:free", "top_provider": None}).models
    assert (bare.name, bare.canonical_slug, bare.context, bare.max_output) == (
        "acme/bare:free",
        "acme/bare",
        None,
        None,
    )
    assert (bare.inputs, bare.parameters, bare.created, bare.expires) == (frozenset(), frozenset(), 0, None)
    assert (odd.inputs, odd.outputs, odd.context) == (frozenset(), {"text"}, 32_768)


def test_half_a_character_in_a_row_does_not_cost_the_catalog():
    body = body_of(row(description="cut short \ud83d"), row("acme/beta:free"))  # JavaScript writes such halves
    assert b"\\ud83d" in body
    assert len(Catalog.parse(body).models) == 2


def test_a_byte_order_mark_does_not_cost_the_catalog():
    assert Catalog.parse(b"\xef\xbb\xbf" + body_of(row())).models
