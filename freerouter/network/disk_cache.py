"""The copy of the list of models on disk, for the next start and for times without network."""

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
    """The platform's folder for what can be fetched again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "freerouter" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "freerouter"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "freerouter"


class Copy:
    """One file: a list for each upstream, and for each account where the list is the account's."""

    def __init__(self, settings: Settings, *, account: bool) -> None:
        name = settings.upstream + (f"\n{settings.key}" if account else "")
        folder = Path(settings.cache_dir) if settings.cache_dir else cache_folder()
        self.path = folder / f"models-{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"

    def read(self) -> tuple[bytes, float] | None:
        """Its bytes, and when they were written, in seconds since 1970; None when there is none."""
        try:
            return self.path.read_bytes(), self.path.stat().st_mtime
        except OSError:
            return None

    def write(self, body: bytes) -> None:
        """Replace it at one stroke, so that no other process ever reads a part; a failure is logged."""
        try:
            replace(self.path, body)
        except OSError as error:
            _log.warning("catalog: no copy could be kept in %s: %s", self.path, error.strerror)


def replace(path: Path, body: bytes) -> None:
    """Write a file at one stroke, in a folder that is made if need be. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
