"""TimingsFile: the measured times of the models, stored beside the catalog's copy for the next start."""

from __future__ import annotations

import json
import logging
from typing import Any

from freerouter.network.disk_cache import path_for, replace
from freerouter.openrouter.json_values import as_number, as_object
from freerouter.settings import Settings

_log = logging.getLogger("freerouter")


class TimingsFile:
    """One file for each upstream; several processes can use it: of each model, the latest times are kept."""

    def __init__(self, settings: Settings) -> None:
        self.path = path_for(settings, "timings", settings.upstream, "json")

    def read(self) -> dict[str, Any]:
        """The stored rows, by model, without those that are not valid; none without a readable file."""
        try:
            stored = as_object(json.loads(self.path.read_bytes()))
        except (OSError, ValueError, RecursionError):
            return {}
        return {model: row for model, row in stored.items() if _is_valid(row)}

    def write(self, rows: dict[str, Any]) -> None:
        """Store these rows, and keep those of other processes that are newer; a failure is logged."""
        merged = self.read()
        merged |= {model: row for model, row in rows.items() if _at(row) >= _at(merged.get(model))}
        try:
            replace(self.path, json.dumps(merged, allow_nan=False).encode())
        except OSError as error:
            _log.warning("timings could not be stored in %s: %s", self.path, error.strerror)


def _is_valid(row: Any) -> bool:
    return isinstance(row, dict) and all(value is None or as_number(value) is not None for value in row.values())


def _at(row: Any) -> float:
    return as_number(as_object(row).get("at")) or 0.0
