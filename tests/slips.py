"""Typing errors, and what is said of them."""

import re


def slip(word: str) -> str:
    """The word without a letter in its middle."""
    middle = (len(word) + 1) // 2
    return word[:middle] + word[middle + 1 :]


def proposes(message: str, word: str) -> bool:
    return (
        re.search(rf"[Dd]id you mean '?{re.escape(word)}'?\?|Possible options: .*{re.escape(word)}\b", message)
        is not None
    )
