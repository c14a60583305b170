"""What the server counts, for Prometheus."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import cache
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from freerouter import __version__
from freerouter.network.refresh import Refresh
from freerouter.openrouter.headers import caller, outgoing
from freerouter.pipeline.router import Router
from freerouter.pipeline.tracking import Attempt, Trace
from freerouter.replies.verdicts import Gate
from freerouter.server.exchange import Limits
from freerouter.server.record import Record
from freerouter.server.workers.counts import of_all
from freerouter.sharing.condition import OFF, Status

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
# There is one series a model and a bucket.
_FEW_SECONDS = (0.25, 1, 2.5, 5, 10, 30, 60)
_FAILED = ("failed", "interrupted")
# What is shown of the gauges of several workers; those that share what they know show the same.
_Of = Literal["livesum", "livemax", "livemin"]


class _Followed:
    """A counter whose value is kept elsewhere."""

    def __init__(self, counter: Counter, value: Callable[[], int]) -> None:
        self._counter = counter
        self._value = value
        self._before = 0

    def follow(self) -> None:
        """Count what has been added since the last call."""
        now = self._value()
        self._counter.inc(now - self._before)
        self._before = now


class Metrics:
    """Counters of one server; labels are model ids, dialects, names of tokens and the words of ``Outcome``.

    No label holds text that a client sent.

    Args:
        router: its state is shown.
        limits: what clients may take.
        running: how many requests are running.
        refresh: what reads the list of models.
        shared: tells what is shared with other processes.
    """

    def __init__(
        self,
        router: Router,
        limits: Limits,
        running: Callable[[], int],
        refresh: Refresh,
        shared: Callable[[], Status] = lambda: OFF,
    ) -> None:
        self._router = router
        self._refresh = refresh
        self._account = caller(outgoing([], router.settings.key)).account
        self._registry = CollectorRegistry()
        self._values: list[tuple[Gauge, Callable[[], float]]] = []
        self._followed: list[_Followed] = []
        # The library looks labels up slowly, as slowly as a draw and a judgement together: hence the caches.
        self._requests = self._counter("requests", "Routed requests, by dialect and status.", "dialect", "status")
        self._unrouted = self._counter(
            "unrouted", "Requests that were not routed: refused, unknown, lists, probes.", "place", "status"
        )
        self._attempts = self._counter(
            "attempts", "Requests sent to OpenRouter, by what became of them.", "verdict", "scope", "reason"
        )
        self._model_attempts = self._counter(
            "model_attempts", "Requests sent to OpenRouter, by model.", "model", "verdict"
        )
        self._answers = self._counter("answers", "Answers by model.", "model")
        self._endings = self._counter(
            "endings", "How requests ended: finished, interrupted, abandoned, failed.", "ending"
        )
        self._token_requests = self._counter("token_requests", "Requests by the name of the token.", "token")
        self._token_failures = self._counter("token_failures", "Those of them that failed.", "token")
        self._first = self._histogram("first_token_seconds", "Until an answer began.", "dialect", _SECONDS)
        self._total = self._histogram("total_seconds", "Until an answer ended.", "dialect", _SECONDS)
        self._model_first = self._histogram(
            "model_first_token_seconds", "Until a model began to answer.", "model", _FEW_SECONDS
        )
        self._left_early = Counter(
            "freerouter_clients_left", "Clients that went away before their answer ended.", registry=self._registry
        )
        self._alarms = Counter("freerouter_cost_alarms", "Answers that said they cost money.", registry=self._registry)
        self._allowance = self._gauge("allowance_left", "Free requests left today of our own key; -1 unknown.")
        self._gate = self._gauge("gate_seconds", "Until our own key may send again; 0 now.", "gate")
        self._show(limits, running)
        self._show_shared(shared)

    def _counter(self, name: str, text: str, *labels: str) -> Callable[..., Counter]:
        return cache(Counter(f"freerouter_{name}", text, labels, registry=self._registry).labels)

    def _histogram(self, name: str, text: str, label: str, buckets: tuple[float, ...]) -> Callable[..., Histogram]:
        made = Histogram(f"freerouter_{name}", text, [label], buckets=buckets, registry=self._registry)
        return cache(made.labels)

    def _show(self, limits: Limits, running: Callable[[], int]) -> None:
        router = self._router
        self._value("in_flight", "Requests that are running.", running, of="livesum")
        self._value("limit_requests", "Requests that may run at once.", lambda: limits.requests, of="livesum")
        self._value("limit_body_bytes", "Bytes that a request's body may have.", lambda: limits.body)
        self._value(
            "limit_requests_per_minute",
            "Requests that an account sends within a minute at most.",
            lambda: router.settings.requests_per_minute,
        )
        self._value("cooling_models", "Models that are left alone for now.", lambda: len(router.health.cooling))
        self._value("catalog_age_seconds", "Since the catalog was read.", router.catalog_age)
        failed = Counter(
            "freerouter_refreshes_failed", "Times that the list of models could not be read.", registry=self._registry
        )
        self._followed.append(_Followed(failed, lambda: self._refresh.failed))
        build = self._gauge("build_info", "Always 1.", "version", "python")
        build.labels(__version__, platform.python_version()).set(1)

    def _show_shared(self, shared: Callable[[], Status]) -> None:
        self._shared = shared
        text = "Whether the store of the shared state can be used; store: redis, local, off."
        self._shared_up = self._gauge("shared_state_up", text, "store", of="livemin")
        text = "Requests sent by our own count alone, because the store did not answer in time."
        unanswered = Counter("freerouter_shared_slots_unanswered", text, registry=self._registry)
        facts = self._counter("shared_facts", "Facts told to other processes, heard from them, and lost.", "way")
        self._followed += [
            _Followed(unanswered, lambda: shared().unanswered),
            _Followed(facts("sent"), lambda: shared().sent),
            _Followed(facts("received"), lambda: shared().received),
            _Followed(facts("dropped"), lambda: shared().dropped),
        ]

    def _gauge(self, name: str, text: str, *labels: str, of: _Of = "livemax") -> Gauge:
        return Gauge(f"freerouter_{name}", text, labels, registry=self._registry, multiprocess_mode=of)

    def _value(self, name: str, text: str, value: Callable[[], float], *, of: _Of = "livemax") -> None:
        self._values.append((self._gauge(name, text, of=of), value))

    def left(self) -> None:
        """A client went away."""
        self._left_early.inc()

    def began(self, record: Record) -> None:
        """The answer to a routed request, or its error, has begun."""
        trace, dialect = record.trace, record.dialect
        assert trace is not None  # noqa: S101  # it was routed
        self._requests(dialect, record.status).inc()
        for attempt in trace.attempts:
            self._tried(attempt)
        if trace.model is not None:
            self._answers(trace.model).inc()
            self._first(dialect).observe(record.first or 0.0)
            self._model_first(trace.model).observe(trace.attempts[-1].seconds)

    def _tried(self, attempt: Attempt) -> None:
        outcome = attempt.outcome
        self._attempts(outcome.verdict.value, outcome.scope.value, outcome.reason).inc()
        self._model_attempts(attempt.model, outcome.verdict.value).inc()

    def ended(self, record: Record) -> None:
        """The answer to a routed request has ended."""
        trace = record.trace
        assert trace is not None  # noqa: S101  # it was routed
        if trace.model is not None:
            self._total(record.dialect).observe(record.seconds)
        self._endings(trace.ending).inc()
        if trace.cost is not None:
            self._alarms.inc()

    def failed(self, record: Record) -> None:
        """The answer to a routed request could not begin, and an error was sent instead."""
        self._requests(record.dialect, record.status).inc()

    def over(self, record: Record) -> None:
        """An exchange of any kind is over."""
        if record.first is None and record.status:
            self._unrouted(record.place, record.status).inc()
        if record.token and record.place == "route":
            self._token_requests(record.token).inc()
            if record.status >= 400 or _has_failed(record.trace):
                self._token_failures(record.token).inc()

    def gauge(self) -> None:
        """Set the gauges, and count what somebody else keeps the count of."""
        for shown, value in self._values:
            shown.set(value())
        left = self._router.allowance_left(self._account)
        self._allowance.set(-1 if left is None else left)
        shut = self._router.gate(self._account)
        for gate in Gate:
            self._gate.labels(gate.value).set(shut[1] if shut is not None and shut[0] is gate else 0)
        status = self._shared()
        self._shared_up.labels(status.store).set(int(status.store != "off" and not status.trouble))
        for followed in self._followed:
            followed.follow()

    def render(self) -> bytes:
        """The text that Prometheus reads, of all workers, with the gauges as they were set last; for any thread."""
        return generate_latest(of_all(self._registry))


def _has_failed(trace: Trace | None) -> bool:
    return trace is not None and trace.ending in _FAILED
