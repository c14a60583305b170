"""Makes a compact copy of a full ``GET /models`` body: ``python tests/catalogs/compact.py FULL.json COPY.json``.

Every row stays, in its order, with the fields that the package and its tests read and no others.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROW = (
    "id",
    "canonical_slug",
    "name",
    "created",
    "context_length",
    "architecture",
    "pricing",
    "top_provider",
    "supported_parameters",
    "reasoning",
    "expiration_date",
    "benchmarks",
)
WITHIN = {
    "architecture": ("input_modalities", "output_modalities"),
    "reasoning": ("mandatory",),
    "benchmarks": ("artificial_analysis",),
}


def compact(row: dict[str, Any]) -> dict[str, Any]:
    return {field: _within(field, row[field]) for field in ROW if field in row}


def _within(field: str, value: Any) -> Any:
    if field in WITHIN and isinstance(value, dict):
        return {key: value[key] for key in WITHIN[field] if key in value}
    return value


def copy_of(body: bytes) -> str:
    """The copy has one row a line, so that a change of the list can be read."""
    full = json.loads(body)
    rest = {key: value for key, value in full.items() if key != "data"}
    rows = ",\n".join(_written(compact(row)) for row in full["data"])
    return f'{_written(rest)[:-1]},"data":[\n{rows}\n]}}\n'


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(copy_of(source.read_bytes()), encoding="utf-8")
