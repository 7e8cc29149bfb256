"""Away: steps of a loop's recipe that are done on the machines of a cluster, which share no disk with this one.

A machine gets the project's files, the name of the step, and what the step takes as bytes named by their digest. What
it returns comes back the same way, and is written to the store here. The machine loads the loop file itself and refuses
the step when its fingerprint is not the one that this process has found: code that differs, or another version of a
library, never answers under the name of this one.
"""

import hashlib
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec

from holdtrue.data import Dataset, pack_dataset, unpack_dataset
from holdtrue.domain import DATA, Json, Loop, RunCost, Signature, Step, StepNotes
from holdtrue.environments import (
    Luggage,
    Pieces,
    RayEnvironment,
    find_baggage,
    find_environment,
    find_pieces,
    is_elsewhere,
    make_failure,
    pack_project,
)
from holdtrue.errors import StateConflict, TrainingFailed
from holdtrue.pipeline import Cache, CostMeter, Due, Held, Output, Trail, compute_step, hold_encoded, list_artifacts

from .file import load_loop
from .fitting import SIGNATURE, Fitter, list_steps, trace_recipe

ENTRY = "holdtrue.loop.away:do_step"


@dataclass(frozen=True, kw_only=True)
class StepOrder:
    """A step to be done on another machine.

    Attributes:
        loop_file: the file that declares the loop, in the folder of the project that comes with it.
        step: its name.
        code: its fingerprint here.
        key: what its output is kept under here.
        libraries: what the code names, with the versions here.
        given: what it takes, in its kept form.
        rows: what describes its dataset, with the digest of its bytes; None where it takes none.
        signature: of the model that the last step makes; None for the others.
    """

    loop_file: str
    step: str
    code: str
    key: str
    libraries: tuple[str, ...]
    given: Mapping[str, Json]
    rows: tuple[Json, str] | None = None
    signature: Signature | None = None


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """What came of a step on another machine, what it noted down and printed, and what it took there."""

    output: Json
    n_attempts: int
    cost: RunCost
    notes: StepNotes | None = None


@dataclass(frozen=True, kw_only=True)
class StepBroken:
    """What is told of a step that raised on another machine."""

    notes: StepNotes | None
    cost: RunCost


@dataclass
class Away:
    """The place of steps that a cluster does, for one training or one fit of a trial.

    Attributes:
        connect: gives the cluster; called when the first step is sent, so not where the cache has all.
        loop_file: the file that declares the loop.
        libraries: what the recipe's code names, with the versions here.
        cpu_seconds: what the steps took there so far.
        peak_memory_bytes: the most that one of them held there.
    """

    connect: Callable[[], RayEnvironment]
    loop_file: Path
    libraries: tuple[str, ...]
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    _environment: RayEnvironment | None = None
    _project: bytes | None = None
    _running: "list[Future[Json]]" = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, due: Due) -> "Future[Output]":
        """Send a step with what it takes."""
        if self._environment is None or self._project is None:
            self._environment = self.connect()
            self._project = pack_project(self.loop_file.parent)
        shelf = _Shelf(due.cache)
        order = self._make_order(due, shelf)
        sent = self._environment.submit(
            ENTRY,
            msgspec.to_builtins(order),
            resources=due.step.options.resources,
            memory_bytes=due.step.options.memory_bytes,
            luggage=Luggage(project=self._project, pieces=tuple(shelf.pieces), shelf=shelf),
        )
        self._running.append(sent)
        done: Future[Output] = Future()
        sent.add_done_callback(lambda future: self._hand_over(future, done, due))
        return done

    def end(self) -> None:
        """Stop what still runs, and let the cluster forget what was sent."""
        if self._environment is not None:
            for future in self._running:
                self._environment.stop(future)
            self._environment.forget()
        self._running.clear()

    def add_cost(self, cost: RunCost) -> RunCost:
        """Return a cost with what the steps took there in it."""
        peak = max(cost.peak_memory_bytes, self.peak_memory_bytes)
        return replace(cost, cpu_seconds=cost.cpu_seconds + self.cpu_seconds, peak_memory_bytes=peak)

    def _make_order(self, due: Due, shelf: "_Shelf") -> StepOrder:
        given: dict[str, Json] = {}
        rows: tuple[Json, str] | None = None
        signature: Signature | None = None
        for name, held in due.needed.items():
            value = held.give() if held.get is None else None
            if isinstance(value, Dataset):
                head, data = pack_dataset(value)
                rows = head, shelf.lay(data)
            elif isinstance(value, Signature):
                signature = value
            else:
                given[name] = held.encoded
                shelf.add(held)
        return StepOrder(
            loop_file=self.loop_file.name, step=due.step.name, code=due.code, key=due.key, libraries=self.libraries,
            given=given, rows=rows, signature=signature,
        )  # fmt: skip

    def _hand_over(self, sent: "Future[Json]", done: "Future[Output]", due: Due) -> None:
        try:
            told = msgspec.convert(sent.result(), StepDone)
            self._take(told, due)
        except BaseException as problem:
            if isinstance(problem, TrainingFailed) and problem.account is not None:
                self._take(msgspec.convert(problem.account, StepBroken), due)
                problem.account = None  # it is of the step; who trains makes one of the whole training
            done.set_exception(problem)
            return
        done.set_result(Output(encoded=told.output, n_attempts=told.n_attempts, notes=told.notes))

    def _take(self, told: StepDone | StepBroken, due: Due) -> None:
        with self._lock:  # steps that end at once are taken by a thread each
            self.cpu_seconds += told.cost.cpu_seconds
            self.peak_memory_bytes = max(self.peak_memory_bytes, told.cost.peak_memory_bytes)
        if told.notes is not None:
            due.trail.notes[due.key] = told.notes


@dataclass
class _Shelf:
    """Where the pieces of one step are taken from; what it makes goes to the cache."""

    cache: Cache
    pieces: "dict[str, Callable[[], bytes]]" = field(default_factory=dict)

    def lay(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.pieces[digest] = lambda: data
        return digest

    def add(self, held: Held) -> None:
        get = held.get
        assert get is not None, "what is encoded has its bytes somewhere"
        self.pieces.update({digest: partial(get, digest) for digest in list_artifacts(held.encoded)})

    def get_bytes(self, digest: str) -> bytes:
        return self.pieces[digest]()

    def put_bytes(self, data: bytes) -> str:
        return self.cache.put_bytes(data)


def find_away(loop_file: str | None, fitter: Fitter) -> Away | None:
    """Return where the steps of a fit are done, if that is on a cluster that this process was told of."""
    if loop_file is None or not is_elsewhere():
        return None
    return Away(find_environment, Path(loop_file).resolve(), fitter.provenance.libraries)


_loops: dict[Path, Loop] = {}


def do_step(payload: Json) -> Json:
    """Do a step that another machine has ordered, and return what came of it; its bytes are pieces of the work."""
    order = msgspec.convert(payload, StepOrder)
    path = find_baggage() / order.loop_file
    if path not in _loops:
        _loops.clear()
        _loops[path] = load_loop(path)
    step = _find_step(_loops[path], order)
    pieces, meter, trail = find_pieces(), CostMeter.start(), Trail()
    try:
        done = compute_step(step, _lay_out(order, pieces), key=order.key, put=pieces.put_bytes, trail=trail)
    except Exception as raised:
        failure = make_failure(raised)
        if isinstance(failure, TrainingFailed):
            failure.account = msgspec.to_builtins(StepBroken(notes=trail.notes.get(order.key), cost=meter.read()))
        raise failure from raised
    told = StepDone(output=done.encoded, n_attempts=done.n_attempts, cost=meter.read(), notes=done.notes)
    return msgspec.to_builtins(told)


def _find_step(loop: Loop, order: StepOrder) -> Step:
    provenance = trace_recipe(loop.recipe)
    step = next(step for step in list_steps(loop.recipe, provenance.codes, order.signature) if step.name == order.step)
    if step.code == order.code:
        return step
    here, there = set(provenance.libraries), set(order.libraries)
    differing = f": it has {', '.join(sorted(here - there))}" if here != there else ""
    raise StateConflict(
        f"the machine {socket.gethostname()} would do the step {order.step} with other code than this one{differing}",
        expected=", ".join(sorted(there - here)) or "the same files of the project on both",
        remedy="install the same versions on all machines of the cluster",
    )


def _lay_out(order: StepOrder, pieces: Pieces) -> dict[str, Held]:
    held = {name: hold_encoded(encoded, pieces.get_bytes) for name, encoded in order.given.items()}
    if order.rows is not None:
        head, digest = order.rows
        rows = unpack_dataset(head, pieces.get_bytes(digest))
        held[DATA] = Held("", lambda: rows)
    if order.signature is not None:
        held[SIGNATURE] = Held("", lambda: order.signature)
    return held
