"""Typed answers: OpenRouter's chat completions, read leniently; unknown fields are kept."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, SkipValidation

from freerouter.pipeline.tracking import Trace

_LONGEST = 40


def _given(value: Any) -> Any:
    """An object; null is an empty one."""
    return {} if value is None else value


def _listed(value: Any) -> Any:
    """A list without its nulls; null is an empty one."""
    if value is None:
        return []
    return [item for item in value if item is not None] if isinstance(value, list) else value


def _calls(value: Any) -> Any:
    return None if value is None else _listed(value)


def _object(value: Any) -> Any:
    """A minor field that should be an object: any other value is ignored, so that the answer stays valid."""
    return value if isinstance(value, dict | BaseModel) else None


# Fields that are taken unchecked; the type here is what they should hold.
Text = Annotated[str | None, SkipValidation]
Number = Annotated[int | None, SkipValidation]


class Lenient(BaseModel):
    """Keeps fields that it does not know (they are attributes, too)."""

    # Built at the first answer: a program that only uses the transport never needs it.
    model_config = ConfigDict(extra="allow", protected_namespaces=(), defer_build=True)


class FunctionCall(Lenient):
    """The function that a model calls, with its arguments as JSON text."""

    name: Text = None
    arguments: Any = None


class ToolCall(Lenient):
    """A tool call, or a piece of one in a stream."""

    id: Text = None
    index: Number = None
    type: Text = None
    function: Annotated[FunctionCall | None, BeforeValidator(_object)] = None


class Message(Lenient):
    """The model's message; in a stream, the next piece of it."""

    role: Text = None
    content: Any = None
    refusal: Text = None
    reasoning: Any = None
    tool_calls: Annotated[list[ToolCall] | None, BeforeValidator(_calls)] = None

    @property
    def text(self) -> str:
        """The content, if it is text, or the texts among its parts."""
        parts = self.content if isinstance(self.content, list) else [self.content]
        return "".join(map(_text_of, parts))


def _text_of(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") in ("text", "output_text"):
        part = part.get("text")
    return part if isinstance(part, str) else ""


class Choice(Lenient):
    """One of the answers; there is one unless more were requested."""

    index: Number = 0
    finish_reason: Text = None
    message: Annotated[Message, BeforeValidator(_given)] = Field(default_factory=Message)


class ChunkChoice(Lenient):
    """A piece of one of the answers."""

    index: Number = 0
    finish_reason: Text = None
    delta: Annotated[Message, BeforeValidator(_given)] = Field(default_factory=Message)


class Usage(Lenient):
    """Tokens, and the cost in USD, which is 0."""

    prompt_tokens: Number = 0
    completion_tokens: Number = 0
    total_tokens: Number = 0
    cost: Annotated[float | None, SkipValidation] = None


class ChatCompletion(Lenient):
    """A whole answer (API reference, "Create a chat completion").

    ``model`` is what OpenRouter sent, often a dated slug; ``answered_by`` is the model's id.
    """

    id: Text = ""
    created: Number = 0
    model: Text = ""
    choices: Annotated[list[Choice], BeforeValidator(_listed)] = Field(default_factory=list)
    usage: Annotated[Usage | None, BeforeValidator(_object)] = None
    _trace: Trace = PrivateAttr(default_factory=Trace)

    @property
    def trace(self) -> Trace:
        """The record of the request."""
        return self._trace

    @property
    def answered_by(self) -> str:
        """The id of the model that answered, as in ``explain``, headers, batches and the trace."""
        return self._trace.model or ""

    @property
    def text(self) -> str:
        """The text of the first choice; empty without one."""
        return self.choices[0].message.text if self.choices else ""

    def __repr__(self) -> str:
        return f"<ChatCompletion {shortened(self.text)} by {self.answered_by or self.model}>"

    __str__ = __repr__

    def _repr_markdown_(self) -> str:
        """For notebooks: the text, the model, and the attempts before."""
        tried = "\n".join(f"* {attempt}" for attempt in self._trace.attempts)
        return f"{self.text}\n\n*{self.answered_by or self.model}*\n\n{tried}".rstrip() + "\n"


class ChatChunk(Lenient):
    """One event of a streamed answer (API reference, "Streaming")."""

    id: Text = ""
    created: Number = 0
    model: Text = ""
    choices: Annotated[list[ChunkChoice], BeforeValidator(_listed)] = Field(default_factory=list)
    usage: Annotated[Usage | None, BeforeValidator(_object)] = None

    @property
    def text(self) -> str:
        """The piece of text of the first choice; empty without one."""
        return self.choices[0].delta.text if self.choices else ""

    def __repr__(self) -> str:
        return f"<ChatChunk {shortened(self.text)}>"

    __str__ = __repr__


def shortened(text: str) -> str:
    """The beginning of a text, quoted."""
    return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}")
