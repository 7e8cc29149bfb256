"""Router: takes the records of one request and hands out answers; assigns, reads, has them scored, logs, shadows."""

import contextlib
import time
import uuid
from collections.abc import Sequence

from holdtrue.domain import BROKEN_ROW, FallbackCause, Prediction, Role, tell_failed
from holdtrue.errors import StoreFailed
from holdtrue.serving.answer.answer import Answer, make_prediction
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.answer.entry import Entry
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop
from holdtrue.serving.answer.patience import DeadlinePassed, Patience
from holdtrue.serving.answer.rescue import Rescue, keep_share
from holdtrue.serving.answer.shadow import ShadowJob, ShadowQueue
from holdtrue.serving.aside import FEW_ROWS, run_aside
from holdtrue.serving.counts.counter import Counters, Metric
from holdtrue.serving.log import PredictionLog
from holdtrue.serving.request.body import Record
from holdtrue.serving.request.field import shorten
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.row import Event, Row, read_event

_NO_ROW = Row([], {}, 0)


class Router:
    """Answers records by the traffic of their loop.

    The order is fixed: the log is written before the answers are returned, and the shadow is asked after that.
    `timeout_seconds` is the time of a request that asks for none of its own; None for as long as it takes.
    """

    def __init__(
        self,
        engine: Engine,
        log: PredictionLog,
        shadow: ShadowQueue,
        counters: Counters,
        *,
        timeout_seconds: float | None = None,
    ) -> None:
        self.engine = engine
        self.timeout_seconds = timeout_seconds
        self._rescue = Rescue(engine, counters)
        self._log = log
        self._shadow = shadow
        self._counters = counters

    async def answer(
        self,
        served: ServedLoop,
        records: Sequence[Record],
        *,
        is_whole: bool = False,
        patience: Patience | None = None,
    ) -> list[Answer | Refused]:
        """Answer each record, or say why not; one that is refused does not hold the others up.

        Args:
            served: what the loop serves, taken once for the whole request.
            records: the rows of the request.
            is_whole: whether the first refused row refuses all of them, before any is logged.
            patience: how long the request waits; None for the usual time from now on.

        Raises:
            Refused: the queue is full, the log cannot be written, or `is_whole`; then none is answered.
        """
        started, received_at = time.perf_counter(), time.time()
        is_long = len(records) > FEW_ROWS
        entries = await run_aside(is_long, self._read_entries, served, records)
        _refuse_whole(entries if is_whole else ())
        patience = patience or Patience(timeout_seconds=self.timeout_seconds)
        await self._score(served, [entry for entry in entries if isinstance(entry, Entry)], patience)
        latency_ms = (time.perf_counter() - started) * 1_000
        answers = await run_aside(is_long, _finish_all, entries, served, received_at, latency_ms)
        _refuse_whole(answers if is_whole else ())
        answered = [answer for answer in answers if isinstance(answer, Answer)]
        if answered:
            await self._write_log(served, [answer.prediction for answer in answered])
        self._count(served, answers)
        for entry, answer in zip(entries, answers, strict=True):
            if isinstance(entry, Entry) and isinstance(answer, Answer):
                self._offer_shadow(served, entry, answer)
        return answers

    def _read_entries(self, served: ServedLoop, records: Sequence[Record]) -> list[Entry | Refused]:
        now = self.engine.clock.now().timestamp()
        entries: list[Entry | Refused] = []
        keys: set[str] = set()
        for record in records:
            try:
                entry = self._read_entry(served, record, now)
                if entry.event.key in keys:
                    raise _refuse_twice(entry.event.key, record, served)
                keys.add(entry.event.key)
                entries.append(entry)
            except Refused as refused:
                entries.append(refused)
        return entries

    def _read_entry(self, served: ServedLoop, record: Record, now: float) -> Entry:
        if record.refused is not None:
            raise record.refused
        prediction_id = uuid.uuid4().hex
        otherwise = Event(prediction_id, prediction_id, now)
        event = read_event(record.fields, served.champion.names, record.place, otherwise=otherwise)
        assignment = served.assign(event.unit)
        version = served.versions[assignment.version]
        entry = Entry(record, prediction_id, event, assignment, version, _NO_ROW, assignment.role)
        try:
            entry.row = version.read(record.fields, record.place, known=served.known_names, time=event.time)
        except Refused as refused:
            if entry.is_forced or not version.has_fallback(FallbackCause.SCHEMA):
                raise
            entry.outcome, entry.row = refused, version.reader.salvage(record.fields, record.place)
        return entry

    async def _score(self, served: ServedLoop, entries: Sequence[Entry], patience: Patience) -> None:
        """Have every row scored by its version; where a challenger fails, the champion answers and the row says so.

        What is not answered then gets the fallback that its version's release declares; a version that was forced for
        a test speaks for itself.
        """
        await self._score_by_version([entry for entry in entries if entry.cause is None], patience)
        await self._ask_champion(served, entries, patience)
        lost = [entry for entry in entries if entry.cause is not None and not entry.is_forced]
        if lost:
            await self._rescue.answer(served, lost, patience)

    async def _ask_champion(self, served: ServedLoop, entries: Sequence[Entry], patience: Patience) -> None:
        retried: list[Entry] = []
        failed = [e for e in entries if e.role is Role.CHALLENGER and e.cause is FallbackCause.FAILURE]
        for entry in failed:
            name = f"v{entry.version.number}"
            self._counters.add(Metric.FALLBACKS, served.traffic.loop, name, "failure", Role.CHAMPION.value)
            entry.fallback = f"{tell_failed(entry.version.number)}: {entry.outcome}"[:500]
            entry.version, entry.role = served.champion, Role.CHAMPION
            with contextlib.suppress(Refused):  # the champion may want a field that the challenger does not
                entry.row = served.champion.read(
                    entry.record.fields, entry.record.place, known=served.known_names, time=entry.event.time
                )
                retried.append(entry)
        if retried:
            await self._score_by_version(retried, patience)

    async def _score_by_version(self, entries: Sequence[Entry], patience: Patience) -> None:
        if not entries:
            return
        groups: dict[LoadedVersion, list[Entry]] = {}
        for entry in entries:
            groups.setdefault(entry.version, []).append(entry)
        if not all(self.engine.batcher(version).has_room(len(group)) for version, group in groups.items()):
            raise Refused(
                Code.OVERLOADED, "more rows wait than the model can answer in time", remedy="try again in a second"
            )
        asked = [self.engine.batcher(version).score([e.row.values for e in group]) for version, group in groups.items()]
        outcomes = await patience.wait(asked, kept_share=keep_share(list(groups)))
        late = DeadlinePassed(patience.timeout_seconds or 0.0)
        for group, scored in zip(groups.values(), outcomes, strict=True):
            for i, entry in enumerate(group):
                entry.outcome = late if scored is None else scored[i]

    async def _write_log(self, served: ServedLoop, predictions: Sequence[Prediction]) -> None:
        try:
            await self._log.write(predictions)
        except StoreFailed as failure:
            self._counters.add(Metric.LOG_FAILURES, served.traffic.loop)
            raise Refused(
                Code.LOG_FULL,
                f"the prediction log cannot be written, so nothing is answered: {failure}",
                remedy="free some space on the server's disk",
            ) from failure

    def _count(self, served: ServedLoop, answers: Sequence[Answer | Refused]) -> None:
        loop = served.traffic.loop
        for answer in answers:
            if isinstance(answer, Refused):
                self._counters.add(Metric.REFUSED, loop, answer.code.value)
                continue
            prediction = answer.prediction
            self._counters.add(Metric.ROWS, loop, f"v{prediction.version}", prediction.role.value)
            if prediction.n_unseen:
                self._counters.add(Metric.UNSEEN, loop, f"v{prediction.version}", amount=prediction.n_unseen)

    def _offer_shadow(self, served: ServedLoop, entry: Entry, answer: Answer) -> None:
        number = entry.assignment.shadow
        if answer.prediction.fallback is not None and BROKEN_ROW in answer.prediction.fallback:
            return
        if number is not None and number != answer.prediction.version:
            self._shadow.offer(ShadowJob(served, served.versions[number], entry.record, answer.prediction))


def _finish_all(
    entries: Sequence[Entry | Refused], served: ServedLoop, received_at: float, latency_ms: float
) -> list[Answer | Refused]:
    return [
        entry if isinstance(entry, Refused) else _finish(entry, served, received_at, latency_ms) for entry in entries
    ]


def _finish(entry: Entry, served: ServedLoop, received_at: float, latency_ms: float) -> Answer | Refused:
    if isinstance(entry.outcome, Refused):
        return entry.outcome
    if isinstance(entry.outcome, DeadlinePassed):
        return Refused(
            Code.DEADLINE_PASSED, entry.outcome.found, path=entry.record.place.row, remedy=entry.outcome.remedy
        )
    if isinstance(entry.outcome, Exception):
        return Refused(
            Code.MODEL_FAILED,
            f"v{entry.version.number} of {served.traffic.loop!r} could not answer this row: {entry.outcome}",
            path=entry.record.place.row,
        )
    prediction = make_prediction(
        entry.version,
        entry.row,
        entry.outcome,
        event=entry.event,
        prediction_id=entry.prediction_id,
        role=entry.role,
        fallback=entry.fallback,
        probability=entry.assignment.probability,
        traffic_revision=served.traffic.revision,
        latency_ms=latency_ms,
        received_at=received_at,
    )
    return Answer(prediction, entry.version)


def _refuse_twice(key: str, record: Record, served: ServedLoop) -> Refused:
    names = served.champion.names
    return Refused(
        Code.DUPLICATE_KEY,
        f"the key {shorten(key)!r} was given before in this request",
        path=record.place.field(names.key or names.time or ""),
        expected="each key once in a request",
    )


def _refuse_whole(entries: Sequence[object]) -> None:
    for entry in entries:
        if isinstance(entry, Refused):
            raise entry
