"""freerouter quota: how many free requests are left."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freerouter.cli.upstreams import Emulate, check_key, settings_for

if TYPE_CHECKING:
    from freerouter.network.probe import Probe
    from freerouter.settings import Settings


def quota(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    emulate: Emulate = False,
) -> None:
    """Show how many of the account's free requests are used and left today, and when they are reset.

    OpenRouter's figures are about a minute old. Asking costs no request.

    Example: freerouter quota
    """
    from freerouter.network.fetching import look

    with settings_for(emulate) as settings:
        check_key(settings, "freerouter quota")
        seen = look(settings, f"{settings.upstream}/key")
        _check(seen, settings)
        report = _report(seen, settings, time.time())
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        _show(report)


def _check(seen: Probe, settings: Settings) -> None:
    """Raises UpstreamUnavailableError, UpstreamError."""
    from freerouter.errors import UpstreamError
    from freerouter.pipeline.refusals import unreachable

    if seen.status is None:
        raise unreachable(settings.upstream)
    if seen.status in (401, 403):
        message = "the key is refused: check OPENROUTER_API_KEY, or create a key at https://openrouter.ai/keys"
        raise UpstreamError(message, status=seen.status, body={})
    if seen.status != 200:
        message = f"{settings.upstream}/key answers with status {seen.status}: try again later, or freerouter doctor"
        raise UpstreamError(message, status=seen.status, body={})


def _report(seen: Probe, settings: Settings, now: float) -> dict[str, Any]:
    """See docs/terminal.md. An unknown value is null: nothing is guessed."""
    from freerouter.cli.diagnosis import next_reset

    used, limit = seen.daily() or (None, None)
    reset = next_reset(now)
    return {
        "used": used,
        "limit": limit,
        "left": None if used is None or limit is None else max(limit - used, 0),
        "resets_at": reset.isoformat().replace("+00:00", "Z"),
        "resets_in_s": round(reset.timestamp() - now),
        "per_minute": {"limit": settings.requests_per_minute, "used": None},
    }


def _show(report: dict[str, Any]) -> None:
    from freerouter.cli.diagnosis import in_words

    if report["used"] is None:
        print("Today     OpenRouter does not say for this key what is used")
    else:
        print(f"Used      {report['used']} of {report['limit']} free requests today")
        print(f"Left      {report['left']}")
    reset = datetime.fromisoformat(report["resets_at"])
    print(f"Resets    in {in_words(report['resets_in_s'])}: {_local(reset)}, {reset:%H:%M} UTC")
    print(
        f"Minute    at most {report['per_minute']['limit']}; OpenRouter does not say how many were sent in the last one"
    )


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%a %H:%M} here"
