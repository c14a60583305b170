"""Plan: everything about a request before it is sent: steps 1 and 2, and how its models are chosen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from freerouter.memory.conversations import Conversation, conversation
from freerouter.memory.lessons import Asker
from freerouter.openrouter import cost_guard, model_names
from freerouter.openrouter.json_bodies import encode, parse
from freerouter.openrouter.model_names import DRAW
from freerouter.openrouter.requirements import Requirements
from freerouter.openrouter.tokens import surely_exceeds
from freerouter.openrouter.walk import walk
from freerouter.pipeline import refusals
from freerouter.pipeline.actions import Request
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.aside import LARGE
from freerouter.pipeline.choosing import FREELY
from freerouter.pipeline.filtering import Index
from freerouter.pipeline.selection import Selection
from freerouter.pipeline.state import State
from freerouter.pipeline.tracking import Trace
from freerouter.preferences import NO_WISHES, denies_training, denying_training, restrictions
from freerouter.replies.acceptance import Accept, as_asked

# The caller's preferences that can leave a model without a provider; sorting and prices cannot.
_EXCLUDING = frozenset(
    {"order", "only", "ignore", "allow_fallbacks", "require_parameters", "data_collection", "zdr"}
    | {"enforce_distillable_text", "quantizations"}
)


@dataclass(slots=True)
class Plan:
    """Everything about a request before it is sent.

    Attributes:
        body: parsed.
        parsed: it came as JSON.
        laid_out: the index of the catalog that it was planned with.
        asker: decides which lessons apply to it.
        conversation: the one that it belongs to; None when that does not matter.
        selection: the draws to come.
        accept: checks a whole answer; None when every answer is accepted.
    """

    body: dict[str, Any]
    parsed: bool
    laid_out: Index
    asker: Asker
    conversation: Conversation | None
    selection: Selection
    accept: Accept | None

    @property
    def requirements(self) -> Requirements:
        """What the request needs."""
        return self.asker.requirements

    @property
    def denies_training_alone(self) -> bool:
        """Whether it denies training on prompts, and nothing else that can exclude a provider."""
        return denies_training(self.body) and _EXCLUDING.isdisjoint(self.body["provider"].keys() - {"data_collection"})


def make_plan(state: State, request: Request, trace: Trace) -> Plan:
    """Analyse a request and find the eligible models; both go into the trace.

    Raises:
        FreeRouterError: the request is not valid, or could cost money.
    """
    given, dialect, caller, wishes = request.body, request.dialect, request.caller, request.wishes
    _check_size(state, given)
    body = parse(given)
    as_json = body is not given
    contents = walk(body, dialect)
    cost_guard.check_cost(body, contents, dialect)
    named = model_names.named(body, state.aliases)
    if "plugins" in body:
        wishes = wishes.over(restrictions(body))
    says_nothing = state.chooses_freely and wishes is NO_WISHES  # as nearly every request
    if not says_nothing and state.denies_training(wishes):
        body = denying_training(body)
    needs = request.needs + named.needs
    if cost_guard.wants_native_files(body):
        needs = (*needs, "file")
    written = given if isinstance(given, (bytes, bytearray)) else None
    requirements = analyze(body, dialect, extra=needs, written=written, contents=contents)
    hashed = state.hashed(caller.secret)
    belongs_to = conversation(body, dialect, request.session, request.sticky or state.settings.sticky, hashed)
    preferences = _preferences(body) if "provider" in body else ""
    accept = as_asked(body) if request.accept is True else request.accept or None
    with state.lock:
        index = state.index()
        if needs:
            index.check(request.needs, "needs")
            index.check(named.needs, "model")
        order = model_names.free_models(named.names, index.catalog, index.today) if named.names else DRAW
        asker = Asker(requirements, caller, preferences, index.reduced(requirements.need))
        choice = FREELY
        if not says_nothing or named.prefer or "provider" in body:
            barred = state.training.barred(caller.account) if denies_training(body) else {}
            choice = state.choice(wishes, named.prefer, barred)
        selection = Selection(index, asker, order, state.health, state.rng, choice)
    trace.skipped = order.skipped
    trace.requirements = requirements
    trace.free = len(index.models)
    trace.eligible = len(selection)
    trace.prefer = choice.preference.kind
    return Plan(body, as_json, index, asker, belongs_to, selection, accept)


def _check_size(state: State, body: object) -> None:
    """Refuse what no model has room for before it is parsed, which takes long."""
    if not isinstance(body, (bytes, bytearray)) or len(body) <= LARGE:  # a union would be made anew each time
        return
    with state.lock:
        index = state.index()
    if index.models and surely_exceeds(body, index.contexts[-1]):
        raise refusals.too_long(index.contexts[-1], len(index.models))


def _preferences(body: dict[str, Any]) -> str:
    """A hash of the request's own provider preferences; empty when none of them can exclude a provider."""
    provider = body.get("provider")
    if not isinstance(provider, dict) or _EXCLUDING.isdisjoint(provider):
        return ""
    return fingerprint({name: provider[name] for name in sorted(provider)})


def fingerprint(value: dict[str, Any]) -> str:
    """A hash that distinguishes two JSON objects without revealing their content."""
    return hashlib.blake2b(encode(value), digest_size=16).hexdigest()
