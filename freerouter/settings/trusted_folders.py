"""Which folders' freerouter.toml may set the upstream and the key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from freerouter.errors import SettingsError

NAME = "trusted_folders"
_GUARDED = ("upstream", "api_key", "shared_state", "redis_url")
_GUARDED_PREFIX = "serve_"  # who may use the server, and what it listens on


def split(value: object) -> object:
    """Accept a list of folders as the environment writes it: ``a:b`` (``a;b`` on Windows), or ``a, b``."""
    if isinstance(value, str):
        return tuple(item.strip() for item in re.split(f"[,{os.pathsep}]", value) if item.strip())
    return value


def check(entries: Iterable[str]) -> None:
    """Raises ValueError when an entry can match no folder."""
    for entry in entries:
        if entry != "*" and not Path(entry).expanduser().is_absolute():
            raise ValueError(f"{entry!r} is not an absolute path, such as /home/me/work or ~/work/*")


def check_file(path: Path, values: Mapping[str, Any], trusted: Iterable[str], user_file: Path) -> None:
    """Check what a folder's own file sets: a folder that was downloaded must not get the key or the prompts.

    Args:
        path: the file in the working folder.
        values: what it sets.
        trusted: the folders that the user trusts.
        user_file: the user's own file, where trust can be given.

    Raises:
        SettingsError: it sets what only the user may set; names the file, the setting and the remedy.
    """
    if path.resolve() == user_file.resolve():
        return
    folder = path.resolve().parent
    if NAME in values:
        raise SettingsError(f"{folder / path.name}: {NAME!r} can be set only in {user_file} or the environment")
    guarded = [name for name in values if name in _GUARDED or name.startswith(_GUARDED_PREFIX)]
    if guarded and not any(_matches(entry, folder) for entry in trusted):
        names = " and ".join(map(repr, guarded))
        raise SettingsError(
            f"{folder / path.name} sets {names}, which decides who gets your key or your prompts: if you trust this "
            f'folder, set {NAME} = ["{folder}"] in {user_file}, or FREEROUTER_TRUSTED_FOLDERS={folder}; '
            "otherwise remove the setting"
        )


def _matches(entry: str, folder: Path) -> bool:
    """Whether an entry matches a folder: its path, ``path/*`` for all folders below a path, or ``*`` for all."""
    path = Path(entry).expanduser()
    if path.name == "*":
        return entry == "*" or path.parent.resolve() in folder.parents
    return path.resolve() == folder
