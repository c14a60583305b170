"""What a dialect does: it reads a request into an ask, and puts answers, streams and errors into its own words."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from freerouter.emulator.ask import Ask, Body, understand
from freerouter.emulator.completion import Completion, Json
from freerouter.emulator.refusals import Refusal
from freerouter.emulator.reply import Reply, refused

COMMENT = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"


class Dialect(ABC):
    """One way to write requests and answers; stateless.

    `path` is the address below the base URL, `conversation` what a request must have, `container`
    the field of an answer that holds what the model said, `end` the mark that ends a stream;
    `hides_overflow`: a context that was exceeded looks like an answer that was cut short.
    """

    path: ClassVar[str]
    conversation: ClassVar[str]
    container: ClassVar[str]
    end: ClassVar[bytes] = DONE
    hides_overflow: ClassVar[bool] = False

    @abstractmethod
    def in_chat(self, given: Body) -> Body | Refusal:
        """Return the request in the words of Chat Completions, or the 400 that it deserves."""

    @abstractmethod
    def whole(self, completion: Completion) -> Json:
        """Return the answer as it is when it is not streamed."""

    @abstractmethod
    def events(self, completion: Completion) -> Iterator[Json]:
        """Yield the events of a stream, but for the mark that ends it."""

    @abstractmethod
    def is_token(self, event: Json) -> bool:
        """Tell whether an event holds something that the model said."""

    @abstractmethod
    def contentless(self, completion: Completion) -> Json:
        """Return an answer whose content is null, with nothing in its place."""

    @abstractmethod
    def failed(self, completion: Completion, error: Refusal) -> Json:
        """Return the body of a 200 that is an error."""

    @abstractmethod
    def error_event(self, completion: Completion, error: Refusal, sent: int) -> Json:
        """Return the event with which a stream breaks off after so many events."""

    def finished_in_error(self, completion: Completion, error: Refusal) -> Json:
        """Return an answer whose finish is an error; a dialect without such a finish has only the error."""
        return self.failed(completion, error)

    def failed_first(self, completion: Completion, error: Refusal) -> Json:
        """Return the event of a stream that is an error from the start."""
        return self.error_event(completion, error, 0)

    def error_body(self, refusal: Refusal) -> Json:
        """Return the body of an error with an HTTP status (openrouter-facts 6)."""
        return refusal.body

    def framed(self, event: Json) -> bytes:
        """Return the server-sent event: named by its type."""
        return named(event)

    def read(self, given: Any) -> Ask | Refusal:
        """Return the request that this JSON value is (None: no JSON), or the 400 that it deserves."""
        return understand(given, self.in_chat, self.conversation)

    def stream(self, completion: Completion) -> Iterator[bytes]:
        """Yield a stream event by event, a comment first and its end last."""
        yield COMMENT
        yield from map(self.framed, self.events(completion))
        yield self.end

    def refused(self, refusal: Refusal, metadata: Mapping[str, Any] | None = None) -> Reply:
        """Return the error; `metadata` is the openrouter_metadata that stands beside it."""
        return refused(refusal, metadata, self.error_body(refusal))


def data(event: Json) -> bytes:
    """Return the data line that carries this event, and the empty line after it."""
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def named(event: Json) -> bytes:
    """Return the server-sent event that carries this one under its type."""
    return b"event: " + str(event["type"]).encode() + b"\n" + data(event)
