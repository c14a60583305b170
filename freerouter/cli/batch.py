"""freerouter batch: reads many requests from a file, writes the answers to a file."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freerouter.cli.screens import in_one_line
from freerouter.cli.upstreams import Emulate, Prefer, check_key, settings_for

if TYPE_CHECKING:
    from anyio import CancelScope

    from freerouter.batch import AsyncBatch, BatchOptions, BatchSummary
    from freerouter.batch.dry import Forecast
    from freerouter.batch.lines import Form
    from freerouter.cli.progress import Progress
    from freerouter.pipeline.router import Router
    from freerouter.settings import Settings

# An emulated upstream in the journal: each run has it at another port.
_EMULATED = "an emulated OpenRouter"
# "Temporary failure" of sysexits.h: the same command continues later.
AGAIN = 75


def batch(
    source: Annotated[str, typer.Argument(metavar="IN", help="Requests, one a line; - for standard input.")],
    output: Annotated[str, typer.Option("--output", "-o", help="Where answers go; - for standard output.")] = "-",
    prompts: Annotated[bool, typer.Option("--prompts", help="The lines are plain prompts.")] = False,
    system: Annotated[str | None, typer.Option(help="System message before each prompt.")] = None,
    schema: Annotated[
        Path | None, typer.Option(help="JSON Schema that each prompt's answer must fit.", exists=True, dir_okay=False)
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Requests at once.", min=1, max=256)] = 8,
    max_requests: Annotated[int | None, typer.Option(help="Requests to send in this run at most.", min=1)] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the next day's allowance, the network, and the end of any outage.")
    ] = False,
    stream_output: Annotated[bool, typer.Option("--stream-output", help="Write each answer as it comes.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Send again what failed before.")] = False,
    prefer: Prefer = None,
    journal: Annotated[str | None, typer.Option(help="The journal's file; OUT.journal by default.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing: show who is eligible, and how long it will take.")
    ] = False,
    emulate: Emulate = False,
    as_json: Annotated[bool, typer.Option("--json", help="Sum up for machines.")] = False,
) -> None:
    """Answer a file of requests at the pace of free use, and go on wherever it was broken off.

    IN is in the input format of OpenAI's Batch API, OUT in its output format. Run the same command again to go on.
    Status: 0 all answered, 1 some failed, 75 not finished.

    Example: freerouter batch in.jsonl -o out.jsonl

    Example: freerouter batch prompts.txt --prompts --system "Answer in one word." -o out.jsonl
    """
    from freerouter.batch import BatchOptions

    form = _form(prompts, system, schema)
    upstream = _EMULATED if emulate else None
    options = BatchOptions(form, concurrency, wait, max_requests, stream_output, retry_failed, journal, upstream)
    with settings_for(emulate, prefer=prefer) as settings:
        if dry_run:
            _forecast(source, form, settings, as_json)
        else:
            check_key(settings, f"freerouter batch {shlex.quote(source)}")
            _run(source, output, options, settings, as_json)


def _form(prompts: bool, system: str | None, schema: Path | None) -> Form:
    from freerouter.batch import Prompts, Requests

    if not prompts:
        if system is not None or schema is not None:
            raise typer.BadParameter("--system and --schema need --prompts: requests in JSON state both themselves")
        return Requests()
    if schema is None:
        return Prompts(system)
    try:
        parsed = json.loads(schema.read_bytes())
    except ValueError as error:
        raise typer.BadParameter(f"--schema {schema} is not valid JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise typer.BadParameter(f"--schema {schema} must hold a JSON object")
    return Prompts(system, parsed)


# A run.


def _run(source: str, output: str, options: BatchOptions, settings: Settings, as_json: bool) -> None:
    import anyio

    from freerouter.batch import AsyncBatch

    caught: list[int] = []
    summary = anyio.run(_running, AsyncBatch(source, output, options, settings=settings), caught)
    if as_json and summary is not None:
        print(json.dumps(summary.as_dict(), indent=2), file=sys.stderr if output == "-" else sys.stdout)
    status = _status(summary, caught)
    for line in _closing_words(summary, as_json, status):
        print(f"freerouter: {in_one_line(line)}", file=sys.stderr)
    raise typer.Exit(status)


async def _running(batch: AsyncBatch, caught: list[int]) -> BatchSummary | None:
    """Run it with a progress display; None when it was interrupted twice."""
    import anyio

    from freerouter.cli.progress import Progress
    from freerouter.errors import FreeRouterError

    summary: BatchSummary | None = None
    failure: FreeRouterError | None = None
    async with anyio.create_task_group() as group:
        progress = Progress(batch)
        group.start_soon(_heed_signals, batch, progress, group.cancel_scope, caught)
        group.start_soon(progress.show)
        try:
            summary = await batch.run()
        except FreeRouterError as error:
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return summary


async def _heed_signals(batch: AsyncBatch, progress: Progress, scope: CancelScope, caught: list[int]) -> None:
    """The first signal ends the run, the second one ends it at once."""
    import anyio

    if sys.platform == "win32":  # event loops get no signals there: Ctrl-C ends the run at once, without data loss
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            caught.append(number)
            if len(caught) > 1:
                scope.cancel()
                return
            batch.stop()
            if batch.tally.running > batch.tally.gated:
                progress.say("stopping: running requests have 10 s (Ctrl-C again stops at once)")


def _status(summary: BatchSummary | None, caught: list[int]) -> int:
    from freerouter.batch import Ending

    if summary is not None and summary.ending is Ending.DONE:
        return 1 if summary.failed else 0
    if caught:
        return 128 + caught[0]
    return 1 if summary is not None and summary.ending is Ending.HALTED else AGAIN


def _closing_words(summary: BatchSummary | None, as_json: bool, status: int) -> Iterator[str]:
    """The final message: why it ended, how far it is, and how to continue."""
    from freerouter.cli.progress import clock_time, duration

    if summary is not None:
        if summary.error is not None:
            yield summary.error.message
        if not as_json:
            done = f"{summary.answered:,} of {summary.total:,} answered, {summary.failed:,} failed"
            yield f"{done}, {summary.left:,} left; {summary.sent:,} sent in {duration(summary.seconds)}"
    if summary is None or summary.left:
        when = "" if summary is None or summary.until is None else f" after {clock_time(summary.until)}"
        yield f"to go on{when}: {shlex.join(['freerouter', *sys.argv[1:]])}"
    elif status and not as_json:
        yield "what failed is sent again with --retry-failed"


# A forecast.


def _forecast(source: str, form: Form, settings: Settings, as_json: bool) -> None:
    from freerouter.batch.dry import forecasts, heed_alarms, read_allowance
    from freerouter.batch.journal import MEMORY, Journal
    from freerouter.batch.source import Source
    from freerouter.cli.catalogs import router_of

    with Source(source, form) as lines, Journal(MEMORY) as journal:
        journal.load(lines)  # finds duplicate ids
        router = router_of(settings)
        heed_alarms(router)
        read_allowance(router)
        rows: list[dict[str, Any]] = []
        sendable = 0
        for forecast in forecasts(lines, router):
            sendable += forecast.error is None
            if as_json:
                rows.append(_as_dict(forecast))
            else:
                print(_in_words(forecast))
    _sum_up(rows, sendable, router, as_json)


def _as_dict(forecast: Forecast) -> dict[str, Any]:
    error = None if forecast.error is None else forecast.error.message
    return {
        "custom_id": forecast.custom_id,
        "line": forecast.line,
        "eligible": forecast.eligible,
        "error": error,
    }


def _in_words(forecast: Forecast) -> str:
    error = "" if forecast.error is None else f"  {in_one_line(forecast.error)}"
    return f"{forecast.line:>6}  {forecast.eligible:>3} eligible  {forecast.custom_id}{error}"


def _sum_up(rows: list[dict[str, Any]], sendable: int, router: Router, as_json: bool) -> None:
    from freerouter.batch.client import quota_of
    from freerouter.batch.plan import days_needed

    quota = quota_of(router)
    days = days_needed(sendable, quota)
    if as_json:
        known = {"left": quota.left, "daily": quota.daily}
        print(json.dumps({"requests": rows, "sendable": sendable, "days": days, "allowance": known}, indent=2))
        return
    left = "" if quota.left is None else f", {quota.left:,} left today"
    least = f"at least {days} day{'s' * (days != 1)}"
    print(f"\n{sendable:,} to send, {least} with {quota.daily:,} requests a day{left}")
