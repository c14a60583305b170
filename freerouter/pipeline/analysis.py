"""Step 1, Request Analysis: from a request's body to what it requires of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.dialects import CHAT, Dialect, Survey
from freerouter.openrouter.json_bodies import encode, parse

# Conservative: a token of English has about four bytes, one of other languages and of code rather three.
BYTES_PER_TOKEN = 3
# A picture, a clip or a document costs a model some hundreds to some thousands of tokens, whatever its bytes are.
TOKENS_PER_MEDIUM = 1_600

# People say vision where the catalog says image.
_ALIASES = {"vision": "image", "json": "response_format", "json_schema": "structured_outputs"}


class Need(NamedTuple):
    """What decides who is eligible, apart from the context; equal needs share one pool.

    Attributes:
        hard: capabilities without which no model will do.
        soft: parameters that a model should honour; those that no catalog knows do not count.
        strict: soft ones are hard (``provider.require_parameters``).
        output: tokens of answer asked for; 0 when nothing is asked.
    """

    hard: frozenset[str]
    soft: frozenset[str]
    strict: bool
    output: int


class Requirements(NamedTuple):
    """What a request requires of a model.

    Attributes:
        need: the part that decides who is eligible.
        found: each hard capability, with the place in the request where it was found first.
        prompt_tokens: an estimate that errs upwards (``estimate``).
        stream: the answer is to be streamed.
        pdf: where there is a PDF, which needs a parser on models that take no files.
    """

    need: Need
    found: Mapping[str, str]
    prompt_tokens: int
    stream: bool
    pdf: str | None = None

    @property
    def context(self) -> int:
        """Tokens that must fit into a model's context: the prompt's and those asked for."""
        return self.prompt_tokens + self.need.output

    def needs(self) -> dict[str, str]:
        """Everything that a request could do without, by the names that ``without`` takes, and where it was found."""
        needs = dict(self.found)
        if self.need.strict and self.need.soft:
            needs["require_parameters"] = "provider.require_parameters"
        if self.need.output:
            needs["output_tokens"] = f"{self.need.output:,} asked for"
        needs["prompt_tokens"] = f"about {self.prompt_tokens:,}"
        return needs

    def without(self, name: str) -> Requirements:
        """The same request without one of its ``needs``."""
        match name:
            case "require_parameters":
                return self._replace(need=self.need._replace(strict=False))
            case "output_tokens":
                return self._replace(need=self.need._replace(output=0))
            case "prompt_tokens":
                return self._replace(prompt_tokens=0)
            case _:
                return self._replace(need=self.need._replace(hard=self.need.hard - {name}))

    def as_dict(self) -> dict[str, Any]:
        """For JSON and for people."""
        return {
            "hard": dict(self.found),
            "soft": sorted(self.need.soft),
            "require_parameters": self.need.strict,
            "prompt_tokens": self.prompt_tokens,
            "output_tokens": self.need.output,
            "stream": self.stream,
        }


def analyze(
    body: bytes | str | dict[str, Any],
    dialect: Dialect = CHAT,
    *,
    extra: Iterable[str] = (),
    length: int | None = None,
) -> Requirements:
    """Find what a request requires.

    Args:
        body: the request, as JSON or already parsed.
        dialect: how it is written.
        extra: capabilities to require besides, such as ``tools`` or ``image``.
        length: bytes of the JSON that a parsed body came from; measured when it is not known.

    Raises:
        InvalidRequestError: the request makes no sense; names the field.
    """
    if length is None:
        length = _length(body)
    if not isinstance(body, dict):
        body = parse(body)
    survey = dialect.survey(body)
    found = survey.needs
    soft = frozenset(body) - dialect.structural
    if nulls := [name for name in soft if body[name] is None]:
        soft = soft.difference(nulls)
    if not dialect.demanding.isdisjoint(body):
        for capability, where in dialect.demands(body):
            found.setdefault(capability, where)
        soft = soft.union(dialect.wishes(body))
    if survey.pdf is not None:
        soft = soft.union(("file",))
    if extra:
        for capability in canonical(extra):
            found.setdefault(capability, "asked for besides")
    provider = body.get("provider")
    if provider is not None and not isinstance(provider, dict):
        raise InvalidRequestError("provider must be an object", field="provider")
    strict = provider is not None and provider.get("require_parameters") is True
    need = Need(frozenset(found), soft, strict, _output(body, dialect))
    return Requirements(need, found, estimate(length, survey), body.get("stream") is True, survey.pdf)


def canonical(names: Iterable[str]) -> list[str]:
    """Capabilities in the catalog's words: people say vision for image."""
    return [_ALIASES.get(name, name) for name in names]


def estimate(length: int, survey: Survey) -> int:
    """Tokens of a prompt, rather too many than too few.

    Linear in the request's JSON (``length`` bytes) without the payload of its pictures, clips and documents,
    which have a flat price each.
    """
    return (length - survey.payload) // BYTES_PER_TOKEN + survey.media * TOKENS_PER_MEDIUM + 1


def _length(body: bytes | str | dict[str, Any]) -> int:
    """Bytes of a request's JSON; a character of text may be several."""
    if isinstance(body, dict):
        return len(encode(body))
    return len(body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body)


def _output(body: Mapping[str, Any], dialect: Dialect) -> int:
    """Tokens of answer asked for, by whichever field asks for most."""
    most = 0
    for name in dialect.limits:
        value = body.get(name)
        if value is None:
            continue
        if type(value) is bool or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
            raise InvalidRequestError(f"{name} must be a number of tokens", field=name)
        if value > most:
            most = int(value)
    return most
