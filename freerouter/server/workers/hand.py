"""Hand: a worker as its parent has it, a process and the channel to it."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

from freerouter.server.workers.channel import Channel, ChannelMessage
from freerouter.server.workers.counts import WorkerCounts
from freerouter.server.workers.worker import Seat, WorkerPlan, work

# A child begins with the signals of its parent held back, and lets none of these through: they are its parent's.
_PARENTS = {signal.SIGINT, signal.SIGHUP} if sys.platform != "win32" else set()


@contextmanager
def _held_back() -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_BLOCK, _PARENTS)
    resource_tracker.ensure_running()  # it is a child, too, and starting it lets SIGINT through again
    signal.pthread_sigmask(signal.SIG_BLOCK, _PARENTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PARENTS)


class Hand:
    """Starts a process when it is made, in an event loop. Raises OSError when the machine has no room for it.

    Args:
        number: of the worker.
        listener: the port's socket.
        counts: where it counts.
        plan: what it is started with.
        ended: is called when the process is over.
    """

    def __init__(
        self, number: int, listener: socket.socket, counts: WorkerCounts, plan: WorkerPlan, ended: Callable[[], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._end, theirs = socket.socketpair()
        seat = Seat(number, listener, theirs, counts)
        # Not forked: it may be of another version than its parent, and the parent may have threads.
        spawn = multiprocessing.get_context("spawn")
        self._process = spawn.Process(target=work, args=(seat, plan), name=f"worker-{number}", daemon=True)
        with theirs, _held_back():
            self._process.start()
        self._channel: Channel | None = None
        self._early: list[ChannelMessage] = []
        self._ended = ended
        self._loop.add_reader(self._process.sentinel, self._reap)

    async def messages(self) -> AsyncIterator[ChannelMessage]:
        """What it tells, until it is gone."""
        self._channel = await Channel.over(self._end)
        for message in self._early:
            self._channel.send(message)
        async for message in self._channel.messages():
            yield message
        self._channel.close()

    def send(self, message: ChannelMessage) -> None:
        """Tell it something, as soon as it can hear."""
        if self._channel is None:
            self._early.append(message)
        else:
            self._channel.send(message)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    @property
    def status(self) -> str:
        """How its process ended."""
        code = self._process.exitcode or 0
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    def _reap(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self._process.join()
        self._ended()
