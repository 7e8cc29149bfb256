"""Caches of steps: what a step returned, by the digest of all that went into it."""

import hashlib
import math
import threading
import time
from collections.abc import Mapping
from typing import Protocol

from holdtrue.domain import Json
from holdtrue.errors import HoldtrueError
from holdtrue.store import Store

TOGETHER_SECONDS = 0.02


class Cache(Protocol):
    """Keeps outputs of steps, which are never null. Writing twice is writing once: a key's first output is kept."""

    def get(self, key: str) -> Json | None:
        """Return the encoded output under a key, or None."""
        ...

    def put(self, key: str, output: Json) -> Json:
        """Keep an encoded output unless the key has one; return the one that is kept."""
        ...

    def flush(self) -> None:
        """Have everything kept that was put; called at the end of a run, whatever its end."""
        ...

    def has_bytes(self, digest: str) -> bool:
        """Say whether the bytes with this sha256 are kept."""
        ...

    def get_bytes(self, digest: str) -> bytes:
        """Return the bytes with this sha256."""
        ...

    def put_bytes(self, data: bytes) -> str:
        """Keep bytes and return their sha256."""
        ...


class StepCache:
    """Keeps outputs in a project's store, for all processes and runs of the project.

    A write waits for the disk. So of steps that end shortly after one another the outputs are written together, a
    moment later, by a thread: a kill loses no more than what was computed in that moment. An output that comes after a
    longer while is written at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._waiting: dict[str, Json] = {}
        self._timer: threading.Timer | None = None
        self._written_at = -math.inf
        self._problem: HoldtrueError | None = None

    def get(self, key: str) -> Json | None:
        """Return the encoded output under a key, or None."""
        with self._lock:
            if key in self._waiting:
                return self._waiting[key]
        with self._store.reading() as tx:
            return tx.cache.get(key)

    def put(self, key: str, output: Json) -> Json:
        """Keep an encoded output unless the key has one; return the one that is kept."""
        with self._lock:
            self._raise_problem()
            if not self._waiting and time.monotonic() - self._written_at > TOGETHER_SECONDS:
                return self._write({key: output})[key]
            if self._timer is None:
                self._timer = threading.Timer(TOGETHER_SECONDS, self._write_waiting)
                self._timer.daemon = True
                self._timer.start()
            return self._waiting.setdefault(key, output)

    def flush(self) -> None:
        """Write what waits; raises `StoreFailed` also for what could not be written before."""
        with self._lock:
            self._write_waiting()
            self._raise_problem()

    def _write_waiting(self) -> None:
        with self._lock:
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            waiting, self._waiting = self._waiting, {}
            if not waiting:
                return
            try:
                self._write(waiting)
            except HoldtrueError as problem:  # it is raised where the run hears it
                self._problem = problem

    def _write(self, outputs: Mapping[str, Json]) -> dict[str, Json]:
        with self._store.transaction() as tx:
            kept = {key: tx.cache.put(key, output) for key, output in outputs.items()}
        self._written_at = time.monotonic()
        return kept

    def _raise_problem(self) -> None:
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem

    def has_bytes(self, digest: str) -> bool:
        """Say whether the bytes are kept."""
        return self._store.artifacts.has(digest)

    def get_bytes(self, digest: str) -> bytes:
        """Return the bytes, checked against their digest."""
        return self._store.artifacts.get(digest)

    def put_bytes(self, data: bytes) -> str:
        """Keep bytes and return their sha256."""
        return self._store.artifacts.put(data)


class MemoryCache:
    """Keeps outputs in this process only."""

    def __init__(self) -> None:
        self._outputs: dict[str, Json] = {}
        self._artifacts: dict[str, bytes] = {}

    def flush(self) -> None:
        """Do nothing: all is kept as far as it ever is."""

    def get(self, key: str) -> Json | None:
        """Return the encoded output under a key, or None."""
        return self._outputs.get(key)

    def put(self, key: str, output: Json) -> Json:
        """Keep an encoded output unless the key has one; return the one that is kept."""
        return self._outputs.setdefault(key, output)

    def has_bytes(self, digest: str) -> bool:
        """Say whether the bytes are kept."""
        return digest in self._artifacts

    def get_bytes(self, digest: str) -> bytes:
        """Return the bytes."""
        return self._artifacts[digest]

    def put_bytes(self, data: bytes) -> str:
        """Keep bytes and return their sha256."""
        digest = hashlib.sha256(data).hexdigest()
        self._artifacts[digest] = data
        return digest
