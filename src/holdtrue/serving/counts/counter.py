"""Counters: what one worker counts, cheap enough for every row; `metrics` turns them into Prometheus's form."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec

LATENCY_BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(frozen=True)
class Family:
    """One metric: its name, what it says, and the names of its labels."""

    name: str
    says: str
    labels: tuple[str, ...]


class Metric(Enum):
    """All that is counted."""

    REQUESTS = Family("holdtrue_requests", "Requests answered, by route and HTTP status.", ("route", "status"))
    ROWS = Family("holdtrue_rows", "Rows answered and logged, by loop, version and role.", ("loop", "version", "role"))
    REFUSED = Family("holdtrue_refused_rows", "Rows that were not answered, by loop and code.", ("loop", "code"))
    UNSEEN = Family("holdtrue_unseen_levels", "Values that training had not seen.", ("loop", "version"))
    FALLBACKS = Family(
        "holdtrue_fallbacks", "Rows answered in the place of a version.", ("loop", "version", "cause", "by")
    )
    EXPLANATIONS = Family(
        "holdtrue_explanations", "Rows explained, by loop, version and method.", ("loop", "version", "method")
    )
    SHADOW_DROPPED = Family("holdtrue_shadow_dropped", "Shadow rows not answered.", ("loop", "version", "why"))
    LOG_FAILURES = Family(
        "holdtrue_log_failures", "Writes of the prediction log refused, by disk or budget.", ("loop",)
    )
    LABELS = Family("holdtrue_labels", "Labels received, by loop and whether they were accepted.", ("loop", "status"))
    SWAPS = Family("holdtrue_swaps", "Changes of the traffic that were taken over.", ("loop",))
    LOAD_FAILURES = Family("holdtrue_load_failures", "Versions that could not be loaded.", ("loop", "version"))
    LATENCY = Family("holdtrue_latency_seconds", "Time in the server for each answered request.", ("loop",))


class Count(msgspec.Struct, frozen=True, array_like=True):
    """One counter as it is kept: its metric's name, the values of its labels, and its value."""

    name: str
    labels: tuple[str, ...]
    value: float


class Counters:
    """The counters of one process. They only go up."""

    def __init__(self, counts: Iterable[Count] = ()) -> None:
        self._values: dict[tuple[str, tuple[str, ...]], float] = {}
        self.merge(counts)

    def add(self, metric: Metric, *labels: str, amount: float = 1) -> None:
        """Raise a counter; `labels` are the values of the metric's labels, in order."""
        key = (metric._name_, labels)  # `name` is the same, at several times the cost
        self._values[key] = self._values.get(key, 0) + amount

    def observe_latency(self, loop: str, seconds: float) -> None:
        """Count a request into its bucket of latency."""
        self.observe_latencies(loop, [seconds])

    def observe_latencies(self, loop: str, seconds: Sequence[float]) -> None:
        """Count requests into their buckets of latency."""
        n_requests: dict[int, int] = {}
        for each in seconds:
            bucket = bisect_left(LATENCY_BOUNDS_SECONDS, each)
            n_requests[bucket] = n_requests.get(bucket, 0) + 1
        for bucket, n_there in n_requests.items():
            self.add(Metric.LATENCY, loop, str(bucket), amount=n_there)
        self.add(Metric.LATENCY, loop, "sum", amount=sum(seconds))

    def merge(self, counts: Iterable[Count]) -> None:
        """Add the counters of another process."""
        for count in counts:
            key = (count.name, count.labels)
            self._values[key] = self._values.get(key, 0) + count.value

    def value(self, metric: Metric, *labels: str) -> float:
        """Return a counter's value; 0 when nothing was counted."""
        return self._values.get((metric.name, labels), 0)

    def dump(self) -> list[Count]:
        """Return all counters."""
        return [Count(name, labels, value) for (name, labels), value in self._values.items()]
