"""SlotConnections: the connections with Redis that requests wait for, which are opened ahead."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as LateError

# Slots that are asked for at once: each takes a fraction of a millisecond.
AT_ONCE = 4


class SlotConnections:
    """A few connections that are opened, and opened again, off a request's path: TLS takes longer than a slot may.

    ``eval`` and ``ping`` may be called from any thread, each other method from one at a time. Errors are redis-py's.

    Args:
        make: makes a connection, which is not open yet.
        patience: seconds for a connection to be free, and as many for its answer.
    """

    def __init__(self, make: Callable[[], Any], patience: float) -> None:
        self._patience = patience
        self._lost = deque(make() for _ in range(AT_ONCE))
        self._ready: SimpleQueue[Any] = SimpleQueue()
        self._closed = False

    def open(self) -> None:
        """Open all anew: one that was lost without a word looks well."""
        with suppress(Empty):
            while True:
                self._lost.append(self._ready.get_nowait())
        self.restore()

    def restore(self) -> None:
        """Open again those that were lost, or that the server has closed."""
        for _ in range(self._ready.qsize()):
            with suppress(Empty):
                connection = self._ready.get_nowait()
                self._put_back(connection, well=_is_well(connection))
        while self._lost:
            self._reopen(self._lost.popleft())

    def _reopen(self, connection: Any) -> None:
        well = False
        try:
            connection.disconnect()  # an answer that came too late must not be taken for the next one
            connection.connect()
            well = True
        finally:
            self._put_back(connection, well=well)

    def eval(self, *script: Any) -> Any:
        """The answer of a script, with its keys and arguments as redis-py has them."""
        return self._ask("EVAL", *script)

    def ping(self) -> None:
        """Find out whether there is an answer in time."""
        self._ask("PING")

    def _ask(self, *command: Any) -> Any:
        connection, well = self._next(), False
        try:
            connection.send_command(*command, check_health=False)
            if not connection.can_read(self._patience):
                raise LateError
            answer = connection.read_response()
            well = True
            return answer
        except ResponseError:
            well = True
            raise
        finally:
            self._put_back(connection, well=well)

    def _next(self) -> Any:
        """One that is free, after a while."""
        until = time.monotonic() + self._patience
        while True:
            try:
                connection = self._ready.get(timeout=max(until - time.monotonic(), 0.0))
            except Empty:
                raise LateError from None
            if _is_well(connection):
                return connection
            self._put_back(connection, well=False)

    def _put_back(self, connection: Any, *, well: bool) -> None:
        if well:
            self._ready.put(connection)
        else:
            self._lost.append(connection)
        if self._closed:
            self._close()

    def close(self) -> None:
        """Close all; one that is in use is closed by the thread that uses it, when it is done."""
        self._closed = True
        self._close()

    def _close(self) -> None:
        with suppress(Empty):
            while True:
                self._ready.get_nowait().disconnect()
        with suppress(IndexError):
            while True:
                self._lost.popleft().disconnect()


def _is_well(connection: Any) -> bool:
    """Whether it seems open, and nothing that was not asked for has arrived; this asks the operating system alone."""
    try:
        return not connection.can_read(0)
    except (RedisError, OSError):
        return False
