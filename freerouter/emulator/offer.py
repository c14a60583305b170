"""What the gateway knows about a model, read leniently from its row in a catalog."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from freerouter.emulator.lenient import items, mapping, objects, text, whole
from freerouter.emulator.rows import Model

_TEXT = frozenset({"text"})
# Keys beside the prices that are none.
_CONDITIONS = frozenset({"discount", "min_prompt_tokens", "utc_start", "utc_end", "utc_days"})


@dataclass(frozen=True, slots=True)
class Offer:
    """One model as the gateway sees it; sizes in tokens, prices in USD per token or unit."""

    id: str
    slug: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    parameters: frozenset[str]
    context: int
    pricing: Mapping[str, Any]
    reasons: bool
    mandatory_reasoning: bool
    reasons_by_default: bool
    expires: date | None
    alias_of: str

    @property
    def is_router(self) -> bool:
        """Whether it chooses another model, at that model's price."""
        return self.id.startswith("openrouter/") and str(self.pricing.get("prompt")) == "-1"

    @property
    def answers_as(self) -> str:
        """The model named in an answer: the dated slug, with the variant (openrouter-facts 5)."""
        variant = self.id.partition(":")[2]
        return f"{self.slug}:{variant}" if variant else self.slug

    @property
    def provider(self) -> str:
        """The display name of the only provider that the emulator gives a model."""
        return self.id.lstrip("~").partition("/")[0].title()

    def expired(self, now: float) -> bool:
        """Tell whether the day of expiry is over, in UTC."""
        return self.expires is not None and datetime.fromtimestamp(now, UTC).date() > self.expires

    def prices(self, now: float, prompt_tokens: int) -> dict[str, Decimal]:
        """Return the prices in force, overrides included: later ones win, key by key."""
        table = dict(self.pricing)
        for override in objects(table.pop("overrides", None)):
            if _applies(override, now, prompt_tokens):
                table |= override
        return {key: _decimal(value) for key, value in table.items() if key not in _CONDITIONS}

    def costs(self, now: float, prompt_tokens: int) -> str | None:
        """Return why a request to this model costs money, or None (openrouter-facts 2)."""
        if not self.id.endswith(":free") or self.alias_of:
            return f"{self.id} is not a free variant"
        priced = [key for key, price in self.prices(now, prompt_tokens).items() if price]
        if priced:
            return f"{self.id} has a price for {', '.join(priced)}"
        return None if self.outputs == {"text"} else f"{self.id} puts out more than text"


def read(model: Model) -> Offer:
    """Return the offer that a row of GET /models describes; what is missing gets a plain default."""
    architecture = mapping(model.get("architecture"))
    reasoning = mapping(model.get("reasoning"))
    identity = str(model["id"])
    mandatory = bool(reasoning.get("mandatory"))
    return Offer(
        id=identity,
        slug=text(model.get("canonical_slug")) or identity.partition(":")[0],
        inputs=_names(architecture.get("input_modalities")) or _TEXT,
        outputs=_names(architecture.get("output_modalities")) or _TEXT,
        parameters=_names(model.get("supported_parameters")),
        context=_context(model),
        pricing=mapping(model.get("pricing")) or {"prompt": "-1"},
        reasons=bool(reasoning),
        mandatory_reasoning=mandatory,
        reasons_by_default=mandatory or bool(reasoning.get("default_enabled")),
        expires=_date(model.get("expiration_date")),
        alias_of=text(mapping(model.get("alias_target")).get("slug")),
    )


def _context(model: Model) -> int:
    stated = (model.get("context_length"), mapping(model.get("top_provider")).get("context_length"))
    return min((size for size in stated if isinstance(size, int)), default=0)


def _names(value: Any) -> frozenset[str]:
    return frozenset(filter(None, map(text, items(value))))


def _date(day: Any) -> date | None:
    try:
        return date.fromisoformat(text(day))
    except ValueError:
        return None


def _decimal(price: Any) -> Decimal:
    """Read a price; one that cannot be read is no promise of zero."""
    try:
        return Decimal(str(price))
    except InvalidOperation:
        return Decimal(-1)


def _applies(override: Mapping[str, Any], now: float, prompt_tokens: int) -> bool:
    """Tell whether the window and the threshold hold; utc_days are ignored, which errs towards a price."""
    moment = datetime.fromtimestamp(now, UTC)
    clock = moment.hour * 100 + moment.minute
    start, end = whole(override.get("utc_start"), 0), whole(override.get("utc_end"), 2400)
    inside = start <= clock < end if start < end else clock >= start or clock < end
    return inside and prompt_tokens >= whole(override.get("min_prompt_tokens"), 0)
