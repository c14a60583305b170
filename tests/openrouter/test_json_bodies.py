"""JSON in and out: what is taken, what is refused in which words, and that nothing changes on the way."""

import json
from contextlib import suppress
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.json_bodies import encode, parse

# Every text, halves of characters included, which JavaScript's clients send as escapes.
TEXT = st.text(st.characters(exclude_categories=()))
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECT = st.dictionaries(TEXT, ANY, max_size=4)


def nested(depth):
    return b'{"a":' * depth + b"1" + b"}" * depth


def exactly(value):
    """A JSON value as text that tells 1 from 1.0 and true."""
    return json.dumps(value, sort_keys=True)


TAKEN = {
    "an object": (b'{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
    "text": ('{"a": "\u00e9"}', {"a": "\u00e9"}),
    "a bytearray": (bytearray(b'{"a": 1}'), {"a": 1}),
    "a mapping as it is": ({"a": 1}, {"a": 1}),
    "blanks around": (b' \r\n\t{"a": 1} \n', {"a": 1}),
    "of a key given twice the last": (b'{"model": "paid", "model": "free"}', {"model": "free"}),
    "the same beside a lone surrogate": (b'{"a": 1, "s": "\\ud800", "a": 2}', {"s": "\ud800", "a": 2}),
    "a lone surrogate": (b'{"a": "\\ud83d"}', {"a": "\ud83d"}),
    "a lone surrogate in text": ('{"a": "\ud83d"}', {"a": "\ud83d"}),
    "a lone surrogate in bytes": (b'{"a": "\xed\xa0\xbd"}', {"a": "\ud83d"}),
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    "a byte order mark in text": ('\ufeff{"a": 1}', {"a": 1}),
    "a huge integer": (b'{"seed": 1' + b"0" * 400 + b"}", {"seed": 10**400}),
    "200 levels": (nested(200), json.loads(nested(200))),
    "500 levels": (nested(500), json.loads(nested(500))),
    "a text that speaks of NaN": (b'{"a": "[NaN,-Infinity]"}', {"a": "[NaN,-Infinity]"}),
    "NUL in a text": (b'{"a": "\\u0000"}', {"a": "\0"}),
}  # fmt: skip


@pytest.mark.parametrize(("body", "value"), TAKEN.values(), ids=TAKEN)
def test_what_clients_send_is_taken_and_comes_out_as_the_same_value(body, value):
    assert parse(body) == value
    assert exactly(json.loads(encode(parse(body)))) == exactly(value)


REFUSED = {
    "nothing": (b"", "not valid JSON"),
    "a word": (b"hello", "not valid JSON"),
    "half an object": (b'{"a": ', "not valid JSON"),
    "two objects": (b'{"a": 1}{"b": 2}', "not valid JSON"),
    "a comma too many": (b'{"a": 1,}', "not valid JSON"),
    "single quotes": (b"{'a': 1}", "not valid JSON"),
    "a form": (b"model=free&messages=", "not valid JSON"),
    "NaN": (b'{"a": NaN}', "NaN is not a JSON number"),
    "Infinity": (b'{"a": [Infinity]}', "Infinity is not a JSON number"),
    "-Infinity": (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
    "latin-1": ('{"a": "é"}'.encode("latin-1"), "it is not UTF-8"),
    "gzip": (b"\x1f\x8b\x08\x00\x00", "it is not UTF-8"),
    "a hundred thousand brackets": (b"[" * 100_000, "nested too deeply"),
    "a hundred thousand objects": (nested(100_000), "nested too deeply"),
    "an integer of ten thousand digits": (b'{"a": ' + b"1" * 10_000 + b"}", "not valid JSON"),
    "a list": (b'[{"messages": []}]', "must be a JSON object"),
    "a text": (b'"hello"', "must be a JSON object"),
    "null": (b"null", "must be a JSON object"),
    "a parsed list": ([1], "must be a JSON object"),
    "nobody": (None, "must be a JSON object"),
}


@pytest.mark.parametrize(("body", "what"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_request_is_refused_in_words(body, what):
    with pytest.raises(InvalidRequestError, match=what) as error:
        parse(body)
    assert len(error.value.message) < 200


def test_a_refusal_does_not_show_the_body():
    for body in (b'{"content": "secret\xff"}', b'{"content": secret}', b'{"content": "secret'):
        with pytest.raises(InvalidRequestError) as error:
            parse(body)
        assert "secret" not in error.value.message


circular: dict = {}
circular["itself"] = circular

UNWRITABLE = {
    "infinity, which 1e999 is parsed as": (parse(b'{"temperature": 1e999}'), "not finite"),
    "minus infinity": (parse(b'{"temperature": [-1e999]}'), "not finite"),
    "NaN": ({"a": [1, {"b": float("nan")}]}, "not finite"),
    "infinity beside a lone surrogate": ({"a": float("inf"), "s": "\ud800"}, "not finite"),
    "5,000 levels": (None, "nested too deeply"),
    "a circle": (circular, "JSON cannot"),
    "a function": ({"a": len}, "JSON cannot"),
    "bytes that are no text": ({"a": b"\xff"}, "JSON cannot"),
}


def dig(levels):
    value: dict = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(("body", "what"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_json_cannot_hold_is_refused_in_words(body, what):
    with pytest.raises(InvalidRequestError, match=what):
        encode(dig(5_000) if body is None else body)


@given(OBJECT)
def test_what_comes_in_goes_out_as_the_same_value(value):
    for written in (json.dumps(value), json.dumps(value, indent=1).encode()):
        assert exactly(json.loads(encode(parse(written)))) == exactly(value)


@given(OBJECT)
def test_a_mapping_is_written_as_it_is(value):
    assert exactly(json.loads(encode(value))) == exactly(value)


@given(OBJECT)
def test_what_is_written_is_ascii_or_utf_8_and_read_again_by_any_parser(value):
    written = encode(value)
    assert exactly(json.loads(written.decode("utf-8"))) == exactly(parse(written))


@given(st.binary() | st.text(st.characters(exclude_categories=())) | st.text('{}[]":,019eE-+.NaInfinityul\\ \t'))
def test_nothing_but_an_invalid_request_comes_of_any_body(body):
    with suppress(InvalidRequestError):
        assert isinstance(parse(body), dict)


@given(st.dictionaries(st.text(), st.floats(), min_size=1, max_size=3), TEXT)
def test_a_number_that_is_not_finite_is_never_written(numbers, text):
    finite = all(isfinite(number) for number in numbers.values())
    try:
        written = encode({"deep": [numbers], "text": text, "talk": "[NaN]"})
    except InvalidRequestError:
        assert not finite
    else:
        assert finite
        json.loads(written, parse_constant=pytest.fail)


@pytest.mark.parametrize("size", [10, 1_000_000])
@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_beside_a_picture_of_any_size_a_number_that_is_not_finite_is_not_written(size, number):
    body = parse(f'{{"a": "{"QUJD" * size}", "deep": [{{"seed": [1.5, {number}]}}]}}')
    with pytest.raises(InvalidRequestError, match="not finite"):
        encode(body, parsed=True)


def test_a_large_text_that_speaks_of_infinity_is_written():
    body = {"a": "[Infinity,NaN]" * 20_000, "n": [1.5, {"b": None}]}
    assert json.loads(encode(body, parsed=True)) == body
