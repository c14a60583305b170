"""freerouter explain: what would become of a request, without sending it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from freerouter.cli.catalogs import CatalogFile, router_for


def explain(
    file: Annotated[str, typer.Argument(help="A request's JSON body; - for standard input.")],
    catalog: CatalogFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what a request needs, who is eligible, and why the others are not. Nothing is sent.

    Example: echo '{"messages": [{"role": "user", "content": "Hi"}]}' | freerouter explain -
    """
    from freerouter.steps import Request

    body = _read(file)
    explanation = router_for(catalog).explain(Request(body))
    if as_json:
        print(json.dumps(explanation, indent=2))
    else:
        _show(explanation)


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None


def _show(explanation: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(needs_in_words(explanation["requirements"]), soft_wrap=False)
    eligible, ineligible = explanation["eligible"], explanation["ineligible"]
    console.print(f"\n{len(eligible)} eligible", style="bold")
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", style="dim")
    for row in sorted(eligible, key=lambda row: (-row["probability"], row["id"])):
        gives_up = f"gives up {', '.join(row['gives_up'])}" if row["gives_up"] else ""
        table.add_row(f"{row['probability']:.1%}", row["id"], gives_up)
    console.print(table)
    console.print(f"\n{len(ineligible)} not eligible", style="bold")
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", style="dim")
    for row in sorted(ineligible, key=lambda row: row["id"]):
        table.add_row(row["id"], "; ".join(row["reasons"]))
    console.print(table)


def needs_in_words(requirements: dict[str, Any]) -> str:
    """What a request needs and prefers, each need with the place where it was found."""
    hard = ", ".join(f"{name} ({where})" for name, where in requirements["hard"].items())
    lines = [f"Needs    {hard}"]
    if requirements["soft"]:
        verb = "Demands " if requirements["require_parameters"] else "Prefers "
        lines.append(f"{verb} {', '.join(requirements['soft'])}")
    asked = f", {requirements['output_tokens']:,} more for the answer" if requirements["output_tokens"] else ""
    lines.append(f"Size     about {requirements['prompt_tokens']:,} tokens{asked}")
    return "\n".join(lines)
