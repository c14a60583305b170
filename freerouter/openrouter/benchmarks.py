"""Benchmarks: the scores of models that the list of models carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from freerouter.openrouter.json_values import as_number, as_object

INDICES = ("intelligence", "coding", "agentic")


def index_of(row: Mapping[str, Any], name: str) -> float | None:
    """One of a model's ``benchmarks.artificial_analysis``; its scale changes, so only ranks can be compared."""
    scores = as_object(as_object(row.get("benchmarks")).get("artificial_analysis"))
    return as_number(scores.get(f"{name}_index"))
