"""Metrics: the counters of all workers of a project, in the form that Prometheus scrapes."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from holdtrue.serving.counts.counter import LATENCY_BOUNDS_SECONDS, Count, Metric
from holdtrue.serving.counts.status import WorkerStatus

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


def render_metrics(statuses: Sequence[WorkerStatus], *, n_waiting: int) -> bytes:
    """Return the text that Prometheus scrapes."""
    registry = CollectorRegistry()
    registry.register(ReplicaCollector(statuses, n_waiting=n_waiting))
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
