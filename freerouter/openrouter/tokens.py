"""Two bounds of a prompt's tokens, from the kinds of characters in a request's JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# An image, a clip or a document takes some hundreds to some thousands of tokens, independent of its bytes.
TOKENS_PER_MEDIUM = 1_600
# The JSON around a prompt (its keys, the model's name) is not the prompt: the least counts this much less. In the most,
# it stands for what chat templates put around each message, which is less.
_ENVELOPE = 10
# Up to this size, the counts of bytes objects are faster than numpy's.
_SHORT = 1_500
# A byte is a token at most, and a unit beyond ASCII, of two bytes at least, is 3.7.
_MOST_A_BYTE = 2
# Base64 in a string of at least this size is left out; the first characters of a string tell where it is.
LONG = 1_024
_SAMPLE = 64
_QUOTE = 0x22


class Bounds(NamedTuple):
    """The least and the most tokens that a prompt can be."""

    least: int
    most: int

    @property
    def ceiling(self) -> int:
        """A number of tokens that it never exceeds."""
        return self.most

    def bare(self) -> Bounds:
        """See ``ShortPrompt``."""
        return self


class ShortPrompt:
    """The bounds of a prompt so short that nearly every model has room for it: counted on first use.

    Attributes:
        ceiling: a number of tokens that it never exceeds.
    """

    __slots__ = ("_bounds", "_text", "ceiling")

    def __init__(self, text: bytes | bytearray) -> None:
        self._text = text
        self._bounds: Bounds | None = None
        self.ceiling = len(text) * _MOST_A_BYTE

    @property
    def least(self) -> int:
        """See ``Bounds``."""
        return self._counted().least

    @property
    def most(self) -> int:
        """See ``Bounds``."""
        return self._counted().most

    def bare(self) -> Bounds:
        """Bounds without the prompt: those that were counted, else the widest."""
        return self._bounds or Bounds(0, self.ceiling)

    def _counted(self) -> Bounds:
        if self._bounds is None:
            self._bounds = bounds(self._text)
        return self._bounds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShortPrompt | Bounds) and (self.least, self.most) == (other.least, other.most)

    def __hash__(self) -> int:
        return hash(self._counted())

    def __repr__(self) -> str:
        return repr(self._counted())

    def __reduce__(self) -> tuple[type[Bounds], tuple[int, int]]:
        return Bounds, (self.least, self.most)  # a pickled trace holds nothing of the prompt


class _Weights(NamedTuple):
    """Tokens per ASCII letter, start of a word, digit, start of a number, and blank or punctuation mark."""

    letter: float
    word: float
    digit: float
    number: float
    other: float

    def tokens(self, counts: _Counts) -> float:
        letters, words, digits, numbers, others = counts
        return (
            letters * self.letter
            + words * self.word
            + digits * self.digit
            + numbers * self.number
            + others * self.other
        )


class _Counts(NamedTuple):
    """How many ASCII letters, starts of words, digits, starts of numbers, and other ASCII characters.

    ASCII beyond "@" counts as a letter: so the escape of a line break is part of a word, and costs no extra token.
    """

    letters: int
    words: int
    digits: int
    numbers: int
    others: int


# Fitted to the tokenizers of gpt-oss, Qwen, DeepSeek and Mistral (tests/openrouter/test_tokens.py has two of them).
# The least of blanks and punctuation is low: a row of thirty of them is often one token.
_LEAST = _Weights(letter=0.12, word=0.48, digit=0.31, number=0.6, other=0.03)
_MOST = _Weights(letter=0.44, word=0.3, digit=1.06, number=1.0, other=0.25)

# Tokens per UTF-16 unit, least and most, up to the given code point.
_SCRIPTS: tuple[tuple[int, float, float], ...] = (
    (0x02FF, 0.15, 1.4),  # Latin beyond ASCII
    (0x03FF, 0.40, 1.34),  # Greek
    (0x04FF, 0.31, 0.75),  # Cyrillic
    (0x058F, 0.32, 2.2),  # Armenian
    (0x05FF, 0.40, 1.35),  # Hebrew
    (0x08FF, 0.335, 1.10),  # Arabic
    (0x097F, 0.39, 1.33),  # Devanagari
    (0x09FF, 0.39, 1.6),  # Bengali
    (0x0A7F, 0.50, 2.2),  # Gurmukhi
    (0x0AFF, 0.38, 2.3),  # Gujarati
    (0x0B7F, 0.75, 3.0),  # Odia
    (0x0BFF, 0.35, 1.8),  # Tamil
    (0x0CFF, 0.36, 2.3),  # Telugu, Kannada
    (0x0D7F, 0.33, 2.3),  # Malayalam
    (0x0DFF, 0.55, 2.6),  # Sinhala
    (0x0E7F, 0.35, 1.18),  # Thai
    (0x0EFF, 0.9, 2.6),  # Lao
    (0x0FFF, 0.9, 2.6),  # Tibetan
    (0x109F, 0.45, 2.3),  # Myanmar
    (0x10FF, 0.365, 2.2),  # Georgian
    (0x177F, 0.3, 3.0),  # Ethiopic and others
    (0x17FF, 0.5, 2.3),  # Khmer
    (0x1DFF, 0.3, 3.0),  # others
    (0x1EFF, 0.15, 1.4),  # Vietnamese
    (0x1FFF, 0.40, 1.34),  # Greek with accents
    (0x20FF, 0.4, 2.0),  # punctuation
    (0x24FF, 0.4, 3.0),  # arrows and signs
    (0x25FF, 0.03, 3.0),  # lines and boxes: a row of them is one token
    (0x2FFF, 0.6, 3.0),  # symbols
    (0x33FF, 0.50, 1.16),  # kana and the punctuation of East Asia
    (0x9FFF, 0.48, 1.65),  # Han
    (0xABFF, 0.3, 3.0),  # Yi and others
    (0xD7FF, 0.60, 1.85),  # Hangul
    (0xDBFF, 1.2, 3.7),  # the first half of an emoji, or of another character beyond 16 bits
    (0xDFFF, 0.0, 0.0),  # its second half
    (0xF8FF, 0.3, 3.0),  # private use
    (0xFDFF, 0.335, 1.10),  # forms of Han and Arabic
    (0xFEFF, 0.2, 3.0),  # selectors of variants
    (0xFFFF, 0.50, 1.16),  # wide forms
    (0x10FFFF, 1.2, 3.7),  # both halves of an emoji
)


def _by_beginning() -> NDArray[np.float64]:
    """The rates of ``_SCRIPTS`` for the first two bytes of a character in UTF-8, by the six low bits of each.

    A row of the least, a row of the most.
    """
    first, second = np.divmod(np.arange(_BEGINNINGS), 64)
    three_bytes, four_bytes = ((first & 0xF) << 12) + (second << 6), 0x10000
    points = np.select([first < 0x20, first < 0x30], [first << 6, three_bytes], four_bytes)
    rates = np.array([rates for _, *rates in _SCRIPTS])
    return np.ascontiguousarray(rates[np.searchsorted([end for end, _, _ in _SCRIPTS], points)].T)


_BEGINNINGS = 64 * 64
_RATES = _by_beginning()
_KINDS = bytes(b"L"[0] if c > 64 else b"D"[0] if 48 <= c < 58 else b" "[0] for c in range(256))
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+=_:;,.-]|\\?/){512}")


def measure(text: bytes | bytearray, media: int = 0, payload: Sequence[str] = ()) -> Bounds | ShortPrompt:
    """The bounds of a prompt's tokens; for a short prompt, computed on first use; see ``bounds``."""
    return ShortPrompt(text) if len(text) < _SHORT and not media else bounds(text, media, payload)


def bounds(text: bytes | bytearray, media: int = 0, payload: Sequence[str] = ()) -> Bounds:
    """The bounds of a prompt's tokens.

    Args:
        text: a request's JSON, as UTF-8; escapes and plain characters count alike.
        media: number of images, clips and documents.
        payload: their long strings; those of base64 do not count.
    """
    if payload:
        text = _without(text, payload)
    if len(text) < _SHORT and text.isascii() and b"\\u" not in text:
        counts = _count_short(text)
        least, most = _LEAST.tokens(counts), _MOST.tokens(counts)
    else:
        least, most = _measure(text)
    return Bounds(max(1, int(least) - _ENVELOPE), int(most) + 1 + media * TOKENS_PER_MEDIUM)


def surely_exceeds(text: bytes | bytearray, context: int) -> bool:
    """Whether a request's JSON is more than a context holds, whatever stands in it: told without parsing it.

    Never true where ``bounds`` finds a least that the context holds: all that could be base64 is left out.
    """
    return bounds(text).least > context and bounds(_without_base64(text)).least > context


def _without(text: bytes | bytearray, payload: Sequence[str]) -> bytes:
    """The JSON without these strings, as far as they are base64: to look for them takes less time than to look at all.

    Where one is not found as it is (some programs write each slash with a backslash), all long strings are looked at.
    """
    kept, start = [], 0
    for data in payload:
        place = text.find(data[:_SAMPLE].encode("utf-8", "surrogatepass"), start)
        end = place + len(data)
        if place < 0 or text[end : end + 1] != b'"':
            return _without_base64(text)
        if _BASE64.match(text, place):
            kept.append(text[start:place])
            start = end + 1
    return b"".join([*kept, text[start:]])


def _without_base64(text: bytes | bytearray) -> bytes:
    """The JSON without its long strings of base64; looks at the beginning of each long string only."""
    quotes = np.flatnonzero(np.frombuffer(text, np.uint8) == _QUOTE)
    ends = np.append(quotes, len(text))
    starts = np.append(0, quotes + 1)
    kept, start = [], 0
    for place in np.flatnonzero(ends - starts >= LONG):
        if _BASE64.match(text, starts[place]):
            kept.append(text[start : starts[place]])
            start = int(ends[place]) + 1
    return b"".join([*kept, text[start:]])


def _count_short(text: bytes | bytearray) -> _Counts:
    kinds = text.translate(_KINDS)
    letters, digits = kinds.count(b"L"), kinds.count(b"D")
    words = kinds.count(b" L") + kinds.count(b"DL")
    numbers = kinds.count(b" D") + kinds.count(b"LD")
    return _Counts(letters, words, digits, numbers, len(kinds) - letters - digits)


def _measure(text: bytes | bytearray) -> tuple[float, float]:
    """The tokens of any text, by arrays over all of its bytes."""
    units = np.frombuffer(text, np.uint8)
    if ((units[:-1] == 0x5C) & (units[1:] == 0x75)).any():
        text = _decoded(text)
        units = np.frombuffer(text, np.uint8)
    counts = _count(units)
    if text.isascii():
        return _LEAST.tokens(counts), _MOST.tokens(counts)
    counts = counts._replace(others=counts.others - int(np.count_nonzero(units >= 0x80)))
    least, most = _RATES @ _beginnings(units)
    return _LEAST.tokens(counts) + float(least), _MOST.tokens(counts) + float(most)


def _decoded(text: bytes | bytearray) -> bytes:
    """The text, with its escapes (a backslash, u and four digits) as the characters that they stand for."""
    decoded = text.decode("utf-8", "replace").encode("raw_unicode_escape").decode("raw_unicode_escape", "replace")
    return decoded.encode("utf-8", "surrogatepass")


def _count(units: NDArray[np.uint8]) -> _Counts:
    """The ASCII characters; all other bytes count as ``others``."""
    is_letter = units.view(np.int8) > 64  # a byte beyond ASCII is negative
    is_digit = (units ^ np.uint8(48)) < 10
    letters, digits = int(np.count_nonzero(is_letter)), int(np.count_nonzero(is_digit))
    return _Counts(
        letters=letters,
        words=int(np.count_nonzero(is_letter[1:] > is_letter[:-1])),
        digits=digits,
        numbers=int(np.count_nonzero(is_digit[1:] > is_digit[:-1])),
        others=len(units) - letters - digits,
    )


def _beginnings(units: NDArray[np.uint8]) -> NDArray[np.intp]:
    """How often each beginning of a character beyond ASCII occurs; see ``_RATES``."""
    places = np.flatnonzero(units >= 0xC0)
    first, second = units[places] & 0x3F, units.take(places + 1, mode="clip") & 0x3F
    return np.bincount(first.astype(np.uint16) << 6 | second, minlength=_BEGINNINGS)
