"""freerouter alarms: the models that are blocked because one of their answers has cost money."""

from __future__ import annotations

import json
import sys
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from freerouter.network.alarm_file import Alarm, AlarmFile
    from freerouter.settings import Settings


def alarms(
    clear: Annotated[bool, typer.Option("--clear", help="Remove the alarms: the models may be asked again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show the models that are not asked any more, because an answer said that it cost something.

    With --clear, a running server forgets them at its next request; others that share its state, at once.

    Example: freerouter alarms --clear
    """
    from freerouter.network.alarm_file import AlarmFile
    from freerouter.settings import Settings

    settings = Settings()
    file = AlarmFile(settings)
    found = file.alarms()
    if clear:
        _clear(file)
        _tell(settings, found)
    if as_json:
        print(json.dumps({"alarms": [alarm.as_dict() for alarm in found], "file": str(file.path)}, indent=2))
    else:
        _show(found, cleared=clear)


def _clear(file: AlarmFile) -> None:
    from freerouter.errors import SettingsError

    try:
        file.clear()
    except OSError as error:
        raise SettingsError(f"{file.path} cannot be removed: {error.strerror}") from None


def _tell(settings: Settings, found: list[Alarm]) -> None:
    """Other processes would bring the alarms back."""
    from freerouter.memory.costs import ACCOUNT
    from freerouter.openrouter.headers import account_in
    from freerouter.pipeline.joining import forget_alarms
    from freerouter.sharing.stores import StoreError

    try:
        about = [(ACCOUNT, account_in(alarm.account)) if alarm.account else (alarm.model,) for alarm in found]
        forget_alarms(settings, monotonic, about)
    except StoreError as error:
        print(f"other processes were not told: the shared state {error}", file=sys.stderr)


def _show(found: list[Alarm], *, cleared: bool) -> None:
    if not found:
        print("No answer has cost anything")
        return
    for alarm in found:
        print(f"{alarm.at}  ${alarm.cost}  {alarm.model}")
    print("removed" if cleared else "these models are not asked again: freerouter alarms --clear removes the alarms")
