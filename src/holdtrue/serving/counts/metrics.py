"""Metrics: the counters of all workers of a project, in the form that Prometheus scrapes."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from holdtrue.errors import StoreFailed
from holdtrue.serving.counts.counter import LATENCY_BOUNDS_SECONDS, Count, Metric
from holdtrue.serving.counts.status import WorkerStatus
from holdtrue.serving.log_terms import measure_log
from holdtrue.store.manifest import read_manifest

PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_Metrics = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class ReplicaCollector(Collector):
    """Collects the sums over all workers: a scrape reaches any of them, and must not depend on which."""

    def __init__(self, statuses: Sequence[WorkerStatus], *, n_waiting: int) -> None:
        self._statuses = statuses
        self._n_waiting = n_waiting

    def collect(self) -> Iterable[_Metrics]:
        """Yield every family."""
        sums: dict[tuple[str, tuple[str, ...]], float] = {}
        for status in self._statuses:
            for count in status.counts:
                sums[count.name, count.labels] = sums.get((count.name, count.labels), 0) + count.value
        for metric in Metric:
            counts = [
                Count(name, labels, value) for (name, labels), value in sorted(sums.items()) if name == metric.name
            ]
            yield _make_histogram(counts) if metric is Metric.LATENCY else _make_counter(metric, counts)
        revision = GaugeMetricFamily(
            "holdtrue_traffic_revision", "Revision of the traffic that is answered by.", labels=["loop", "worker"]
        )
        for status in self._statuses:
            for loop, number in status.revisions.items():
                revision.add_metric([loop, str(status.slot)], number)
        yield revision
        yield GaugeMetricFamily(
            "holdtrue_waiting_rows", "Rows that wait for a model in the worker that was scraped.", value=self._n_waiting
        )


class LogCollector(Collector):
    """Collects how large the prediction log of each loop is, and how many of its rows are gone, and why."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[_Metrics]:
        """Yield every family; what cannot be read in this moment is left out."""
        size = GaugeMetricFamily("holdtrue_log_bytes", "Bytes of the prediction log on the disk.", labels=["loop"])
        removed = CounterMetricFamily(
            "holdtrue_log_removed_rows",
            "Rows removed from the prediction log, by loop and why.",
            labels=["loop", "why"],
        )
        for folder in sorted(path for path in self._folder.glob("*") if path.is_dir()):
            with contextlib.suppress(StoreFailed):
                size.add_metric([folder.name], measure_log(folder))
                manifest = read_manifest(folder)
                removed.add_metric([folder.name, "expired"], manifest.n_expired)
                removed.add_metric([folder.name, "dropped"], manifest.n_dropped)
                removed.add_metric([folder.name, "erased"], manifest.n_erased)
        yield size
        yield removed


def render_metrics(statuses: Sequence[WorkerStatus], *, n_waiting: int, log_folder: Path | None = None) -> bytes:
    """Return the text that Prometheus scrapes; `log_folder` is where the prediction logs of all loops are."""
    registry = CollectorRegistry()
    registry.register(ReplicaCollector(statuses, n_waiting=n_waiting))
    if log_folder is not None:
        registry.register(LogCollector(log_folder))
    return generate_latest(registry)


def _make_counter(metric: Metric, counts: Sequence[Count]) -> CounterMetricFamily:
    family = metric.value
    counter = CounterMetricFamily(family.name, family.says, labels=family.labels)
    for count in counts:
        if len(count.labels) != len(family.labels):  # kept by a worker of another version of holdtrue
            continue
        counter.add_metric(count.labels, count.value)
    return counter


def _make_histogram(counts: Sequence[Count]) -> HistogramMetricFamily:
    family = Metric.LATENCY.value
    histogram = HistogramMetricFamily(family.name, family.says, labels=family.labels)
    for loop in sorted({count.labels[0] for count in counts}):
        values = {count.labels[1]: count.value for count in counts if count.labels[0] == loop}
        total = 0.0
        buckets = []
        for position, bound in enumerate([*map(str, LATENCY_BOUNDS_SECONDS), "+Inf"]):
            total += values.get(str(position), 0)
            buckets.append((bound, total))
        histogram.add_metric([loop], buckets, values.get("sum", 0))
    return histogram
