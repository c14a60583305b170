"""Snapshot: what the window and ``freerouter top`` show of the server, as JSON values."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, get_args

from freerouter import __version__
from freerouter.durations import DAY
from freerouter.network.refresh import Refresh
from freerouter.openrouter.catalog import Model
from freerouter.pipeline.filtering import capabilities
from freerouter.pipeline.router import Router
from freerouter.pipeline.weighing import Ranking
from freerouter.preferences import Prefer
from freerouter.server.window.history import History, PastRequest
from freerouter.sharing.condition import OFF, Status

# Attempts with a model that are shown.
_TRIES = 18


class Try(NamedTuple):
    """An attempt with a model: whether it answered, and after how many seconds that was known."""

    answered: bool
    seconds: float


class Snapshot:
    """Makes snapshots. Points of time are in seconds since 1970, so that what does not change stays the same.

    Args:
        router: what it knows is shown.
        history: the last requests.
        refresh: what reads the list of models.
        running: how many requests are running.
        shared: tells what is shared with other processes.
        asks_for_token: whether clients have to send one.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        router: Router,
        history: History,
        refresh: Refresh,
        running: Callable[[], int],
        shared: Callable[[], Status] = lambda: OFF,
        *,
        asks_for_token: bool = False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._router = router
        self._history = history
        self._refresh = refresh
        self._running = running
        self._shared = shared
        self._asks_for_token = asks_for_token
        self._wall = wall
        self._started = wall()
        self._account = router.own

    def whole(self, requests: int) -> dict[str, Any]:
        """The state, and so many of the last requests, newest first."""
        entries = [entry.as_dict() for entry in self._history.last(requests)]
        return self.state() | {"now": self._in(0), "requests": entries}

    def state(self) -> dict[str, Any]:
        """What is so now; see docs/window.md."""
        router = self._router
        read = None if router.catalog is None else self._in(-router.catalog_age())
        return {
            "version": __version__,
            "upstream": router.settings.upstream,
            "asks_for_token": self._asks_for_token,
            "started": round(self._started),
            "catalog": {"read_at": read and round(read), "failed": self._refresh.failed},
            "allowance": self._allowance(),
            "outage": self._outage(),
            "shared_state": self._shared().as_dict(),
            "counts": self._counts(),
            "prefer": router.usual.kind,
            "train": router.settings.train,
            "prefers": list(get_args(Prefer)),
            **self._models(),
        }

    def _counts(self) -> dict[str, int]:
        done, answered = self._history.number, self._history.answered
        return {"requests": done, "answered": answered, "failed": done - answered, "running": self._running()}

    def _in(self, seconds: float) -> float:
        return round(self._wall() + seconds, 1)

    def _allowance(self) -> dict[str, Any]:
        """That of our own key."""
        figures = self._router.figures(self._account)
        gate = self._router.gate(self._account)
        return {
            "left": figures.left,
            "limit": figures.limit,
            "minute_sent": figures.sent,
            "minute_limit": self._router.settings.requests_per_minute,
            "gate": None if gate is None else gate[0].value,
            "opens_at": None if gate is None else self._in(gate[1]),
            "resets_at": (int(self._wall() // DAY) + 1) * int(DAY),
        }

    def _outage(self) -> dict[str, Any] | None:
        outage = self._router.endpoint.outage
        return {"reason": outage.reason, "until": self._in(outage.left())} if outage.reason else None

    def _models(self) -> dict[str, Any]:
        """Those that may be drawn, and by what they are ranked."""
        router = self._router
        if router.catalog is None:
            return {"ranked_by": None, "models": []}
        cooling, tries = router.cooling(), tries_by_model(self._history.last())
        sent = sum(map(len, tries.values()))
        ranked_by, places = router.standings()
        trains = router.trains(self._account)
        rows = [
            _row(model, tries.get(model.id, []), sent)
            | {"cooling_until": self._until(cooling, model), "trains": trains.get(model.id)}
            | _ranked(places.get(model.id))
            for model in router.models()
        ]
        return {"ranked_by": ranked_by, "models": rows}

    def _until(self, cooling: Mapping[str, float], model: Model) -> float | None:
        return self._in(cooling[model.id]) if model.id in cooling else None


def tries_by_model(entries: Iterable[PastRequest]) -> dict[str, list[Try]]:
    """The attempts of these requests, which are newest first, by model: oldest first."""
    found: dict[str, list[Try]] = defaultdict(list)
    for entry in entries:
        for attempt in reversed([] if entry.trace is None else entry.trace.attempts):
            found[attempt.model].append(Try(attempt.outcome.verdict.value == "answered", attempt.seconds))
    return {model: tries[::-1] for model, tries in found.items()}


def _row(model: Model, tries: list[Try], sent: int) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "context": model.context,
        "max_output": model.max_output,
        "can": sorted(name for name in capabilities(model) if not name.startswith("output:")),
        "attempts": len(tries),
        "answered": sum(tried.answered for tried in tries),
        "share": round(len(tries) / sent, 4) if sent else None,
        "tries": [[int(tried.answered), round(tried.seconds * 1000, 1)] for tried in tries[-_TRIES:]],
    }


def _ranked(standing: Ranking | None) -> dict[str, Any]:
    """Its rank, where that is known."""
    known = standing is not None and standing.value is not None
    return {"rank": standing.rank if standing is not None and known else None, "why": standing.why if standing else ""}
