"""Tail of a reply: how a stream that was passed on ended."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.dialects import NO_CHUNK, NOTHING, Dialect, Piece
from freerouter.openrouter.json_bodies import parse
from freerouter.replies.events import Events
from freerouter.replies.fragments import first_object
from freerouter.replies.reading import Flaw, combined, is_done

# What is kept of a stream: at least this many events and bytes, and never more than the last limit.
_EVENTS = 16
_BYTES = 8 * 1024
_MOST = 1024 * 1024
# Longer than every end marker.
_MARK = 32
_USAGE = re.compile(rb'"usage"\s{0,8}:\s{0,8}(?=\{)')


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a stream that was passed on ended.

    Attributes:
        finished: it had an end marker, no broken event, and each of its choices ended.
        error: the error it ended in.
        usage: tokens and cost, if it stated them.
        ragged: its last event is incomplete.
        flaw: why it broke off, where that is not the model's fault.
        first, last: its first event, and the last one before the end marker, parsed.
    """

    finished: bool
    error: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] | None = None
    ragged: bool = False
    flaw: Flaw | None = None
    first: Mapping[str, Any] = field(default_factory=dict, compare=False)
    last: Mapping[str, Any] = field(default_factory=dict, compare=False)


class Tail:
    """Keeps the last events of a stream that is being passed on, to know how it ended; parses nothing else."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._kept: deque[tuple[bytes, int]] = deque()
        self._size = self._count = 0
        self._cut = False
        self._ended = False
        self._mark = b""
        self._opening: bytes | None = None
        self._opens = Events()
        self._end: StreamEnd | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes that were passed on."""
        self._end = None
        if self._opening is None:
            self._opening = next(iter(self._opens.feed(chunk)), None)
        if self._dialect.endings and not self._ended:
            self._look_for_end(chunk)
        if len(chunk) > _MOST:
            chunk, self._cut = chunk[-_MOST:], True
        count = chunk.count(b"data:")
        self._kept.append((chunk, count))
        self._size += len(chunk)
        self._count += count
        while self._is_too_much(*self._kept[0]):
            self._drop()

    def _look_for_end(self, chunk: bytes) -> None:
        """Notice an end event that may be too long to keep."""
        seen = self._mark + chunk
        self._ended = any(mark in seen for mark in self._dialect.endings)
        self._mark = seen[-_MARK:]

    def _is_too_much(self, chunk: bytes, count: int) -> bool:
        """Whether enough remains without the oldest piece."""
        size = self._size - len(chunk)
        return self._size > _MOST or (size >= _BYTES and self._count - count >= _EVENTS)

    def _drop(self) -> None:
        chunk, count = self._kept.popleft()
        self._size -= len(chunk)
        self._count -= count
        self._cut = True

    def end(self) -> StreamEnd:
        """The stream has ended, complete or not. Returns what its last events say."""
        if self._end is None:  # it is asked at the end marker and at the end, mostly with nothing between the two
            self._end = self._read()
        return self._end

    def _read(self) -> StreamEnd:
        kept = b"".join([chunk for chunk, _ in self._kept])
        events, seen = Events(), _Seen(self._dialect)
        for data in events.feed(kept):
            seen.see(data, may_be_cut=self._cut)
        said = seen.said
        whole = not seen.broken and not seen.open
        finished = said.error is None and whole and (said.finish is not None or self._ended)
        usage = said.usage or self._usage(kept)
        return StreamEnd(finished, said.error, usage, events.unfinished, first=self._first(), last=seen.last)

    def _first(self) -> Mapping[str, Any]:
        try:
            return NO_CHUNK if self._opening is None else parse(self._opening)
        except InvalidRequestError:
            return NO_CHUNK

    def _usage(self, kept: bytes) -> Mapping[str, Any] | None:
        """The usage that a last event states which is too long to be kept whole."""
        places = [found.end() for found in _USAGE.finditer(kept)] if self._ended else []
        return first_object(kept[places[-1] :]) if places else None


class _Seen:
    """What the last events say together.

    Attributes:
        said: all of them combined.
        last: the last event before the end marker, parsed.
        broken: one of them is not JSON.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.said: Piece = NOTHING
        self.last: Mapping[str, Any] = NO_CHUNK
        self.broken = False
        self._dialect = dialect
        self._begun: set[Any] = set()
        self._ended: set[Any] = set()

    def see(self, data: bytes, *, may_be_cut: bool) -> None:
        """Take the next event; the first may have lost its beginning."""
        if is_done(data):
            return
        try:
            event = parse(data)
        except InvalidRequestError:
            self.broken = self.broken or not may_be_cut or self.last is not NO_CHUNK
            return
        self.last = event
        self.said = combined(self.said, self._dialect.piece(event))
        for index, ends in self._dialect.choices(event):
            (self._ended if ends else self._begun).add(index)

    @property
    def open(self) -> bool:
        """Whether one of several choices has not ended."""
        return not self._begun <= self._ended
