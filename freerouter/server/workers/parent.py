"""Parent: starts the workers, replaces those that end, and passes on what signals say."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress

from freerouter.errors import FreeRouterError, SettingsError
from freerouter.server import files, logs, systemd
from freerouter.server.listening import admitted, listen, url_of
from freerouter.server.security import Access
from freerouter.server.workers.channel import ChannelMessage
from freerouter.server.workers.counts import WorkerCounts
from freerouter.server.workers.crew import Crew, CrewOrder, Deed, Phase
from freerouter.server.workers.hand import Hand
from freerouter.server.workers.worker import WorkerPlan
from freerouter.settings import Settings

_log = logging.getLogger("freerouter")

_FIXED = ("serve_host", "serve_port")


class Parent:
    """Does what the crew decides. Made in an event loop.

    Args:
        listener: the port's socket; closed when the workers are to stop.
        plan: what the first generation is started with.
        anew: reads what a later one is started with. Raises SettingsError.
        ready: is called once a worker serves.
        counts: where the workers count.

    Attributes:
        signal: the one that stopped it.
    """

    def __init__(
        self,
        listener: socket.socket,
        plan: WorkerPlan,
        anew: Callable[[], WorkerPlan],
        ready: Callable[[], None],
        counts: WorkerCounts,
    ) -> None:
        self.signal: int | None = None
        self._listener = listener
        self._plan = plan
        self._plans: dict[int, WorkerPlan] = {}
        self._anew = anew
        self._ready = ready
        self._counts = counts
        self._crew = Crew(time.monotonic)
        self._hands: dict[int, Hand] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._has_terminal = sys.stderr.isatty()

    async def run(self) -> None:
        """Until all workers have ended. Raises SettingsError when they cannot start."""
        self._listen_to_signals()
        self._renew(self._plan)
        while not self._crew.is_over:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._crew.pause()):
                    await self._changed.wait()
            self._changed.clear()
            self._catch_up(self._crew.due())
        if self._crew.has_failed:
            raise SettingsError("the workers could not start")

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop, number)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    # What happens.

    def _stop(self, number: int) -> None:
        self.signal = self.signal or number
        self._listener.close()  # the workers close theirs: whoever comes now is refused
        self._react(self._crew.stop())

    def _hang_up(self) -> None:
        """SIGHUP: a graceful restart; from a terminal that is gone: stop."""
        if self._has_terminal and not sys.stderr.isatty():
            self._stop(signal.SIGHUP)
            return
        try:
            plan = self._anew()
        except FreeRouterError as error:
            _log.error("not restarted, the workers go on as before: %s", error)
            return
        for name in _FIXED:
            if getattr(plan.settings, name) != getattr(self._plan.settings, name):
                _log.warning("%s stays as it is until the whole server is restarted", name)
        systemd.tell(systemd.reloading())
        self._renew(plan)

    def _renew(self, plan: WorkerPlan) -> None:
        orders = self._crew.renew(plan.settings.serve_workers)
        self._plans = {self._crew.current: self._plan, self._crew.newest: plan}
        self._react(orders)

    async def _follow(self, number: int, hand: Hand) -> None:
        """Hear what a worker tells."""
        async for message in hand.messages():
            if self._hands.get(number) is hand:
                self._hear(number, message)

    def _hear(self, number: int, message: ChannelMessage) -> None:
        others = [hand for other, hand in self._hands.items() if other != number]
        match message.kind:
            case "ready":
                self._serves(number)
            case "ask":
                for hand in others[:1]:  # it knows of all requests, as each does
                    hand.send(message._replace(to=number))
            case "answer" if message.to in self._hands:
                self._hands[message.to].send(message)
            case "news":
                for hand in others:
                    hand.send(message)

    def _serves(self, number: int) -> None:
        before = self._crew.current
        self._react(self._crew.ready(number))
        if before == self._crew.current:
            return
        self._plan = self._plans[self._crew.current]
        if before:
            logs.news.info("new workers have taken over")
        else:
            self._ready()
        systemd.tell(systemd.READY)

    def _ended(self, number: int) -> None:
        hand, phase = self._hands.pop(number), self._crew.phase(number)
        was_renewing = self._crew.is_renewing
        self._counts.leave(number)
        self._react(self._crew.ended(number))
        if phase in (Phase.STARTING, Phase.SERVING):
            _log.error("worker %d has ended: %s", number, hand.status)
        if was_renewing and self._crew.current and not self._crew.is_renewing:
            _log.error("the new workers could not start: the former ones go on")
            systemd.tell(systemd.READY)

    # What is done.

    def _react(self, orders: list[CrewOrder]) -> None:
        self._do(orders)
        self._changed.set()  # the next thing may be due earlier

    def _catch_up(self, due: list[CrewOrder]) -> None:
        """Do what is due; a worker that is started then replaces one that has ended, which the log says."""
        for order in due:
            if order.deed is Deed.START:
                _log.warning("worker %d is started in the place of one that has ended", order.number)
        self._do(due)

    def _do(self, orders: list[CrewOrder]) -> None:
        for deed, number in orders:
            match deed:
                case Deed.START:
                    self._start(number)
                case Deed.KILL:
                    self._hands[number].kill()
                case Deed.RETIRE | Deed.STOP | Deed.HASTEN:
                    self._hands[number].send(ChannelMessage(deed.value))

    def _start(self, number: int) -> None:
        plan = self._plans[self._crew.generation(number)]
        try:
            hand = Hand(number, self._listener, self._counts, plan, lambda: self._ended(number))
        except OSError as error:
            _log.error("worker %d could not be started: %s", number, error.strerror)
            self._react(self._crew.ended(number))
            return
        self._hands[number] = hand
        task = asyncio.ensure_future(self._follow(number, hand))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def serve_with_workers(
    settings: Settings, access: Access, ready: Callable[[str], None], anew: Callable[[], WorkerPlan]
) -> None:
    """Serve with several processes until SIGINT or SIGTERM; SIGHUP replaces them.

    Args:
        settings: see ``running.serve``.
        access: see there.
        ready: is told the URL, without a path, once a worker serves.
        anew: reads settings and access again. Raises SettingsError.

    Raises:
        SettingsError: see ``running.serve``; or the workers cannot start, or the system has no such signals.
    """
    if sys.platform == "win32":
        raise SettingsError("serve_workers must be 1: Windows lacks the signals that several need")
    plan = _admitted(WorkerPlan(settings, access))
    files.raise_limit()
    logs.install(settings.serve_log_format, settings.serve_log_level)
    logs.warn_of_strays()
    with (
        tempfile.TemporaryDirectory(prefix="freerouter-") as folder,
        listen(settings.serve_host, settings.serve_port) as listener,
    ):
        stopped_by = asyncio.run(_supervise(listener, plan, lambda: _admitted(anew()), ready, WorkerCounts(folder)))
    if stopped_by is not None:
        signal.raise_signal(stopped_by)


def _admitted(plan: WorkerPlan) -> WorkerPlan:
    return plan._replace(access=admitted(*plan))


async def _supervise(
    listener: socket.socket,
    plan: WorkerPlan,
    anew: Callable[[], WorkerPlan],
    ready: Callable[[str], None],
    counts: WorkerCounts,
) -> int | None:
    url = url_of(listener)
    parent = Parent(listener, plan, anew, lambda: ready(url), counts)
    await parent.run()
    return parent.signal
