"""make quality: what a preference is worth, and what its draw costs; writes that section of RESULTS.md, and a plot.

With paths of saved answers of ``GET /api/v1/models`` as arguments, it is worked out for those lists.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks import plots
from benchmarks.measuring import Action, interleaved, ratio, shown
from benchmarks.quick import make_ready
from benchmarks.table import Row, at_most, markdown
from benchmarks.workloads import catalog_body, short_request
from freerouter.emulator import Emulator
from freerouter.openrouter.catalog import Catalog
from freerouter.openrouter.requirements import Need
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.choosing import FREELY, DrawRules
from freerouter.pipeline.drawing import between, draw
from freerouter.pipeline.filtering import Index
from freerouter.pipeline.policy import Policy
from freerouter.pipeline.router import Router
from freerouter.pipeline.weighing import Weighted, standings
from freerouter.preferences import Preference
from freerouter.settings import Settings

SHARPNESS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, math.inf)
KINDS = ("quality", "coding", "agentic", "large")
SIZES = (30, 350, 10_000, 1_000_000)
_HERE = Path(__file__).parent
_RESULTS = _HERE / "RESULTS.md"
_LISTS = _HERE.parent / "tests" / "catalogs"
_EMULATED = "emulated"
_TITLE = "## What a preference is worth"
_ANY = Need(frozenset({"text"}), frozenset(), strict=False, output=0)


class Worth(NamedTuple):
    """The expected value of a draw from one list, for each sharpness; of models whose value is known."""

    list_name: str
    kind: str
    known: int
    models: int
    expected: tuple[float, ...]


def worth(name: str, catalog: Catalog, today: date, kind: str) -> Worth | None:
    """What a preference is worth on a list; None where its models have no values."""
    index = Index(catalog, Policy(), today)
    values = {
        model: standing.value
        for model, standing in standings(index.models, Preference(kind), None).items()
        if standing.value is not None
    }
    if not values:
        return None
    expected = tuple(_expected(index, Preference(kind, sharpness), values) for sharpness in SHARPNESS)
    return Worth(name, kind, len(values), len(index.models), expected)


def _expected(index: Index, preference: Preference, values: dict[str, float]) -> float:
    tier = index.chosen(_ANY, DrawRules(preference))[0]
    models = [index.models[position] for position in tier]
    chances = tier.chances(index.models, ()) if isinstance(tier, Weighted) else {model.id: 1.0 for model in models}
    total = sum(chances.get(model, 0.0) for model in values)
    return sum(value * chances.get(model, 0.0) for model, value in values.items()) / total if total else math.nan


def lists(paths: Sequence[str]) -> dict[str, tuple[Catalog, date]]:
    """The lists that are named, or the real ones of the tests and the emulator's."""
    today = datetime.now(UTC).date()
    if paths:
        return {Path(path).stem: (Catalog.parse(Path(path).read_bytes()), today) for path in paths}
    real = {path.stem.removeprefix("models-"): path for path in sorted(_LISTS.glob("models-*.json"))}
    found = {day: (Catalog.parse(path.read_bytes()), date.fromisoformat(day)) for day, path in real.items()}
    return found | {_EMULATED: (Catalog.parse(Emulator().catalog_body), today)}


def table(found: Sequence[Worth]) -> str:
    """Expected values, as Markdown."""
    head = ["list", "prefer", "known", *(f"sharpness {sharpness:g}" for sharpness in SHARPNESS)]
    head[3], head[-1] = "uniform", "the best"
    lines = [head, ["---"] * len(head)]
    for each in found:
        known = f"{each.known} of {each.models}"
        lines.append([each.list_name, each.kind, known, *(_figure(value) for value in each.expected)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _figure(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.1f}"


def draws() -> list[Row]:
    """The draw by a preference beside the uniform draw."""
    rows = []
    for size in SIZES:
        router = Router(Settings(seed=1))
        make_ready(router, catalog_body(size))
        actions = {
            "uniform": _draw(router, FREELY),
            "ours": _draw(router, DrawRules(Preference("large"))),
            "sharp": _draw(router, DrawRules(Preference("large", math.inf))),
        }
        taken = interleaved(actions, rounds=15)
        for name, words in (("ours", "sharpness 2"), ("sharp", "sharpness inf")):
            what = f"a draw by preference, {words}, {size:,} models"
            other = f"a uniform draw: {shown(taken['uniform'])}"
            rows.append(Row(what, shown(taken[name]), other, ratio(taken[name], taken["uniform"]), at_most(3)))
    return rows


def _draw(router: Router, choice: DrawRules) -> Action:
    """From requirements to a model, the pool known."""
    index, rng = router.index(), Random(1)
    requirements = analyze(short_request())
    need, first = requirements.need, index.first(requirements.context)
    if choice.is_plain:
        return lambda: draw(index.models, between(index.pool(need).best, first), (), rng)
    return lambda: between(index.chosen(need, choice)[0], first).draw(index.models, (), rng)


_ABOUT = """
Written by `make quality`. The expected value of one draw, of the models that can chat and whose value the list states:
an index of Artificial Analysis for `quality`, `coding` and `agentic`, tokens of context for `large`. A model without an
index is drawn as the median, and left out of the expectation. **The real lists of the tests are older than the indices
in OpenRouter's list (August 2026), so only `large` can be told of them; the emulator's indices are made up.** For a
list of your own: `make quality LISTS=models.json`, with a saved answer of `GET /api/v1/models`.

![Expected value of a draw against sharpness](plots/preferences.png)
"""


def section(found: Sequence[Worth], rows: Sequence[Row]) -> str:
    return f"{_TITLE}\n{_ABOUT}\n{table(found)}\n\n{markdown(rows)}\n\n"


def worths(paths: Sequence[str] = ()) -> list[Worth]:
    found = [worth(name, *offer, kind) for name, offer in lists(paths).items() for kind in KINDS]
    return [each for each in found if each is not None]


def _curves(found: Sequence[Worth]) -> dict[str, dict[str, Sequence[float]]]:
    """By what they are: indices, and tokens."""
    indices = {f"{each.kind} ({each.list_name})": each.expected for each in found if each.kind != "large"}
    contexts = {f"large ({each.list_name})": each.expected for each in found if each.kind == "large"}
    return {"index": indices, "tokens of context": contexts}


def write() -> None:
    """Replace the section of RESULTS.md, and the plot."""
    found = worths()
    rows = draws()
    plots.preferences(SHARPNESS, _curves(found))
    report = re.sub(rf"{_TITLE}\n.*?(?=^## |\Z)", "", _RESULTS.read_text(), flags=re.DOTALL | re.MULTILINE)
    place = report.index("## Where a target is missed")
    _RESULTS.write_text(report[:place] + section(found, rows) + report[place:])
    print(section(found, rows))


def main() -> None:
    if sys.argv[1:]:
        print(table(worths(sys.argv[1:])))
    else:
        write()


if __name__ == "__main__":
    main()
