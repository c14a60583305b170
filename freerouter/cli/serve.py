"""freerouter serve: the drop-in server."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freerouter.cli.emulate import load_emulator

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from freerouter.settings import Settings

PORT = 8788
_MISSING = "the server needs its extra: pip install 'freerouter-client[server]'"


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's needs --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = PORT,
    token: Annotated[
        str | None, typer.Option(envvar="FREEROUTER_TOKEN", help="What clients have to send as their API key.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="File with OpenRouter's key.", exists=True, dir_okay=False)
    ] = None,
    client_keys: Annotated[bool, typer.Option(help="Use the keys of OpenRouter that clients send.")] = False,
    cors: Annotated[list[str] | None, typer.Option(help="Origin of a web page that may use the server.")] = None,
    host_name: Annotated[list[str] | None, typer.Option(help="A name by which clients reach the server.")] = None,
    model_map: Annotated[
        list[str] | None, typer.Option("--map", help="Name to take for another: 'claude-*=openrouter/free'.")
    ] = None,
    emulate: Annotated[bool, typer.Option(help="Send to an emulated OpenRouter: no key, no network.")] = False,
) -> None:
    """Be OpenRouter, for free models, to any program: base URL http://127.0.0.1:8788/api/v1.

    Example: freerouter serve --map 'gpt-*=openrouter/free'
    """
    try:
        from freerouter.server import Access
        from freerouter.server.running import serve as run
    except ModuleNotFoundError:
        raise SystemExit(f"freerouter: {_MISSING}") from None
    access = Access(token, tuple(host_name or ()), tuple(cors or ()), client_keys)
    with _emulated(emulate) as upstream:
        settings = _settings(key_file, model_map, upstream)
        typer.echo(f"free models at http://{host}:{port}/api/v1 (upstream {settings.upstream})", err=True)
        if settings.key is None and not client_keys:
            typer.echo("no key: set OPENROUTER_API_KEY (https://openrouter.ai/keys), or try --emulate", err=True)
        with suppress(KeyboardInterrupt):  # Ctrl-C is how it is stopped
            run(settings, access, host, port)


def _emulated(emulate: bool) -> AbstractContextManager[str | None]:
    return load_emulator()().running() if emulate else nullcontext()


def _settings(key_file: Path | None, model_map: list[str] | None, upstream: str | None) -> Settings:
    from freerouter.settings import Settings

    given: dict[str, Any] = {}
    if key_file is not None:
        given["api_key"] = key_file.read_text()
    if model_map:
        given["model_map"] = tuple(model_map)
    if upstream is not None:
        given |= {"upstream": upstream, "api_key": "sk-or-emulated", "cache_dir": None}
    return Settings(**given)
