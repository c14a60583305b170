"""What a caller may call a model: names that mean a draw, ids of free models, and names that are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import Any, NamedTuple

from freerouter.errors import CostRefusedError, InvalidRequestError
from freerouter.openrouter.catalog import FREE_SUFFIX, Catalog, Model
from freerouter.openrouter.dialects.base import listed

# Names that mean: route. Gateways strip a prefix, or double it (openrouter-facts.md, section 9).
ROUTE_NAMES = ("openrouter/free", "free", "openrouter/auto", "auto")
_PREFIX = "openrouter/"
_LONGEST_NAME = 200


class Wanted(NamedTuple):
    """Which models a caller asks for.

    Attributes:
        names: each with the field that it stands in; empty when none is given.
        needs: capabilities that come with a name such as ``free:tools``.
    """

    names: Sequence[tuple[str, str]] = ()
    needs: tuple[str, ...] = ()


_ANY = Wanted()


@dataclass(frozen=True, slots=True)
class Order:
    """The models that a request may go to: some by name, one after the other, then any, if it draws.

    Attributes:
        models: those that are asked for by name, each once.
        draws: a model is drawn when none of them is left.
    """

    models: tuple[Model, ...] = ()
    draws: bool = True


DRAW = Order()


def wanted(body: Mapping[str, Any], aliases: Sequence[tuple[str, str]] = ()) -> Wanted:
    """Read a request's ``model``, ``models`` and ``fallbacks``, in this order.

    Args:
        body: the request.
        aliases: names to take for others, as pairs of a glob pattern and a name; the first that fits counts.

    Raises:
        InvalidRequestError: a name is no text, or without end.
    """
    name = body.get("model")
    if (name is None or name in ROUTE_NAMES) and "models" not in body and "fallbacks" not in body:
        return _ANY
    names: list[tuple[str, str]] = []
    needs: list[str] = []
    for field, given in _names(body):
        if not isinstance(given, str) or not given or len(given) > _LONGEST_NAME:
            raise InvalidRequestError(f"{field} must be the id of a model, or openrouter/free", field=field)
        name, extra = _understood(given, aliases)
        if "online" in extra:
            detail = "could cost money (it searches the web), so it was not sent: ask for openrouter/free"
            raise CostRefusedError(f"{field} {given!r} {detail}", field=field)
        names.append((field, name))
        needs += extra
    return Wanted(names, tuple(needs))


def _names(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if body.get("model") is not None:
        yield "model", body["model"]
    for field in ("models", "fallbacks"):
        for index, name in enumerate(listed(body, field)):
            # Anthropic's form of a fallback is an object with a model.
            yield f"{field}[{index}]", name.get("model") if isinstance(name, dict) else name


def _understood(name: str, aliases: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
    """A name without doubled prefixes, and the needs that it states; what has no meaning of its own may be an alias."""
    meant, needs = _plain(name)
    if meant in ROUTE_NAMES:
        return meant, needs
    target = next((target for pattern, target in aliases if fnmatchcase(name, pattern)), None)
    return (meant, needs) if target is None else _plain(target)


def _plain(name: str) -> tuple[str, list[str]]:
    """A name without doubled prefixes, and the needs that it states: ``free:tools+vision``."""
    short = name
    while short.startswith(_PREFIX) and short not in ROUTE_NAMES:
        short = short.removeprefix(_PREFIX)
    stem, colon, needs = short.removeprefix(_PREFIX).partition(":")
    if colon and stem == "free":
        return ROUTE_NAMES[0], [need for need in needs.split("+") if need]
    return (short if short in ROUTE_NAMES else name), []


def free_models(names: Sequence[tuple[str, str]], catalog: Catalog, today: date) -> Order:
    """The order that some names stand for; no names stand for a draw.

    Raises:
        CostRefusedError: a name is not that of a free model; says which are near.
    """
    # Models that come after a draw are never asked, but one that costs money is not what the caller meant.
    found = [_free(name, field, catalog, today) for field, name in names]
    models = dict.fromkeys(takewhile(lambda model: model is not None, found))
    return Order(tuple(model for model in models if model is not None), not found or None in found)


def _free(name: str, field: str, catalog: Catalog, today: date) -> Model | None:
    if name in ROUTE_NAMES:
        return None
    model, short = catalog.get(name), name
    while model is None and short.startswith(_PREFIX):
        short = short.removeprefix(_PREFIX)
        model = catalog.get(short)
    if model is not None and model.is_free(today):
        return model
    raise CostRefusedError(_refusal(name, field, model, catalog, today), field=field)


def _refusal(name: str, field: str, model: Model | None, catalog: Catalog, today: date) -> str:
    why = "is not in the list of models" if model is None else "; ".join(model.why_not_free(today))
    # Compared without the suffix, which would make everything look alike.
    stems = {free.id.removesuffix(FREE_SUFFIX): free.id for free in catalog.free(today)}
    near = [stems[stem] for stem in get_close_matches(name.removesuffix(FREE_SUFFIX), stems, n=3, cutoff=0.4)]
    hint = f", or a free one such as {', '.join(near)}" if near else ""
    return f"{field} {name!r} could cost money ({why}), so it was not sent: ask for openrouter/free{hint}"
