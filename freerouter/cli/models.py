"""freerouter models: the free models, and what they can do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freerouter.cli.catalogs import CatalogFile, router_for

if TYPE_CHECKING:
    from freerouter.catalog import Model

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


def models(
    needs: Annotated[
        str, typer.Option(help="Only models that can do all of these: tools, image, structured_outputs, ...")
    ] = "",
    catalog: CatalogFile = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are not eligible, with the reason.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """List the free models with what they can do.

    Example: freerouter models --needs tools,image
    """
    from freerouter.analysis import canonical

    router = router_for(catalog)
    index = router.index()
    wanted = canonical(needs.replace(",", " ").split())
    listed = router.models(wanted)
    rows = [_row(model, []) for model in sorted(listed, key=lambda model: model.id)]
    if every:
        kept = {model.id for model in listed}
        others = [model for model in index.explainable() if model.id not in kept]
        rows += [_row(model, index.lacks(model, wanted)) for model in sorted(others, key=lambda model: model.id)]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        _show(rows)


def _row(model: Model, reasons: list[str]) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "context": model.context,
        "max_output": model.max_output,
        "inputs": sorted(model.inputs),
        "parameters": sorted(model.parameters),
        "reasoning_mandatory": model.reasoning_mandatory,
        "moderated": model.moderated,
        "expires": model.expires.isoformat() if model.expires else None,
        "eligible": not reasons,
        "reasons": reasons,
    }


def _show(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.padding import Padding

    console = Console(highlight=False, markup=False, emoji=False)
    console.print(f"{'Model':<54}{'Context':>9}{'Output':>9}", style="bold")
    for row in rows:
        console.print(f"{row['id']:<54}{tokens(row['context']):>9}{tokens(row['max_output']):>9}")
        console.print(Padding(_words(row), (0, 0, 0, 2)), style="dim")
    console.print(f"{sum(row['eligible'] for row in rows)} free models", style="bold")


def tokens(count: int | None) -> str:
    """A number of tokens, short: 131072 is 131K."""
    if count is None:
        return "-"
    return f"{count / 1_000_000:.3g}M" if count >= 1_000_000 else f"{round(count / 1000)}K"


def _words(row: dict[str, Any]) -> str:
    if not row["eligible"]:
        return "not eligible: " + "; ".join(row["reasons"])
    takes = [name for name in row["inputs"] if name != "text"]
    can = [word for name, word in _ABILITIES.items() if name in row["parameters"]]
    return ", ".join(takes + can) or "text"
