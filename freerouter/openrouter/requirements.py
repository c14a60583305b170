"""Need and Requirements: what a request requires of a model, in the catalog's terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from freerouter.openrouter.tokens import Bounds, ShortPrompt

# vision is a common name for what the catalog calls image.
ALIASES = {"vision": "image", "json": "response_format", "json_schema": "structured_outputs"}


class Need(NamedTuple):
    """What decides which models are eligible, apart from the context; equal needs share one pool.

    Attributes:
        hard: capabilities that a model must have.
        soft: parameters that a model should support; unknown ones count only if they are hard.
        strict: soft ones count as hard (``provider.require_parameters``).
        output: requested output tokens; 0 when not stated.
    """

    hard: frozenset[str]
    soft: frozenset[str]
    strict: bool
    output: int

    @property
    def required(self) -> frozenset[str]:
        """What a model must have, with the soft parameters if they count as hard."""
        return self.hard | self.soft if self.strict else self.hard


class Requirements(NamedTuple):
    """What a request requires of a model.

    Attributes:
        need: the part that decides which models are eligible.
        found: each hard capability, with the place in the request where it was found first.
        tokens: lower and upper bound of the prompt.
        stream: whether the answer is streamed.
        pdf: the place of a PDF, which needs a parser on models without file input.
        media: number of images, clips and documents.
    """

    need: Need
    found: Mapping[str, str]
    tokens: Bounds | ShortPrompt
    stream: bool
    pdf: str | None = None
    media: int = 0

    @property
    def prompt_tokens(self) -> int:
        """The most tokens that the prompt can be."""
        return self.tokens.most

    @property
    def prompt_tokens_least(self) -> int:
        """The least tokens that the prompt can be."""
        return self.tokens.least

    @property
    def context(self) -> int:
        """Tokens that certainly hold the prompt and the requested output: models with this context come first."""
        return self.tokens.most + self.need.output

    @property
    def least_context(self) -> int:
        """The least tokens that the prompt and the requested output need: models with less are not eligible."""
        return self.tokens.least + self.need.output

    def surely_fits(self, context: int) -> bool:
        """Whether a context certainly holds everything; short prompts are not counted."""
        return self.tokens.ceiling + self.need.output <= context

    def relaxable(self) -> dict[str, str]:
        """Every part that can be left out, by the name that ``without`` takes, with the place where it was found."""
        relaxable = dict(self.found)
        if self.need.strict and self.need.soft:
            relaxable["require_parameters"] = "provider.require_parameters"
        if self.need.output:
            relaxable["output_tokens"] = f"{self.need.output:,} asked for"
        relaxable["prompt_tokens"] = f"{self.prompt_tokens_least:,} to {self.prompt_tokens:,}"
        return relaxable

    def without(self, name: str) -> Requirements:
        """The same request without one of its ``relaxable`` parts."""
        match name:
            case "require_parameters":
                return self._replace(need=self.need._replace(strict=False))
            case "output_tokens":
                return self._replace(need=self.need._replace(output=0))
            case "prompt_tokens":
                return self._replace(tokens=Bounds(0, 0))
            case _:
                return self._replace(need=self.need._replace(hard=self.need.hard - {name}))

    def bare(self) -> Requirements:
        """The same without the prompt; one that was not counted yet has at most so many tokens as its ceiling."""
        return self._replace(tokens=self.tokens.bare())

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, also for display."""
        return {
            "hard": dict(self.found),
            "soft": sorted(self.need.soft),
            "require_parameters": self.need.strict,
            "prompt_tokens": self.prompt_tokens,
            "prompt_tokens_least": self.prompt_tokens_least,
            "output_tokens": self.need.output,
            "stream": self.stream,
        }


def canonical(names: Iterable[str]) -> list[str]:
    """Capabilities in the catalog's terms: image for vision."""
    return [ALIASES.get(name, name) for name in names]


def lack_in_words(capability: str) -> str:
    """The reason against a model that lacks a capability."""
    return "reasoning is mandatory" if capability == "reasoning:off" else f"lacks {capability}"
