"""freerouter serve: the drop-in server."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from freerouter.cli.upstreams import settings_for

if TYPE_CHECKING:
    from freerouter.settings import Settings

PORT = 8788
_MISSING = "the server needs its extra: pip install 'freerouter-client[server]'"


class Command(TyperCommand):
    """``--client-keys`` can be used without a value, which typer does not support."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See TyperCommand."""
        return super().parse_args(ctx, ["--client-keys=only" if arg == "--client-keys" else arg for arg in args])


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's needs --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any that is free.", min=0, max=65535)] = PORT,
    token: Annotated[
        str | None, typer.Option(envvar="FREEROUTER_TOKEN", help="What clients have to send as their API key.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="File with OpenRouter's key.", exists=True, dir_okay=False)
    ] = None,
    client_keys: Annotated[
        Literal["off", "only", "fallback"],
        typer.Option(
            "--client-keys",
            metavar="[=fallback]",
            help="Use the key of OpenRouter that each client sends; with =fallback, the server's where it sends none.",
        ),
    ] = "off",
    cors: Annotated[
        list[str] | None, typer.Option(help="Origin of a web page that may use the server; '*' with --token.")
    ] = None,
    host_name: Annotated[
        list[str] | None, typer.Option(help="A name or network by which clients reach the server; '*' with --token.")
    ] = None,
    model_map: Annotated[
        list[str] | None, typer.Option("--map", help="Name to take for another, as 'gpt-*=free'.")
    ] = None,
    emulate: Annotated[
        bool, typer.Option("--emulate", help="Send to an emulated OpenRouter: no key, no network.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print its address as JSON.")] = False,
) -> None:
    """Be OpenRouter, for free models, to any program: base URL http://127.0.0.1:8788/api/v1.

    Example: freerouter serve --map 'gpt-*=openrouter/free'
    """
    try:
        from freerouter.server import Access
        from freerouter.server import serve as run
    except ModuleNotFoundError:
        raise SystemExit(f"freerouter: {_MISSING}") from None
    _also_warnings()
    names = tuple(name.lower() for name in host_name or ())
    origins = tuple(origin.rstrip("/") for origin in cors or ())
    access = Access((token or "").strip() or None, names, origins, client_keys)
    key = None if key_file is None else _read_key(key_file)
    with settings_for(emulate, limits=False, api_key=key, model_map=tuple(model_map or ()) or None) as settings:
        if settings.key is None and client_keys != "only":
            typer.echo("no key: set OPENROUTER_API_KEY (https://openrouter.ai/keys), or try --emulate", err=True)
        with suppress(KeyboardInterrupt):  # Ctrl-C is the usual way to stop it
            announce = _announce_to_machines if as_json else _announce
            run(settings, access, host, port, lambda url: announce(url, settings))


def _also_warnings() -> None:
    """Log the warnings of a server, too: unlike other commands, it has no user who reads its messages."""
    log = logging.getLogger("freerouter")
    log.setLevel(min(log.level, logging.WARNING))


def _announce_to_machines(url: str, settings: Settings) -> None:
    where = {"url": f"{url}/api/v1", "anthropic_url": f"{url}/api", "upstream": settings.upstream}
    print(json.dumps(where), flush=True)


def _announce(url: str, settings: Settings) -> None:
    typer.echo(f"Free models at {url}/api/v1", err=True)
    typer.echo(f"for clients of Anthropic's, at {url}/api", err=True)
    typer.echo(f"from {settings.upstream}; Ctrl-C stops it", err=True)


def _read_key(path: Path) -> str:
    try:
        key = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:  # its message would show the content of the file
        raise typer.BadParameter(f"{path} is not a text file") from None
    if not key:
        raise typer.BadParameter(f"{path} is empty")
    return key
