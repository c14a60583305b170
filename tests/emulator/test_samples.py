from random import Random

import pytest

from freerouter.emulator.samples import sample

NODE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "all": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "next", "all"],
        }
    },
}


def depth(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0)


FITS = [
    ({"type": "string"}, lambda v: isinstance(v, str) and v),
    ({"type": "string", "minLength": 30}, lambda v: len(v) >= 30),
    ({"type": "string", "maxLength": 2}, lambda v: len(v) <= 2),
    ({"type": "string", "format": "date"}, lambda v: v == "2026-08-22"),
    ({"enum": ["a", "b"]}, lambda v: v in ("a", "b")),
    ({"const": 7}, lambda v: v == 7),
    ({"type": "integer"}, lambda v: isinstance(v, int)),
    ({"type": "integer", "minimum": 3, "maximum": 4}, lambda v: v in (3, 4)),
    ({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}, lambda v: v == 4),
    ({"type": "integer", "multipleOf": 5, "minimum": 1, "maximum": 9}, lambda v: v == 5),
    ({"type": "integer", "maximum": -5}, lambda v: v <= -5),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, lambda v: 0 < v < 1),
    ({"type": "number"}, lambda v: isinstance(v, int)),
    ({"type": "number", "minimum": 2, "maximum": 5}, lambda v: isinstance(v, int) and 2 <= v <= 5),
    ({"type": "number", "minimum": 0.2, "maximum": 0.4}, lambda v: 0.2 <= v <= 0.4),
    ({"type": "boolean"}, lambda v: isinstance(v, bool)),
    ({"type": "null"}, lambda v: v is None),
    ({"type": ["null", "integer"]}, lambda v: isinstance(v, int)),
    ({"type": "array", "items": {"type": "integer"}}, lambda v: v and all(isinstance(i, int) for i in v)),
    ({"type": "array", "items": {"const": 1}, "minItems": 3}, lambda v: v == [1, 1, 1]),
    ({"type": "array", "items": {"const": 1}, "maxItems": 0}, lambda v: v == []),
    ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}]}, lambda v: v == [1, 2]),
    ({"properties": {"a": {"const": 1}}, "required": ["a"]}, lambda v: v == {"a": 1}),
    (
        {"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]},
        lambda v: set(v) == {*"ab"},
    ),
    ({"anyOf": [{"const": "x"}, {"type": "null"}]}, lambda v: v == "x"),
    ({"oneOf": [{"type": "integer"}]}, lambda v: isinstance(v, int)),
    (NODE, lambda v: v["name"] and 3 < depth(v) < 40),
    ({"$ref": "#/nowhere"}, lambda v: isinstance(v, str)),
    (None, lambda v: isinstance(v, str)),
]


@pytest.mark.parametrize(("schema", "fits"), FITS)
def test_the_value_fits(schema, fits):
    assert all(fits(sample(schema, Random(seed))) for seed in range(20))


def test_the_same_seed_gives_the_same_value():
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}
    assert sample(schema, Random(1)) == sample(schema, Random(1))
