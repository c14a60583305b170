"""File descriptors: how many the server may have, what it needs them for, and what it logs when they run out."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

_log = logging.getLogger("freerouter")

# More than this is of no use to one process, and some systems have no limit at all.
_MOST = 65_536
# The listening socket, the event loop, the list of models and whatever a library opens.
_RESERVE = 48
_EVERY = 60.0
_RAN_OUT = (errno.EMFILE, errno.ENFILE)


def limit() -> int:
    """How many this process may have."""
    if resource is None:
        return _MOST
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else min(soft, _MOST)


def raise_limit() -> int:
    """Raise the soft limit as far as the hard one allows; returns what it is then."""
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
        if most > limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return limit()


def requests_within(files: int, wanted: int) -> int:
    """How many requests fit into so many descriptors: each has a connection to its client and one to OpenRouter."""
    return max(1, min(wanted, _spare(files) // 3))


def connections_within(files: int) -> int:
    """How many connections of clients fit: most of them are idle."""
    return max(1, _spare(files) * 2 // 3)


def _spare(files: int) -> int:
    return max(files - _RESERVE, files // 4)


class Shortage:
    """Logs that descriptors run out: once a minute, since it happens many times in a row."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said = -_EVERY

    def tell(self, what: str) -> None:
        """Log it, unless that was done within the last minute."""
        now = self._clock()
        if now - self._said >= _EVERY:
            self._said = now
            _log.warning(
                "file descriptors run out: %s; the limit of this process is %d: raise it (ulimit -n)", what, limit()
            )

    def tell_of(self, error: BaseException | None) -> None:
        """Log it if that is what the error means."""
        if isinstance(error, OSError) and error.errno in _RAN_OUT:
            self.tell("no connection to the upstream can be opened")


shortage = Shortage()
