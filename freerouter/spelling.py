"""Spelling: the known words that are nearest to an unknown one, for errors."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Words this similar differ by a typing error, and hardly by intent.
TYPING_ERROR = 0.8
SIMILAR = 0.6


def nearest(word: str, known: Iterable[str], likeness: float = SIMILAR, most: int = 1) -> list[str]:
    """The known words that are similar to a word, the most similar one first.

    Args:
        word: what was given; case does not matter.
        known: the words that it can be.
        likeness: from 0 (anything) to 1 (the same).
        most: how many at most.
    """
    by_small = {name.lower(): name for name in known}
    return [by_small[small] for small in get_close_matches(word.lower(), by_small, most, likeness)]


def did_you_mean(word: str, known: Iterable[str], likeness: float = SIMILAR) -> str:
    """The end of an error about an unknown word, with the nearest known one; empty if none is similar."""
    near = nearest(word, known, likeness)
    return f": did you mean {near[0]}?" if near else ""
