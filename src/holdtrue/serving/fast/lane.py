"""Lane: the short way of a request. All that came in one tick of the event loop is answered in one go.

There is no timer and no knob. A request that is not plainly good, and all of a tick in which anything fails, is handed
back to go the careful way, which decides and explains.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from holdtrue.domain import Assignment, Prediction, Role
from holdtrue.serving.answer.answer import Answer
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop
from holdtrue.serving.answer.shadow import ShadowJob, ShadowQueue
from holdtrue.serving.counts.counter import Counters, Metric
from holdtrue.serving.fast.head import Route
from holdtrue.serving.fast.plain_loop import PlainLoop, make_plain_loop
from holdtrue.serving.fast.row_type import NotPlain, PlainEvent, PlainRow, Values
from holdtrue.serving.log import PredictionLog
from holdtrue.serving.request.refusal import Refused
from holdtrue.serving.request.row import Row

MOST_ROWS_AT_ONCE = 512
"""So many rows are not waited with until the tick ends: the first of them would wait for all."""

_encode = msgspec.json.Encoder().encode


class Asker(Protocol):
    """Who waits for a reply."""

    def reply(self, body: bytes) -> None:
        """Send the body of a good reply."""
        ...

    def go_careful(self) -> None:
        """Take the request back; it goes the careful way."""
        ...


@dataclass(slots=True)
class _Row:
    """A row on its way."""

    plain: PlainRow
    event: PlainEvent
    prediction_id: str
    assignment: Assignment
    version: LoadedVersion
    values: Values
    n_unseen: int
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request of this tick."""

    asker: Asker
    route: Route
    request_id: str | None
    rows: Sequence[_Row]
    started: float
    received_at: float


class Lane:
    """Takes plainly good requests, and answers them at the end of the tick: scored, logged, counted, replied."""

    def __init__(self, engine: Engine, log: PredictionLog, shadow: ShadowQueue, counters: Counters) -> None:
        self._engine = engine
        self._log = log
        self._shadow = shadow
        self._counters = counters
        self._loops: dict[str, tuple[ServedLoop, PlainLoop | None]] = {}
        self._waiting: dict[PlainLoop, list[_Waiting]] = {}
        self._n_rows = 0
        self._name_id = _make_namer()

    def take(self, route: Route, body: bytes, asker: Asker) -> bool:
        """Take a request if it is plainly good; return whether it was taken. It is answered by the end of the tick."""
        plain = self._find_loop(route.loop)
        # Replies that are to outlive a loss of power wait for the disk; the careful way holds nobody else up meanwhile.
        if plain is None or (not self._waiting and self._log.is_power_safe):
            return False
        started = time.perf_counter()
        try:
            asked = plain.forms[route.form].decode(body)
            rows = [self._read_row(plain, row) for row in asked.rows]
        except (NotPlain, Refused, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        if len(rows) > 1 and len({row.event.key or row.prediction_id for row in rows}) < len(rows):
            return False
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        waiting = _Waiting(asker, route, asked.request_id, rows, started, time.time())
        self._waiting.setdefault(plain, []).append(waiting)
        self._n_rows += len(rows)
        if self._n_rows >= MOST_ROWS_AT_ONCE:
            self.flush()
        return True

    def flush(self) -> None:
        """Answer what waits."""
        waiting, self._waiting, self._n_rows = self._waiting, {}, 0
        for plain, requests in waiting.items():
            try:
                self._answer(plain, requests)
            except Exception:  # whatever failed, the careful way meets it again and says what it is
                for request in requests:
                    request.asker.go_careful()
                continue
            for request in requests:
                answers = [row.answer for row in request.rows if row.answer is not None]
                request.asker.reply(plain.stencils.render(request.route.form, request.request_id, answers))
            self._count(plain, requests)
            if plain.served.traffic.is_shadowed:
                self._offer_shadow(plain, requests)

    def _find_loop(self, name: str | None) -> PlainLoop | None:
        if name is None:
            there = self._engine.wanted
            name = there[0] if len(there) == 1 else ""
        served = self._engine.served.get(name)
        if served is None:
            return None
        known = self._loops.get(name)
        if known is None or known[0] is not served:
            known = self._loops[name] = (served, make_plain_loop(served))
        return known[1]

    def _read_row(self, plain: PlainLoop, row: PlainRow) -> _Row:
        row_type = plain.row_type
        event = row_type.read_event(row)
        if row_type.is_allowed is not None and not row_type.is_allowed(row):
            raise NotPlain
        prediction_id = self._name_id()
        assignment = plain.assign(event.unit or event.key or prediction_id)
        version = plain.served.versions[assignment.version]
        values, n_unseen = plain.take_values(row, version)
        return _Row(row, event, prediction_id, assignment, version, values, n_unseen)

    def _answer(self, plain: PlainLoop, requests: Sequence[_Waiting]) -> None:
        """Have all rows scored and logged; their answers count only once this has returned."""
        by_version: dict[LoadedVersion, list[_Row]] = {}
        for request in requests:
            for row in request.rows:
                by_version.setdefault(row.version, []).append(row)
        numbers: dict[str, list[float]] = {}
        for version, rows in by_version.items():
            answers = version.score([row.values for row in rows]).reshape(len(rows), -1).tolist()
            numbers |= zip([row.prediction_id for row in rows], answers, strict=True)
        now, ended = self._engine.clock.now().timestamp(), time.perf_counter()
        payloads = []
        for request in requests:
            for row in request.rows:
                prediction = _make_prediction(plain, request, row, numbers[row.prediction_id], now=now, ended=ended)
                row.answer = Answer(prediction, row.version)
                payloads.append(_encode(prediction))
        failure = self._log.append_now(plain.served.traffic.loop, payloads)
        if failure is not None:
            raise failure

    def _count(self, plain: PlainLoop, requests: Sequence[_Waiting]) -> None:
        loop, ended = plain.served.traffic.loop, time.perf_counter()
        asked: dict[str, int] = {}
        answered: dict[tuple[int, Role], int] = {}
        for request in requests:
            template = request.route.template
            asked[template] = asked.get(template, 0) + 1
            for row in request.rows:
                kind = (row.version.number, row.assignment.role)
                answered[kind] = answered.get(kind, 0) + 1
                if row.n_unseen:
                    self._counters.add(Metric.UNSEEN, loop, f"v{kind[0]}", amount=row.n_unseen)
        for template, n_requests in asked.items():
            self._counters.add(Metric.REQUESTS, template, "200", amount=n_requests)
        for (number, role), n_rows in answered.items():
            self._counters.add(Metric.ROWS, loop, f"v{number}", role.value, amount=n_rows)
        self._counters.observe_latencies(loop, [ended - request.started for request in requests])

    def _offer_shadow(self, plain: PlainLoop, requests: Sequence[_Waiting]) -> None:
        for request in requests:
            for row in request.rows:
                number, answer = row.assignment.shadow, row.answer
                if number is None or answer is None or number not in plain.served.versions:
                    continue
                version = plain.served.versions[number]
                values, n_unseen = plain.take_values(row.plain, version)
                asked = Row(list(values), answer.prediction.features, n_unseen)
                self._shadow.offer(ShadowJob(plain.served, version, asked, answer.prediction))


def _make_prediction(
    plain: PlainLoop, request: _Waiting, row: _Row, numbers: Sequence[float], *, now: float, ended: float
) -> Prediction:
    version, event, assignment = row.version, row.event, row.assignment
    rule = version.release.action_rule
    key = event.key or row.prediction_id
    return Prediction(
        prediction_id=row.prediction_id,
        loop=plain.served.traffic.loop,
        key=key,
        unit=event.unit or key,
        time=now if event.seconds is None else event.seconds,
        features=row.plain,  # encodes as its features, by name
        answer=tuple(numbers),
        decision=None if rule is None else rule.choose(numbers),
        version=version.number,
        role=assignment.role,
        fallback=None,
        probability=assignment.probability,
        traffic_revision=plain.served.traffic.revision,
        schema_version=version.schema_digest,
        latency_ms=(ended - request.started) * 1_000,
        received_at=request.received_at,
        n_unseen=row.n_unseen,
    )


def _make_namer() -> Callable[[], str]:
    """Return a function that makes prediction ids: 64 random bits of this process, and a count."""
    prefix, count = os.urandom(8).hex(), iter(range(2**63)).__next__
    return lambda: f"{prefix}{count():016x}"
