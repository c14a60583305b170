"""Free models that appeared or vanished since the last look."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from freerouter.pipeline.filtering import Index
    from freerouter.settings import Settings


def changes(index: Index, settings: Settings, now: float) -> dict[str, Any]:
    """The changes since the last look, which this one replaces.

    Args:
        index: the current models.
        settings: give the folder of the last look: beside the copy of the list.
        now: seconds since 1970.

    Returns:
        ``{"since": ISO time or null, "appeared": [id], "vanished": [{"id", "reasons"}], "free": int}``

    Raises:
        SettingsError: the look cannot be stored.
    """
    path = _place(settings)
    last = _read(path)
    free = sorted(model.id for model in index.catalog.free(index.today))
    _keep(path, {"at": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"), "free": free})
    known = free if last is None else last["free"]
    return {
        "since": None if last is None else last["at"],
        "appeared": [name for name in free if name not in set(known)],
        "vanished": [{"id": name, "reasons": _why(index, name)} for name in known if name not in set(free)],
        "free": len(free),
    }


def _place(settings: Settings) -> Path:
    from freerouter.network.disk_cache import CatalogCopy

    path = CatalogCopy(settings, account=settings.account_models).path
    return path.with_name(path.name.replace("models-", "seen-", 1))


def _read(path: Path) -> dict[str, Any] | None:
    """The last look; None without one, or when the file is not valid."""
    try:
        look = json.loads(path.read_bytes())
        datetime.fromisoformat(look["at"])
        return {"at": look["at"], "free": sorted(map(str, look["free"]))}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, look: dict[str, Any]) -> None:
    from freerouter.errors import SettingsError
    from freerouter.network.disk_cache import replace

    try:
        replace(path, json.dumps(look).encode())
    except OSError as error:
        raise SettingsError(f"the look cannot be stored in {path}: {error.strerror}: set cache_dir") from None


def _why(index: Index, name: str) -> list[str]:
    model = index.catalog.get(name)
    return ["is no longer listed"] if model is None else list(model.why_not_free(index.today))
