"""freerouter models: the free models, what they can do, and what changed among them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freerouter.cli.catalogs import CatalogFile, router_for
from freerouter.cli.options import PORT, server_base

if TYPE_CHECKING:
    from rich.console import Console

    from freerouter.openrouter.catalog import Model
    from freerouter.pipeline.router import Router

_ABILITIES = {
    "tools": "tools",
    "tool_choice": "tool choice",
    "response_format": "JSON",
    "structured_outputs": "schema",
    "reasoning": "reasoning",
    "seed": "seed",
    "stop": "stop",
    "logprobs": "logprobs",
}

_SERVER = f"http://127.0.0.1:{PORT}"
_NEVER = "9999"
_SOON = 14


class SortOrder(StrEnum):
    """The sort key of the list."""

    NAME = "name"
    CONTEXT = "context"
    OUTPUT = "output"
    NEWEST = "newest"
    EXPIRES = "expires"


# Largest value first; rows without a value last.
_KEYS: dict[SortOrder, Callable[[dict[str, Any]], Any]] = {
    SortOrder.NAME: lambda row: row["id"],
    SortOrder.CONTEXT: lambda row: -(row["context"] or 0),
    SortOrder.OUTPUT: lambda row: -(row["max_output"] or 0),
    SortOrder.NEWEST: lambda row: -row["created"],
    SortOrder.EXPIRES: lambda row: row["expires"] or _NEVER,
}


def models(
    needs: Annotated[
        str, typer.Option(help="Only models that can do all of these: tools, image, structured_outputs, ...")
    ] = "",
    author: Annotated[str, typer.Option(help="Only models of these: nvidia,google.")] = "",
    min_context: Annotated[int, typer.Option(help="Only models with so many tokens of context.", min=0)] = 0,
    sort: Annotated[SortOrder, typer.Option(help="What comes first.")] = SortOrder.NAME,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show what appeared and vanished since the last look.")
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(help="A running freerouter serve, which knows the cooldowns.", show_default=_SERVER),
    ] = None,
    catalog: CatalogFile = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are not eligible, with the reason.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """List the free models with what they can do.

    Example: freerouter models --needs tools,image --sort context
    """
    if watch and catalog is not None:
        raise typer.BadParameter("--watch compares the lists of OpenRouter: leave out --catalog")
    router = router_for(catalog)
    if watch:
        _watch(router, as_json)
        return
    authors = {name.rstrip("/") for name in author.replace(",", " ").split()}
    left_alone = {} if catalog else router.cooling() | _cooling_at(server)
    rows = [
        row
        for row in _rows(router, needs.replace(",", " ").split(), every, left_alone)
        if (not authors or row["id"].partition("/")[0] in authors) and _holds(row, min_context)
    ]
    rows.sort(key=lambda row: (not row["eligible"], _KEYS[sort](row), row["id"]))
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        _show(rows)


def _holds(row: dict[str, Any], tokens: int) -> bool:
    return row["context"] is None or row["context"] >= tokens


def _cooling_at(server: str | None) -> dict[str, float]:
    """The cooldowns of the server that is named, or of one at the default address, if there is one."""
    base = server_base(server or _SERVER, "--server")
    told = cooling(base)
    if told is None and server is not None:
        typer.echo(f"freerouter: no list of models from {base}: the cooldowns of that server are not shown", err=True)
    return told or {}


def cooling(base: str) -> dict[str, float] | None:
    """The cooldowns of a running server, in seconds; None when it does not answer with its list of models."""
    from pydantic_core import from_json

    from freerouter.network.fetching import look
    from freerouter.settings import Settings

    try:
        rows = from_json(look(Settings(), f"{base}/api/v1/models").body)["data"]
        return {row["id"]: row["freerouter"]["cooling_s"] for row in rows if "freerouter" in row}
    except (ValueError, TypeError, KeyError):  # the program at that address is not a freerouter server
        return None


def _rows(router: Router, needs: list[str], every: bool, cooling: dict[str, float]) -> list[dict[str, Any]]:
    """The models that can do what is needed; if every one is wanted, the others too, with the reason."""
    from freerouter.openrouter.requirements import canonical

    index, wanted = router.index(), canonical(needs)
    listed = router.models(wanted)
    rows = [_row(model, [], cooling.get(model.id)) for model in listed]
    if every:
        kept = {model.id for model in listed}
        others = [model for model in index.explainable() if model.id not in kept]
        barred = router.barred()
        rows += [_row(m, [*index.lacks(m, wanted), *([barred[m.id]] if m.id in barred else [])]) for m in others]
    return rows


def _row(model: Model, reasons: list[str], cooling: float | None = None) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "created": model.created,
        "context": model.context,
        "max_output": model.max_output,
        "inputs": sorted(model.inputs),
        "parameters": sorted(model.parameters),
        "reasoning_mandatory": model.reasoning_mandatory,
        "moderated": model.moderated,
        "expires": model.expires.isoformat() if model.expires else None,
        "cooling_s": cooling,
        "eligible": not reasons,
        "reasons": reasons,
    }


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def _show(rows: list[dict[str, Any]]) -> None:
    from rich.padding import Padding

    console = _console()
    width = max(console.width - 18, 20)
    if width > 20:
        width = min(width, 54)
    console.print(f"{'Model':<{width}}{'Context':>9}{'Output':>9}", style="bold")
    today = datetime.now(UTC).date()
    for row in rows:
        figures = f"{tokens(row['context']):>9}{tokens(row['max_output']):>9}"
        if len(row["id"]) >= width:
            console.print(row["id"])
            console.print(f"{'':<{width}}{figures}")
        else:
            console.print(f"{row['id']:<{width}}{figures}")
        console.print(Padding(_words(row, today), (0, 0, 0, 2), expand=False), style="dim")
    console.print(f"{sum(row['eligible'] for row in rows)} free models", style="bold")


def tokens(count: int | None) -> str:
    """A number of tokens, short: 131072 is 131K."""
    if count is None:
        return "-"
    return f"{count / 1_000_000:.3g}M" if count >= 1_000_000 else f"{round(count / 1000)}K"


def _words(row: dict[str, Any], today: date) -> str:
    if not row["eligible"]:
        return "not eligible: " + "; ".join(row["reasons"])
    takes = [name for name in row["inputs"] if name != "text"]
    can = [word for name, word in _ABILITIES.items() if name in row["parameters"]]
    notes = ["moderated"] if row["moderated"] else []
    if row["expires"] and (left := (date.fromisoformat(row["expires"]) - today).days) <= _SOON:
        notes.append(f"expires in {left} day{'s' if left > 1 else ''}" if left > 0 else "expires today")
    if row["cooling_s"] is not None:
        notes.append(f"failed lately: cooling down for {row['cooling_s']:.0f} s")
    return "; ".join([", ".join(takes + can) or "text", *notes])


def _watch(router: Router, as_json: bool) -> None:
    from freerouter.cli.watching import changes

    found = changes(router.index(), router.settings, router.wall())
    if as_json:
        print(json.dumps(found, indent=2))
        return
    console = _console()
    if found["since"] is None:
        console.print(f"{found['free']} free models noted; the next look shows what is different")
        return
    for name in found["appeared"]:
        console.print(f"+ {name}")
    for row in found["vanished"]:
        console.print(f"- {row['id']}: {'; '.join(row['reasons'])}")
    different = len(found["appeared"]) + len(found["vanished"])
    console.print(f"{different or 'no'} changes since {found['since']}, {found['free']} free models", style="bold")
