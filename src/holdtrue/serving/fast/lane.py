"""Lane: the short way of a request. All that came in one tick of the event loop is answered in one go.

There is no timer and no knob. A request that is not plainly good, and all of a tick in which anything fails, is handed
back to go the careful way, which decides and explains.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop
from holdtrue.serving.answer.shadow import ShadowJob, ShadowQueue
from holdtrue.serving.counts.counter import Counters, Metric
from holdtrue.serving.fast.asked import (
    AskedRequest,
    AskedRow,
    Asker,
    Tick,
    describe_row,
    render_reply,
    write_lines,
)
from holdtrue.serving.fast.head import Route
from holdtrue.serving.fast.plain_loop import PlainLoop, make_plain_loop
from holdtrue.serving.fast.row_type import NotPlain, PlainEvent, PlainRow
from holdtrue.serving.log import PredictionLog
from holdtrue.serving.request.refusal import Refused
from holdtrue.serving.request.row import Row

Thing = TypeVar("Thing")
MOST_ROWS_AT_ONCE = 512
"""So many rows are not waited with until the tick ends: the first of them would wait for all."""


class Lane:
    """Takes plainly good requests, and answers them at the end of the tick: scored, logged, counted, replied."""

    def __init__(self, engine: Engine, log: PredictionLog, shadow: ShadowQueue, counters: Counters) -> None:
        self._engine = engine
        self._log = log
        self._shadow = shadow
        self._counters = counters
        self._loops: dict[str, tuple[ServedLoop, PlainLoop | None]] = {}
        self._waiting: dict[PlainLoop, list[AskedRequest]] = {}
        self._n_rows = 0
        self._name_next = _make_namer()

    def take(self, route: Route, body: bytes, asker: Asker) -> bool:
        """Take a request if it is plainly good; return whether it was taken. It is answered by the end of the tick."""
        plain = self._find_loop(route.loop)
        # Replies that are to outlive a loss of power wait for the disk; the careful way holds nobody else up meanwhile.
        if plain is None or (not self._waiting and self._log.is_power_safe):
            return False
        started = time.perf_counter()
        try:
            asked = plain.forms[route.form].decode(body)
            rows = [self._read_row(plain, row, started) for row in asked.rows]
        except (NotPlain, Refused, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        if len(rows) > 1 and len({row.event.key or row.name for row in rows}) < len(rows):
            return False
        request = AskedRequest(asker, route, asked.request_id, rows, started)
        waiting = self._waiting.get(plain)
        if waiting is None:
            self._waiting[plain] = [request]
            self._plan_answer(plain)
        else:
            waiting.append(request)
        self._n_rows += len(rows)
        if self._n_rows >= MOST_ROWS_AT_ONCE:
            self.flush()
        return True

    def _plan_answer(self, plain: PlainLoop) -> None:
        """Have what waits for a loop answered by the end of the tick.

        A model that is not fast costs about the same for one row as for many. Where requests came together the last
        time, the first of them waits a moment for the others: they would wait for it far longer.
        """
        loop = asyncio.get_running_loop()
        if plain.has_company and plain.company_seconds:
            loop.call_later(plain.company_seconds, self._answer_waiting, plain)
        else:
            loop.call_soon(self._answer_waiting, plain)

    def flush(self) -> None:
        """Answer what waits."""
        for plain in list(self._waiting):
            self._answer_waiting(plain)

    def _answer_waiting(self, plain: PlainLoop) -> None:
        requests = self._waiting.pop(plain, None)
        if requests is None:  # they were answered before their time
            return
        self._n_rows -= sum([len(request.rows) for request in requests])
        plain.has_company = len(requests) > 1
        try:
            tick = self._answer(plain, requests)
        except Exception:  # whatever failed, the careful way meets it again and says what it is
            for request in requests:
                request.asker.go_careful()
            return
        for request in requests:
            request.asker.reply(render_reply(plain, request, tick))
        if not plain.is_fast:  # a model has lost its pace: from now on it is asked in a thread
            self._loops[plain.name] = (plain.served, None)
        self._count(plain, requests)
        if plain.served.traffic.is_shadowed:
            self._offer_shadow(plain, requests, tick)

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

    def _read_row(self, plain: PlainLoop, row: PlainRow, started: float) -> AskedRow:
        row_type = plain.row_type
        event = row_type.read_event(row)
        if row_type.is_allowed is not None and not row_type.is_allowed(row):
            raise NotPlain
        name = self._name_next()
        arm = plain.sole or plain.find_arm(event.unit or event.key or name[1:-1].decode())
        if plain.computes and event.seconds is None:  # the log has the moment that the features were computed for
            event = PlainEvent(event.key, event.unit, self._engine.clock.now().timestamp())
        try:
            values, n_unseen = arm.taker.take(row, seconds=event.seconds)
        except Exception as error:  # whatever a formula met, the careful way meets it again and says what it is
            raise NotPlain from error
        return AskedRow(row, event, name, arm, values, n_unseen, started)

    def _answer(self, plain: PlainLoop, requests: Sequence[AskedRequest]) -> Tick:
        """Have all rows scored and logged; their answers count only once this has returned."""
        rows = [row for request in requests for row in request.rows]
        by_version: dict[LoadedVersion, list[AskedRow]] = {}
        for row in rows:
            by_version.setdefault(row.arm.version, []).append(row)
        for version, asked in by_version.items():
            answers = version.score([row.values for row in asked]).reshape(len(asked), -1).tolist()
            for row, numbers in zip(asked, answers, strict=True):
                row.numbers = numbers
                if row.arm.choose is not None:
                    row.decision = row.arm.choose(numbers)
        tick = Tick.read(self._engine.clock.now().timestamp())
        failure = self._log.append_now(plain.name, write_lines(plain, rows, tick))
        if failure is not None:
            raise failure
        return tick

    def _count(self, plain: PlainLoop, requests: Sequence[AskedRequest]) -> None:
        ended = time.perf_counter()
        for template, n_requests in _tally([request.route.template for request in requests]):
            self._counters.add(Metric.REQUESTS, template, "200", amount=n_requests)
        for arm, n_rows in _tally([row.arm for request in requests for row in request.rows]):
            name = f"v{arm.version.number}"
            self._counters.add(Metric.ROWS, plain.name, name, arm.assignment.role.value, amount=n_rows)
            n_unseen = 0
            if arm.taker.knows_levels:
                n_unseen = sum(row.n_unseen for request in requests for row in request.rows if row.arm is arm)
            if n_unseen:
                self._counters.add(Metric.UNSEEN, plain.name, name, amount=n_unseen)
        self._counters.observe_latencies(plain.name, [ended - request.started for request in requests])

    def _offer_shadow(self, plain: PlainLoop, requests: Sequence[AskedRequest], tick: Tick) -> None:
        for request in requests:
            for row in request.rows:
                number = row.arm.assignment.shadow
                if number is None or number not in plain.served.versions:
                    continue
                answered = describe_row(plain, row, tick)
                try:
                    values, n_unseen = plain.takers[number].take_over(row.plain, seconds=answered.time)
                except Exception:  # its formulas do not hold for this row, and the reply has left
                    self._counters.add(Metric.SHADOW_DROPPED, plain.name, f"v{number}", "failed")
                    continue
                asked = Row(list(values), answered.features, n_unseen)
                self._shadow.offer(ShadowJob(plain.served, plain.served.versions[number], asked, answered))


def _tally(things: list[Thing]) -> list[tuple[Thing, int]]:
    """Return how often each thing occurs; mostly they are all the same."""
    if things.count(things[0]) == len(things):
        return [(things[0], len(things))]
    return list(Counter(things).items())


def _make_namer() -> Callable[[], bytes]:
    """Return a function that makes prediction ids, spelt as JSON: 64 random bits of this process, and a count."""
    template = b'"' + os.urandom(8).hex().encode() + b'%016x"'
    count = iter(range(2**63)).__next__
    return lambda: template % count()
