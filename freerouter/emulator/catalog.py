"""The catalog: what GET /models serves, and the models that can be sent to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from freerouter.emulator.offer import Offer, read
from freerouter.emulator.rows import Model, envelope, listed, own_models

# Routing hints that may follow an id; they choose a provider, not another model.
_HINTS = (":online", ":nitro", ":floor")


@dataclass(frozen=True, slots=True)
class Catalog:
    """An immutable snapshot: `body` is served byte for byte, `models` is what can be sent to.

    `listed` holds the rows of the body; `known` every id that ever could be sent to, because
    OpenRouter answers otherwise for a model that is gone than for one that never was.
    """

    body: bytes
    listed: Sequence[Model]
    models: Sequence[Model]
    by_id: Mapping[str, Offer]
    by_slug: Mapping[str, Offer]
    known: frozenset[str]

    def __iter__(self) -> Iterator[Offer]:
        return iter(self.by_id.values())

    @classmethod
    def of(
        cls, body: bytes, rows: Sequence[Model], hidden: Sequence[Model] = (), known: frozenset[str] = frozenset()
    ) -> Self:
        """Return the catalog of this body and its rows; `hidden` ones are listed on request only."""
        models = [*rows, *hidden]
        offers = [read(model) for model in models]
        by_id = {offer.id: offer for offer in offers}
        by_slug = {offer.answers_as: offer for offer in offers}
        return cls(body, rows, models, by_id, by_slug, known | by_id.keys() | by_slug.keys())

    def serving(self, body: bytes) -> "Catalog":
        """Return the catalog that serves this body instead; what is no catalog changes no model."""
        rows = _rows(body)
        if rows is None:
            return Catalog(body, (), self.models, self.by_id, self.by_slug, self.known)
        return Catalog.of(body, rows, known=self.known)

    def find(self, model: str) -> Offer | None:
        """Return the model under this id or dated slug; routing hints are looked through."""
        for hint in _HINTS:
            model = model.removesuffix(hint)
        return self.by_id.get(model) or self.by_slug.get(model)


@cache
def own_catalog() -> Catalog:
    """Return the emulator's own catalog."""
    models = own_models()
    shown = listed(models)
    return Catalog.of(envelope(shown), shown, [model for model in models if model not in shown])


def _rows(body: bytes) -> list[Model] | None:
    """Return the rows of a catalog that have an id, or None when the bytes are no catalog."""
    try:
        page: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    rows = page.get("data") if isinstance(page, dict) else page
    if not isinstance(rows, list):
        return None
    return [row for row in rows if isinstance(row, dict) and "id" in row]
