"""Policy: which models may be drawn, by their names and their context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from freerouter.openrouter.catalog import Model
from freerouter.preferences import Wishes
from freerouter.settings import DEFAULT_EXCLUDE, Settings


@dataclass(frozen=True, slots=True)
class Policy:
    """Models that the user allows: glob patterns of ids (``*`` is anything; exclusion wins), authors, least context."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = DEFAULT_EXCLUDE
    authors: Sequence[str] = ()
    min_context: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """The policy of these settings."""
        defaults = DEFAULT_EXCLUDE if settings.exclude_defaults else ()
        return cls(settings.include, (*defaults, *settings.exclude), settings.authors, settings.min_context)

    @classmethod
    def wished(cls, wishes: Wishes) -> Policy | None:
        """The policy of one request, which holds besides that of the settings; None when it leaves out no model."""
        if not (wishes.include or wishes.exclude or wishes.authors or wishes.min_context):
            return None
        return cls(wishes.include, wishes.exclude, wishes.authors, wishes.min_context)

    def __str__(self) -> str:
        lists = {"include": self.include, "exclude": self.exclude, "authors": self.authors}
        words = [f"{name} {', '.join(values)}" for name, values in lists.items() if values]
        return " and ".join([*words, f"min_context {self.min_context}"] if self.min_context else words)

    def objections(self, model: Model) -> Iterator[str]:
        """Every reason, as text, against a model."""
        if self.include and not any(fnmatchcase(model.id, pattern) for pattern in self.include):
            yield f"not included by {', '.join(self.include)}"
        for pattern in self.exclude:
            if fnmatchcase(model.id, pattern):
                yield f"excluded by {pattern}"
        if self.authors and model.author not in self.authors:
            yield f"author {model.author} is not among {', '.join(self.authors)}"
        if model.context is not None and model.context < self.min_context:
            yield f"context {model.context} < {self.min_context} required by min_context"
