"""freerouter top: what a running server does, live at the terminal."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freerouter.cli.options import PORT, server_base

if TYPE_CHECKING:
    from freerouter.settings import Settings

_REQUESTS = 50
_EVERY = 1.0


def top(
    url: Annotated[str, typer.Option(help="Where freerouter serve runs.")] = f"http://127.0.0.1:{PORT}",
    token: Annotated[
        str | None, typer.Option(help="Its token.", envvar="FREEROUTER_TOKEN", show_envvar=True, show_default=False)
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show it once, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Show it once, for machines.")] = False,
) -> None:
    """Show health, allowance, models and the last requests of a running freerouter serve, until Ctrl-C.

    A browser shows the same at the server's address.

    Example: freerouter top --url http://127.0.0.1:8788
    """
    from freerouter.settings import Settings

    settings, base = Settings(), server_base(url, "--url")
    first = status(settings, base, token)
    if as_json:
        print(json.dumps(first, indent=2))
    elif once or not sys.stdout.isatty():
        console = _console()
        console.print(_picture(first, console.width))
    else:
        with suppress(KeyboardInterrupt):
            _watch(settings, base, token, first)


def status(settings: Settings, base: str, token: str | None, requests: int = _REQUESTS) -> dict[str, Any]:
    """What ``GET /status`` says. Raises UpstreamUnavailableError, UpstreamError, which say what to do."""
    from freerouter.errors import UpstreamError, UpstreamUnavailableError
    from freerouter.network.fetching import look

    seen = look(settings, f"{base}/status?requests={requests}", token)
    if seen.status is None:
        raise UpstreamUnavailableError(f"no server answers at {base}: start freerouter serve, or give its --url")
    if seen.status == 401:
        raise UpstreamError("the token is missing or wrong: see --token", status=401, body={})
    told = seen.json()
    if seen.status != 200 or not isinstance(told, dict) or "models" not in told:
        message = f"{base}/status answers with status {seen.status}, and not as freerouter serve does"
        raise UpstreamError(message, status=seen.status, body={})
    return told


def _watch(settings: Settings, base: str, token: str | None, told: dict[str, Any]) -> None:
    from rich.live import Live

    from freerouter.errors import FreeRouterError

    console = _console()
    with Live(_picture(told, console.width, console.height), console=console, screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(_EVERY)
            lost = ""
            try:
                told = status(settings, base, token)
            except FreeRouterError as error:
                lost = str(error)
            live.update(_picture(told, console.width, console.height, lost), refresh=True)


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def _picture(told: dict[str, Any], width: int, height: int | None = None, lost: str = "") -> Any:
    from freerouter.cli.dashboard import picture

    return picture(told, time.time(), width, height, lost)
