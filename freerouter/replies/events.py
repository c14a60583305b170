"""Events and LifeSigns: parse server-sent events from bytes, and tell whether bytes belong to one."""

from __future__ import annotations

_LF, _CR, _BLANK = b"\n\r "
_DATA = b"data:"


class Events:
    """Splits a stream of server-sent events into the data of its events, however the bytes are divided."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that these bytes complete; comments are skipped."""
        if self._rest or self._data or not _is_one_line(chunk):
            return self._split(chunk)
        if not chunk.startswith(_DATA):
            return []
        data = chunk[6:-2] if chunk[5] == _BLANK else chunk[5:-2]
        return [data] if data else []

    def _split(self, chunk: bytes) -> list[bytes]:
        """The same, for a piece of any form."""
        events: list[bytes] = []
        if not _ends_line(self._rest, chunk):  # joined only once: a line may arrive in many pieces
            self._rest.append(chunk)
            return events
        lines, rest = _lines(b"".join([*self._rest, chunk]))
        self._rest = [rest] if rest else []
        for line in lines:
            if line.startswith(_DATA):
                self._data.append(line[5:].removeprefix(b" ").rstrip(b"\r\n"))
            elif not line.rstrip(b"\r\n") and self._data:
                data = b"\n".join(self._data)
                self._data.clear()
                if data:  # an event without data does not count (HTML standard, "Server-sent events")
                    events.append(data)
        return events

    def rest(self) -> list[bytes]:
        """The data of a last event whose end never came: an error may be said so."""
        return self._split(b"\n\n") if self.unfinished else []

    @property
    def unfinished(self) -> bool:
        """Whether the bytes so far stop in the middle of an event."""
        return bool(self._data) or any(piece.strip() for piece in self._rest)


class LifeSigns:
    """Distinguishes bytes of an event's data from comments and junk; keeps only a few bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> bool:
        """Whether any of these bytes, which follow the earlier ones, belong to the data of an event."""
        if not self._rest and _is_one_line(chunk):
            return chunk.startswith(_DATA)
        lines, rest = _lines(self._rest + chunk)
        # A long line arrives in many pieces: its beginning shows what it is. A final CR may end it.
        self._rest = rest[: len(_DATA)] + (b"\r" if rest.endswith(b"\r") else b"")
        return rest.startswith(_DATA) or any(line.startswith(_DATA) for line in lines)


def _is_one_line(chunk: bytes) -> bool:
    """Whether this is the usual piece: one event of one line, or one comment."""
    end = len(chunk) - 2
    return end >= 0 and chunk.find(_LF) == end and chunk[-1] == _LF and _CR not in chunk


def _ends_line(rest: list[bytes], chunk: bytes) -> bool:
    """Whether a line ends in these bytes, or has ended before them."""
    return _LF in chunk or _CR in chunk or bool(rest and rest[-1].endswith(b"\r"))


def _lines(buffer: bytes) -> tuple[list[bytes], bytes]:
    """The complete lines, with their ends, and the rest. A final CR may be the first half of an end."""
    lines = buffer.splitlines(keepends=True)
    rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
    return lines, rest
