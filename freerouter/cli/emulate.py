"""freerouter emulate: an OpenRouter on loopback."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freerouter.spelling import did_you_mean

if TYPE_CHECKING:
    from freerouter.emulator import Emulator, Faults


def emulate(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 8789,
    seed: Annotated[int | None, typer.Option(help="Makes its answers repeatable.")] = None,
    catalog: Annotated[
        Path | None, typer.Option(help="Offer the models in this file instead of its own.", exists=True, dir_okay=False)
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="Rules by which requests fail, as TOML or JSON.", exists=True, dir_okay=False)
    ] = None,
    per_minute: Annotated[int, typer.Option(help="Free requests a minute; 0 for no limit.", min=0)] = 20,
    per_day: Annotated[int, typer.Option(help="Free requests a day; 0 for no limit.", min=0)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print its address as JSON.")] = False,
) -> None:
    """Run an OpenRouter on this machine, to try things without key, network or allowance.

    Example: freerouter emulate --port 8789 --per-day 1000

    Example of a rules file (docs/faults.md has all kinds of faults):

    \b
    [\\[faults]]
    kind = "rate_limited"
    models = "nvidia/*"
    probability = 0.3
    """  # noqa: D301  # the backslashes are for the help: \b keeps the lines, \[ is a bracket and no style
    rows = catalog.read_bytes() if catalog else None
    seed = secrets.randbits(32) if seed is None else seed
    emulator = load_emulator()(seed=seed, catalog=rows, per_minute=per_minute or None, per_day=per_day or None)
    if faults is not None:
        emulator.faults = _read_faults(faults)
    try:
        emulator.serve("127.0.0.1", port, _announce_to_machines if as_json else _announce)
    except OSError as error:
        raise SystemExit(f"freerouter: port {port} cannot be used: {error.strerror}") from None


def _announce(url: str) -> None:
    typer.echo(f"OpenRouter, emulated: {url} (any key; Ctrl-C stops it)", err=True)


def _announce_to_machines(url: str) -> None:
    print(json.dumps({"url": url}), flush=True)


def _read_faults(path: Path) -> Faults:
    from freerouter.emulator import FAULTS, FaultError, Faults

    try:
        return Faults.read(path)
    except FaultError as error:
        raise SystemExit(f"freerouter: {path}: {error}{did_you_mean(error.unknown, FAULTS)}") from None


def load_emulator() -> type[Emulator]:
    """The emulator's class; without the extra, one line says what to install."""
    try:
        from freerouter.emulator import Emulator
    except ModuleNotFoundError as error:
        raise SystemExit(f"freerouter: {error}") from None
    return Emulator
