"""Journal: what one worker says in its log: start, ready, swaps, refusals by their number, and end."""

import logging
import os
import time
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version as find_release

from holdtrue.domain import Json
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.counts.counter import Counters, Metric
from holdtrue.serving.log_format import log_event
from holdtrue.serving.request.refusal import Code, Refused

SECONDS_BETWEEN_REFUSALS = 60.0


class Journal:
    """Logs what changed since it looked last. `look` is called every half second.

    Args:
        engine: what is served.
        counters: the rows that were refused.
    """

    def __init__(self, engine: Engine, counters: Counters) -> None:
        self._engine = engine
        self._counters = counters
        self._began = time.monotonic()
        self._is_ready: bool | None = None
        self._problems: tuple[str, ...] = ()
        self._served: dict[str, tuple[int, tuple[str, ...]]] = {}
        self._n_requests: Counter[str] = Counter()
        self._n_rows_told: Counter[str] = self._count_rows()
        self._told_at: dict[str, float] = {}

    def begin(self) -> None:
        """Log that the worker starts."""
        log_event("start", {"release": find_release("holdtrue"), "pid": os.getpid()})

    def note_refusal(self, refused: Refused) -> None:
        """Count a request that was refused."""
        self._n_requests[refused.code.value] += 1

    def look(self, *, is_last: bool = False) -> None:
        """Log what is new; refusals once a minute for each code, or at once when it is the last look."""
        self._look_at_loops()
        self._look_at_problems()
        self._look_at_refusals(is_last=is_last)

    def end(self) -> None:
        """Log that the worker ends."""
        self.look(is_last=True)
        log_event("end", {"seconds": round(time.monotonic() - self._began, 1)})

    def _look_at_loops(self) -> None:
        for name, served in self._engine.served.items():
            shares = served.traffic.shares
            answering = tuple(f"v{number} {shares[number]:.0%}" for number in sorted(shares))
            now = (served.traffic.revision, answering)
            if self._served.get(name) != now:
                self._served[name] = now
                log_event("swap", {"loop": name, "revision": now[0], "versions": list(answering)})
        for name in self._served.keys() - self._engine.served.keys():
            del self._served[name]
            log_event("swap", {"loop": name, "versions": []})
        if self._engine.is_ready is not self._is_ready:
            self._is_ready = self._engine.is_ready
            seconds = round(time.monotonic() - self._began, 1)
            level = logging.INFO if self._is_ready else logging.WARNING
            log_event("ready" if self._is_ready else "not_ready", {"seconds": seconds}, level=level)

    def _look_at_problems(self) -> None:
        for problem in self._engine.problems:
            if problem not in self._problems:
                log_event("problem", {"what": problem}, level=logging.WARNING)
        self._problems = self._engine.problems

    def _look_at_refusals(self, *, is_last: bool) -> None:
        now, counted = time.monotonic(), self._count_rows()
        for code in _sort(self._n_requests.keys() | counted.keys()):
            n_requests, n_rows = self._n_requests[code], counted[code] - self._n_rows_told[code]
            is_due = is_last or now - self._told_at.get(code, float("-inf")) >= SECONDS_BETWEEN_REFUSALS
            if not is_due or not n_requests + n_rows:
                continue
            facts: dict[str, Json] = {"code": code, "n_requests": n_requests, "n_rows": n_rows}
            log_event("refusals", facts, level=logging.WARNING)
            self._told_at[code], self._n_requests[code], self._n_rows_told[code] = now, 0, counted[code]

    def _count_rows(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for count in self._counters.dump():
            if count.name == Metric.REFUSED.name:
                counted[count.labels[1]] += int(count.value)
        return counted


def _sort(codes: Iterable[str]) -> list[str]:
    """Return codes in the order in which they are declared."""
    order = {code.value: place for place, code in enumerate(Code)}
    return sorted(codes, key=lambda code: order.get(code, len(order)))
