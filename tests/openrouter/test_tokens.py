"""The bounds of a prompt's tokens, held by real tokenizers on many kinds of text; spellings of JSON count alike."""

import json
from functools import cache

import pytest
import quicktok
from hypothesis import given
from hypothesis import strategies as st

from freerouter.openrouter.tokens import TOKENS_PER_MEDIUM, _without_base64, bounds
from tests.openrouter.texts import TEXTS

# How far apart the bounds may be: this much, or, where real tokenizers are far apart (nearly six times for Malayalam,
# five times for Georgian), this much more than they are.
APART = 3.5
FURTHER = 1.5
# Every chat template puts this many tokens around a message.
FRAMING = 3
TOKENIZERS = ["o200k_base", "llama3", "qwen3"]


def request(text, *, escaped=False):
    body = {"model": "openrouter/free", "messages": [{"role": "user", "content": text}]}
    return json.dumps(body, ensure_ascii=escaped).encode()


def prompt(name):
    """A text of some thousand characters, as prompts are whose size matters."""
    return TEXTS[name] * (6_000 // len(TEXTS[name]) + 1)


@cache
def encoding(name):
    return quicktok.get_encoding(name)


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request):
    return encoding(request.param)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("escaped", [False, True], ids=["plain", "escaped"])
def test_the_tokens_of_a_real_tokenizer_lie_between_the_bounds(tokenizer, name, escaped):
    text = prompt(name)
    least, most = bounds(request(text, escaped=escaped))
    assert least <= len(tokenizer.encode(text)) <= most


@pytest.mark.parametrize("name", TEXTS)
def test_short_texts_lie_between_the_bounds_too(tokenizer, name):
    for size in (1, 20, 100, 400):
        text = TEXTS[name][:size]
        least, most = bounds(request(text))
        real = len(tokenizer.encode(text)) + FRAMING
        assert least <= real <= most


@pytest.mark.parametrize("name", TEXTS)
def test_the_bounds_are_not_far_apart(name):
    text = prompt(name)
    real = [len(encoding(tokenizer).encode(text)) for tokenizer in TOKENIZERS]
    least, most = bounds(request(text))
    assert most / least <= max(APART, FURTHER * max(real) / min(real))


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("times", [1, 20])
def test_both_spellings_have_the_same_bounds(name, times):
    text = TEXTS[name] * times
    assert bounds(request(text)) == bounds(request(text, escaped=True))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_both_spellings_of_any_text_have_the_same_bounds(text):
    assert bounds(request(text)) == bounds(request(text, escaped=True))


@given(st.binary())
def test_any_bytes_have_bounds(text):
    least, most = bounds(text)
    assert least >= 1
    assert most >= 1


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(text, more):
    fewer, longer = bounds(request(text, escaped=True)), bounds(request(text + more, escaped=True))
    assert fewer.least <= longer.least
    assert fewer.most <= longer.most


@pytest.mark.parametrize("size", [1_300, 1_500, 1_700])
def test_short_and_long_requests_are_counted_alike(size):
    short, long = TEXTS["english"][:100], TEXTS["english"][:100] * (size // 100)
    ratio = bounds(request(long)).most / bounds(request(short)).most
    assert size / 100 * 0.3 < ratio < size / 100


def test_a_row_of_line_breaks_or_of_one_mark_is_few_tokens_at_least():
    for mark in "= -":
        assert bounds(request(mark * 6_000)).least < 200


@pytest.mark.parametrize("data", ["A" * 400_000, "iVBORw0KGgo+/" * 30_000, "iVBORw0KGgo+\\/" * 30_000])
def test_the_base64_of_a_medium_is_not_counted(data):
    around = (
        b'{"messages": [{"content": [{"type": "text", "text": "What is it?"}, {"url": "data:image/png;base64,%s"}]}]}'
    )
    payload = ["data:image/png;base64," + data.replace("\\/", "/")]
    without, given = bounds(around % b"", media=1), bounds(around % data.encode(), media=1, payload=payload)
    assert given.most <= without.most <= given.most + 20
    assert TOKENS_PER_MEDIUM < given.most < 2 * TOKENS_PER_MEDIUM
    assert given.least < 50


def test_text_beside_a_medium_is_counted():
    text, data = prompt("minified"), "A" * 10_000
    body = {"messages": [{"content": [{"text": text}, {"text": prompt("chinese")}, {"data": data}]}]}
    alone = {"messages": [{"content": [{"text": text}, {"text": prompt("chinese")}]}]}
    given = bounds(json.dumps(body).encode(), media=1, payload=[data])
    assert bounds(json.dumps(alone).encode()).least <= given.least


_PIECES = st.sampled_from(
    ["A" * 2_000, "b+/=" * 500, "data:image/png;base64," + "C" * 1_500, "text " * 400, 'a "q" \\' * 300]
)


@given(st.lists(_PIECES, max_size=5), st.randoms(use_true_random=False), st.booleans())
def test_wherever_the_strings_of_media_stand_their_base64_is_left_out(pieces, rng, escaped):
    written = json.dumps({"model": "m", "parts": [{"text": f"words {n}", "url": p} for n, p in enumerate(pieces)]})
    text = (written.replace("/", "\\/") if escaped else written).encode()
    looked_at_all = bounds(_without_base64(text), media=1)
    assert bounds(text, media=1, payload=pieces) == looked_at_all or not pieces
    rng.shuffle(pieces)
    assert bounds(text, media=1, payload=pieces) == looked_at_all or not pieces
