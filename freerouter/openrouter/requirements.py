"""Need and Requirements: what a request requires of a model, in the catalog's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from freerouter.openrouter.tokens import Bounds, ShortPrompt

# People say vision where the catalog says image.
_ALIASES = {"vision": "image", "json": "response_format", "json_schema": "structured_outputs"}


class Need(NamedTuple):
    """What decides who is eligible, apart from the context; equal needs share one pool.

    Attributes:
        hard: capabilities without which no model will do.
        soft: parameters that a model should honour; those that no catalog knows count only where they are hard.
        strict: soft ones are hard (``provider.require_parameters``).
        output: tokens of answer asked for; 0 when nothing is asked.
    """

    hard: frozenset[str]
    soft: frozenset[str]
    strict: bool
    output: int

    @property
    def required(self) -> frozenset[str]:
        """What a model must have: soft parameters, too, where they are hard."""
        return self.hard | self.soft if self.strict else self.hard


class Requirements(NamedTuple):
    """What a request requires of a model.

    Attributes:
        need: the part that decides who is eligible.
        found: each hard capability, with the place in the request where it was found first.
        tokens: the least and the most that the prompt can be.
        stream: the answer is to be streamed.
        pdf: where there is a PDF, which needs a parser on models that take no files.
        media: how many pictures, clips and documents it holds.
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
        """Tokens that are sure to hold the prompt and the answer asked for: models with this context come first."""
        return self.tokens.most + self.need.output

    @property
    def least_context(self) -> int:
        """Tokens that the prompt and the answer asked for need at least: models with less are not eligible."""
        return self.tokens.least + self.need.output

    def surely_fits(self, context: int) -> bool:
        """Whether a context holds everything, told without counting what is short."""
        return self.tokens.ceiling + self.need.output <= context

    def relaxable(self) -> dict[str, str]:
        """Everything that a request could do without, by the names that ``without`` takes, and where it was found."""
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

    def as_dict(self) -> dict[str, Any]:
        """For JSON and for people."""
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
    """Capabilities in the catalog's words: people say vision for image."""
    return [_ALIASES.get(name, name) for name in names]


def lack_in_words(capability: str) -> str:
    """What to say of a model that lacks a capability."""
    return "reasoning is mandatory" if capability == "reasoning:off" else f"lacks {capability}"
