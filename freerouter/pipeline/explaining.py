"""Explaining: which models a request could go to, with what chance, and why not to the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from freerouter.openrouter.catalog import Model
from freerouter.pipeline.planning import Plan
from freerouter.pipeline.selection import Selection
from freerouter.pipeline.state import State
from freerouter.pipeline.weighing import Ranking, standings
from freerouter.preferences import denies_training


def explain_request(state: State, plan: Plan, preferred: str | None = None) -> dict[str, Any]:
    """See ``Router.explain``. The caller holds the lock of the state."""
    explanation = explain(plan.selection, preferred)
    explanation["train"] = "deny" if denies_training(plan.body) else "allow"
    for row in explanation["eligible"]:
        row["trains"] = state.training.of(plan.asker.caller.account, row["id"])
    return explanation


def explain(selection: Selection, preferred: str | None = None) -> dict[str, Any]:
    """Which models are eligible, each with its probability, and why the others are not."""
    chances = selection.chances(preferred)
    choice = selection.choice
    places = standings(list(selection.everyone()), choice.preference, choice.measured)
    eligible: list[dict[str, Any]] = []
    ineligible: list[dict[str, Any]] = []
    for model in selection.index.explainable():
        if reasons := selection.objections(model):
            ineligible.append({"id": model.id, "reasons": reasons})
        else:
            eligible.append(_prospect(selection, model, chances.get(model.id, 0.0), places.get(model.id)))
    return {
        "requirements": selection.requirements.as_dict(),
        "preference": choice.preference.as_dict(),
        "eligible": eligible,
        "ineligible": ineligible,
        "without": _relaxations(selection, [row["id"] for row in ineligible]),
    }


def _prospect(selection: Selection, model: Model, chance: float, standing: Ranking | None) -> dict[str, Any]:
    cooling = selection.ready_in(model)
    return {
        "id": model.id,
        "probability": chance,
        "rank": standing and standing.rank,
        "value": standing and standing.value,
        "why": standing.why if standing else "",
        "gives_up": selection.given_up(model),
        "cooling_s": None if cooling is None else round(cooling, 1),
    }


def _relaxations(selection: Selection, ineligible: Iterable[str]) -> list[dict[str, Any]]:
    """How many more models would be eligible without each single need; the largest number first."""
    barred = [model for name in ineligible if (model := selection.index.catalog.get(name)) is not None]
    relaxations = []
    for need, found in selection.requirements.relaxable().items():
        relaxed = selection.requirements.without(need)
        more = sum(not selection.objections(model, relaxed) for model in barred)
        if more:
            relaxations.append({"need": need, "found": found, "more": more})
    return sorted(relaxations, key=lambda relaxation: -relaxation["more"])
