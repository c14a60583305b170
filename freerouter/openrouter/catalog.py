"""Model and Catalog: what OpenRouter offers, parsed, and which of it is really free."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic_core import from_json

from freerouter.errors import CatalogError
from freerouter.openrouter.json_bodies import parse_leniently
from freerouter.openrouter.prices import charges

_log = logging.getLogger("freerouter")

FREE_SUFFIX = ":free"

Names = frozenset[str]
Alike = dict[tuple[str, ...], Names]

_TEXT = frozenset({"text"})
_STR = frozenset({str})
_NO_ROW: Mapping[str, Any] = {}
# An id travels in headers and in logs: printable ASCII without blanks.
_ID = re.compile(r"[!-.0-~]+/[!-~]+")
_LONGEST_ID = 256
_SHOWN = 3
_LONGEST_COMPLAINT = 120
# A larger number of tokens is not plausible, and an array could not hold it.
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the catalog, with the fields that a router needs (API reference, "List models").

    Attributes:
        id: ``author/slug[:variant]``, the name a request is sent under.
        canonical_slug: the dated name; a ``:free`` row carries it without its suffix.
        context: tokens that prompt and answer may have together: the smaller of the model's and its top
            provider's; None when neither is stated.
        max_output: tokens that an answer may have; None when nothing is stated.
        inputs, outputs: modalities.
        parameters: request parameters that at least one of the model's providers supports.
        pricing: USD per token or unit, as listed.
        expires: the day after which the model may be gone.
        row: the whole row of a model named free, to pass it on to clients; empty for the rest.
    """

    id: str
    canonical_slug: str
    name: str
    created: int
    context: int | None
    max_output: int | None
    inputs: frozenset[str]
    outputs: frozenset[str]
    parameters: frozenset[str]
    pricing: Mapping[str, Any] = field(hash=False)
    moderated: bool
    reasoning_mandatory: bool
    expires: date | None
    row: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)

    @property
    def author(self) -> str:
        """The part of the id before the slash."""
        return self.id.partition("/")[0]

    @property
    def slug_as_answered(self) -> str:
        """The dated name as an answer's ``model`` field gives it, with the variant of the id."""
        _, colon, variant = self.id.partition(":")
        return f"{self.canonical_slug}{colon}{variant}"

    def is_free(self, today: date) -> bool:
        """Whether a request to this model costs nothing (openrouter-facts.md, "What is really free")."""
        return self.id.endswith(FREE_SUFFIX) and next(self._why_not_free(today), None) is None

    def why_not_free(self, today: date) -> tuple[str, ...]:
        """Every reason, in words, why this model does not count as free; empty when it does."""
        return tuple(self._why_not_free(today))

    def _why_not_free(self, today: date) -> Iterator[str]:
        if self.id.startswith("openrouter/"):
            yield "is a router, not a model"
        if self.id.startswith("~"):
            yield "is an alias, not a model"
        if not self.id.endswith(FREE_SUFFIX):
            yield f"id does not end in {FREE_SUFFIX}"
        if self.outputs != _TEXT:
            yield f"output is {'+'.join(sorted(self.outputs)) or 'not stated'}, not only text"
        if self.expires is not None and self.expires < today:
            yield f"expired {self.expires}"
        yield from charges(self.pricing)


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference between two catalogs: added ids, removed ids, and models with a changed row."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """An immutable snapshot of what OpenRouter offers. Compared by identity: a new one invalidates old decisions."""

    models: tuple[Model, ...]
    _by_name: Mapping[str, Model] = field(repr=False)

    @classmethod
    def of(cls, models: Iterable[Model]) -> Catalog:
        """A catalog of these models, which must have distinct ids."""
        models = tuple(models)
        by_name = {model.slug_as_answered: model for model in models}
        by_name.update((model.id, model) for model in models)
        return cls(models, by_name)

    @classmethod
    def parse(cls, body: bytes) -> Catalog:
        """Read the body of ``GET /models``.

        Unknown fields and missing optional ones are accepted; a row that is not valid is skipped with a
        logged reason.

        Raises:
            CatalogError: the body is not a list of models; says what it is instead.
        """
        models: dict[str, Model] = {}
        alike: Alike = {}
        odd: list[str] = []
        for number, row in enumerate(_rows(body)):
            try:
                model = _model(row, alike)
            except (TypeError, ValueError, KeyError) as error:
                odd.append(f"row {number} skipped: {_complaint(row, error)}")
                continue
            if models.setdefault(model.id, model) is not model:
                odd.append(f"row {number} skipped: {model.id} is listed twice")
        _log_odd(odd)
        if not models:
            raise CatalogError("the list of models has no usable row: is the upstream an OpenRouter?")
        return cls.of(models.values())

    def get(self, name: str) -> Model | None:
        """The model of an id, or of the dated slug that an answer gave; None if there is none."""
        return self._by_name.get(name)

    def free(self, today: date) -> tuple[Model, ...]:
        """The models that cost nothing on that day, in the catalog's order."""
        return tuple(model for model in self.models if model.is_free(today))

    def since(self, older: Catalog) -> Changes:
        """What has been added, removed and changed since an older catalog."""
        mine = {model.id: model for model in self.models}
        theirs = {model.id: model for model in older.models}
        return Changes(
            added=tuple(name for name in mine if name not in theirs),
            removed=tuple(name for name in theirs if name not in mine),
            changed=tuple(name for name, model in mine.items() if name in theirs and theirs[name] != model),
        )


def _log_odd(rows: list[str]) -> None:
    """Log the skipped rows in a single line."""
    if rows:
        more = f" (and {len(rows) - _SHOWN} more rows)" if len(rows) > _SHOWN else ""
        _log.warning("catalog: %s%s", "; ".join(rows[:_SHOWN]), more)


def _rows(body: bytes) -> list[Any]:
    try:
        parsed: Any = from_json(body)
    except ValueError as error:
        parsed = _parse_slowly(body, error)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("data"), list):
        raise CatalogError("the list of models has no list 'data': is the upstream an OpenRouter?")
    rows: list[Any] = parsed["data"]
    return rows


def _parse_slowly(body: bytes, complaint: ValueError) -> Any:
    try:
        return parse_leniently(body)
    except (ValueError, RecursionError):
        raise CatalogError(f"the list of models is not valid JSON: {_what_it_was(body, complaint)}") from None


def _what_it_was(body: bytes, error: ValueError) -> str:
    start = body[:64].lstrip()
    if not start:
        return "it is empty"
    if start.startswith(b"<"):
        return "it is an HTML page"
    if "EOF" in str(error):
        return f"it is truncated after {len(body)} bytes"
    return str(error)


def _complaint(row: Any, error: Exception) -> str:
    name = row.get("id") if isinstance(row, dict) else None
    what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
    cut = what[:_LONGEST_COMPLAINT]
    return f"{name[:_LONGEST_COMPLAINT]!r}: {cut}" if isinstance(name, str) else cut


def _model(row: Mapping[str, Any], alike: Alike) -> Model:
    """A row as a Model; equal lists of names share one set (``alike``), because many models are similar."""
    if not isinstance(row, dict):
        raise TypeError(f"is not an object but {type(row).__name__}")
    id_ = row["id"]
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        raise ValueError(f"id {id_!r} is not of the form author/slug")
    if len(id_) > _LONGEST_ID:
        raise ValueError(f"id has {len(id_)} characters, more than {_LONGEST_ID}")
    architecture = _object(row, "architecture")
    provider = _object(row, "top_provider")
    return Model(
        id=id_,
        canonical_slug=_text(row, "canonical_slug") or id_.partition(":")[0],
        name=_text(row, "name") or id_,
        created=_count(row, "created") or 0,
        context=_smaller(_count(row, "context_length"), _count(provider, "context_length")),
        max_output=_count(provider, "max_completion_tokens"),
        inputs=_names(architecture, "input_modalities", alike),
        outputs=_names(architecture, "output_modalities", alike),
        parameters=_names(row, "supported_parameters", alike),
        pricing=_pricing(row),
        moderated=bool(provider.get("is_moderated")),
        reasoning_mandatory=bool(_object(row, "reasoning").get("mandatory")),
        expires=_day(_text(row, "expiration_date")),
        row=row if id_.endswith(FREE_SUFFIX) else _NO_ROW,
    )


def _object(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = row.get(key) or {}
    if not isinstance(value, dict):
        raise TypeError(f"{key} is not an object")
    return value


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key) or ""
    if not isinstance(value, str):
        raise TypeError(f"{key} is not a text")
    return value


def _count(row: Mapping[str, Any], key: str) -> int | None:
    """A number of tokens or seconds; OpenRouter writes 0 for some unknown values."""
    value = row.get(key)
    if not value:
        return None
    if value is True or not isinstance(value, (int, float)) or not 0 < value <= _MOST:
        raise ValueError(f"{key} is {value!r}, not a positive number")
    return int(value)


def _smaller(a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return a or b
    return min(a, b)


def _names(row: Mapping[str, Any], key: str, alike: Alike) -> Names:
    value = row.get(key) or []
    if not isinstance(value, list):
        raise TypeError(f"{key} is not a list")
    if not _STR.issuperset(map(type, value)):
        raise TypeError(f"{key} holds something other than text")
    listed = tuple(value)
    names = alike.get(listed)
    if names is None:
        names = alike[listed] = frozenset(value)
    return names


def _pricing(row: Mapping[str, Any]) -> Mapping[str, Any]:
    pricing = _object(row, "pricing")
    overrides = pricing.get("overrides")
    if overrides and (not isinstance(overrides, list) or not all(isinstance(o, dict) for o in overrides)):
        raise TypeError("pricing.overrides is not a list of objects")
    return pricing


def _day(text: str) -> date | None:
    return date.fromisoformat(text[:10]) if text else None
