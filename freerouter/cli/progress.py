"""The progress of a batch: drawn on a terminal, in plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from freerouter.durations import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

    from freerouter.batch import AsyncBatch

EVERY = 30.0  # seconds between two plain lines
_OFTEN = 0.25
_MODELS = 3


class Progress:
    """Shows the progress of a batch on standard error.

    Args:
        batch: the batch.
        every: seconds between two plain lines.
    """

    def __init__(self, batch: AsyncBatch, every: float = EVERY) -> None:
        self._batch = batch
        self._every = every
        self._started = time.monotonic()
        self._drawn = sys.stderr.isatty()
        self._notice = ""

    async def show(self) -> None:
        """Show it until cancelled."""
        import anyio

        with self._live() if self._drawn else nullcontext() as live:
            while True:
                await anyio.sleep(_OFTEN if self._drawn else self._every)
                if live is None:
                    print(f"freerouter: {'; '.join(self.sentences())}", file=sys.stderr, flush=True)
                else:
                    live.update(self._picture(), refresh=True)

    def say(self, notice: str) -> None:
        """Show a message now: within the display, which printing would break, or as its own line."""
        self._notice = notice
        if not self._drawn:
            print(f"freerouter: {notice}", file=sys.stderr, flush=True)

    def sentences(self) -> list[str]:
        """The progress as one line of text."""
        tally, now, seconds = self._batch.tally, time.time(), time.monotonic() - self._started
        is_down = bool(tally.outage) and tally.until > now
        counts = [f"{tally.answered:,} of {tally.total:,} done", f"{tally.failed:,} failed"]
        counts.append(f"{tally.left - tally.running:,} waiting, {tally.running} under way")
        if tally.gated and not is_down:
            counts[-1] += f" ({tally.gated} at the minute's limit)"
        said = [", ".join(counts)]
        if is_down:
            reason = tally.outage.replace("page ", "a web page, status ").replace("_", " ")
            said.append(f"OpenRouter is down ({reason}): trying again in {duration(tally.until - now)}")
        elif tally.until > now:
            said.append(f"nothing is sent until {clock_time(tally.until)}")
        left = tally.time_left(seconds, self._batch.allowance(), now)
        said.append(f"{tally.rate(seconds):.0f} a minute, about {duration(left)} left")
        models = [f"{name.removesuffix(':free')} {count}" for name, count in tally.models.most_common(_MODELS)]
        if models:
            more = len(tally.models) - len(models)
            said.append(f"models: {', '.join(models)}{f', {more} more' if more else ''}")
        return said

    def _live(self) -> AbstractContextManager[Live]:
        from rich.console import Console
        from rich.live import Live

        return Live(self._picture(), console=Console(stderr=True), auto_refresh=False, transient=True)

    def _picture(self) -> Group:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        tally = self._batch.tally
        grid = Table.grid(expand=True)
        grid.add_row(ProgressBar(total=max(tally.total, 1), completed=tally.answered + tally.failed))
        for said in filter(None, [*self.sentences(), self._notice]):
            grid.add_row(Text(said, overflow="fold"))
        # The cursor stays on an empty line, so that an echoed ^C does not move the display up.
        return Group(grid, Text())


def clock_time(at: float) -> str:
    """A time in seconds since 1970, in UTC and in local time."""
    here = datetime.fromtimestamp(at, UTC).astimezone()
    return f"{here.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({here:%H:%M} here)"


def duration(seconds: float) -> str:
    """A number of seconds, as text."""
    for unit, length in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
