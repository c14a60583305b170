"""A value that fits a JSON schema: the small part of JSON Schema that tools and formats use."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from freerouter.emulator.lenient import items, mapping, number, objects, text, whole

Schema = Mapping[str, Any]

_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbour")
_FORMATS = {
    "date": "2026-08-22",
    "date-time": "2026-08-22T12:00:00Z",
    "time": "12:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "6f9619ff-8b86-4011-b42d-00c04fc964ff",
    "ipv4": "192.0.2.1",
}
# A schema may refer to itself: below the first depth only what is required is filled in, below the
# second the shortest way out is taken, below the third, or after so many values, nothing makes sense.
_REQUIRED_BELOW = 6
_ENDING_BELOW = 12
_NOTHING_BELOW = 24
_MOST_VALUES = 5_000
_LONGEST = 1_000


def sample(schema: Any, rng: Random) -> Any:
    """Return a value that fits the schema; what the schema leaves open is drawn from `rng`."""
    return _Sampler(mapping(schema), rng).value(schema, 0)


class _Sampler:
    def __init__(self, root: Schema, rng: Random) -> None:
        self._root = root
        self._rng = rng
        self._left = _MOST_VALUES
        self._by_type: Mapping[str, Callable[[Schema, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": lambda _schema, _depth: self._rng.random() < 0.5,
            "null": lambda _schema, _depth: None,
        }

    def value(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        if depth > _NOTHING_BELOW or self._left < 0:
            return None
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if items(schema.get("enum")):
            return self._rng.choice(schema["enum"])
        choices = items(schema.get("anyOf")) or items(schema.get("oneOf"))
        if choices:
            return self.value(_way_out(choices, depth), depth + 1)
        return self._by_type.get(_type(schema), self._string)(schema, depth)

    def _resolved(self, schema: Any, hops: int = _ENDING_BELOW) -> dict[str, Any]:
        """Follow $ref and merge allOf, through so many of them at most."""
        merged = dict(mapping(schema))
        pointer = text(merged.pop("$ref", None))
        parts = objects(merged.pop("allOf", None))
        referred = [self._at(pointer)] if pointer.startswith("#") else []
        for part in [*referred, *parts] if hops else ():
            inner = self._resolved(part, hops - 1)
            both = {**mapping(merged.get("properties")), **mapping(inner.get("properties"))}
            merged = {**merged, **inner, **({"properties": both} if both else {})}
        return merged

    def _at(self, pointer: str) -> Any:
        found: Any = self._root
        for key in filter(None, pointer.lstrip("#").split("/")):
            found = mapping(found).get(key)
        return found

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = mapping(schema.get("properties"))
        required = items(schema.get("required"))
        wanted = [key for key in properties if depth < _REQUIRED_BELOW or key in required]
        return {key: self.value(properties[key], depth + 1) for key in wanted}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        prefix = items(schema.get("prefixItems"))
        least = whole(schema.get("minItems"), 1 if depth < _REQUIRED_BELOW else 0)
        most = whole(schema.get("maxItems"), _LONGEST)
        count = min(max(least, len(prefix)), most, _LONGEST)
        shapes = [*prefix, *[schema.get("items")] * (count - len(prefix))]
        return [self.value(shape, depth + 1) for shape in shapes[:count]]

    def _string(self, schema: Schema, _depth: int) -> str:
        drawn = _FORMATS.get(text(schema.get("format"))) or self._rng.choice(_WORDS)
        padded = drawn.ljust(min(whole(schema.get("minLength"), 0), _LONGEST), "x")
        return padded[: whole(schema.get("maxLength"), len(padded))]

    def _integer(self, schema: Schema, _depth: int) -> int:
        low, high = _bounds(schema, 1)
        step = max(1, whole(schema.get("multipleOf"), 1))
        first = -(-int(low) // step) * step
        last = int(high) // step * step
        return self._rng.randrange(first, max(first, last) + 1, step)

    def _number(self, schema: Schema, _depth: int) -> float:
        low, high = _bounds(schema, 0)
        middle = round((low + high) / 2, 6)
        nearest = round(middle)
        return nearest if nearest == middle or low < nearest < high else middle


def _way_out(choices: list[Any], depth: int) -> Any:
    """Take the first choice; far down, one that ends a recursion."""
    ending = [c for c in choices if _type(c) not in ("object", "array") and "$ref" not in mapping(c)]
    return ending[0] if depth >= _ENDING_BELOW and ending else choices[0]


def _type(schema: Any) -> str:
    """Name the type of a schema; without a type, its keywords decide."""
    shape = mapping(schema)
    stated = shape.get("type")
    names = [name for name in map(text, items(stated) or [stated]) if name]
    guess = "object" if "properties" in shape else "array" if "items" in shape else "string"
    return next((name for name in names if name != "null"), "null" if names else guess)


def _bounds(schema: Schema, margin: int) -> tuple[float, float]:
    """Return the least and the greatest value; `margin` steps inside an exclusive bound."""
    above, below = number(schema.get("exclusiveMinimum")), number(schema.get("exclusiveMaximum"))
    low = number(schema.get("minimum")) if above is None else above + margin
    high = number(schema.get("maximum")) if below is None else below - margin
    if low is None:
        low = 0 if high is None or high >= 0 else high - 100
    return low, low + 100 if high is None else high
