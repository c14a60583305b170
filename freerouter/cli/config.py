"""freerouter config: the settings in effect, and where each came from."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer


def config(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """Show the settings in effect, and where each came from; the key is masked.

    Example: FREEROUTER_MAX_ATTEMPTS=3 freerouter config
    """
    rows = _rows()
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        value = row["value"] if isinstance(row["value"], str) else json.dumps(row["value"])
        print(f"{row['name']:<20} {value:<42} {row['from']}")


def _rows() -> list[dict[str, Any]]:
    from freerouter.configuration import origin
    from freerouter.settings import Settings

    settings = Settings()
    known = Settings.model_fields
    values = settings.model_dump(mode="json")
    values["api_key"] = None if settings.api_key is None else "(set)"
    return [{"name": name, "value": values[name], "from": origin(name, known)} for name in known]
