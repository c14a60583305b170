"""freerouter demo: real requests through the five steps, each step shown."""

from __future__ import annotations

import base64
import os
import struct
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freerouter.cli.emulate import load_emulator
from freerouter.cli.explain import needs_in_words

if TYPE_CHECKING:
    from rich.console import Console

    from freerouter.client import FreeRouter
    from freerouter.tracking import Trace

_DRAWS = 1_000
_BAR = 28
_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
_CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "inhabitants": {"type": "integer"}},
    "required": ["city", "inhabitants"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One request of the demo: what it shows, and its body."""

    title: str
    body: dict[str, Any]


def _png(side: int = 32) -> str:
    """A small red picture, as a data URL."""
    rows = b"".join(b"\0" + b"\xc8\x1e\x1e" * side for _ in range(side))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _asking(text: str, **rest: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 200, **rest}


def scenes() -> list[Scene]:
    """The requests of the demo."""
    picture = [{"type": "text", "text": "What colour is this?"}, {"type": "image_url", "image_url": {"url": _png()}}]
    schema = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": _CITY}}
    return [
        Scene("A plain question", _asking("Why is the sky blue? One sentence, please.")),
        Scene("A picture", {"messages": [{"role": "user", "content": picture}], "max_tokens": 200}),
        Scene(
            "Tools, one of which must be called", _asking("Weather in Oslo?", tools=[_WEATHER], tool_choice="required")
        ),
        Scene("An answer that fits a JSON schema", _asking("Name a large city.", response_format=schema)),
        Scene("A streamed answer, with a seed preferred", _asking("Count to five.", stream=True, seed=7)),
    ]


def demo(
    live: Annotated[bool, typer.Option("--live", help="Ask OpenRouter itself; needs OPENROUTER_API_KEY.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 1,
) -> None:
    """Send a few requests through the five steps of the Free Models Router, and show each step.

    They go to an OpenRouter emulated on this machine: no key, no network, no allowance.

    Example: freerouter demo
    """
    from rich.console import Console

    console = Console(highlight=False)
    failed = 0
    with (
        tempfile.TemporaryDirectory(prefix="freerouter-demo-") as folder,
        _upstream(live, seed) as upstream,
        _client(upstream, seed, folder) as client,
    ):
        for number, scene in enumerate(scenes(), start=1):
            console.rule(f"{number}. {scene.title}", align="left", style="dim")
            failed += not _play(client, scene, console)
            console.print()
        console.rule(f"{len(scenes()) + 1}. {_DRAWS:,} draws", align="left", style="dim")
        _show_draws(client, console)
    if failed:
        console.print(f"{failed} of {len(scenes())} requests were not answered", style="bold red")
        raise typer.Exit(1)
    console.print("All answered, at no cost.", style="bold")


@contextmanager
def _upstream(live: bool, seed: int) -> Iterator[str | None]:
    """The base URL to send to: the emulator's while it runs, or None for the one in the settings."""
    if not live:
        with load_emulator()(seed=seed).running() as url:
            yield url
        return
    if not (os.environ.get("OPENROUTER_API_KEY") or os.environ.get("FREEROUTER_API_KEY")):
        raise SystemExit("freerouter: --live needs OPENROUTER_API_KEY: make a key at https://openrouter.ai/keys")
    yield None


def _client(upstream: str | None, seed: int, folder: str) -> FreeRouter:
    from freerouter.client import FreeRouter
    from freerouter.settings import Settings

    if upstream is None:
        return FreeRouter(settings=Settings(cache_dir=folder), seed=seed)
    return FreeRouter("sk-or-demo", settings=Settings(cache_dir=folder, upstream=upstream), seed=seed)


def _play(client: FreeRouter, scene: Scene, console: Console) -> bool:
    """Send one request and show its five steps; whether it was answered."""
    from freerouter.errors import FreeRouterError

    explanation = client.explain(scene.body)
    _say(console, "1 Analysis", needs_in_words(explanation["requirements"]))
    _say(console, "2 Filtering", _pool_in_words(explanation))
    body = dict(scene.body)
    messages = body.pop("messages")
    try:
        if body.pop("stream", False):
            with client.chat.stream(messages, **body) as stream:
                pieces = sum(1 for _ in stream)
            _show_way(console, stream.trace, f"{stream.text!r} in {pieces} pieces")
        else:
            completion = client.chat.send(messages, **body)
            _show_way(console, completion.trace, _said(completion))
    except FreeRouterError as error:
        _say(console, "Failed", str(error))
        return False
    return True


def _show_way(console: Console, trace: Trace, said: str) -> None:
    _say(console, "3 Selection", "\n".join(f"drew {attempt.model}" for attempt in trace.attempts))
    _say(console, "4 Forwarding", "\n".join(_attempt_in_words(attempt) for attempt in trace.attempts))
    _say(console, "5 Tracking", f"answered by {trace.model}\n{said}")


def _attempt_in_words(attempt: Any) -> str:
    return f"status {attempt.outcome.status}, {attempt.outcome.reason} after {attempt.seconds * 1000:.0f} ms"


def _said(completion: Any) -> str:
    message = completion.choices[0].message
    if message.tool_calls:
        calls = (f"{call.function.name}({call.function.arguments})" for call in message.tool_calls)
        return f"calls {', '.join(calls)}"
    return repr(completion.text)


def _pool_in_words(explanation: dict[str, Any]) -> str:
    eligible, ineligible = explanation["eligible"], explanation["ineligible"]
    free = len(eligible) + sum(row["id"].endswith(":free") for row in ineligible)
    reasons = Counter(row["reasons"][0] for row in ineligible if row["id"].endswith(":free"))
    lines = [f"{len(eligible)} of {free} models named :free are eligible"]
    lines += [f"{count} not: {reason}" for reason, count in reasons.most_common(3)]
    first = [row for row in eligible if row["probability"]]
    if len(first) < len(eligible):
        lines.append(f"{len(first)} honour every parameter and are drawn first")
    return "\n".join(lines)


def _say(console: Console, step: str, text: str) -> None:
    from rich.padding import Padding
    from rich.table import Table

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=13, style="bold cyan")
    grid.add_column(overflow="fold")
    grid.add_row(step, Padding(text))
    console.print(grid, markup=False)


def _show_draws(client: FreeRouter, console: Console) -> None:
    """How often each model is drawn for a plain question; nothing is sent."""
    from random import Random

    from freerouter.analysis import analyze
    from freerouter.health import NOBODY, Health
    from freerouter.selection import Selection

    rng = Random(client.router.settings.seed)
    index = client.router.index()
    requirements = analyze({"messages": [{"role": "user", "content": "Hi"}]})
    health = Health(client.router.clock, rng)
    draws = Counter(
        model.id
        for _ in range(_DRAWS)
        if (model := Selection(index, requirements, None, NOBODY, health, rng).pick()) is not None
    )
    most = max(draws.values())
    for name, count in sorted(draws.items()):
        console.print(
            f"{name.removesuffix(':free'):<46.46} {count:>4} {'█' * round(count / most * _BAR)}", markup=False
        )
