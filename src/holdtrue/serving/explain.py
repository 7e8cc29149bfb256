"""Explain: what each value of a row adds to its answer, found in a thread of its own that gives way to predictions."""

import asyncio
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Contributions, Json, ModelFormat
from holdtrue.errors import HoldtrueError
from holdtrue.registry import explain_row
from holdtrue.serving.answer.batcher import Values
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.answer.lean import hide_optional
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop
from holdtrue.serving.answer.patience import Patience
from holdtrue.serving.counts.counter import Counters, Metric
from holdtrue.serving.request.body import Record
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.row import Event, read_event

MOST_WAITING = 8
TIMEOUT_SECONDS = 30.0
_CALL_ROWS = 64
# The model works on explanations for a quarter of the time at most: what it holds, predictions wait for.
_REST = 3.0
_LONGEST_REST_SECONDS = 0.25
_PAUSE_SECONDS = 0.001
_SWITCH_SECONDS = 0.0002  # as soon as that the interpreter is handed to a thread that waits for it; .005 is usual
_LONGEST_PAUSE_SECONDS = 0.05


class _GivenUp(Exception):
    """Nobody waits for this explanation any more."""


class ExplainDesk:
    """Explains rows, one at a time and at most `MOST_WAITING` in the queue; nothing of it is logged.

    The model is asked in small calls with a pause of three times as long after each, longer while rows wait.
    """

    def __init__(self, engine: Engine, counters: Counters) -> None:
        self._engine = engine
        self._counters = counters
        self._n_waiting = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="explain")

    async def explain(self, served: ServedLoop, records: Sequence[Record], patience: Patience) -> dict[str, Json]:
        """Explain the one row of a request by the version that answers its unit.

        Raises:
            Refused: there is not exactly one row, it breaks the schema, too many wait, the time was up, or the model
                fails on it.
        """
        if len(records) != 1:
            raise Refused(Code.WRONG_FORM, f"there are {len(records)} rows", expected="one row to explain")
        version, values, role = self._read(served, records[0])
        if self._n_waiting >= MOST_WAITING:
            raise Refused(Code.OVERLOADED, "too many rows wait to be explained", remedy="try again in a second")
        is_over = threading.Event()
        self._n_waiting += 1
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._work, version, values, is_over)
        running.add_done_callback(self._note_done)
        found = await self._wait(running, is_over, patience)
        self._counters.add(Metric.EXPLANATIONS, served.traffic.loop, found.version, found.method.value)
        return {"loop": served.traffic.loop, "version": found.version, "role": role, **found.describe()}

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _read(self, served: ServedLoop, record: Record) -> tuple[LoadedVersion, Values, str]:
        if record.refused is not None:
            raise record.refused
        now = self._engine.clock.now().timestamp()
        event = read_event(record.fields, served.champion.names, record.place, otherwise=Event("", "", now))
        assignment = served.assign(event.unit)
        version = served.versions[assignment.version]
        row = version.read(record.fields, record.place, known=served.known_names, time=event.time)
        return version, row.values, assignment.role.value

    def _note_done(self, running: "asyncio.Future[Contributions]") -> None:
        self._n_waiting -= 1
        if not running.cancelled():
            running.exception()  # one that nobody waited for is known now

    async def _wait(
        self, running: "asyncio.Future[Contributions]", is_over: threading.Event, patience: Patience
    ) -> Contributions:
        try:
            async with asyncio.timeout(patience.left_seconds()):
                return await asyncio.shield(running)
        except TimeoutError:
            raise Refused(Code.DEADLINE_PASSED, "the time was up before the row was explained") from None
        except HoldtrueError as error:
            raise Refused(Code.MODEL_FAILED, f"the row cannot be explained: {error.found}") from error
        finally:
            is_over.set()

    def _work(self, version: LoadedVersion, values: Values, is_over: threading.Event) -> Contributions:
        def score(rows: Sequence[Values]) -> NDArray[np.float64]:
            answers = []
            for start in range(0, len(rows), _CALL_ROWS):
                if is_over.is_set():
                    raise _GivenUp
                began = time.perf_counter()
                answers.append(version.score(rows[start : start + _CALL_ROWS]))
                self._give_way(_REST * (time.perf_counter() - began))
            return np.concatenate(answers)

        if is_over.is_set():
            raise _GivenUp
        self._import_trees(version)
        values = version.finish(values)
        usual = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            return explain_row(
                version.scorer, version.release.version, values, references=version.references, score=score
            )
        finally:
            sys.setswitchinterval(usual)

    def _import_trees(self, version: LoadedVersion) -> None:
        """Import LightGBM, without which its trees answer but tell nothing, and leave out what it would pull in."""
        model_format = version.release.version.format
        if model_format is ModelFormat.LIGHTGBM and self._engine.is_lean and "lightgbm" not in sys.modules:
            with hide_optional(model_format), suppress(ImportError):
                import_module("lightgbm")

    def _give_way(self, seconds: float) -> None:
        """Pause for a while, and longer while rows wait for a model."""
        time.sleep(min(_LONGEST_REST_SECONDS, seconds))
        waited = 0.0
        while waited < _LONGEST_PAUSE_SECONDS:
            time.sleep(_PAUSE_SECONDS)
            waited += _PAUSE_SECONDS
            with suppress(RuntimeError):  # the queues may change while they are counted from this thread
                if not self._engine.n_waiting:
                    return
