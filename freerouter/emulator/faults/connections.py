"""Faults of the connection, and of the time that a reply takes on it."""

from collections.abc import Iterator
from dataclasses import replace

from freerouter.emulator.faults.kinds import FaultKind, Strike, answered, kinds
from freerouter.emulator.reply import Act, Pause, Reply, Step

# A byte in so many seconds: each read is quick, the whole takes a minute.
_BYTE_EVERY = 0.05


def never_answers(_strike: Strike) -> Reply:
    """Not even a status line comes, and the connection stays open."""
    return Reply(0, steps=(Act.HANG,))


def silent_after_headers(strike: Strike) -> Reply:
    """The headers of a 200 come, and then nothing."""
    return replace(answered(strike, strike.completion), steps=(Act.HANG,))


def trickles(strike: Strike) -> Reply:
    """A proper answer comes byte by byte, and takes a minute."""
    return replace(answered(strike, strike.completion), steps=_byte_by_byte(strike.body))


def resets(_strike: Strike) -> Reply:
    """The connection is reset before any byte of a reply."""
    return Reply(0, steps=(Act.RESET,))


def closes(_strike: Strike) -> Reply:
    """The connection is closed before any byte of a reply."""
    return Reply(0, steps=(Act.CLOSE,))


def stale_keep_alive(_strike: Strike) -> Reply:
    """A kept connection turns out to be closed when it is used again."""
    return Reply(0, steps=(Act.CLOSE,))


CONNECTIONS: dict[str, FaultKind] = {
    **kinds(never_answers, silent_after_headers, trickles, resets, closes),
    **kinds(stale_keep_alive, reused=True),
}


def _byte_by_byte(body: bytes) -> Iterator[Step]:
    for value in body:
        yield Pause(_BYTE_EVERY)
        yield bytes((value,))
