"""The shape of JSON that a prompt asks for: a schema that stands in it, or an example."""

import json
from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import Any

from freerouter.emulator.lenient import mapping, text
from freerouter.emulator.samples import sample

_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_SHORT = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array"}
# So many braces are tried: a long prompt of code holds thousands of them.
_MOST_TRIED = 200


def prompted(texts: Iterable[str], rng: Random) -> dict[str, Any] | None:
    """Return an object in the shape that these texts ask for, None when they show none; a schema goes first."""
    shown = [value for words in texts for value in _objects(words)]
    schema = next(filter(_is_schema, shown), None)
    if schema is not None:
        found = sample(schema, rng)
        return found if isinstance(found, dict) else None
    return {key: _like(value, rng) for key, value in shown[0].items()} if shown else None


def _objects(words: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects that stand in a text, those within others left out."""
    decoder, place = json.JSONDecoder(), words.find("{")
    for _ in range(_MOST_TRIED):
        if place < 0:
            return
        try:
            value, end = decoder.raw_decode(words, place)
        except (ValueError, RecursionError):
            value, end = None, place + 1
        if isinstance(value, dict) and value:
            yield value
        place = words.find("{", end)


def _is_schema(value: Mapping[str, Any]) -> bool:
    return "$ref" in value or (bool(mapping(value.get("properties"))) and value.get("type", "object") == "object")


def _like(example: Any, rng: Random) -> Any:
    """Return a value like the example: the name of a type stands for a value of it."""
    if isinstance(example, dict):
        return {key: _like(value, rng) for key, value in example.items()}
    if isinstance(example, list):
        return [_like(value, rng) for value in example]
    kind = _SHORT.get(text(example), text(example))
    return sample({"type": kind}, rng) if kind in _TYPES else example
