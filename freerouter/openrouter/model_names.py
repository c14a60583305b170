"""The model names that a caller may use: names for a draw, ids of free models, and names that are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import Any, NamedTuple

from freerouter.errors import CostRefusedError, InvalidRequestError, UnknownModelError
from freerouter.openrouter.catalog import FREE_SUFFIX, Catalog, Model
from freerouter.openrouter.dialects.base import listed
from freerouter.preferences import PREFER_WORDS, prefer_word
from freerouter.spelling import TYPING_ERROR, did_you_mean, nearest

# Names that mean a draw. Gateways strip a prefix, or double it (openrouter-facts.md, section 9).
ROUTE_NAMES = ("openrouter/free", "free", "openrouter/auto", "auto")
_PREFIX = "openrouter/"
# Suffixes that only sort providers: they cost nothing, and require nothing.
_SORTING = ("nitro", "floor", "exacto")
_SAYS_NOTHING = ("", "free", *_SORTING)
_LONGEST_NAME = 200
_VAGUELY = 0.4


class Named(NamedTuple):
    """The models that a caller names.

    Attributes:
        names: each with its field; empty when no model is given.
        needs: capabilities that come with a name such as ``free:tools``.
        prefer: the preference that comes with a name such as ``free:coding``; empty without one.
    """

    names: Sequence[tuple[str, str]] = ()
    needs: tuple[str, ...] = ()
    prefer: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """The models that a request may be sent to: the named ones in order, then a draw, if it allows one.

    Attributes:
        models: the named ones, each once.
        draws: whether a model is drawn after the named ones.
        skipped: names in a list that the catalog no longer has.
    """

    models: tuple[Model, ...] = ()
    draws: bool = True
    skipped: tuple[str, ...] = ()


DRAW = Order()
_NONE_NAMED = Named()


def named(body: Mapping[str, Any], aliases: Sequence[tuple[str, str]] = ()) -> Named:
    """Read a request's ``model``, ``models`` and ``fallbacks``, in this order.

    Args:
        body: the request.
        aliases: pairs of a glob pattern and the name that replaces it; the first match counts.

    Raises:
        InvalidRequestError: a name is not a text, or too long, or there are two lists, or two preferences.
        CostRefusedError: a name asks for a web search.
    """
    name = body.get("model")
    if (name is None or name in ROUTE_NAMES) and "models" not in body and "fallbacks" not in body:
        return _NONE_NAMED
    names: list[tuple[str, str]] = []
    needs: list[str] = []
    for field, given in _names(body):
        if not isinstance(given, str) or not given.strip() or len(given) > _LONGEST_NAME:
            raise InvalidRequestError(f"{field} must be the id of a model, or openrouter/free", field=field)
        name, extra = _understood(given.strip(), aliases)
        if "online" in extra:
            detail = "could cost money (it searches the web), so it was not sent: ask for openrouter/free"
            raise CostRefusedError(f"{field} {given!r} {detail}", field=field)
        names.append((field, name))
        needs += extra
    return Named(names, tuple(word for word in needs if word not in PREFER_WORDS), _preference(needs))


def _preference(words: Sequence[str]) -> str:
    """The preference among the words that follow names such as ``free``; others are capabilities."""
    for word in words:
        if word not in PREFER_WORDS and (hint := did_you_mean(word, PREFER_WORDS, TYPING_ERROR)):
            raise InvalidRequestError(f"model asks for {word!r}{hint}", field="model")
    found = dict.fromkeys(prefer_word(word) for word in words if word in PREFER_WORDS)
    if len(found) > 1:
        raise InvalidRequestError(f"model asks for {' and '.join(found)}: only one preference can count", field="model")
    return next(iter(found), "")


def _names(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if body.get("model") is not None:
        yield "model", body["model"]
    models, fallbacks = listed(body, "models"), listed(body, "fallbacks")
    if models and fallbacks:
        raise InvalidRequestError("fallbacks cannot be given together with models", field="fallbacks")
    for field, names in (("models", models), ("fallbacks", fallbacks)):
        for index, name in enumerate(names):
            # A fallback in Anthropic's format is an object with a model.
            yield f"{field}[{index}]", name.get("model") if isinstance(name, dict) else name


def _understood(name: str, aliases: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
    """A name without doubled prefixes, and the needs that it states; an unknown name may be an alias."""
    meant, needs = _plain(name)
    if meant in ROUTE_NAMES:
        return meant, needs
    small = name.lower()
    target = next((target for pattern, target in aliases if fnmatchcase(small, pattern.lower())), None)
    return (meant, needs) if target is None else _plain(target)


def _plain(name: str) -> tuple[str, list[str]]:
    """A name without doubled prefixes, and what it asks for: ``free:tools+vision``, ``free:coding,tools``."""
    stem, _, rest = _without_prefix(name.lower()).partition(":")
    if stem not in ROUTE_NAMES:
        return name, []
    words = [word.strip() for word in re.split("[:+,]", rest)]
    return f"{_PREFIX}{stem}", [word for word in words if word not in _SAYS_NOTHING]


def _without_prefix(name: str) -> str:
    while name.startswith(_PREFIX):
        name = name.removeprefix(_PREFIX)
    return name


def free_models(names: Sequence[tuple[str, str]], catalog: Catalog, today: date) -> Order:
    """The order of models for some names; no names mean a draw, and a free model that is gone is skipped.

    Raises:
        CostRefusedError: a name is not that of a free model; suggests similar ones.
        UnknownModelError: all of them are gone.
    """
    if not names:
        return DRAW
    found: list[Model | None] = []
    gone: list[tuple[str, str]] = []
    # Models after a draw are never asked, but one that costs money is a mistake of the caller.
    for field, name in names:
        model = None if name in ROUTE_NAMES else _in_catalog(name, catalog)
        if name in ROUTE_NAMES or (model is not None and model.is_free(today)):
            found.append(model)
        elif model is None and name.lower().endswith(FREE_SUFFIX):
            gone.append((field, name))
        else:
            raise CostRefusedError(_refusal(name, field, model, catalog, today), field=field)
    if not found:
        raise _unknown(*gone[0], catalog, today)
    models = dict.fromkeys(takewhile(lambda model: model is not None, found))
    skipped = tuple(name for _, name in gone)
    return Order(tuple(model for model in models if model is not None), None in found, skipped)


def _in_catalog(name: str, catalog: Catalog) -> Model | None:
    """The model of a name, ignoring case, prefixes, and suffixes that only sort."""
    for spelled in (name, name.lower(), _without_prefix(name.lower())):
        model = catalog.get(spelled)
        if model is not None:
            return model
        id_, _, suffix = spelled.rpartition(":")
        if suffix in _SORTING and id_.endswith(FREE_SUFFIX) and (model := catalog.get(id_)) is not None:
            return model
    return None


def _unknown(field: str, name: str, catalog: Catalog, today: date) -> UnknownModelError:
    near = _near(name, catalog, today)
    hint = f"{', '.join(near)} or openrouter/free" if near else "openrouter/free"
    return UnknownModelError(
        f"{field} {name!r} is an unknown model: the list of models does not have it, or no longer; ask for {hint}",
        metadata={"field": field, "near": near},
    )


def _refusal(name: str, field: str, model: Model | None, catalog: Catalog, today: date) -> str:
    why = f"is not in the list of models{_meant(name)}" if model is None else "; ".join(model.why_not_free(today))
    near = _near(name, catalog, today)
    hint = f", or a free one such as {', '.join(near)}" if near else ""
    return f"{field} {name!r} could cost money ({why}), so it was not sent: ask for openrouter/free{hint}"


def _meant(name: str) -> str:
    """The hint for a misspelt name of a draw, such as ``fre:coding``; empty for other names."""
    stem, colon, rest = name.lower().partition(":")
    if not rest.isprintable():
        return ""
    return did_you_mean(name, [f"{draw}{colon}{rest}" for draw in nearest(stem, ROUTE_NAMES, TYPING_ERROR)])


def _near(name: str, catalog: Catalog, today: date) -> list[str]:
    """Free models with similar names, compared without the suffix that all of them share."""
    stems = {free.id.removesuffix(FREE_SUFFIX): free.id for free in catalog.free(today)}
    return [stems[stem] for stem in nearest(name.lower().removesuffix(FREE_SUFFIX), stems, _VAGUELY, most=3)]
