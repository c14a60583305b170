"""Batch and AsyncBatch: many requests, over minutes or days; none is lost, and none is answered twice."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio

from freerouter.batch.driver import Driver, Sleep
from freerouter.batch.journal import Journal
from freerouter.batch.lines import Form, Requests
from freerouter.batch.output import Output
from freerouter.batch.plan import DAILY, Ending, Quota, Schedule
from freerouter.batch.source import STANDARD, Source
from freerouter.batch.tally import BatchSummary, Tally
from freerouter.errors import BatchError
from freerouter.network.disk_cache import cache_folder
from freerouter.network.wire_protocols import AsyncWire
from freerouter.network.wires import AsyncHttpxWire
from freerouter.pipeline.joining import join
from freerouter.pipeline.router import Router
from freerouter.settings import Settings

# The minute's gate opens within a minute; a little more, for clocks that differ.
_MAX_WAIT = 65.0


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch is run.

    Attributes:
        form: how the lines of the input are written: ``Requests()`` of OpenAI's Batch API, or ``Prompts()``.
        concurrency: requests at once.
        wait: wait for the next day's allowance, for the network, and for the end of any outage, instead of ending the
            run. Without it, a run waits up to 15 minutes for the end of an outage of OpenRouter.
        max_requests: requests to send in this run at most; None for all.
        stream_output: write each line as it comes, in that order, instead of all of them at the end.
        retry_failed: send again what failed in earlier runs.
        journal: path of the journal; by default the output's with ``.journal`` after it.
        upstream: name of the upstream in the journal, for one whose URL changes; by default its URL.
    """

    form: Form = field(default_factory=Requests)
    concurrency: int = 8
    wait: bool = False
    max_requests: int | None = None
    stream_output: bool = False
    retry_failed: bool = False
    journal: str | None = None
    upstream: str | None = None


class AsyncBatch:
    """Reads requests from a file, writes answers to a file; an object runs once, a new one continues.

        summary = await AsyncBatch("in.jsonl", "out.jsonl").run()

    Args:
        source: path of the input; ``-`` for standard input.
        output: path of the output; ``-`` for standard output.
        options: how it is run.
        settings: what can be adjusted; ``max_wait`` is a little more than a minute unless it is set.
        router: an existing router to share cooldowns and allowance with; brings its own settings.
        wire: another interface to the network.
        sleep: waits for so many seconds.

    Attributes:
        tally: the progress.
        router: decides.

    Raises:
        SettingsError: a setting is not valid.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        output: str | os.PathLike[str],
        options: BatchOptions | None = None,
        *,
        settings: Settings | None = None,
        router: Router | None = None,
        wire: AsyncWire | None = None,
        sleep: Sleep = anyio.sleep,
    ) -> None:
        self.router = router or Router(_with_patience(settings or Settings()))
        self.tally = Tally()
        self._source = os.fspath(source)
        self._output = Output(os.fspath(output))
        self._options = options or BatchOptions()
        self._plan = Schedule(self._options.concurrency, patient=self._options.wait, limit=self._options.max_requests)
        self._wire = wire or AsyncHttpxWire()
        self._sleep = sleep
        self._driver: Driver | None = None

    async def run(self) -> BatchSummary:
        """Send what has no answer yet; write the output when everything has one.

        Raises:
            BatchError: before anything is sent: a line is broken, named twice or changed, a file cannot be used, or
                another upstream has answered in earlier runs.
        """
        started = time.monotonic()
        with Source(self._source, self._options.form) as source:
            self._check_paths()
            with Journal(self._journal_path(source)) as journal:
                self._output.check()
                journal.load(source)
                journal.hold_to(self._options.upstream or self.router.settings.upstream)
                if self._options.retry_failed:
                    journal.forget_failures()
                self.tally.begin(*journal.counts())
                await self._send(source, journal)
                self._end(journal)
        return self._summary(time.monotonic() - started)

    def stop(self) -> None:
        """Send nothing more; running requests have ten seconds. Call it in the event loop of ``run``."""
        self._plan.interrupt()
        if self._driver is not None:
            self._driver.stop()

    def allowance(self) -> Quota:
        """What is known about the account's allowance."""
        return quota_of(self.router)

    def _check_paths(self) -> None:
        if self._source != STANDARD and os.path.realpath(self._source) == str(self._output.path):
            raise BatchError(f"{self._source} cannot be input and output at once")

    def _journal_path(self, source: Source) -> str:
        if self._options.journal is not None:
            return self._options.journal
        if not self._output.is_standard:
            return f"{self._output.path}.journal"
        settings = self.router.settings
        folder = Path(settings.cache_dir) if settings.cache_dir else cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder / f"batch-{source.stamp()[:16]}.journal")

    async def _send(self, source: Source, journal: Journal) -> None:
        if self._options.stream_output:
            self._output.begin(journal.lines(in_order=False))
        router = self.router
        self._driver = Driver(self._plan, self.tally, source, journal, self._output, router, self._wire, self._sleep)
        joined = join(router)
        try:
            await self._driver.run()
        finally:
            self._output.close()
            await joined.close_async()
            with anyio.CancelScope(shield=True):
                await self._wire.close()

    def _end(self, journal: Journal) -> None:
        if self._plan.ending is not Ending.DONE:
            return
        if not self._options.stream_output:
            self._output.write(journal.lines(in_order=True))
        if self._output.is_standard and self._options.journal is None:
            journal.remove()  # the caller has what went to standard output

    def _summary(self, seconds: float) -> BatchSummary:
        tally, ending, until = self.tally, self._plan.ending or Ending.INTERRUPTED, self._plan.until
        return BatchSummary(
            ending,
            tally.total,
            tally.answered,
            tally.failed,
            tally.sent,
            seconds,
            dict(tally.models),
            until if ending in (Ending.ALLOWANCE, Ending.UNREACHABLE) else None,
            None if ending in (Ending.DONE, Ending.LIMIT, Ending.INTERRUPTED) else self._plan.error,
        )


class Batch:
    """The same for programs without an event loop: see ``AsyncBatch``.

    summary = Batch("in.jsonl", "out.jsonl").run()
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        output: str | os.PathLike[str],
        options: BatchOptions | None = None,
        *,
        settings: Settings | None = None,
        router: Router | None = None,
        wire: AsyncWire | None = None,
    ) -> None:
        self._make = partial(AsyncBatch, source, output, options, settings=settings, router=router, wire=wire)

    def run(self) -> BatchSummary:
        """Send what has no answer yet: see ``AsyncBatch.run``."""
        return anyio.run(self._make().run)


def quota_of(router: Router) -> Quota:
    """What a router knows about the allowance of its own key."""
    with router.lock:
        known = router.endpoint.allowances.settle(router.own)
        return Quota(known.left, known.limit or DAILY, router.settings.requests_per_minute)


def _with_patience(settings: Settings) -> Settings:
    return settings if "max_wait" in settings.model_fields_set else Settings.adjusted(settings, max_wait=_MAX_WAIT)
