"""The cases as ``cases.json`` holds them, and catalogs and bodies made whole again."""

import json
from functools import cache
from pathlib import Path
from typing import Any

CASES = Path(__file__).with_name("cases.json")

PARAMETERS = (
    *("max_tokens", "temperature", "top_p", "seed", "stop", "tools", "tool_choice"),
    *("response_format", "structured_outputs", "reasoning"),
)


def full_row(name: str) -> dict[str, Any]:
    """A plain row of the catalog: a free model for text with tools."""
    return {
        "id": name,
        "canonical_slug": name.partition(":")[0] + "-20260101",
        "name": name,
        "created": 1_750_000_000,
        "context_length": 131_072,
        "architecture": {
            "modality": "text->text",
            "input_modalities": ["text"],
            "output_modalities": ["text"],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": {"prompt": "0", "completion": "0"},
        "supported_parameters": list(PARAMETERS),
        "per_request_limits": None,
        "default_parameters": {},
        "top_provider": {"context_length": 131_072, "max_completion_tokens": 32_768, "is_moderated": False},
        "expiration_date": None,
    }


def full_rows(small: list[Any]) -> list[Any]:
    """Rows as they are; those that are a pair of an id and changes, made whole."""
    return [full_row(row[0]) | row[1] if isinstance(row, list) else row for row in small]


def usual_row(number: int) -> dict[str, Any]:
    """A row of the usual catalog: every second model sees, every fourth has no tools, and others no forced ones."""
    row = full_row(f"vendor{number}/model-{number}:free")
    lacks = {"tools", "tool_choice"} if number % 4 == 0 else {"tool_choice"} if number % 4 == 1 else set()
    row["supported_parameters"] = [name for name in PARAMETERS if name not in lacks]
    if number % 2:
        row["architecture"]["input_modalities"] = ["text", "image"]
    return row


def usual_catalog() -> list[Any]:
    """The catalog where it does not matter: twelve free models, one for money, and OpenRouter's own router."""
    paid = full_row("vendor1/model-1") | {"pricing": {"prompt": "0.000001", "completion": "0.000001"}}
    return [*map(usual_row, range(12)), paid, full_row("openrouter/free")]


def as_bytes(small: Any) -> bytes:
    """The bytes that stand for text, for pieces of it with how often they repeat, or for hexadecimal."""
    if isinstance(small, dict):
        return bytes.fromhex(small["hex"])
    pieces = [small] if isinstance(small, str) else small
    return "".join(piece if isinstance(piece, str) else piece[0] * piece[1] for piece in pieces).encode()


@cache
def stored() -> dict[str, Any]:
    return json.loads(CASES.read_bytes())


def rows_of(case: dict[str, Any]) -> list[Any]:
    """The catalog that a case is played with."""
    return full_rows(stored()["catalogs"][case["catalog"]]) if "catalog" in case else usual_catalog()


def request_of(case: dict[str, Any], name: str | None = None) -> bytes:
    """The body of a request of a case: one by its name, else the first one sent."""
    requests = case["requests"]
    if name is None:
        name = next((name for name in ("request.json", "request.raw") if name in requests), None)
    return b"" if name is None else as_bytes(requests[name])
