"""Head of a reply: as much of it as is needed to judge it; all of it if the answer must be checked."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic_core import from_json

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.dialects import NOTHING, Dialect, Piece
from freerouter.openrouter.json_bodies import parse
from freerouter.replies.assembly import Assembly
from freerouter.replies.events import Events
from freerouter.replies.fragments import first_object

# An answer with images has some megabytes; a larger reply is not an answer to a chat request.
LIMIT = 64 * 1024 * 1024
_LONGEST_TEXT = 500


class Flaw(StrEnum):
    """Why a reply is malformed, for any status; the value is the reason in the trace."""

    NOT_SENT = "unreachable"
    STALE = "stale_connection"
    BROKEN = "connection_broken"
    TIMEOUT = "timeout"
    CALLER_TIMEOUT = "timeout_of_caller"
    DEADLINE = "deadline"
    HTML = "html_page"
    WRONG_TYPE = "wrong_content_type"
    ENCODED = "encoded_unasked"
    NOT_JSON = "not_json"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    NO_CHOICES = "no_choices"
    EMPTY = "empty_answer"
    NO_TOKEN = "ended_before_first_token"  # noqa: S105  # a token of an answer, not a password


class Reading(NamedTuple):
    """The content of a reply, or the reason why there is none.

    Attributes:
        status: of the HTTP reply; 0 when there was none.
        headers: with lower-case names.
        flaw: why the reply is missing or malformed; None for an answer and for a proper error.
        error: the body or the event that carries the error, parsed.
        body: the whole answer, parsed, if it was not streamed or was held back until complete.
        usage: tokens and cost, if they are known already.
        text: the beginning of an error that is plain text.
    """

    status: int = 0
    headers: Mapping[str, str] = MappingProxyType({})
    flaw: Flaw | None = None
    error: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] | None = None
    text: str = ""


_KINDS = ("application/json", "text/event-stream")


class Head:
    """Reads a reply until it can be judged: a stream to its first token, anything else to its end.

    Args:
        dialect: of the reply.
        stream: whether a stream was requested.
        status, headers: of the reply; names in lower case.
        whole: read a stream to its end, too, and assemble the answer.

    Attributes:
        chunks: the bytes read so far, to be passed on unchanged.
        reading: the judgement; None while more bytes are needed.
    """

    def __init__(
        self, dialect: Dialect, stream: bool, status: int, headers: Mapping[str, str], *, whole: bool = False
    ) -> None:
        self.chunks: list[bytes] = []
        self.reading: Reading | None = None
        self._dialect = dialect
        self._status = status
        self._headers = headers
        kind = headers.get("content-type", "")
        self._kind = kind if kind in _KINDS else kind.partition(";")[0].strip().lower()
        self._stream = stream
        streamed = stream and status < 300 and self._kind in ("text/event-stream", "")
        self._events = Events() if streamed else None
        self._assembly = Assembly() if streamed and whole else None
        self._last = NOTHING
        self._size = 0
        encoding = headers.get("content-encoding")
        if encoding and encoding.lower() != "identity":
            self._judge(Flaw.ENCODED)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        self.chunks.append(chunk)
        self._size += len(chunk)
        if self._size > LIMIT:
            self._judge(Flaw.TOO_LARGE)
        elif self._events is not None:
            for data in self._events.feed(chunk):
                if self.reading is None:
                    self._feed_event(data)

    def end(self) -> Reading:
        """The body has ended. Returns the reading."""
        if self.reading is not None:
            return self.reading
        if self._events is not None:
            return self._end_of_stream()
        return self._end_of_body(self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks))

    def broken(self, flaw: Flaw) -> Reading:
        """The body broke off, or timed out."""
        return self._judge(flaw)

    def _judge(
        self,
        flaw: Flaw | None = None,
        *,
        error: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        usage: Mapping[str, Any] | None = None,
        text: str = "",
    ) -> Reading:
        self.reading = reading = Reading(self._status, self._headers, flaw, error, body, usage, text)
        return reading

    def _feed_event(self, data: bytes) -> None:
        piece = read_event(self._dialect, data)
        if piece is None:
            self._judge(Flaw.NOT_JSON)
        elif piece.error is not None:
            self._judge(error={"error": piece.error})
        elif piece.token and self._assembly is None:
            self._judge(usage=piece.usage)
        elif self._assembly is not None:
            self._hold(self._assembly, data, piece)
        elif piece is not NOTHING and piece != NOTHING:
            self._last = combined(self._last, piece)
            if piece.done:
                self._end_of_stream()

    def _hold(self, assembly: Assembly, data: bytes, piece: Piece) -> None:
        """Read on: the answer must be complete before it is judged."""
        self._last = combined(self._last, piece)
        if not is_done(data):
            assembly.feed(parse(data))
        if piece.done:
            self._end_of_stream()

    def _end_of_stream(self) -> Reading:
        """The stream ended without a token, or was read to its end."""
        for data in self._events.rest() if self._events is not None else ():
            piece = read_event(self._dialect, data)
            if piece is not None and piece.error is not None:
                return self._judge(error={"error": piece.error})
        if self._last.finish is None:
            return self._judge(Flaw.TRUNCATED if self._last.token else Flaw.NO_TOKEN)
        flaw = Flaw.EMPTY if _is_empty(self._last) else None
        body = None if self._assembly is None or flaw else self._assembly.answer()
        return self._judge(flaw, body=body, usage=self._last.usage)

    def _end_of_body(self, body: bytes) -> Reading:
        announced = self._headers.get("content-length", "")
        if announced.isdecimal() and float(announced) > len(body):  # Python refuses an int with thousands of digits
            return self._judge(Flaw.TRUNCATED)
        try:
            parsed = parse(body)
        except InvalidRequestError:
            return self._unreadable(body)
        if self._status >= 300:
            return self._judge(error=parsed)
        return self._end_of_answer(parsed)

    def _unreadable(self, body: bytes) -> Reading:
        """No JSON, or more than that: an error within is heard all the same, an answer is not."""
        within = first_object(body)
        if within is not None and (self._status >= 300 or self._dialect.piece(within).error is not None):
            return self._judge(error=within)
        flaw = _why_unreadable(body, self._kind)
        return self._judge(flaw, text="" if flaw is Flaw.HTML else _beginning(body))

    def _end_of_answer(self, body: Mapping[str, Any]) -> Reading:
        piece = self._dialect.piece(body)
        if piece.error is not None:
            return self._judge(error=body if body.get("error") else {"error": piece.error})
        flaw = None
        if self._stream or self._kind not in ("application/json", ""):
            flaw = Flaw.WRONG_TYPE
        elif not piece.token and piece.finish is None:
            flaw = Flaw.NO_CHOICES
        elif _is_empty(piece):
            flaw = Flaw.EMPTY
        return self._judge(flaw, body=body, usage=piece.usage)


def read_event(dialect: Dialect, data: bytes) -> Piece | None:
    """What an event says; None when it is not a JSON object."""
    if is_done(data):
        return Piece(done=True)
    try:
        return dialect.piece(parse(data))
    except InvalidRequestError:
        return None


def is_done(data: bytes) -> bool:
    """Whether an event is the end marker."""
    return data[:6] == b"[DONE]" and data.strip() == b"[DONE]"


def combined(earlier: Piece, later: Piece) -> Piece:
    """Two pieces combined; the later one wins where both have a value."""
    return Piece(
        earlier.token or later.token,
        later.finish or earlier.finish,
        later.error if later.error is not None else earlier.error,
        later.usage or earlier.usage,
        earlier.done or later.done,
    )


def _is_empty(piece: Piece) -> bool:
    """Whether the answer is empty, and not because of the caller's token limit; the usage does not matter."""
    if piece.token or piece.finish != "length":
        return not piece.token
    usage = piece.usage or {}
    return not (usage.get("completion_tokens") or usage.get("output_tokens"))


def _why_unreadable(body: bytes, kind: str) -> Flaw:
    start = body[:256].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return Flaw.HTML
    if kind not in ("application/json", ""):
        return Flaw.WRONG_TYPE
    return Flaw.TRUNCATED if start == b"{" and _is_cut_short(body) else Flaw.NOT_JSON


def _beginning(body: bytes) -> str:
    """The beginning of an error that is not JSON."""
    return " ".join(body[:_LONGEST_TEXT].decode("utf-8", "replace").split())


def _is_cut_short(body: bytes) -> bool:
    """Whether this is the beginning of valid JSON."""
    try:
        from_json(body, allow_partial=True)
    except ValueError:
        return False
    return True
