"""freerouter demo: real requests through the five steps, each step shown."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freerouter.cli.emulate import load_emulator
from freerouter.cli.explain import needs_in_words
from freerouter.cli.scenes import Scene, failures, scenes

if TYPE_CHECKING:
    from rich.console import Console

    from freerouter.emulator import Emulator
    from freerouter.errors import TraceLike
    from freerouter.library.client import FreeRouter

_DRAWS = 1_000
_NAME = 46
_BAR = 28


def demo(
    live: Annotated[bool, typer.Option("--live", help="Ask OpenRouter itself; needs OPENROUTER_API_KEY.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Send a few requests through the five steps of the Free Models Router, and show each step.

    They go to an OpenRouter emulated on this machine: no key, no network, no allowance.

    Example: freerouter demo
    """
    from rich.console import Console

    console = Console(highlight=False, emoji=False, quiet=as_json)
    with (
        tempfile.TemporaryDirectory(prefix="freerouter-demo-") as folder,
        _emulated(live, seed) as (emulator, upstream),
        _client(upstream, seed, folder) as client,
    ):
        draws = _show_draws(client, console)
        never = _show_never(client, console)
        results = _play_all(client, emulator, never, console)
        paid = [] if emulator is None else emulator.bill
    console.print()
    if as_json:
        print(json.dumps({"draws": draws, "requests": results, "paid": len(paid)}, indent=2))
    failed = sum(not result["as_expected"] for result in results)
    if failed or paid:
        console.print(f"{failed} of {len(results)} requests did not end as expected; paid: {paid}", style="bold red")
        raise typer.Exit(1)
    good = "All answered." if live else "All requests were answered, except the one that cannot be, at no cost."
    console.print(good, style="bold")


def _play_all(
    client: FreeRouter, emulator: Emulator | None, never: dict[str, str], console: Console
) -> list[dict[str, Any]]:
    """Play the scenes; those with faults need an emulator. Returns what became of each."""
    results = []
    for number, scene in enumerate(scenes() if emulator is None else [*scenes(), *failures()], start=1):
        console.print()
        console.rule(f"{number}. {scene.title}", align="left", style="dim")
        _arrange(emulator, scene)
        answered, trace = _play(client, scene, never, console)
        results.append(_result(scene, answered, trace))
    return results


@contextmanager
def _emulated(live: bool, seed: int) -> Iterator[tuple[Emulator | None, str | None]]:
    """The emulator and its base URL while it runs; None for OpenRouter itself."""
    if not live:
        emulator = load_emulator()(seed=seed)
        with emulator.running() as url:
            yield emulator, url
        return
    if not (os.environ.get("OPENROUTER_API_KEY") or os.environ.get("FREEROUTER_API_KEY")):
        raise SystemExit("freerouter: --live needs OPENROUTER_API_KEY: create a key at https://openrouter.ai/keys")
    yield None, None


def _arrange(emulator: Emulator | None, scene: Scene) -> None:
    """Make the emulator apply the fault of the scene to the first model."""
    if emulator is not None:
        from freerouter.emulator import Fault, Faults

        emulator.faults = None if scene.fault is None else Faults([Fault(scene.fault, count=1)])


def _client(upstream: str | None, seed: int, folder: str) -> FreeRouter:
    from freerouter.library.client import FreeRouter
    from freerouter.settings import Settings

    if upstream is None:
        return FreeRouter(settings=Settings(cache_dir=folder), seed=seed)
    return FreeRouter("sk-or-demo", settings=Settings(cache_dir=folder, upstream=upstream), seed=seed)


def _result(scene: Scene, answered: bool, trace: TraceLike | None) -> dict[str, Any]:
    told = None if trace is None else trace.as_dict()
    return {"title": scene.title, "answered": answered, "as_expected": answered is not scene.refused, "trace": told}


def _play(client: FreeRouter, scene: Scene, never: dict[str, str], console: Console) -> tuple[bool, TraceLike | None]:
    """Send one request and show its five steps. Returns whether it was answered, and its trace."""
    from freerouter.errors import FreeRouterError

    explanation = client.explain(scene.body)
    _say(console, "1 Analysis", needs_in_words(explanation["requirements"]))
    _say(console, "2 Filtering", _pool_in_words(explanation, never))
    body = dict(scene.body)
    messages = body.pop("messages")
    try:
        if body.pop("stream", False):
            with client.chat.stream(messages, **body) as stream:
                pieces = sum(1 for _ in stream)
            trace, said = stream.trace, f"{stream.text!r} in {pieces} pieces"
        else:
            completion = client.chat.send(messages, **body)
            trace, said = completion.trace, _said(completion)
    except FreeRouterError as error:
        if error.trace is not None:
            _show_attempts(console, error.trace)
        _say(console, "5 Tracking", f"not answered: {error}")
        return False, error.trace
    _show_attempts(console, trace)
    _say(console, "5 Tracking", f"answered by {trace.model}\n{said}")
    return True, trace


def _show_attempts(console: Console, trace: TraceLike) -> None:
    for attempt in trace.attempts:
        _say(console, "3 Selection", f"drew {attempt.model}")
        _say(console, "4 Forwarding", _attempt_in_words(attempt))


def _attempt_in_words(attempt: Any) -> str:
    outcome = attempt.outcome
    cooling = "" if attempt.cooldown is None else f", rests {attempt.cooldown:.0f} s"
    verdict = outcome.verdict.replace("_", " ")
    return f"status {outcome.status}, {outcome.reason} after {attempt.seconds * 1000:.0f} ms: {verdict}{cooling}"


def _said(completion: Any) -> str:
    message = completion.choices[0].message
    if message.tool_calls:
        calls = (f"{call.function.name}({call.function.arguments})" for call in message.tool_calls)
        return f"calls {', '.join(calls)}"
    return repr(completion.text)


def _reasons(explanation: dict[str, Any]) -> dict[str, str]:
    """The models named :free that are not eligible, each with the first reason."""
    return {row["id"]: row["reasons"][0] for row in explanation["ineligible"] if row["id"].endswith(":free")}


def _pool_in_words(explanation: dict[str, Any], never: dict[str, str]) -> str:
    """How many models are eligible, and why the others are not, without those that never are."""
    eligible, reasons = explanation["eligible"], _reasons(explanation)
    lines = [f"{len(eligible)} of {len(eligible) + len(reasons) - len(never)} free models are eligible"]
    unfit = Counter(reason for name, reason in reasons.items() if name not in never)
    lines += [f"{count} not: {reason}" for reason, count in unfit.most_common()]
    first = [row for row in eligible if row["probability"]]
    if len(first) < len(eligible):
        lines.append(f"{len(first)} are drawn first: the others support less, or are cooling")
    return "\n".join(lines)


def _say(console: Console, step: str, text: str, width: int = 13, style: str = "bold cyan") -> None:
    from rich.padding import Padding
    from rich.table import Table

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=width, style=style)
    grid.add_column(overflow="fold")
    grid.add_row(step, Padding(text))
    console.print(grid, markup=False)


def _draws(client: FreeRouter) -> dict[str, int]:
    """How often each model is drawn for a plain question; nothing is sent."""
    from random import Random

    from freerouter.memory.health import Health
    from freerouter.memory.lessons import Asker
    from freerouter.openrouter.headers import NOBODY
    from freerouter.openrouter.model_names import DRAW
    from freerouter.pipeline.analysis import analyze
    from freerouter.pipeline.selection import Selection

    client.models.list()  # loads the catalog
    rng = Random(client.router.settings.seed)
    index = client.router.index()
    asker = Asker(analyze({"messages": [{"role": "user", "content": "Hi"}]}), NOBODY)
    health = Health(client.router.clock, rng)
    draws = Counter(
        model.id for _ in range(_DRAWS) if (model := Selection(index, asker, DRAW, health, rng).pick()) is not None
    )
    return dict(sorted(draws.items()))


def _show_draws(client: FreeRouter, console: Console) -> dict[str, int]:
    console.rule(f"{_DRAWS:,} draws", align="left", style="dim")
    draws = _draws(client)
    most = max(draws.values())
    for name, count in draws.items():
        console.print(
            f"{name.removesuffix(':free'):<{_NAME}.{_NAME}} {count:>4} {'█' * round(count / most * _BAR)}", markup=False
        )
    return draws


def _show_never(client: FreeRouter, console: Console) -> dict[str, str]:
    """Show the models named :free that no request can get, and why."""
    never = _reasons(client.explain(scenes()[0].body))
    console.print()
    console.print(f"{len(never)} more are named :free, but are never drawn", style="bold")
    for name, reason in never.items():
        _say(console, name.removesuffix(":free"), reason, width=_NAME, style="")
    return never
