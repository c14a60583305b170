"""Typed answers: what OpenRouter's chat completions hold, leniently, with every field kept that is not known here."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from freerouter.pipeline.tracking import Trace


class Lenient(BaseModel):
    """Keeps fields that it does not know (they are attributes, too)."""

    # Built when the first answer is read: a program that only puts a transport under its SDK reads none.
    model_config = ConfigDict(extra="allow", protected_namespaces=(), defer_build=True)


class FunctionCall(Lenient):
    """What a model wants to be called, with its arguments as JSON text."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(Lenient):
    """A tool call, or a piece of one in a stream."""

    id: str | None = None
    index: int | None = None
    type: str | None = None
    function: FunctionCall | None = None


class Message(Lenient):
    """What the model says; in a stream, the piece by which it grows."""

    role: str | None = None
    content: Any = None
    refusal: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(Lenient):
    """One of the answers; there is one unless more were asked for."""

    index: int = 0
    finish_reason: str | None = None
    message: Message = Field(default_factory=Message)


class ChunkChoice(Lenient):
    """A piece of one of the answers."""

    index: int = 0
    finish_reason: str | None = None
    delta: Message = Field(default_factory=Message)


class Usage(Lenient):
    """Tokens, and the cost in USD, which is 0."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cost: float | None = None


class ChatCompletion(Lenient):
    """A whole answer (API reference, "Create a chat completion")."""

    id: str = ""
    created: int = 0
    model: str = ""
    choices: list[Choice] = Field(default_factory=list)
    usage: Usage | None = None
    _trace: Trace = PrivateAttr(default_factory=Trace)

    @property
    def trace(self) -> Trace:
        """How this answer came about."""
        return self._trace

    @property
    def text(self) -> str:
        """The text of the first choice; empty when there is none."""
        content = self.choices[0].message.content if self.choices else None
        return content if isinstance(content, str) else ""


class ChatChunk(Lenient):
    """One event of a streamed answer (API reference, "Streaming")."""

    id: str = ""
    created: int = 0
    model: str = ""
    choices: list[ChunkChoice] = Field(default_factory=list)
    usage: Usage | None = None

    @property
    def text(self) -> str:
        """The piece of text of the first choice; empty when there is none."""
        content = self.choices[0].delta.content if self.choices else None
        return content if isinstance(content, str) else ""
