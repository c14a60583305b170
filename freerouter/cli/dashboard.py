"""The dashboard of ``freerouter top``: a server's snapshot as something that rich can draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median_low
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from freerouter.cli.diagnosis import in_words
from freerouter.cli.screens import harmless

Told = dict[str, Any]
_BAR = 20
# Lines that are neither models nor requests.
_FRAME = 9
_NOT_KNOWN = "-"
# With fewer columns, some figures are left out.
_WIDE = 110
_FOR_WIDE = ("Context", "Trains")
_STYLES = {"good": "green", "warn": "yellow", "bad": "red"}


def picture(told: Told, now: float, width: int, height: int | None = None, lost: str = "") -> Group:
    """The whole of it.

    Args:
        told: what ``GET /status`` says.
        now: seconds since 1970.
        width: columns of the terminal.
        height: lines that there are; as many as it takes by default.
        lost: why the server does not answer any more; empty while it does.
    """
    models = _models(told, now, wide=width >= _WIDE)
    room = len(told["requests"]) if height is None else max(height - _FRAME - models.row_count, 3)
    parts: list[RenderableType] = [_health(told, now, lost), _allowance(told, now), Text(), models, Text()]
    return Group(*parts, _requests(told["requests"][:room]))


def condition(told: Told, now: float) -> tuple[str, str]:
    """What holds for the whole server, the worst first: a level, and words."""
    allowance, outage, models = told["allowance"], told["outage"], told["models"]
    if told["catalog"]["read_at"] is None:
        return "bad", f"no list of models yet from {told['upstream']}"
    if not models:
        return "bad", "no eligible model: see include, exclude, authors, min_context"
    if outage:
        return "bad", f"outage ({outage['reason']}): asks again in {in_words(max(outage['until'] - now, 0))}"
    if allowance["gate"]:
        left = in_words(max(allowance["opens_at"] - now, 0))
        return "warn", f"the {allowance['gate']}'s requests are used up: goes on in {left}"
    shared = told.get("shared_state", {"ok": True})
    if not shared["ok"]:
        store = "Redis" if shared["store"] == "redis" else "the file"
        return "warn", f"limits are not shared: {store} {shared['trouble']}"
    return "good", f"working, {len(models) - _cooling(models, now)} of {len(models)} models ready"


def _cooling(models: Sequence[Told], now: float) -> int:
    return sum((model["cooling_until"] or 0) > now for model in models)


def _health(told: Told, now: float, lost: str) -> Text:
    level, words = ("bad", f"connection lost: {lost}") if lost else condition(told, now)
    read = told["catalog"]["read_at"]
    age = "" if read is None else f", list of models {in_words(max(now - read, 0))} old"
    line = Text.assemble(("● ", _STYLES[level]), (f"freerouter {told['version']}  ", "bold"), harmless(words))
    line.no_wrap, line.overflow = not lost, "ellipsis"
    return line.append(f"  {harmless(told['upstream'])}{age}", "dim")


def _allowance(told: Told, now: float) -> Text:
    allowance, counts = told["allowance"], told["counts"]
    left, limit = allowance["left"], allowance["limit"]
    if left is None or not limit:
        line = Text("  Today: not known yet")
    else:
        line = Text.assemble("  Today ", _bar(left / limit), f" {left} of {limit} left")
    line.no_wrap, line.overflow = True, "ellipsis"
    resets = datetime.fromtimestamp(allowance["resets_at"]).astimezone()
    line.append(f", resets {resets:%H:%M} (in {in_words(max(allowance['resets_at'] - now, 0))})")
    return line.append(
        f"   {counts['answered']} answered, {counts['failed']} failed, {counts['running']} running", "dim"
    )


def _bar(share: float) -> tuple[str, str]:
    full = round(share * _BAR)
    level = "good" if share > 0.25 else "warn" if share > 0.1 else "bad"
    return "━" * full + "╌" * (_BAR - full), _STYLES[level]


def _models(told: Told, now: float, *, wide: bool) -> Table:
    """A narrow one leaves out what matters least."""
    shown = _FIGURES if wide else [figure for figure in _FIGURES if figure[0] not in _FOR_WIDE]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("Model")
    table.add_column("State", no_wrap=True)
    for title, _ in shown:
        table.add_column(title, justify="right", no_wrap=True)
    for model in sorted(told["models"], key=lambda model: (-model["attempts"], model["id"])):
        table.add_row(_name(model["id"]), _state(model, now), *(figure(model) for _, figure in shown))
    return table


def _name(model: str) -> Text:
    """The column that becomes narrower where there is little room."""
    return Text(harmless(model.removesuffix(":free")), no_wrap=True, overflow="ellipsis")


def _state(model: Told, now: float) -> Text:
    left = (model["cooling_until"] or 0) - now
    return Text(f"cooling {in_words(left)}", "yellow") if left > 0 else Text("ready", "green")


def _context(model: Told) -> str:
    return _NOT_KNOWN if model["context"] is None else f"{model['context'] / 1000:,.0f}k"


def _answered(model: Told) -> str:
    attempts = model["attempts"]
    return f"{model['answered'] / attempts:.0%} of {attempts}" if attempts else _NOT_KNOWN


def _first(model: Told) -> str:
    firsts = [milliseconds for answered, milliseconds in model["tries"] if answered]
    return _time(median_low(firsts)) if firsts else _NOT_KNOWN


def _share(model: Told) -> str:
    return _NOT_KNOWN if model["share"] is None else f"{model['share']:.0%}"


def _rank(model: Told) -> str:
    return _NOT_KNOWN if model["rank"] is None else f"{model['rank']:g}"


_FIGURES: list[tuple[str, Callable[[Told], str]]] = [
    ("Context", _context),
    ("Answered", _answered),
    ("First", _first),
    ("Draws", _share),
    ("Rank", _rank),
    ("Trains", lambda model: str(model["trains"])),
]


def _requests(requests: Sequence[Told]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("Time", "Needs", "Eligible", "Attempts", "Model"):
        table.add_column(title, no_wrap=title not in ("Needs", "Model"))
    for title in ("First", "Total"):
        table.add_column(title, justify="right", no_wrap=True)
    for request in requests:
        table.add_row(*_request(request))
    return table


def _request(request: Told) -> tuple[str | Text, ...]:
    trace = request["trace"] or {"requirements": None, "eligible": 0, "free": 0, "attempts": [], "model": None}
    needs = [name for name in (trace["requirements"] or {"hard": {}})["hard"] if name != "text"]
    failed = Text(f"failed, {request['status']}" if request["status"] else "client left", "red")
    return (
        f"{datetime.fromtimestamp(request['at']).astimezone():%H:%M:%S}",
        Text(harmless(", ".join(needs)), no_wrap=True, overflow="ellipsis"),
        f"{trace['eligible']} of {trace['free']}",
        _steps(trace["attempts"]),
        _name(trace["model"]) if trace["model"] else failed,
        _NOT_KNOWN if request["first_ms"] is None else _time(request["first_ms"]),
        _time(request["total_ms"]),
    )


def _steps(attempts: Sequence[Told]) -> Text:
    """A sign for each attempt: which one answered is seen without colours, too."""
    return Text.assemble(*(("● ", "green") if one["verdict"] == "answered" else ("x ", "red") for one in attempts))


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"
