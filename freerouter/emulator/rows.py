"""Expands the compact table into the rows and envelopes of OpenRouter's GET /models."""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from freerouter.emulator.table import SCORES, TABLE, Row

Model = dict[str, Any]

# One release day for all is enough: nothing in the emulator depends on it.
_CREATED = 1_780_000_000
_MILLION = Decimal(1_000_000)


def expand(row: Row) -> Model:
    """Return the row as OpenRouter lists it (openrouter-facts 2)."""
    slug = row.slug or row.id.split(":", 1)[0]
    model: Model = {
        "id": row.id,
        "canonical_slug": slug,
        "hugging_face_id": "",
        "name": _name(row.id),
        "created": _CREATED,
        "description": f"{_name(row.id)}, as the emulator plays it.",
        "context_length": row.context,
        "architecture": _architecture(row),
        "pricing": _pricing(row),
        "top_provider": _top_provider(row),
        "per_request_limits": None,
        "supported_parameters": sorted(set(row.params.split())),
        "default_parameters": {"temperature": None, "top_p": None, "frequency_penalty": None},
        "supported_voices": None,
        "knowledge_cutoff": None,
        "expiration_date": row.expires,
        "links": {"details": f"/api/v1/models/{slug}/endpoints"},
    }
    return model | _optional(row)


def own_models() -> list[Model]:
    """Return every model of the emulator's own table, whatever it puts out."""
    return [expand(row) for row in TABLE]


def listed(models: Iterable[Model]) -> list[Model]:
    """Return those that GET /models lists unless it is asked for all: the ones with text output."""
    return [m for m in models if "text" in m["architecture"]["output_modalities"]]


def envelope(models: Sequence[Mapping[str, Any]], total: int | None = None, following: str | None = None) -> bytes:
    """Return the list as GET /models answers it; `following` is the address of the next page."""
    count = len(models) if total is None else total
    page = {"data": models, "total_count": count, "links": {"next": following}}
    return json.dumps(page, separators=(",", ":")).encode()


def _name(model_id: str) -> str:
    author, _, rest = model_id.lstrip("~").partition("/")
    slug, _, variant = rest.partition(":")
    words = slug.replace("-", " ").title()
    return f"{author.title()}: {words}" + (f" ({variant})" if variant else "")


def _architecture(row: Row) -> Model:
    inputs, outputs = row.inputs.split(), row.outputs.split()
    return {
        "modality": f"{'+'.join(inputs)}->{'+'.join(outputs)}",
        "input_modalities": inputs,
        "output_modalities": outputs,
        "tokenizer": "Other",
        "instruct_type": None,
    }


def _pricing(row: Row) -> Model:
    return {
        "prompt": _per_token(row.prompt),
        "completion": _per_token(row.completion),
        **(row.extra or {}),
    }


def _per_token(per_million: str) -> str:
    price = Decimal(per_million)
    return format((price / _MILLION).normalize(), "f") if price > 0 else per_million


def _top_provider(row: Row) -> Model:
    router = row.id.startswith("openrouter/") and row.max_output is None
    return {
        "context_length": None if router else row.top_context or row.context,
        "max_completion_tokens": row.max_output,
        "is_moderated": row.moderated,
    }


def _optional(row: Row) -> Model:
    fields: Model = {}
    if row.reasoning:
        mandatory = row.reasoning == "mandatory"
        fields["reasoning"] = {"mandatory": mandatory, "default_enabled": row.reasoning != "off"}
    if row.id in SCORES:
        names = ("intelligence_index", "coding_index", "agentic_index")
        fields["benchmarks"] = {
            "artificial_analysis": dict(zip(names, SCORES[row.id], strict=True)),
            "design_arena": [],
        }
    if row.alias_of:
        fields["alias_target"] = {"slug": row.alias_of, "name": _name(row.alias_of)}
    return fields
