"""freerouter explain: how a request would be routed, without sending it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freerouter.cli.catalogs import CatalogFile, router_for
from freerouter.cli.upstreams import Prefer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.padding import Padding


def explain(
    file: Annotated[str, typer.Argument(help="A request's JSON body; - for standard input.")],
    catalog: CatalogFile = None,
    prefer: Prefer = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what a request needs, which models are eligible, and why the others are not. Nothing is sent.

    Example: echo '{"messages": [{"role": "user", "content": "Hi"}]}' | freerouter explain -
    """
    from freerouter.openrouter.headers import Caller
    from freerouter.pipeline.actions import Request

    body = _read(file)
    router = router_for(catalog, prefer=prefer)
    explanation = router.explain(Request(body, caller=Caller(router.own)))
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

    console = Console(highlight=False, markup=False, emoji=False)
    for show in (_show_needs, _show_eligible, _show_ineligible, _show_without):
        show(console, explanation)


def show_briefly(explanation: dict[str, Any]) -> None:
    """The needs, the eligible models, and the needs that could be left out."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    for show in (_show_needs, _show_eligible, _show_without):
        show(console, explanation)


def _show_needs(console: Console, explanation: dict[str, Any]) -> None:
    requirements = explanation["requirements"]
    console.print("Needs", style="bold")
    for name, where in requirements["hard"].items():
        console.print(f"  {name:<20} {where}")
    if requirements["soft"]:
        console.print("Demands" if requirements["require_parameters"] else "Prefers", style="bold")
        console.print(_indented(", ".join(requirements["soft"])))
    asked = f", and {requirements['output_tokens']:,} for the answer" if requirements["output_tokens"] else ""
    console.print("Size", style="bold")
    console.print(_indented(f"{_size(requirements)}{asked}"))


def _show_eligible(console: Console, explanation: dict[str, Any]) -> None:
    eligible = explanation["eligible"]
    console.print(f"\n{len(eligible)} eligible{_preference_in_words(explanation['preference'])}", style="bold")
    if words := _training_in_words(explanation):
        console.print(_indented(words), style="dim")
    for row in sorted(eligible, key=lambda row: (-row["probability"], row["id"])):
        console.print(f"{row['probability']:>6.1%}  {row['id']}")
        notes = [row["why"]] if row["why"] else []
        notes += [f"gives up {', '.join(row['gives_up'])}"] if row["gives_up"] else []
        notes += [f"failed lately: cooling down for {row['cooling_s']:.0f} s"] if row["cooling_s"] else []
        if notes:
            console.print(_indented("; ".join(notes), 8), style="dim")


def _training_in_words(explanation: dict[str, Any]) -> str:
    """What is not known beforehand of a request that must not be trained on; empty where there is nothing to say."""
    unknown = sum(row["trains"] == "unknown" for row in explanation["eligible"])
    if explanation["train"] == "allow" or not unknown:
        return ""
    return f"whether {unknown} of them train on prompts is unknown: OpenRouter is told that they must not"


def _preference_in_words(preference: dict[str, Any]) -> str:
    if preference["prefer"] == "uniform":
        return ""
    return f", drawn by {preference['prefer']} (sharpness {preference['sharpness']})"


def _show_ineligible(console: Console, explanation: dict[str, Any]) -> None:
    ineligible = explanation["ineligible"]
    console.print(f"\n{len(ineligible)} not eligible", style="bold")
    for row in sorted(ineligible, key=lambda row: row["id"]):
        console.print(row["id"])
        console.print(_indented("; ".join(row["reasons"])), style="dim")


def _show_without(console: Console, explanation: dict[str, Any]) -> None:
    if explanation["without"]:
        console.print("\nIf one need were left out", style="bold")
    for row in explanation["without"]:
        console.print(f"{'+' + str(row['more']):>6}  without {row['need'].replace('_', ' ')} ({row['found']})")


def _indented(text: str, by: int = 2) -> Padding:
    from rich.padding import Padding

    return Padding(text, (0, 0, 0, by), expand=False)


def needs_in_words(requirements: dict[str, Any]) -> str:
    """What a request needs and prefers, each need with the place where it was found."""
    hard = ", ".join(f"{name} ({where})" for name, where in requirements["hard"].items())
    lines = [f"Needs    {hard}"]
    if requirements["soft"]:
        verb = "Demands " if requirements["require_parameters"] else "Prefers "
        lines.append(f"{verb} {', '.join(requirements['soft'])}")
    asked = f", {requirements['output_tokens']:,} more for the answer" if requirements["output_tokens"] else ""
    lines.append(f"Size     {_size(requirements)}{asked}")
    return "\n".join(lines)


def _size(requirements: dict[str, Any]) -> str:
    """The bounds of the prompt, as text."""
    return f"{requirements['prompt_tokens_least']:,} to {requirements['prompt_tokens']:,} tokens"
