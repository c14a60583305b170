"""ChatStream and AsyncChatStream: streamed answers of the library; also typed whole answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from pydantic import ValidationError

from freerouter.errors import StreamInterruptedError
from freerouter.library.completions import ChatChunk, ChatCompletion, shortened
from freerouter.openrouter.dialects import CHAT
from freerouter.openrouter.json_bodies import parse
from freerouter.pipeline.delivery import Answer, AsyncBody, Body
from freerouter.pipeline.tracking import Trace
from freerouter.replies.events import Events
from freerouter.replies.reading import read_event

TypedT = TypeVar("TypedT", ChatCompletion, ChatChunk)


def _typed(kind: type[TypedT], data: bytes, trace: Trace, text: str = "") -> TypedT:
    """An answer, or a chunk of one. Raises StreamInterruptedError, with the text so far, when it is malformed."""
    try:
        try:
            return kind.model_validate_json(data)
        except ValidationError:
            # A chunk may end within a surrogate pair, which pydantic's own parser refuses.
            return kind.model_validate(parse(data))
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        raise StreamInterruptedError(f"the answer has a malformed {where or 'shape'}", text=text, trace=trace) from None


def completion_of(data: bytes, trace: Trace) -> ChatCompletion:
    """A whole answer, typed. Raises StreamInterruptedError when it is malformed."""
    completion = _typed(ChatCompletion, data, trace)
    completion._trace = trace  # noqa: SLF001  # its own attribute, but not a field of the answer
    return completion


class _Progress:
    """A streamed answer as it grows.

    Attributes:
        answered_by: the id of the model that answers.
        trace: the record of the request.
        text: the text received so far.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.answered_by = trace.model or ""
        self.text = ""
        self._events = Events()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {shortened(self.text)} by {self.answered_by}>"

    @property
    def model(self) -> str:
        """The same as ``answered_by``."""
        return self.answered_by

    def _read(self, data: bytes) -> Iterator[ChatChunk]:
        """The chunks that these bytes complete. Raises StreamInterruptedError at an error event."""
        for event in self._events.feed(data):
            piece = read_event(CHAT, event)
            if piece is None or piece.error is not None:
                said = None if piece is None or piece.error is None else piece.error.get("message")
                message = str(said or "the stream contains an event that is not valid JSON")
                raise StreamInterruptedError(message, text=self.text, trace=self.trace)
            if not piece.done:
                chunk = _typed(ChatChunk, event, self.trace, self.text)
                self.text += chunk.text
                yield chunk


class ChatStream(_Progress):
    """A streamed answer: iterate over its chunks. Raises StreamInterruptedError when it breaks off."""

    def __init__(self, answer: Answer[Body]) -> None:
        super().__init__(answer.trace)
        self._chunks = self._follow(answer.body)

    def __iter__(self) -> Iterator[ChatChunk]:
        return self._chunks  # the same iterator each time: it continues where it was

    def _follow(self, body: Body) -> Iterator[ChatChunk]:
        for data in body:
            for chunk in self._read(data):  # noqa: UP028  # the async twin cannot use yield from
                yield chunk


class AsyncChatStream(_Progress):
    """A streamed answer: iterate over its chunks. Raises StreamInterruptedError when it breaks off."""

    def __init__(self, answer: Answer[AsyncBody]) -> None:
        super().__init__(answer.trace)
        self._chunks = self._follow(answer.body)

    def __aiter__(self) -> AsyncIterator[ChatChunk]:
        return self._chunks  # the same iterator each time: it continues where it was

    async def _follow(self, body: AsyncBody) -> AsyncIterator[ChatChunk]:
        async for data in body:
            for chunk in self._read(data):
                yield chunk
