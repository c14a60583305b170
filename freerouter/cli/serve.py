"""freerouter serve: the drop-in server."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from freerouter.cli import options
from freerouter.cli.upstreams import EMULATED, Prefer, settings_for
from freerouter.errors import install

if TYPE_CHECKING:
    from freerouter.server import Access, WorkerPlan
    from freerouter.settings import Settings

_MISSING = f"the server needs its extra: {install('server')}"


class Command(TyperCommand):
    """``--client-keys`` can be used without a value, which typer does not support."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See TyperCommand."""
        return super().parse_args(ctx, ["--client-keys=only" if arg == "--client-keys" else arg for arg in args])


def serve(
    host: options.Host = None,
    port: options.Port = None,
    workers: options.Workers = None,
    token: options.Tokens = None,
    token_file: options.TokenFile = None,
    token_limit: options.TokenLimit = None,
    key_file: options.KeyFile = None,
    client_keys: options.WhoseKeys = None,
    cors: options.Origins = None,
    host_name: options.HostNames = None,
    model_map: options.ModelMap = None,
    prefer: Prefer = None,
    emulate: options.SendToEmulator = False,
    show_content: options.ShowContent = False,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
    as_json: options.AddressAsJson = False,
) -> None:
    """Be OpenRouter, for free models, to any program: base URL http://127.0.0.1:8788/api/v1.

    Each option is a setting, too: --host is serve_host in freerouter.toml, FREEROUTER_SERVE_HOST in the environment.

    Example: freerouter serve --map 'gpt-*=openrouter/free'
    """
    _run(
        serve_host=host,
        serve_port=port,
        serve_workers=workers,
        serve_token=tuple(token or ()) or None,
        serve_token_file=token_file and str(token_file),
        serve_token_limit=token_limit,
        serve_key_file=key_file and str(key_file),
        serve_client_keys=client_keys,
        serve_cors=tuple(cors or ()) or None,
        serve_host_name=tuple(host_name or ()) or None,
        serve_emulate=emulate or None,
        serve_show_content=show_content or None,
        serve_log_format=log_format,
        serve_log_level=log_level,
        serve_json=as_json or None,
        model_map=tuple(model_map or ()) or None,
        prefer=prefer,
    )


def _run(**given: Any) -> None:
    try:
        from freerouter.server import serve as run
        from freerouter.server import serve_with_workers
    except ModuleNotFoundError:
        raise SystemExit(f"freerouter: {_MISSING}") from None
    from freerouter.settings import Settings

    emulate = Settings.adjusted(None, **given).serve_emulate
    with settings_for(emulate, limits=False, **_with_key(given)) as settings:
        if settings.key is None and settings.serve_client_keys != "only":
            typer.echo("no key: set OPENROUTER_API_KEY (https://openrouter.ai/keys), or try --emulate", err=True)
        announce = partial(_announce_to_machines if settings.serve_json else _announce, settings)
        with suppress(KeyboardInterrupt):  # Ctrl-C is how it is stopped
            if settings.serve_workers == 1:
                run(settings, _access(settings), announce)
            else:
                serve_with_workers(settings, _access(settings), announce, lambda: _anew(given, settings))


def _anew(given: dict[str, Any], before: Settings) -> WorkerPlan:
    """What the files say now. Raises SettingsError."""
    from freerouter.errors import SettingsError
    from freerouter.server import WorkerPlan
    from freerouter.settings import Settings

    kept = {name: getattr(before, name) for name in EMULATED} if before.serve_emulate else {}
    try:
        settings = Settings.adjusted(None, **_with_key(given) | kept)
        return WorkerPlan(settings, _access(settings))
    except typer.BadParameter as error:
        raise SettingsError(error.message) from None


def _with_key(given: dict[str, Any]) -> dict[str, Any]:
    """With the key that is in a file, if it is to be read there."""
    from freerouter.settings import Settings

    path = Settings.adjusted(None, **given).serve_key_file
    return given if path is None else given | {"api_key": _read_key(Path(path))}


def _access(settings: Settings) -> Access:
    """What the settings say of who may use the server."""
    from freerouter.server import Access, tokens
    from freerouter.server.tokens import lines

    texts = [token.get_secret_value() for token in settings.serve_token]
    if settings.serve_token_file is not None:
        texts += lines(_read(Path(settings.serve_token_file)))
    return Access(
        tokens(*texts),
        tuple(name.lower() for name in settings.serve_host_name),
        tuple(origin.rstrip("/") for origin in settings.serve_cors),
        settings.serve_client_keys,
        settings.serve_token_limit,
    )


def _announce_to_machines(settings: Settings, url: str) -> None:
    where = {"url": f"{url}/api/v1", "anthropic_url": f"{url}/api", "upstream": settings.upstream}
    print(json.dumps(where), flush=True)


def _announce(settings: Settings, url: str) -> None:
    from freerouter.server.listening import EVERYWHERE

    typer.echo(f"Free models at {url}/api/v1", err=True)
    if settings.serve_host in EVERYWHERE:
        typer.echo("it listens on all addresses of this machine", err=True)
    typer.echo(f"for clients of Anthropic's, at {url}/api", err=True)
    typer.echo(f"what it does is shown at {url}/", err=True)
    typer.echo(f"from {settings.upstream}; Ctrl-C stops it", err=True)


def _read_key(path: Path) -> str:
    key = _read(path)
    if not key:
        raise typer.BadParameter(f"{path} is empty")
    return key


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:  # its text would show what is in the file
        raise typer.BadParameter(f"{path} is not UTF-8 text") from None
