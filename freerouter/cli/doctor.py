"""freerouter doctor: checks the installation, and says how to fix problems."""

from __future__ import annotations

import json
import platform
import socket
import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from freerouter import __version__
from freerouter.cli.options import PORT
from freerouter.cli.upstreams import Emulate, settings_for

if TYPE_CHECKING:
    from freerouter.cli.diagnosis import Check, Findings
    from freerouter.settings import Settings

# The packages of the extras, after those that are always installed.
_PACKAGES = ("httpx", "pydantic", "typer", "rich", "jsonschema", "starlette", "aiohttp", "redis")
_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    emulate: Emulate = False,
) -> None:
    """Check key, network, clock, models, allowance, privacy settings and server port; say what to do.

    The status is 1 when something has failed. Nothing is sent to a model.

    Example: freerouter doctor
    """
    from freerouter.cli.diagnosis import Findings, Level, examine
    from freerouter.errors import SettingsError

    try:
        with settings_for(emulate) as settings:
            findings = _look_around(settings)
    except SettingsError as error:
        findings = Findings(None, str(error), port=PORT, port_state=_port_state(None), versions=_versions())
    checks = examine(findings)
    failed = [check for check in checks if check.state is Level.FAILED]
    if as_json:
        print(json.dumps({"ok": not failed, "checks": [check.as_dict() for check in checks]}, indent=2))
    else:
        _show(checks)
    if failed:
        raise typer.Exit(1)


def _look_around(settings: Settings) -> Findings:
    from freerouter.cli.diagnosis import Findings
    from freerouter.network.disk_cache import CatalogCopy
    from freerouter.network.fetching import look
    from freerouter.pipeline import joining
    from freerouter.settings.sources import strays

    copy = CatalogCopy(settings, account=settings.account_models).read()
    models = look(settings, f"{settings.upstream}/models")
    ask = settings.key is not None and models.status is not None
    return Findings(
        settings,
        models=models,
        account_models=look(settings, f"{settings.upstream}/models/user") if ask else None,
        key=look(settings, f"{settings.upstream}/key") if ask else None,
        copy_written=None if copy is None else copy[1],
        wall=time.time(),
        port=PORT,
        port_state=_port_state(settings),
        upstream_is_ours=_is_ours(settings, settings.upstream),
        versions=_versions(),
        shared=joining.look(settings),
        strays=tuple(strays(type(settings).model_fields)),
    )


def _is_ours(settings: Settings, url: str) -> bool:
    """Whether a freerouter server answers at an address of this machine."""
    from freerouter.network.fetching import look
    from freerouter.settings import is_loopback

    address = urlsplit(url)
    if not is_loopback(address.hostname or ""):
        return False
    return bool(look(settings, f"{address.scheme}://{address.netloc}/health").json() == {"status": "alive"})


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"freerouter": __version__, "Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _port_state(settings: Settings | None) -> str:
    """Whether the server's port is free, and if not, whether a freerouter server uses it."""
    try:
        with socket.create_server(("127.0.0.1", PORT)):
            return "free"
    except OSError:
        pass
    return "freerouter" if settings is not None and _is_ours(settings, f"http://127.0.0.1:{PORT}") else "taken"


def _show(checks: list[Check]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, emoji=False)
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        remedy = f"\n-> {check.remedy}" if check.remedy else ""
        table.add_row(f"[{_STYLES[check.state]}]{check.state}[/]", check.name, escape(f"{check.found}{remedy}"))
    console.print(table)
