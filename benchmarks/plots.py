"""The plots of the results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt  # the backend has to be chosen first
from matplotlib.ticker import FuncFormatter

FOLDER = Path(__file__).with_name("plots")
_COLOURS = {
    "freerouter": "#0072b2",
    "bare pass-through": "#009e73",
    "nginx proxy_pass": "#999999",
    "LiteLLM": "#d55e00",
    "list comprehension": "#e69f00",
    "random.choice of 30": "#555555",
}
_NAMES = {"ours": "freerouter", "litellm": "LiteLLM", "list": "list comprehension", "choice": "random.choice of 30"}


def _axes(title: str, x: str, y: str, columns: int = 1) -> tuple[Any, Any]:
    figure, axes = plt.subplots(1, columns, figsize=(6.4 * columns, 4.2), layout="constrained", squeeze=False)
    for ax in axes[0]:
        ax.set_xlabel(x)
        ax.grid(visible=True, which="major", alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0][0].set_ylabel(y)
    figure.suptitle(title)
    return figure, axes[0]


def _save(figure: Any, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / f"{name}.png", dpi=110)
    plt.close(figure)


def draws(curves: dict[str, list[tuple[int, float]]]) -> None:
    """Decision time against catalog size."""
    figure, (ax,) = _axes("From requirements to a model, the pool known", "models in the catalog", "time of one draw")
    for name, points in curves.items():
        label = _NAMES[name]
        sizes, seconds = zip(*points, strict=True)
        style = "--" if name == "choice" else "-o"
        ax.loglog(sizes, seconds, style, color=_COLOURS[label], label=label)
    ax.yaxis.set_major_formatter(FuncFormatter(_time))
    ax.xaxis.set_major_formatter(FuncFormatter(_count))
    ax.legend(frameon=False)
    _save(figure, "draws")


def _count(value: float, _: object) -> str:
    return f"{value:,.0f}"


def _time(seconds: float, _: object) -> str:
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:g} {unit}"
    return f"{seconds * 1e9:g} ns"


def servers(curves: dict[str, list[tuple[int, float, float]]]) -> None:
    """Throughput and latency against connections."""
    figure, (rate, latency) = _axes("Answers of 1 KB, one worker each", "connections", "requests a second", columns=2)
    for name, points in curves.items():
        if name not in _COLOURS:
            continue
        connections, rates, seconds = zip(*points, strict=True)
        rate.loglog(connections, rates, "-o", color=_COLOURS[name], label=name)
        latency.loglog(connections, seconds, "-o", color=_COLOURS[name], label=name)
    latency.set_ylabel("median time of a request")
    latency.yaxis.set_major_formatter(FuncFormatter(_time))
    rate.yaxis.set_major_formatter(FuncFormatter(_count))
    for ax in (rate, latency):
        ax.set_xticks(connections := [1, 4, 16, 32, 64], [str(c) for c in connections], minor=False)
        ax.minorticks_off()
    figure.legend(*rate.get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=4)
    _save(figure, "servers")


def distribution(counts: Sequence[int]) -> None:
    """How often each model is drawn, and what chance lets one expect."""
    expected = sum(counts) / len(counts)
    deviation = (expected * (1 - 1 / len(counts))) ** 0.5
    figure, (ax,) = _axes(f"{sum(counts):,} draws from {len(counts)} models", "model", "times drawn")
    ax.bar(range(1, len(counts) + 1), counts, color=_COLOURS["freerouter"], width=0.8)
    ax.axhspan(expected - 3 * deviation, expected + 3 * deviation, color="#e69f00", alpha=0.35)
    ax.axhline(expected, color="#d55e00", linewidth=1, label="each the same, ± 3 standard deviations")
    ax.yaxis.set_major_formatter(FuncFormatter(_count))
    ax.set_ylim(0, expected * 1.25)
    ax.legend(frameon=False, loc="upper right")
    _save(figure, "distribution")


def preferences(sharpness: Sequence[float], curves: dict[str, dict[str, Sequence[float]]]) -> None:
    """The expected value of a draw against sharpness; one panel for what the values are."""
    figure, panels = _axes("What a preference is worth: one draw", "sharpness", "", columns=len(curves))
    places = range(len(sharpness))
    for ax, (unit, lines) in zip(panels, curves.items(), strict=True):
        for name, values in lines.items():
            ax.plot(places, values, "-o", label=name)
        ax.set_ylabel(f"expected {unit}")
        ax.set_xticks(places, ["uniform", *(f"{each:g}" for each in sharpness[1:-1]), "the best"])
        ax.legend(frameon=False)
    panels[-1].set_yscale("log")
    panels[-1].yaxis.set_major_formatter(FuncFormatter(_count))
    panels[-1].set_yticks([100_000, 200_000, 500_000, 1_000_000, 2_000_000])
    panels[-1].minorticks_off()
    _save(figure, "preferences")
