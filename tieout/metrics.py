"""Prometheus metrics of one process: what its engine counts, and what stands in the state of record at a scrape."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tieout.errors import NotAvailable, TieoutError
from tieout.ports import Depths, RunStore

_PORTS = 256  # that the processes of one machine may share out among themselves
_STEP_BUCKETS_S = (0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800)
_CLAIM_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300)


class PrometheusMeasures:
    """The `Measures` of a process in a registry of its own."""

    def __init__(self, store: RunStore) -> None:
        """Take the store whose depths are read at each scrape."""
        self.registry = CollectorRegistry()
        self.registry.register(_Stored(store))
        of = self.registry
        self._hints = Counter("tieout_hints", "Hints sent to the broker.", registry=of)
        self._resends = Counter("tieout_hints_resent", "Hints sent again, as they seemed lost.", registry=of)
        self._broker = Counter("tieout_broker_losses", "Times that the broker lost what it held.", registry=of)
        self._lost = Counter("tieout_leases_lost", "Leases of this process that were taken from it.", registry=of)
        self._freed = Counter("tieout_steps_freed", "Steps freed from dead processes or lapsed leases.", registry=of)
        self._latency = Histogram(
            "tieout_claim_latency_seconds", "From ready to claimed.", buckets=_CLAIM_BUCKETS_S, registry=of
        )
        self._duration = Histogram(
            "tieout_step_duration_seconds",
            "From claim to outcome, by agent, action and outcome.",
            ("agent", "action", "outcome"),
            buckets=_STEP_BUCKETS_S,
            registry=of,
        )

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def hinted(self, sent: int, *, resent: int) -> None:
        """Count hints."""
        self._hints.inc(sent)
        self._resends.inc(resent)

    def broker_lost(self) -> None:
        """Count a loss of the broker's data."""
        self._broker.inc()

    def leases(self, held: int, renewed: int) -> None:
        """Count leases that could not be renewed."""
        self._lost.inc(max(0, held - renewed))

    def freed(self, steps: int) -> None:
        """Count freed steps."""
        self._freed.inc(steps)

    def claimed(self, waited_s: float) -> None:
        """Observe how long a step was ready."""
        self._latency.observe(max(0.0, waited_s))

    def ended(self, agent: str, action: str, outcome: str, seconds: float) -> None:
        """Observe an attempt."""
        self._duration.labels(agent, action, outcome).observe(seconds)


class _Stored(Collector):
    """Reads the depths when it is scraped; without the state of record there are none, and `tieout_up` is 0."""

    def __init__(self, store: RunStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        """Name nothing ahead: registering must not read the store."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        try:
            depths = self._store.depths(now=self._clock())
        except TieoutError:
            yield GaugeMetricFamily("tieout_up", "Whether the state of record answers.", 0)
            return
        yield GaugeMetricFamily("tieout_up", "Whether the state of record answers.", 1)
        yield from _gauges(depths)


def _gauges(depths: Depths) -> Iterator[Metric]:
    steps = GaugeMetricFamily(
        "tieout_steps", "Steps by state: those to come, those at work, those dead.", labels=["state"]
    )
    for state, count in sorted(depths.steps.items()):
        steps.add_metric([state], count)
    yield steps
    runs = GaugeMetricFamily("tieout_runs", "Unfinished runs by state.", labels=["state"])
    for state in ("queued", "running", "waiting", "paused"):
        runs.add_metric([state], depths.runs.get(state, 0))
    yield runs
    unknown = "Effects of which nobody knows whether they were done."
    yield GaugeMetricFamily("tieout_effects_unknown", unknown, depths.effects_unknown)
    yield GaugeMetricFamily("tieout_oldest_ready_seconds", "How long the first in line waits.", depths.oldest_ready_s)


@contextmanager
def served(text: Callable[[], bytes], host: str, first_port: int) -> Iterator[int]:
    """Serve the metrics at `/metrics` on the first free port from `first_port` on, for the length of the block.

    Yields the port: the processes of one machine share one setting. Raises NotAvailable when all are taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.split("?")[0] == "/metrics"
            body = text() if found else b"Metrics are at /metrics.\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Say nothing: a scrape is no news."""

    server = _listening(Handler, host, first_port)
    threading.Thread(target=server.serve_forever, name="tieout-metrics", daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = False  # a port that another process serves is taken
    daemon_threads = True


def _listening(handler: type[BaseHTTPRequestHandler], host: str, first_port: int) -> _Server:
    for port in range(first_port, first_port + _PORTS):
        try:
            return _Server((host, port), handler)
        except OSError as error:
            reason = error
    raise NotAvailable(
        f"The metrics cannot be served on {host}, ports {first_port} to {first_port + _PORTS - 1}: {reason.strerror}. "
        "Set TIEOUT_METRICS_PORT and TIEOUT_METRICS_HOST."
    )
