"""Driver: executes the Schedule: takes requests, sends them over the forwarder, and records the results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from freerouter.batch.journal import Entry, Journal
from freerouter.batch.output import Output
from freerouter.batch.plan import Fate, Hold, Leave, Schedule, Take, pause_before_again, why_down
from freerouter.batch.queue import Queue
from freerouter.batch.rows import answer_line, error_line, story
from freerouter.batch.source import Source
from freerouter.batch.tally import Tally
from freerouter.durations import MINUTE
from freerouter.errors import BatchError
from freerouter.network.wire_protocols import AsyncReply, AsyncWire, Timeouts
from freerouter.openrouter.headers import Headers
from freerouter.pipeline.delivery import Answer, AsyncBody
from freerouter.pipeline.forwarding import AsyncForwarder
from freerouter.pipeline.router import Router
from freerouter.pipeline.upkeep import refresh_for
from freerouter.settings import Sticky

# How long an interrupted run waits for the running requests.
GRACE = 10.0
# A machine may sleep, and its clock may be set: check it again after this many seconds.
_GLANCE = MINUTE

Sleep = Callable[[float], Awaitable[None]]


class LeftError(Exception):
    """The run has ended while a request was waiting to be sent."""


class NotingWire:
    """A wire that records each request before it is sent."""

    def __init__(self, wire: AsyncWire, note: Callable[[], None]) -> None:
        self._wire = wire
        self._note = note

    async def open(self, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> AsyncReply:
        """See AsyncWire."""
        self._note()
        return await self._wire.open(url, headers, body, timeouts)

    async def close(self) -> None:
        """See AsyncWire."""
        await self._wire.close()


class Driver:
    """One run of a batch.

    Args:
        plan: decides.
        tally: receives the progress of the run.
        source, journal, output: where requests come from, what is known of them, and where answers go.
        router, wire: the way to OpenRouter.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        plan: Schedule,
        tally: Tally,
        source: Source,
        journal: Journal,
        output: Output,
        router: Router,
        wire: AsyncWire,
        sleep: Sleep,
    ) -> None:
        self._plan = plan
        self._tally = tally
        self._source = source
        self._journal = journal
        self._output = output
        self._router = router
        self._wire = wire
        self._sleep = sleep
        # Requests of a batch with the same beginning are hardly one conversation.
        self._sticky: Sticky = "off" if router.settings.sticky == "off" else "session"
        self._refresh = refresh_for(router)
        self._queue = Queue(journal)
        self._changed = anyio.Event()
        self._over = anyio.Event()
        self._scope = anyio.CancelScope()

    async def run(self) -> None:
        """Run until the plan ends it and no request is running."""
        with self._scope:
            async with anyio.create_task_group() as group:
                try:
                    await self._dispatch(group)
                except BatchError as error:
                    self._plan.halt(error)
                self._over.set()
        await self._refresh.close_async()

    async def _dispatch(self, group: TaskGroup) -> None:
        """Start a task for each request that is due."""
        while not isinstance(step := self._plan.next(now := self._router.wall()), Leave):
            entry = self._queue.take(now) if isinstance(step, Take) else None
            if entry is not None:
                group.start_soon(self._serve, entry)
                continue
            rest = step if isinstance(step, Hold) else self._plan.exhausted(self._queue.again_in(now))
            if isinstance(rest, Hold):
                await self._hold(rest.seconds)

    def stop(self) -> None:
        """Send nothing more; running requests have a few seconds."""
        self._plan.interrupt()
        self._scope.deadline = anyio.current_time() + GRACE
        self._over.set()
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _hold(self, seconds: float | None) -> None:
        error = self._plan.error
        self._tally.hold(self._plan.until, "" if error is None else why_down(error))
        await self._wait(seconds if seconds is None else min(seconds, _GLANCE), self._changed)

    async def _wait(self, seconds: float | None, event: anyio.Event) -> None:
        """Wait for an event, with a timeout in seconds."""
        if seconds is None:
            await event.wait()
            return
        async with anyio.create_task_group() as group:

            async def sleep() -> None:
                await self._sleep(seconds)
                group.cancel_scope.cancel()

            group.start_soon(sleep)
            await event.wait()
            group.cancel_scope.cancel()

    async def _pause(self, seconds: float) -> None:
        """What the forwarder waits with: for the minute's allowance, for the end of an outage, or before a repeat."""
        outage = self._router.endpoint.outage.reason
        if outage:
            self._tally.hold(self._router.wall() + seconds, outage)
        self._tally.gated += 1
        try:
            await self._wait(seconds, self._over)
        finally:
            self._tally.gated -= 1
        if self._over.is_set():
            raise LeftError

    async def _serve(self, entry: Entry) -> None:
        """One request, counted while it is running."""
        self._tally.running += 1
        try:
            await self._carry(entry)
        except BatchError as error:
            self._plan.halt(error)
        finally:
            self._tally.running -= 1
            self._plan.running -= 1
            if self._plan.ending is not None:
                self._over.set()
            self._notify()

    async def _carry(self, entry: Entry) -> None:
        """From the journal's entry to the output's line."""
        try:
            answer, body = await self._ask(entry)
        except LeftError:
            self._keep(entry)
        else:
            self._settle(entry, answer, body)

    async def _ask(self, entry: Entry) -> tuple[Answer[AsyncBody], bytes]:
        ask = self._source.read(entry.place)
        wire = NotingWire(self._wire, lambda: self._sending(entry))
        forwarder = AsyncForwarder(self._router, wire, self._refresh, self._pause)
        answer = await forwarder.forward(
            ask.body, [], ask.dialect, accept=self._source.form.accept, sticky=self._sticky
        )
        try:
            return answer, b"".join([chunk async for chunk in answer.body])
        finally:
            await answer.body.close()

    def _sending(self, entry: Entry) -> None:
        self._journal.sending(entry.number)
        self._tally.sent += 1

    def _settle(self, entry: Entry, answer: Answer[AsyncBody], body: bytes) -> None:
        """Record the result of a request."""
        about = story(answer.trace, resent=entry.sent)
        now = self._router.wall()
        match self._plan.judge(answer.error, answer.trace, now, entry.tries):
            case Fate.ANSWERED:
                request_id = dict(answer.headers).get("x-generation-id", answer.trace.id)
                line = answer_line(entry.custom_id, answer.status, request_id, body, about)
                self._write(entry, line, answer.trace.model)
            case Fate.FAILED if answer.error is not None:
                self._write(entry, error_line(entry.custom_id, answer.error, about), None)
            case Fate.AGAIN if answer.error is not None:
                self._journal.kept(entry)
                self._queue.wait(entry, now + pause_before_again(answer.error))
            case _:
                self._keep(entry)

    def _write(self, entry: Entry, line: bytes, model: str | None) -> None:
        self._journal.answered(entry.number, line, failed=model is None)
        self._tally.note(model)
        self._output.add(line)

    def _keep(self, entry: Entry) -> None:
        """It has no answer and is not running: it stays for later."""
        self._journal.kept(entry)
        self._queue.put_back(entry)
