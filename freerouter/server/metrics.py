"""What the server counts, for Prometheus."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from freerouter import __version__
from freerouter.network.refresh import Refresh
from freerouter.pipeline.router import Router
from freerouter.pipeline.tracking import Attempt, Trace
from freerouter.replies.verdicts import Gate
from freerouter.server.exchange import Limits
from freerouter.server.record import Record
from freerouter.sharing.condition import OFF, Status

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
# There is one series a model and a bucket.
_FEW_SECONDS = (0.25, 1, 2.5, 5, 10, 30, 60)
_FAILED = ("failed", "interrupted")


class _Failures(Collector):
    """A counter whose value is kept elsewhere."""

    def __init__(self, refresh: Refresh) -> None:
        self._refresh = refresh

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        text = "Times that the list of models could not be read."
        yield CounterMetricFamily("freerouter_refreshes_failed", text, value=self._refresh.failed)


class _Shared(Collector):
    """What is shared with other processes."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        status = self._status()
        text = "Whether the store of the shared state can be used; store: redis, local, off."
        works = GaugeMetricFamily("freerouter_shared_state_up", text, labels=["store"])
        works.add_metric([status.store], int(status.store != "off" and not status.trouble))
        yield works
        text = "Requests sent by our own count alone, because the store did not answer in time."
        yield CounterMetricFamily("freerouter_shared_slots_unanswered", text, value=status.unanswered)
        facts = CounterMetricFamily(
            "freerouter_shared_facts", "Facts told to other processes, heard from them, and lost.", labels=["way"]
        )
        for way, value in (("sent", status.sent), ("received", status.received), ("dropped", status.dropped)):
            facts.add_metric([way], value)
        yield facts


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
        self._registry = CollectorRegistry()
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
        self._allowance = Gauge(
            "freerouter_allowance_left", "Free requests left today of our own key; -1 unknown.", registry=self._registry
        )
        self._gate = Gauge(
            "freerouter_gate_seconds", "Until our own key may send again; 0 now.", ["gate"], registry=self._registry
        )
        self._show(limits, running, refresh)
        self._registry.register(_Shared(shared))

    def _counter(self, name: str, text: str, *labels: str) -> Callable[..., Counter]:
        return cache(Counter(f"freerouter_{name}", text, labels, registry=self._registry).labels)

    def _histogram(self, name: str, text: str, label: str, buckets: tuple[float, ...]) -> Callable[..., Histogram]:
        made = Histogram(f"freerouter_{name}", text, [label], buckets=buckets, registry=self._registry)
        return cache(made.labels)

    def _show(self, limits: Limits, running: Callable[[], int], refresh: Refresh) -> None:
        router = self._router
        self._gauge("in_flight", "Requests that are running.", running)
        self._gauge("limit_requests", "Requests that may run at once.", lambda: limits.requests)
        self._gauge("limit_body_bytes", "Bytes that a request's body may have.", lambda: limits.body)
        self._gauge(
            "limit_requests_per_minute",
            "Requests that an account sends within a minute at most.",
            lambda: router.settings.requests_per_minute,
        )
        self._gauge("cooling_models", "Models that are left alone for now.", lambda: len(router.health.cooling))
        self._gauge("catalog_age_seconds", "Since the catalog was read.", router.catalog_age)
        self._registry.register(_Failures(refresh))
        build = Gauge("freerouter_build_info", "Always 1.", ["version", "python"], registry=self._registry)
        build.labels(__version__, platform.python_version()).set(1)

    def _gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        Gauge(f"freerouter_{name}", text, registry=self._registry).set_function(value)

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

    def render(self, account: str) -> bytes:
        """The text that Prometheus reads.

        Args:
            account: the hash of our own key's account, whose allowance is shown.
        """
        left = self._router.allowance_left(account)
        self._allowance.set(-1 if left is None else left)
        shut = self._router.gate(account)
        for gate in Gate:
            self._gate.labels(gate.value).set(shut[1] if shut is not None and shut[0] is gate else 0)
        return generate_latest(self._registry)


def _has_failed(trace: Trace | None) -> bool:
    return trace is not None and trace.ending in _FAILED
