"""Outpost: the part of a Ray environment that runs on the cluster's machines, in the processes that Ray starts there.

The work itself is done in a warm child of that process, as it is everywhere: so what it prints, its limits, its errors
and its death are told in the same way. What comes back are bytes that only this room reads.
"""

import atexit
import contextlib
import os
import queue
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from holdtrue.domain import Json
from holdtrue.environments.baggage import unpack_project
from holdtrue.environments.entry import find_entry
from holdtrue.environments.failure import make_failure, pack_failure
from holdtrue.environments.message import Begun, Done, Failed, Told
from holdtrue.environments.pieces import PieceFolder, hold_pieces
from holdtrue.environments.process import ProcessEnvironment
from holdtrue.environments.progress import Progress
from holdtrue.environments.variable import VARIABLE

CALL = "holdtrue.environments.outpost:call"
_PREFIX = "holdtrue-outpost-"
_STALE_SECONDS = 86_400.0
# Which of a machine's devices a process may use is read when it starts.
_DEVICES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "NEURON_RT_VISIBLE_CORES", "TPU_VISIBLE_CHIPS")


class Errand(msgspec.Struct, frozen=True):
    """Work for another machine; the bytes of the project's archive and of `pieces` come beside it, in this order."""

    entry: str
    payload: msgspec.Raw
    project: str
    pieces: list[str]
    n_threads: int
    timeout_seconds: float | None


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    """The work returned this; the bytes of the pieces that it made follow."""

    result: msgspec.Raw
    pieces: list[str]


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """The work raised; the bytes of the pieces that it made before follow: what it tells of itself may name them."""

    failure: Failed
    pieces: list[str]


FromOutpost = Begun | Told | Broken | Returned


@dataclass
class _Post:
    """The warm child of this process, and what it was started for."""

    terms: tuple[object, ...]
    child: ProcessEnvironment
    folder: Path
    project: Path


_posts: list[_Post] = []


@atexit.register
def _leave_posts() -> None:
    for post in _posts:
        post.child.close()
        shutil.rmtree(post.folder, ignore_errors=True)
    _posts.clear()


def _sweep() -> None:
    """Remove what processes that were killed left behind more than a day ago."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError, ValueError):
            if not psutil.pid_exists(int(pid)) and time.time() - path.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def do_errand(sent: bytes, archive: bytes, *pieces: bytes) -> Iterator[bytes]:
    """Do an errand; give messages as they come, and last the bytes of what it made."""
    errand = msgspec.json.decode(sent, type=Errand)
    yield msgspec.json.encode(Begun())
    post = _take_post(errand, archive)
    with tempfile.TemporaryDirectory(dir=post.folder) as folder:
        kept = PieceFolder(Path(folder))
        for digest, data in zip(errand.pieces, pieces, strict=True):
            kept.give(digest, data)
        for message in _work(errand, post, folder):
            yield msgspec.json.encode(message)
            if isinstance(message, Returned | Broken):
                for digest in message.pieces:
                    yield kept.get_bytes(digest)


def _work(errand: Errand, post: _Post, folder: str) -> Iterator[FromOutpost]:
    heard: queue.SimpleQueue[Progress | Future[Json]] = queue.SimpleQueue()
    payload = {
        "entry": errand.entry, "payload": msgspec.json.decode(errand.payload),
        "folder": folder, "project": str(post.project),
    }  # fmt: skip
    outcome = post.child.submit(CALL, payload, timeout_seconds=errand.timeout_seconds, on_progress=heard.put)
    outcome.add_done_callback(heard.put)
    while isinstance(message := heard.get(), Progress):
        yield Told(message)
    problem = outcome.exception()
    made = PieceFolder(Path(folder)).list_made()
    if problem is not None:
        yield Broken(pack_failure(make_failure(problem)), made)
        return
    yield Returned(Done(msgspec.Raw(msgspec.json.encode(outcome.result()))).result, made)


def call(payload: Json) -> Json:
    """Call the entry of an errand, in the child that does it."""
    hold_pieces(PieceFolder(Path(payload["folder"])), Path(payload["project"]))
    if payload["project"] not in sys.path:
        sys.path.insert(0, payload["project"])
    try:
        return find_entry(payload["entry"])(payload["payload"])
    finally:
        hold_pieces(None, None)


def _take_post(errand: Errand, archive: bytes) -> _Post:
    """Return the warm child for an errand; one that was started for other code, threads or devices gives way."""
    terms = (errand.project, errand.n_threads, *(os.environ.get(name) for name in _DEVICES))
    if _posts and _posts[0].terms == terms:
        return _posts[0]
    _leave_posts()
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    child = ProcessEnvironment(1, variables={"OMP_NUM_THREADS": str(errand.n_threads), VARIABLE: ""})
    _posts.append(_Post(terms, child, folder, unpack_project(archive, folder)))
    return _posts[0]
