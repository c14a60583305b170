"""The files on disk, and the stored copy of the list of models, for a start without network."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
from pathlib import Path

from freerouter.settings import Settings

_log = logging.getLogger("freerouter")


def cache_folder() -> Path:
    """The platform's folder for cached data."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "freerouter" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "freerouter"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "freerouter"


def path_for(settings: Settings, kind: str, owner: str, ending: str) -> Path:
    """The path of a file of this kind; ``owner`` is hashed into the name."""
    folder = Path(settings.cache_dir) if settings.cache_dir else cache_folder()
    return folder / f"{kind}-{hashlib.sha256(owner.encode()).hexdigest()[:16]}.{ending}"


class CatalogCopy:
    """One file: a list for each upstream, and for each account where the list is the account's."""

    def __init__(self, settings: Settings, *, account: bool) -> None:
        name = settings.upstream + (f"\n{settings.key}" if account else "")
        self.path = path_for(settings, "models", name, "json")

    def read(self) -> tuple[bytes, float] | None:
        """Its bytes, and when they were written, in seconds since 1970; None without a file."""
        try:
            return self.path.read_bytes(), self.path.stat().st_mtime
        except OSError:
            return None

    def write(self, body: bytes) -> None:
        """Replace it atomically, so that other processes never read a partial file; a failure is logged."""
        try:
            replace(self.path, body)
        except OSError as error:
            _log.warning("catalog: the copy could not be stored in %s: %s", self.path, error.strerror)


def replace(path: Path, body: bytes) -> None:
    """Write a file atomically, and create its folder if needed. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
