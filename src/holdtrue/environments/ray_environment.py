"""Ray environment: work on the machines of a Ray cluster, which need not share a disk with this one."""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import msgspec

from holdtrue.domain import Json
from holdtrue.environments.entry import encode_json
from holdtrue.environments.failure import unpack_failure
from holdtrue.environments.message import Begun, Told
from holdtrue.environments.outpost import Broken, Errand, FromOutpost, do_errand
from holdtrue.environments.pieces import Pieces
from holdtrue.environments.progress import Listener, Progress
from holdtrue.environments.ray_cluster import connect, refuse_impossible
from holdtrue.errors import HoldtrueError, StateConflict, TrainingFailed

_POLL_SECONDS = 0.25
_LOOK_SECONDS = 5.0  # how often it is looked whether a machine that could do what waits is still there
_LOSSES = 3  # how often work is begun again whose machine was lost

_decoder = msgspec.json.Decoder(FromOutpost)


@dataclass(frozen=True, kw_only=True)
class Luggage:
    """What goes with work: the project's archive, the digests of pieces, and where they are kept.

    Pieces that the work makes are put there too, before its future is done.
    """

    project: bytes
    pieces: Sequence[str] = ()
    shelf: Pieces | None = None


@dataclass(kw_only=True)
class _Job:
    errand: Errand
    luggage: Luggage
    needs: Mapping[str, float]
    outcome: "Future[Json]"
    on_progress: Listener | None
    begun: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)


class _MachineLost(Exception):
    """The machine that did the work, or the process of Ray on it, is gone."""


class RayEnvironment:
    """Runs each piece of work as a Ray task, in a warm child process of the machine that Ray chooses.

    Work whose machine is lost is begun again elsewhere, up to three times. The machines need holdtrue, and what the
    work imports, in the versions of this one; the project's own files are sent. Nothing is pickled but plain bytes.

    Args:
        address: of the cluster, "host:port"; None for that in the variable RAY_ADDRESS.

    Raises:
        DeclarationError: Ray is not installed, or no address is said.
        StateConflict: no cluster answers there, or its token is another.
    """

    def __init__(self, address: str | None = None) -> None:
        self._ray = connect(address)
        self._task = self._ray.remote(do_errand)
        self._jobs: dict[Future[Json], _Job] = {}
        self._sent: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def submit(
        self,
        entry: str,
        payload: Json,
        *,
        timeout_seconds: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        resources: Mapping[str, float] | None = None,
        memory_bytes: int | None = None,
        luggage: Luggage | None = None,
    ) -> "Future[Json]":
        """Hand the work to the cluster and return its future; see `Environment.submit` for what it can raise.

        Args:
            entry: "module:function" of one argument.
            payload: JSON.
            timeout_seconds: counts from when a machine begins the work.
            on_progress: called in a thread of the environment.
            resources: what the work needs of one machine: "cpu" (1 when nothing is said), "gpu", and names that the
                cluster gives to what its machines have.
            memory_bytes: how much memory Ray keeps free for it.
            luggage: what goes with it.

        Raises:
            DeclarationError: no machine of the cluster has such resources.
            StateConflict: the environment is closed.
        """
        if self._is_closed:
            raise StateConflict("the environment is closed", remedy="submit the work to an open one")
        luggage = luggage or Luggage(project=b"")
        needs = name_needs(resources or {}, memory_bytes)
        refuse_impossible(self._ray, needs)
        errand = Errand(
            entry=entry,
            payload=msgspec.Raw(encode_json(payload, role=f"payload for {entry}")),
            project=self._send(luggage.project)[0],
            pieces=list(luggage.pieces),
            n_threads=max(1, int(needs["CPU"])),
            timeout_seconds=timeout_seconds,
        )
        job = _Job(errand=errand, luggage=luggage, needs=needs, outcome=Future(), on_progress=on_progress)
        with self._lock:
            self._jobs[job.outcome] = job
        threading.Thread(target=self._attend, args=(job,), name="cluster work", daemon=True).start()
        return job.outcome

    def stop(self, outcome: "Future[Json]") -> None:
        """Stop the work of a future, which then raises `StateConflict`; work that is done stays so."""
        with self._lock:
            job = self._jobs.get(outcome)
        if job is not None:
            job.stopped.set()

    def interrupt(self) -> None:
        """Stop the work that a machine has begun; what waits for a machine is done."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if job.begun.is_set()]
        for job in jobs:
            job.stopped.set()

    def forget(self) -> None:
        """Let the cluster forget the pieces that were sent and that no work waits for any more."""
        with self._lock:
            self._sent.clear()

    def close(self) -> None:
        """Stop all work; the connection is the process's own and ends with it."""
        self._is_closed = True
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.stopped.set()
        self.forget()

    def _attend(self, job: _Job) -> None:
        try:
            job.outcome.set_running_or_notify_cancel()
            result = self._follow_until_done(job)
        except BaseException as raised:
            job.outcome.set_exception(raised)
        else:
            job.outcome.set_result(result)
        finally:
            with self._lock:
                self._jobs.pop(job.outcome, None)

    def _follow_until_done(self, job: _Job) -> Json:
        for n_losses in range(_LOSSES + 1):
            try:
                return self._follow(job, self._start(job))
            except _MachineLost as loss:
                last = loss
                if job.on_progress is not None and n_losses < _LOSSES:
                    job.on_progress(Progress(done=0, text=f"a machine of the cluster was lost ({loss}); begun again"))
        raise TrainingFailed(
            f"the machines that did the work were lost {_LOSSES + 1} times in a row, the last time with: {last}",
            expected="a machine that stays until the work is done",
            remedy="see `ray status` and the memory that the work needs; memory= has Ray keep it free",
        )

    def _start(self, job: _Job) -> Any:
        needs = dict(job.needs)
        options = {
            "num_cpus": needs.pop("CPU"), "num_gpus": needs.pop("GPU", 0), "memory": needs.pop("memory", None),
            "resources": needs, "max_retries": 0, "num_returns": "streaming", "scheduling_strategy": "SPREAD",
        }  # fmt: skip
        shelf = job.luggage.shelf
        archive = self._send(job.luggage.project)[1]
        pieces = [self._send_piece(digest, shelf) for digest in job.luggage.pieces]
        return self._task.options(**options).remote(msgspec.json.encode(job.errand), archive, *pieces)

    def _send(self, data: bytes) -> tuple[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            if digest not in self._sent:
                self._sent[digest] = self._ray.put(data)
            return digest, self._sent[digest]

    def _send_piece(self, digest: str, shelf: Pieces | None) -> Any:
        with self._lock:
            if digest not in self._sent:
                assert shelf is not None, "pieces come from a shelf"
                self._sent[digest] = self._ray.put(shelf.get_bytes(digest))
            return self._sent[digest]

    def _follow(self, job: _Job, stream: Any) -> Json:
        """Hear what the work tells until it is done; raises `_MachineLost` when it never will be."""
        try:
            while isinstance(message := _decoder.decode(self._hear(job, stream)), Begun | Told):
                job.begun.set()
                if isinstance(message, Told) and job.on_progress is not None:
                    job.on_progress(message.progress)
            self._take_pieces(job, stream, len(message.pieces))
        except _MachineLost:
            raise
        except BaseException:
            self._ray.cancel(stream, force=True)
            raise
        if isinstance(message, Broken):
            raise unpack_failure(message.failure)
        return msgspec.json.decode(message.result)

    def _take_pieces(self, job: _Job, stream: Any, n_pieces: int) -> None:
        for _ in range(n_pieces):
            data = self._hear(job, stream)
            if job.luggage.shelf is not None:
                job.luggage.shelf.put_bytes(data)

    def _hear(self, job: _Job, stream: Any) -> bytes:
        """Return the next that the work says, as soon as it says it."""
        waited = 0.0
        while not self._ray.wait([stream], timeout=_POLL_SECONDS)[0]:
            if job.stopped.is_set():
                raise StateConflict("the work was stopped before it was done", remedy="submit it again")
            waited += _POLL_SECONDS
            if waited >= _LOOK_SECONDS:
                waited = 0.0
                refuse_impossible(self._ray, job.needs)
        try:
            said: bytes = self._ray.get(next(stream))
        except StopIteration:
            raise _MachineLost("it fell silent") from None
        except HoldtrueError:
            raise
        except Exception as raised:
            raise _explain(raised) from raised
        return said


def name_needs(resources: Mapping[str, float], memory_bytes: int | None) -> dict[str, float]:
    """Return resources by the names that Ray gives them.

    >>> name_needs({"cpu": 4, "gpu": 1, "scratch": 1}, None)
    {'CPU': 4, 'GPU': 1, 'scratch': 1}
    """
    needs: dict[str, float] = {"CPU": resources.get("cpu", 1)}
    needs.update({"GPU" if name == "gpu" else name: n for name, n in resources.items() if name != "cpu" and n})
    if memory_bytes is not None:
        needs["memory"] = memory_bytes
    return needs


def _explain(raised: Exception) -> Exception:
    """Return what an error of Ray's means: a machine that is gone, or a machine that lacks something."""
    from ray import exceptions

    lost = (exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.ObjectLostError,
            exceptions.OutOfMemoryError, exceptions.LocalRayletDiedError)  # fmt: skip
    if isinstance(raised, lost):
        return _MachineLost(f"{type(raised).__name__}: {str(raised).partition('. ')[0]}")
    return StateConflict(
        f"a machine of the Ray cluster could not begin the work ({type(raised).__name__})",
        expected="machines with holdtrue and Python in the versions of this one",
        remedy=f"mend that machine; Ray says: {str(raised)[-800:]}",
    )
