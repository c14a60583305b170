"""freerouter config: the settings in effect, and where each came from."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

# In place of a secret.
_SET = "(set)"


def config(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """Show the settings in effect, and where each came from, as freerouter.toml would have them; the key is masked.

    Example: FREEROUTER_MAX_ATTEMPTS=3 freerouter config
    """
    from freerouter.settings import Settings
    from freerouter.settings.sources import config_folder, strays

    rows = _rows()
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(f"# freerouter.toml is searched here, and in {config_folder()}")
    for row in rows:
        print(f"{_line(row):<41}  # {row['from']}")
    for stray in strays(Settings.model_fields):
        print(f"# ignored: {stray}")


def _line(row: dict[str, Any]) -> str:
    """A setting as a line of TOML; one that is not set, or not shown, as a comment."""
    name, value = row["name"], row["value"]
    if value is None:
        return f"# {name} is not set"
    return f"# {name} is set" if value == _SET else f"{name} = {json.dumps(value)}"


def _rows() -> list[dict[str, Any]]:
    from freerouter.settings import Settings
    from freerouter.settings.sources import where_set

    settings = Settings()
    known = Settings.model_fields
    values = settings.model_dump(mode="json")
    values["api_key"] = None if settings.api_key is None else _SET
    values["redis_url"] = None if settings.redis_url is None else _SET
    values["shared_state"] = settings.shared_state if isinstance(settings.shared_state, str) else _SET
    values["serve_token"] = _SET if settings.serve_token else []
    return [{"name": name, "value": values[name], "from": where_set(name, known)} for name in known]
