"""What decides, measured in CPU time: draws, whole decisions, pools, catalogs, judgements."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from pydantic_core import from_json, to_json

from benchmarks import peers
from benchmarks.measuring import Action, at_the_targets_speed, interleaved, ratio, shown
from benchmarks.quick import decide, judge, make_ready
from benchmarks.table import Row, Section, at_least, at_most
from benchmarks.workloads import (
    answer_of_2_kb,
    beginning_of_a_stream,
    catalog_body,
    picture_request,
    short_request,
    tool_request,
)
from freerouter.memory.lessons import Asker
from freerouter.openrouter.headers import NOBODY
from freerouter.openrouter.model_names import DRAW
from freerouter.openrouter.requirements import Need
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.drawing import between, draw
from freerouter.pipeline.router import Router
from freerouter.pipeline.selection import Selection
from freerouter.settings import Settings

SIZES = (30, 350, 3_000, 10_000, 100_000, 1_000_000)
_LARGEST_PEER = 3_000
# What a draw must reach, in the time of a random.choice of 30.
_DRAWS = {30: at_most(3), 350: at_most(3), 10_000: at_most(3), 1_000_000: at_most(8)}
THIRTY = tuple(range(30))
# Of real catalogs, where there are some beside the project.
_CATALOGS = Path(__file__).parents[2] / "shared" / "catalogs"

Curves = dict[str, list[tuple[int, float]]]


def router_of(size: int) -> Router:
    """A router with so many models, and an allowance that no benchmark uses up."""
    router = Router(Settings(requests_per_minute=10**12, seed=1))
    make_ready(router, catalog_body(size))
    return router


def from_requirements(router: Router, cooling: dict[str, float]) -> Action:
    """From requirements to a model, the pool known."""
    index, rng = router.index(), Random(1)
    requirements = analyze(short_request())
    need, context = requirements.need, requirements.context
    return lambda: draw(index.models, between(index.pool(need).best, index.first(context)), cooling, rng)


def a_request_s_draw(router: Router) -> Action:
    """The same with all that one request keeps in mind: who was tried, who is barred, what was asked for by name."""
    index, asker = router.index(), Asker(analyze(short_request()), NOBODY)
    return lambda: Selection(index, asker, DRAW, router.health, router.rng).pick()


def draws(made: dict[int, Router]) -> tuple[Section, Curves]:
    rows, curves = [], Curves()
    for size, router in made.items():
        actions = {
            "choice": lambda: random.choice(THIRTY),
            "ours": from_requirements(router, {}),
            "list": peers.comprehension(size),
        }
        if size <= _LARGEST_PEER:
            actions["litellm"] = peers.litellm_choice(size)
        taken = interleaved(actions)
        for name, seconds in taken.items():
            curves.setdefault(name, []).append((size, float(np.median(seconds))))
        floor = f"`random.choice` of 30: {shown(taken['choice'])}"
        what = f"a draw, requirements to model, {size:,} models"
        rows.append(Row(what, shown(taken["ours"]), floor, ratio(taken["ours"], taken["choice"]), _DRAWS.get(size)))
        rows += _held_against_peers(size, taken)
    rows += [_half_cooling(made[30]), _in_a_request(made[350])]
    return Section("Drawing", rows, _ABOUT_DRAWS), curves


_ABOUT_DRAWS = (
    f"LiteLLM is `Router.get_available_deployment` with simple-shuffle. It was not asked beyond {_LARGEST_PEER:,} "
    "models: making its router takes longer than the whole of this section then."
)


def _held_against_peers(size: int, taken: dict[str, list[float]]) -> list[Row]:
    ours, rows = taken["ours"], []
    if "litellm" in taken:
        target = {30: at_least(150), 350: at_least(1_500)}.get(size)
        theirs = f"LiteLLM: {shown(taken['litellm'])}"
        rows.append(Row(f"LiteLLM / ours, {size:,} models", shown(ours), theirs, ratio(taken["litellm"], ours), target))
    if size == 1_000_000:
        theirs = f"list comprehension over dicts: {shown(taken['list'])}"
        rows.append(Row(f"list / ours, {size:,} models", shown(ours), theirs, ratio(taken["list"], ours)))
    return rows


def _half_cooling(router: Router) -> Row:
    models = router.index().models
    cooling = {model.id: 1e12 for model in islice(models, 0, None, 2)}
    taken = interleaved({"choice": lambda: random.choice(THIRTY), "ours": from_requirements(router, cooling)})
    floor = f"`random.choice` of 30: {shown(taken['choice'])}"
    share = ratio(taken["ours"], taken["choice"])
    return Row("a draw with half of the pool cooling, 30 models", shown(taken["ours"]), floor, share, at_most(5))


def _in_a_request(router: Router) -> Row:
    taken = interleaved({"choice": lambda: random.choice(THIRTY), "ours": a_request_s_draw(router)})
    floor = f"`random.choice` of 30: {shown(taken['choice'])}"
    what = "a request's first draw, with what the request keeps in mind, 350 models"
    return Row(what, shown(taken["ours"]), floor, ratio(taken["ours"], taken["choice"]))


def decisions(router: Router, size: int) -> Section:
    """From the bytes that come in to the bytes to send."""
    rows = []
    for name, body, limit in (
        ("a short question", short_request(), None),
        ("100 messages with tools (54 KB)", tool_request(), 1.5),
        ("a picture of 1 MB", picture_request(), 1.2),
    ):
        taken = interleaved(
            {
                "choice": lambda: random.choice(THIRTY),
                "floor": lambda b=body: to_json(from_json(b)),
                "ours": lambda b=body: decide(router, b),
            },
            seconds=0.05,
        )
        ours, share = taken["ours"], ratio(taken["ours"], taken["floor"])
        floor = f"`to_json(from_json(body))`: {shown(taken['floor'])}"
        if limit is None:
            micros = float(np.median(ours)) * 1e6
            held = f"{floor}; {at_the_targets_speed(ours, taken['choice'])}"
            rows.append(Row(f"bytes to bytes, {name}, in µs", shown(ours), held, micros, at_most(8, "µs")))
        rows.append(Row(f"bytes to bytes, {name}", shown(ours), floor, share, at_most(limit) if limit else None))
    litellm = peers.litellm_choice(size)
    taken = interleaved({"ours": lambda: decide(router, short_request()), "theirs": litellm})
    theirs = f"LiteLLM's choice alone: {shown(taken['theirs'])}"
    rows.append(Row("LiteLLM's choice / our whole decision", shown(taken["ours"]), theirs, _against(taken)))
    return Section("The whole decision", rows)


def _against(taken: dict[str, list[float]]) -> Any:
    return ratio(taken["theirs"], taken["ours"])


def pools(made: dict[int, Router]) -> Section:
    """A need that comes for the first time."""
    rows = []
    need = Need(frozenset({"text", "image", "tools"}), frozenset(), strict=False, output=0)
    for size, target in ((350, None), (1_000_000, at_most(3))):
        index = made[size].index()
        column, word = index._columns[0], np.uint64(index._words(need.hard, 1)[0])
        taken = interleaved(
            {
                "floor": lambda c=column, w=word: np.flatnonzero((c & w) == w),
                "ours": lambda i=index: i._make(need),
                "list": peers.comprehension(size),
            }
        )
        floor = f"numpy mask and flatnonzero: {shown(taken['floor'])}; list comprehension: {shown(taken['list'])}"
        share = ratio(taken["ours"], taken["floor"])
        rows.append(Row(f"requirements to pool, cold, {size:,} models", shown(taken["ours"]), floor, share, target))
    return Section("Filtering", rows)


def real_catalog() -> tuple[bytes, str]:
    """The newest real catalog, else one made up, and what to call it."""
    newest = max(_CATALOGS.glob("models-*.json"), default=None) if _CATALOGS.is_dir() else None
    if newest is None:
        return catalog_body(340), "340 models, made up"
    return newest.read_bytes(), f"the real one of {newest.stem.removeprefix('models-')}"


def catalogs() -> Section:
    router = Router(Settings(seed=1))
    body, name = real_catalog()
    actions: dict[str, Action] = {"floor": lambda: from_json(body), "ours": lambda: make_ready(router, body)}
    peer = peers.openrouter_models(body)
    if peer is not None:
        actions["sdk"] = peer
    taken = interleaved(actions, seconds=0.05)
    floor = f"`from_json`: {shown(taken['floor'])}"
    share = ratio(taken["ours"], taken["floor"])
    rows = [Row(f"catalog, bytes to ready to route ({name})", shown(taken["ours"]), floor, share, at_most(4))]
    if "sdk" in taken:
        theirs = f"openrouter SDK's `models.list`: {shown(taken['sdk'])}"
        share = ratio(taken["sdk"], taken["ours"])
        rows.append(Row(f"the SDK's list of models / ours ({name})", shown(taken["ours"]), theirs, share))
    return Section("Reading the catalog", rows)


def judgements() -> Section:
    body, events = answer_of_2_kb(), beginning_of_a_stream()
    data = [event[6:] for event in events if event.startswith(b"data: ")]
    rows = []
    for name, floor, ours in (
        ("JSON, 2 KB", lambda: from_json(body), lambda: judge([body], stream=False)),
        ("stream up to the first token", lambda: [from_json(d) for d in data], lambda: judge(events, stream=True)),
    ):
        taken = interleaved({"floor": floor, "ours": ours})
        share = ratio(taken["ours"], taken["floor"])
        rows.append(
            Row(
                f"judging a reply: {name}",
                shown(taken["ours"]),
                f"`from_json`: {shown(taken['floor'])}",
                share,
                at_most(3),
            )
        )
    return Section("Judging a reply", rows)


def distribution(router: Router, count: int = 300_000) -> list[int]:
    """How often each of the models that are eligible for a short question is drawn."""
    pick = a_request_s_draw(router)
    drawn: dict[str, int] = dict.fromkeys((model.id for model in router.index().models), 0)
    for _ in range(count):
        model = pick()
        assert model is not None
        drawn[model.id] += 1
    return [times for times in drawn.values() if times]
