"""The upstream of a command: OpenRouter with the user's key, or an emulated one while the command runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freerouter.cli.emulate import load_emulator

if TYPE_CHECKING:
    from freerouter.settings import Settings

Emulate = Annotated[bool, typer.Option("--emulate", help="Ask an OpenRouter emulated on this machine: no key needed.")]


def _check_prefer(word: str | None) -> str | None:
    """Raises BadParameter, which names the option, not the setting."""
    from freerouter.preferences import prefer_word

    try:
        return None if word is None else prefer_word(word)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Prefer = Annotated[
    str | None,
    typer.Option(
        "--prefer",
        metavar="WORD",
        callback=_check_prefer,
        help="What counts in the draw: quality, coding, agentic, fast, large, reliable; uniform by default.",
        autocompletion=lambda: ["uniform", "quality", "coding", "agentic", "fast", "large", "reliable"],
    ),
]

# The settings that an emulated OpenRouter needs.
EMULATED = ("upstream", "api_key", "cache_dir", "requests_per_minute")
_NO_LIMIT = 1_000_000
_NO_KEY = (
    "there is no key: create a free one at https://openrouter.ai/keys and set OPENROUTER_API_KEY, "
    "or try it without a key: {command} --emulate"
)


@contextmanager
def settings_for(emulate: bool, *, pause: float = 0.0, limits: bool = True, **adjusted: Any) -> Iterator[Settings]:
    """The settings in effect; while the block runs, those for an emulated OpenRouter if one is wanted.

    Args:
        emulate: whether to use an emulated one.
        pause: seconds between the pieces of an emulated stream.
        limits: an emulated account has as few requests as a real one.
        adjusted: settings from the command's options; None keeps a setting.
    """
    from freerouter.settings import Settings

    if not emulate:
        yield Settings.adjusted(None, **adjusted)
        return
    unlimited: dict[str, Any] = {} if limits else {"per_minute": None, "per_day": None}
    if not limits:
        adjusted["requests_per_minute"] = _NO_LIMIT
    with (
        tempfile.TemporaryDirectory(prefix="freerouter-") as folder,
        load_emulator()(chunk_delay=pause, **unlimited).running() as url,
    ):
        emulated = {"upstream": url, "api_key": "sk-or-emulated", "cache_dir": folder}
        yield Settings.adjusted(None, **(adjusted | emulated))


def check_key(settings: Settings, command: str) -> None:
    """Raises SettingsError, which says how to get a key, without a key."""
    from freerouter.errors import SettingsError

    if settings.key is None:
        raise SettingsError(_NO_KEY.format(command=command))
