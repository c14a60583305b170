"""Worker: one of several processes on a port, which does what its parent says."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from contextlib import suppress
from types import FrameType
from typing import NamedTuple

import uvicorn

from freerouter.errors import FreeRouterError
from freerouter.server import files, logs
from freerouter.server.running import WARM, Server, configure, make_app, spare_the_collector
from freerouter.server.security import Access
from freerouter.server.workers.channel import Channel, ChannelMessage
from freerouter.server.workers.counts import WorkerCounts
from freerouter.server.workers.siblings import Siblings
from freerouter.settings import Settings

_log = logging.getLogger("freerouter")

# A retiring worker closes connections that rest for so many seconds: those in use close by themselves after the next
# answer, which says so; a client that finds its connection closed just as it sends has lost a request.
_GRACE = 5.0
_GLANCE = 0.1
# Seconds between two reports to the others.
_EVERY = 0.25
# Has libuv, and so uvloop, leave the next connection to another worker; else the first one to wake up takes them all.
_ONE_BY_ONE = "UV_TCP_SINGLE_ACCEPT"


class WorkerPlan(NamedTuple):
    """What a generation of workers is started with."""

    settings: Settings
    access: Access


class Seat(NamedTuple):
    """What one of them is given.

    Attributes:
        number: of the worker, from 1; a new one takes that of one that has ended.
        listener: the port's socket, which all share.
        end: of the channel to the parent.
        counts: where it counts.
    """

    number: int
    listener: socket.socket
    end: socket.socket
    counts: WorkerCounts


class WorkerServer(Server):
    """A server that is stopped by its parent, or by the parent's end. Ctrl-C and the terminal's end are the parent's.

    Args:
        config: see ``running.configure``.
        seat: of this worker.
    """

    def __init__(self, config: uvicorn.Config, seat: Seat) -> None:
        super().__init__(config, self._tell_ready)
        self._siblings = Siblings(seat.number, self._app)
        self._end_of_channel = seat.end
        self._channel: Channel | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's
        """SIGTERM ends this worker alone; sent again, as systemd does to all processes, it means no haste."""
        if sig == signal.SIGTERM:
            self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Let clients in, once there is a list of models: until then, others answer better."""
        self._channel = await Channel.over(self._end_of_channel)
        self._tasks = [asyncio.ensure_future(self._obey(self._channel))]
        self._tell(ChannelMessage("ask"))
        await self._app.warming.over(WARM)
        await super().startup(sockets)
        self._tasks.append(asyncio.ensure_future(self._report()))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests finish, for a while."""
        await super().shutdown(sockets)
        for task in self._tasks:
            task.cancel()
        if self._channel is not None:
            self._channel.close()

    def _tell_ready(self) -> None:
        self._tell(ChannelMessage("ready"))

    def _tell(self, message: ChannelMessage) -> None:
        if self._channel is not None:
            self._channel.send(message)

    async def _obey(self, channel: Channel) -> None:
        """Do what the parent says; where it is gone, stop."""
        async for message in channel.messages():
            match message.kind:
                case "retire":
                    self._tasks.append(asyncio.ensure_future(self._retire()))
                case "stop":
                    self.should_exit = True
                case "hasten":
                    self.should_exit = self._in_haste = True
                case "ask":
                    channel.send(ChannelMessage("answer", message.to, self._siblings.past()))
                case "answer":
                    self._siblings.learn(message.payload)
                case "news":
                    self._siblings.hear(message.payload)
        self.should_exit = True

    async def _report(self) -> None:
        """Tell the other workers what happens here, and keep the gauges true, which they may be asked for."""
        while True:
            self._app.metrics.gauge()
            self._tell(ChannelMessage("news", payload=self._siblings.news()))
            await asyncio.sleep(_EVERY)

    async def _retire(self) -> None:
        """Take no more connections, and stop once those that there are have ended."""
        for server in self.servers:
            server.close()
        self._app.let_pages_go()
        farewell = (b"connection", b"close")
        self.config.encoded_headers.append(farewell)  # uvicorn makes its default headers of them every second
        self.server_state.default_headers.append(farewell)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self._emptied()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._emptied()
        self.should_exit = True

    async def _emptied(self) -> None:
        while self.server_state.connections:  # noqa: ASYNC110  # uvicorn keeps them in a set
            await asyncio.sleep(_GLANCE)


def work(seat: Seat, plan: WorkerPlan) -> None:
    """Run a worker, as the process that it is."""
    settings = plan.settings
    os.environ[_ONE_BY_ONE] = "1"
    files.raise_limit()
    logs.install(settings.serve_log_format, settings.serve_log_level, seat.number)
    try:
        seat.counts.join(seat.number)
        app = make_app(settings, plan.access)
        spare_the_collector()
        WorkerServer(configure(app), seat).run(sockets=[seat.listener])
    except FreeRouterError as error:
        _log.error("the worker cannot serve: %s", error)
        raise SystemExit(1) from None
    except Exception as error:  # noqa: BLE001  # its text may hold a key
        _log.error("the worker has failed: %s", type(error).__name__, exc_info=True)
        raise SystemExit(1) from None
