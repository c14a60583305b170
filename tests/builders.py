"""Builders of catalogs and needs, and a clock that stands still."""

import json
from datetime import date
from random import Random
from typing import Any

from hypothesis import strategies as st

from freerouter.memory.health import Health
from freerouter.memory.lessons import Asker
from freerouter.openrouter import cost_guard
from freerouter.openrouter.catalog import Catalog, Model
from freerouter.openrouter.dialects import Dialect
from freerouter.openrouter.headers import NOBODY, Caller
from freerouter.openrouter.model_names import DRAW, Order
from freerouter.openrouter.requirements import Need, Requirements
from freerouter.openrouter.tokens import Bounds
from freerouter.openrouter.walk import walk
from freerouter.pipeline.filtering import Index, Policy
from freerouter.pipeline.selection import Selection

TODAY = date(2026, 9, 1)

# Any JSON value; lone surrogates are left out of it, since JSON's own writers disagree about them.
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


# What is added to each request that is sent, so that it cannot cost.
NO_PRICE = {"prompt": 0, "completion": 0, "request": 0, "image": 0, "audio": 0}
BILLING_OFF = [{"id": name, "enabled": False} for name in ("web", "web-fetch", "fusion")]
SEAL = {"provider": {"max_price": NO_PRICE}, "plugins": BILLING_OFF}


def row(name: str = "acme/alpha:free", **changes: Any) -> dict[str, Any]:
    """A row of the catalog: free text, unless changed. Short words stand for what lies deeper (see the code)."""
    context = changes.pop("context", 32_768)
    return {
        "id": name,
        "canonical_slug": name.partition(":")[0] + "-20260101",
        "name": name.upper(),
        "created": 1_780_000_000,
        "context_length": context,
        "architecture": {
            "input_modalities": ["text", *changes.pop("inputs", ())],
            "output_modalities": list(changes.pop("outputs", ("text",))),
        },
        "pricing": {"prompt": "0", "completion": "0"} | changes.pop("price", {}),
        "top_provider": {
            "context_length": changes.pop("top_context", context),
            "max_completion_tokens": changes.pop("max_output", None),
            "is_moderated": changes.pop("moderated", False),
        },
        "supported_parameters": list(changes.pop("parameters", ())),
        "reasoning": {"mandatory": changes.pop("mandatory", False)},
    } | changes


def body_of(*rows: Any) -> bytes:
    """The body of ``GET /models`` with these rows."""
    return json.dumps({"data": rows, "total_count": len(rows), "links": {"next": None}}).encode()


def catalog_of(*rows: Any) -> Catalog:
    return Catalog.parse(body_of(*rows))


def model_of(**changes: Any) -> Model:
    return catalog_of(row(**changes)).models[0]


def index_of(*rows: Any, today: date = TODAY, **policy: Any) -> Index:
    return Index(catalog_of(*rows), Policy(**policy), today)


def need_of(*hard: str, soft: tuple[str, ...] = (), strict: bool = False, output: int = 0) -> Need:
    return Need(frozenset(hard), frozenset(soft), strict, output)


def required(*hard: str, tokens: int = 10, media: int = 0, **need: Any) -> Requirements:
    """Requirements with these hard needs, and a prompt of exactly so many tokens."""
    needs = need_of(*hard, **need)
    return Requirements(needs, dict.fromkeys(hard, "somewhere"), Bounds(tokens, tokens), stream=False, media=media)


def selection_of(
    index: Index, requirements: Requirements | None = None, *, named: Any = None, health: Any = None, seed: int = 1
) -> Selection:
    requirements = requirements or required()
    asker = Asker(requirements, NOBODY, "", index.reduced(requirements.need))
    return Selection(index, asker, order_of(named), health or healthy(), Random(seed))


def asker_of(requirements: Requirements | None = None, caller: Caller = NOBODY, preferences: str = "") -> Asker:
    return Asker(requirements or required(), caller, preferences)


def order_of(named: Any) -> Order:
    """The order of some models, None standing for a draw; None alone for nothing but a draw."""
    if named is None:
        return DRAW
    return Order(tuple(model for model in dict.fromkeys(named) if model is not None), None in named)


def healthy(clock: Clock | None = None, seed: int = 1) -> Health:
    return Health(clock or Clock(), Random(seed))


def check_cost(body: dict[str, Any], dialect: Dialect) -> None:
    """Walk over a request, and refuse what could cost."""
    body = {dialect.conversation: [{"role": "user", "content": "Hi"}], **body}
    cost_guard.check_cost(body, walk(body, dialect), dialect)
