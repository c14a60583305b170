"""What the server counts, for Prometheus."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from freerouter.pipeline.router import Router
from freerouter.pipeline.tracking import Trace

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """Counters of one server; labels are model ids, dialects and the words of ``Outcome``, never what a client sent."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._registry = registry = CollectorRegistry()
        requests = Counter(
            "freerouter_requests", "Requests answered, by dialect and status.", ["dialect", "status"], registry=registry
        )
        attempts = Counter(
            "freerouter_attempts",
            "Requests sent to OpenRouter, by what became of them.",
            ["verdict", "scope", "reason"],
            registry=registry,
        )
        models = Counter("freerouter_answers", "Answers by model.", ["model"], registry=registry)
        first = Histogram(
            "freerouter_first_token_seconds",
            "Until an answer began.",
            ["dialect"],
            buckets=_SECONDS,
            registry=registry,
        )
        total = Histogram(
            "freerouter_total_seconds", "Until an answer ended.", ["dialect"], buckets=_SECONDS, registry=registry
        )
        endings = Counter(
            "freerouter_endings",
            "How requests ended: finished, interrupted, abandoned, failed.",
            ["ending"],
            registry=registry,
        )
        # Looking labels up takes the library as long as a draw and a judgement together.
        self._requests, self._attempts = cache(requests.labels), cache(attempts.labels)
        self._models, self._endings = cache(models.labels), cache(endings.labels)
        self._first, self._total = cache(first.labels), cache(total.labels)
        self._left_early = Counter(
            "freerouter_clients_left", "Clients that went away before their answer ended.", registry=registry
        )
        self._alarms = Counter("freerouter_cost_alarms", "Answers that said they cost money.", registry=registry)
        cooling = Gauge("freerouter_cooling_models", "Models that are left alone for now.", registry=registry)
        cooling.set_function(lambda: len(router.health.cooling))
        age = Gauge("freerouter_catalog_age_seconds", "Since the catalog was read.", registry=registry)
        age.set_function(router.catalog_age)
        self._left = Gauge(
            "freerouter_allowance_left", "Free requests left today of our own key; -1 unknown.", registry=registry
        )

    def refused(self, dialect: str, status: int) -> None:
        """A request was refused, by the server itself or because OpenRouter could not be reached."""
        self._requests(dialect, status).inc()

    def left(self) -> None:
        """A client went away."""
        self._left_early.inc()

    def began(self, dialect: str, status: int, trace: Trace, seconds: float) -> None:
        """An answer, or an error, has begun."""
        self._requests(dialect, status).inc()
        self._first(dialect).observe(seconds)
        for attempt in trace.attempts:
            outcome = attempt.outcome
            self._attempts(outcome.verdict.value, outcome.scope.value, outcome.reason).inc()
        if trace.model is not None:
            self._models(trace.model).inc()

    def ended(self, dialect: str, trace: Trace, seconds: float) -> None:
        """An answer has ended."""
        self._total(dialect).observe(seconds)
        self._endings(trace.ending).inc()
        if trace.cost is not None:
            self._alarms.inc()

    def render(self, account: str) -> bytes:
        """The text that Prometheus reads.

        Args:
            account: the hash of our own key's account, whose allowance is shown.
        """
        left = self._router.allowance_left(account)
        self._left.set(-1 if left is None else left)
        return generate_latest(self._registry)
