"""What the server tells of itself to Prometheus. Labels are names of routes and models that are there, never more."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import Scope

from zaohua.serving.state import Answered, Visit

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
TOKEN_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LEFT = "499"
"""Status of requests whose client left, as nginx counts them."""


class Metrics:
    """The measures of one server."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"zaohua_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"zaohua_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"zaohua_{name}", text, labels, buckets=buckets, registry=registry)

        self.running = gauge("requests_running", "Texts and items in work.", "model")
        self.waiting = gauge("requests_waiting", "Texts and items that wait for a place.", "model")
        self.in_work = gauge("requests_in_work", "Requests that were accepted and aren't answered yet.")
        self.duration = histogram(
            "request_duration_seconds",
            "From a request's head to the end of its answer.",
            SECONDS,
            "route",
            "model",
            "code",
        )
        self.first = histogram("time_to_first_token_seconds", "Until a text begins.", SECONDS, "model")
        self.token = histogram("time_per_output_token_seconds", "Between tokens of a text.", TOKEN_SECONDS, "model")
        self.prompt = counter("prompt_tokens", "Tokens of prompts.", "model")
        self.written = counter("generation_tokens", "Tokens that were written.", "model")
        self.items = counter("items", "Items that were made.", "model")
        self.rows = histogram("batch_rows", "Texts and items that are computed together.", ROWS, "model")
        self.rejected = counter("requests_rejected", "Requests refused before they reached a route.", "reason")
        self.aborted = counter("requests_aborted", "Requests whose client left before the end of the answer.")
        self.loaded = gauge("models_loaded", "Models in memory.")
        self.loading = histogram("model_load_seconds", "Time until a model was there.", SECONDS, "model")

    def report(self, scope: Scope, visit: Visit, answered: Answered, seconds: float) -> None:
        """Count a request that is over."""
        route = getattr(scope.get("route"), "path", "")
        if visit.rejected:
            self.rejected.labels(visit.rejected).inc()
        if visit.aborted:
            self.aborted.inc()
        code = LEFT if visit.aborted or not answered.complete else str(answered.status)
        self.duration.labels(route, visit.model, code).observe(seconds)

    def text(self) -> bytes:
        """Write all measures as Prometheus reads them."""
        return generate_latest(self.registry)
