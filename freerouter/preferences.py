"""What a caller may say about the choice of the model: the words, and how they are read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypedDict, get_args

from freerouter.errors import InvalidRequestError
from freerouter.spelling import TYPING_ERROR, did_you_mean, nearest

Prefer = Literal["uniform", "quality", "coding", "agentic", "fast", "large", "reliable"]
Train = Literal["allow", "deny"]

SHARPNESS = 2.0
_PREFER: tuple[str, ...] = get_args(Prefer)
_TRAIN: tuple[str, ...] = get_args(Train)
_OTHER_NAMES = {"best": "quality"}
PREFER_WORDS = frozenset({*_PREFER, *_OTHER_NAMES})
# What was measured here decides; the ranks of the others are in the list of models.
_MEASURED = ("fast", "reliable")
_SPLIT = re.compile(r"[\s,]+")
_MOST_PATTERNS = 64
_LONGEST_PATTERN = 256
_MOST_TOKENS = 2**53
# Headers that are for freerouter, not for OpenRouter.
OWN_PREFIX = "x-freerouter-"
ACCEPT = f"{OWN_PREFIX}accept"


class Preference(NamedTuple):
    """How a model is drawn.

    Attributes:
        kind: what counts.
        sharpness: how much it counts: 0 is a uniform draw, infinity takes the best one that is available.
    """

    kind: str = "uniform"
    sharpness: float = SHARPNESS

    @property
    def is_uniform(self) -> bool:
        """Whether each model has the same probability."""
        return self.kind == "uniform" or not self.sharpness

    @property
    def is_measured(self) -> bool:
        """Whether it depends on what was measured."""
        return self.kind in _MEASURED and not self.is_uniform

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, which know no infinity."""
        return {"prefer": self.kind, "sharpness": "inf" if math.isinf(self.sharpness) else self.sharpness}


class Wishing(TypedDict, total=False):
    """What a request may say about the choice of its model, as keywords of the library."""

    prefer: Prefer | Literal["best"]
    sharpness: float
    include: str | Iterable[str]
    exclude: str | Iterable[str]
    authors: str | Iterable[str]
    min_context: int
    train: Train


class Wishes(NamedTuple):
    """What a request says about the choice of its model.

    Attributes:
        prefer: the preference; empty when it says nothing.
        sharpness: of the preference; None when it says nothing.
        include, exclude: glob patterns of ids, in addition to those of the settings.
        authors: the part of the id before the slash.
        min_context: tokens.
        train: ``deny`` leaves out the models that may train on prompts; empty when it says nothing.
    """

    prefer: str = ""
    sharpness: float | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    min_context: int = 0
    train: str = ""

    def over(self, other: Wishes) -> Wishes:
        """These wishes, with another source's where they say nothing; what leaves out models adds up."""
        if other is NO_WISHES:
            return self
        return Wishes(
            self.prefer or other.prefer,
            other.sharpness if self.sharpness is None else self.sharpness,
            self.include or other.include,
            self.exclude + other.exclude,
            self.authors or other.authors,
            max(self.min_context, other.min_context),
            "deny" if "deny" in (self.train, other.train) else self.train or other.train,
        )


def header(wish: str) -> str:
    """The request header that says the same as a field of ``Wishes``."""
    return f"{OWN_PREFIX}{wish.replace('_', '-')}"


NO_WISHES = Wishes()
WISHES = frozenset(Wishes._fields)
# The headers of a request that are read here.
ASKED = (*map(header, Wishes._fields), ACCEPT)


def wishes(given: Mapping[str, Any], *, in_headers: bool = False) -> Wishes:
    """Read what a caller says, as values or as text.

    Args:
        given: by the names of ``Wishes``; None says nothing.
        in_headers: errors name the header, not the field.

    Raises:
        InvalidRequestError: a value is not valid; names the field.
    """
    read: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        try:
            read[name] = _READERS[name](value)
        except ValueError as error:
            field = header(name) if in_headers else name
            raise InvalidRequestError(f"{field} {error}", field=field) from None
    return Wishes(**read) if read else NO_WISHES


def wishes_in(headers: Iterable[tuple[str, str]]) -> Wishes:
    """Read a request's own headers, such as ``x-freerouter-prefer``. Raises InvalidRequestError, as ``wishes`` does."""
    own = [(name[len(OWN_PREFIX) :], value) for name, value in headers if name.startswith(OWN_PREFIX)]
    named = [(name.replace("-", "_"), value) for name, value in own]
    given = {name: value for name, value in named if name in WISHES}
    if len(given) < len(own):
        _check_spelling([name for name, _ in own])
    return wishes(given, in_headers=True) if given else NO_WISHES


def _check_spelling(names: Iterable[str]) -> None:
    """A header that nearly has a name of ours is a slip: without an error, it would do nothing."""
    known = {name.removeprefix(OWN_PREFIX): name for name in ASKED}
    for name in names:
        if name not in known and (near := nearest(name, known, TYPING_ERROR)):
            given = f"{OWN_PREFIX}{name}"
            raise InvalidRequestError(f"{given} is unknown: did you mean {known[near[0]]}?", field=given)


def restrictions(body: Mapping[str, Any]) -> Wishes:
    """Read ``allowed_models`` and ``excluded_models`` of OpenRouter's auto router, a plugin.

    Raises:
        InvalidRequestError: one of them is not a list of patterns; names the field.
    """
    found = NO_WISHES
    plugins = body.get("plugins")
    for index, plugin in enumerate(plugins if isinstance(plugins, list) else ()):
        if isinstance(plugin, dict) and plugin.get("id") == AUTO_ROUTER and plugin.get("enabled") is not False:
            found = found.over(_restricted(plugin, f"plugins[{index}]"))
    return found


AUTO_ROUTER = "auto-router"


def denies_training(body: Mapping[str, Any]) -> bool:
    """Whether a request itself denies that prompts are used for training."""
    provider = body.get("provider")
    return isinstance(provider, dict) and provider.get("data_collection") == "deny"


def denying_training(body: dict[str, Any]) -> dict[str, Any]:
    """The request, denying that prompts are used for training; one whose ``provider`` is not valid as it is."""
    provider = body.get("provider")
    if provider is not None and not isinstance(provider, dict):
        return body
    return {**body, "provider": {**(provider or {}), "data_collection": "deny"}}


def _restricted(plugin: Mapping[str, Any], place: str) -> Wishes:
    given: dict[str, Any] = {}
    for field, name in (("allowed_models", "include"), ("excluded_models", "exclude")):
        try:
            given[name] = tuple(map(_of_free_model, _patterns(plugin.get(field) or ())))
        except ValueError as error:
            raise InvalidRequestError(f"{place}.{field} {error}", field=f"{place}.{field}") from None
    return Wishes(**given)


def _of_free_model(pattern: str) -> str:
    """The auto router's patterns name models without the variant that is free."""
    return pattern if pattern.endswith(("*", ":free")) else f"{pattern}:free"


def prefer_word(value: object) -> str:
    """Read a preference. Raises ValueError, with the nearest word."""
    word = value.strip().lower() if isinstance(value, str) else ""
    return _one_of(_PREFER, _OTHER_NAMES.get(word, word), value)


def _train_word(value: object) -> str:
    return _one_of(_TRAIN, value.strip().lower() if isinstance(value, str) else "", value)


def _one_of(words: tuple[str, ...], word: str, given: object) -> str:
    if word in words:
        return word
    hint = did_you_mean(word, words) or ":"
    raise ValueError(f"{str(given)[:40]!r} is unknown{hint} it can be {', '.join(words)}")


def sharpness_number(value: object) -> float:
    """Read a sharpness. Raises ValueError."""
    try:
        number = float(value) if isinstance(value, str | int | float) and value is not True else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not number >= 0:
        raise ValueError("must be a number from 0 (uniform) to inf (always the best one)")
    return number


def _patterns(value: object) -> tuple[str, ...]:
    found = [item for item in _SPLIT.split(value) if item] if isinstance(value, str) else value
    if isinstance(found, Mapping) or not isinstance(found, Iterable):
        raise ValueError("must be a list of names or patterns")
    items = tuple(found)
    if len(items) > _MOST_PATTERNS:
        raise ValueError(f"has {len(items)} entries, more than {_MOST_PATTERNS}")
    for item in items:
        if not isinstance(item, str) or not item or len(item) > _LONGEST_PATTERN:
            raise ValueError(f"must hold names or patterns of up to {_LONGEST_PATTERN} characters")
    return items


def _tokens(value: object) -> int:
    text = value.strip() if isinstance(value, str) else value
    number = int(text) if isinstance(text, str) and text.isdecimal() and text.isascii() else text
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _MOST_TOKENS:
        raise ValueError("must be a number of tokens")
    return number


_READERS: Mapping[str, Callable[[object], Any]] = {
    "prefer": prefer_word,
    "sharpness": sharpness_number,
    "include": _patterns,
    "exclude": _patterns,
    "authors": _patterns,
    "min_context": _tokens,
    "train": _train_word,
}
