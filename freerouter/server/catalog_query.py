"""OpenRouter's filters and sort orders for ``GET models``, as far as the rows have the data for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.benchmarks import INDICES, index_of

Asked = Mapping[str, list[str]]
Row = Mapping[str, Any]
Test = Callable[[Row], bool]

_SEARCHED = ("id", "name", "description")
_PER_MILLION = 1_000_000


def split(value: str) -> list[str]:
    """The items of a list in a query."""
    return [name for name in value.replace(",", " ").split() if name]


def filter_of(asked: Asked) -> Test:
    """A test of whether a row passes the filters. Those for which rows have no data, such as ``zdr``, let it pass.

    Raises:
        InvalidRequestError: a value is not a number.
    """
    tests = [*_words(asked), *_ranges(asked)]
    return lambda row: all(test(row) for test in tests)


def in_order(rows: list[dict[str, Any]], asked: Asked) -> list[dict[str, Any]]:
    """The rows in the order that ``sort`` names; unchanged if they have no data for it, such as throughput."""
    key, highest_first = _SORTS.get(_last(asked, "sort"), (None, False))
    if key is None:
        return rows
    known = [(value, row) for row in rows if (value := key(row)) is not None]
    ordered = [row for _, row in sorted(known, key=lambda pair: pair[0], reverse=highest_first)]
    return ordered + [row for row in rows if key(row) is None]


def _words(asked: Asked) -> list[Test]:
    words = _last(asked, "q").lower().split()
    authors = _all(asked, "model_authors")
    inputs = _all(asked, "input_modalities")
    outputs = _all(asked, "output_modalities") - {"all"}
    tests: list[Test] = []
    if words:
        tests.append(lambda row: all(word in _text(row) for word in words))
    if authors:
        tests.append(lambda row: row["id"].partition("/")[0].lower() in authors)
    if inputs:
        tests.append(lambda row: inputs <= _modalities(row, "input_modalities"))
    if outputs:
        tests.append(lambda row: bool(outputs & _modalities(row, "output_modalities")))
    return tests


def _ranges(asked: Asked) -> list[Test]:
    bounds = {
        "context": (_context, "context", None),
        "price": (_price("prompt"), "min_price", "max_price"),
        "output price": (_price("completion"), "min_output_price", "max_output_price"),
        **{name: (_index(name), f"min_{name}_index", f"max_{name}_index") for name in INDICES},
    }
    given = [(value, _number(asked, low), _number(asked, high)) for value, low, high in bounds.values()]
    return [_between(*bound) for bound in given if bound[1:] != (None, None)]


def _between(value: Callable[[Row], float | None], low: float | None, high: float | None) -> Test:
    def test(row: Row) -> bool:
        found = value(row)
        return found is not None and (low is None or found >= low) and (high is None or found <= high)

    return test


def _last(asked: Asked, key: str) -> str:
    return asked.get(key, [""])[-1]


def _all(asked: Asked, key: str) -> set[str]:
    return {name.lower() for value in asked.get(key, ()) for name in split(value)}


def _number(asked: Asked, key: str | None) -> float | None:
    if key is None or key not in asked:
        return None
    try:
        number = float(_last(asked, key))
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise InvalidRequestError(f"{key} must be a number", field=key)
    return number


def _text(row: Row) -> str:
    return " ".join(str(row.get(name) or "") for name in _SEARCHED).lower()


def _modalities(row: Row, key: str) -> set[str]:
    return set((row.get("architecture") or {}).get(key) or ())


def _context(row: Row) -> float | None:
    return row.get("context_length")


def _created(row: Row) -> float | None:
    return row.get("created")


def _price(part: str) -> Callable[[Row], float | None]:
    """In dollars per million tokens, as in OpenRouter's filters."""
    return lambda row: float(row["pricing"][part]) * _PER_MILLION


def _index(name: str) -> Callable[[Row], float | None]:
    return lambda row: index_of(row, name)


# All prices are the same here, so an order by price is the list's own.
_SORTS: dict[str, tuple[Callable[[Row], float | None], bool]] = {
    "newest": (_created, True),
    "context-high-to-low": (_context, True),
    **{f"{name}-high-to-low": (_index(name), True) for name in INDICES},
}
