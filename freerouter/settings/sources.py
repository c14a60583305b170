"""freerouter.toml: where it is searched, how it is read, and which source a setting came from."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from freerouter.errors import SettingsError
from freerouter.spelling import did_you_mean

NAME = "freerouter.toml"
PREFIX = "FREEROUTER_"
KEY_VARIABLE = "OPENROUTER_API_KEY"
TOKEN_VARIABLE = "FREEROUTER_TOKEN"  # noqa: S105  # a name
# Names that a setting also has in the environment.
_ALSO = {"api_key": KEY_VARIABLE, "serve_token": TOKEN_VARIABLE}


def config_folder() -> Path:
    """The platform's folder for the user's configuration."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "freerouter"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "freerouter"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "freerouter"


def files() -> tuple[Path, Path]:
    """Where freerouter.toml may be: the working folder, which wins, and the user's config folder."""
    return Path(NAME), config_folder() / NAME


def read(path: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in a file; empty when there is no such file.

    Raises:
        SettingsError: it cannot be read, or has an unknown setting; names the file, the setting and the nearest one.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    for key in values:
        if key not in known:
            raise SettingsError(f"{path}: {unknown(key, known)}")
    return values


def unknown(name: str, known: Mapping[str, Any]) -> str:
    """The message about an unknown setting, with the nearest name."""
    return f"unknown setting {name!r}{did_you_mean(name, known)}"


class _Source(PydanticBaseSettingsSource):
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Not called: all values are read together."""
        return None, field_name, False


class EnvironmentSource(_Source):
    """The environment as a source of settings: ``FREEROUTER_<NAME>``, and OpenRouter's own name for the key."""

    def __call__(self) -> dict[str, Any]:
        """All that it sets."""
        known = self.settings_cls.model_fields
        found = {name: next(filter(os.environ.__contains__, variables(name)), None) for name in known}
        return {name: os.environ[variable] for name, variable in found.items() if variable is not None}


class FileSource(_Source):
    """One freerouter.toml as a source of settings."""

    def __init__(self, settings: type[BaseSettings], path: Path) -> None:
        super().__init__(settings)
        self._path = path

    def __call__(self) -> dict[str, Any]:
        """All that the file sets."""
        return read(self._path, self.settings_cls.model_fields)


def variables(name: str) -> Iterator[str]:
    """The environment variables that hold a setting; the first one wins."""
    yield f"{PREFIX}{name.upper()}"
    if name in _ALSO:
        yield _ALSO[name]


def strays(known: Mapping[str, Any]) -> Iterator[str]:
    """The environment variables that look like settings but are unknown, each with the nearest setting.

    They are not errors: a container's environment has many names that the user did not choose.
    """
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and variable != TOKEN_VARIABLE and name.lower() not in known:
            yield f"{variable}: {unknown(name.lower(), known)}"


def where_set(name: str, known: Mapping[str, Any], given: Container[str] = ()) -> str:
    """Where the value of a setting comes from, as text.

    Args:
        name: of the setting.
        known: all of them, by name.
        given: the names of those that were given as arguments.
    """
    if name in given:
        return "argument"
    for variable in variables(name):
        if variable in os.environ:
            return f"environment {variable}"
    return next((str(path) for path in files() if name in read(path, known)), "default")
