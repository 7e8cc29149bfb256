"""Claims: which worker does a run; a lease that lapses lets another take it over, and fences the first one out."""

import os
import socket
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from holdtrue.errors import StoreFailed
from holdtrue.store import Store, Transaction

LEASE_SECONDS = 60.0


def name_worker() -> str:
    """Return a name for a worker that no other has: this machine, this process, and a number of its own."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@dataclass(kw_only=True)
class Claim:
    """The right to do one run at a time, kept by renewing its lease in a thread of its own.

    Attributes:
        store: where the lease stands.
        owner: who claims. A worker that is restarted under the same name takes its own runs back at once.
        seconds: how long a run stays claimed by a worker that no longer renews.
        silent_seconds: how long ago whoever had the run before last renewed the lease; None where nobody had it.
    """

    store: Store
    owner: str = field(default_factory=name_worker)
    seconds: float = LEASE_SECONDS
    silent_seconds: float | None = None
    _run_id: str | None = None
    _token: int = 0
    _stopped: threading.Event | None = None

    def take(self, tx: Transaction, run_id: str) -> bool:
        """Claim a run, or claim it again; False when another worker has it."""
        left = tx.leases.seconds_left(_name(run_id))
        token = tx.leases.acquire(_name(run_id), self.owner, self.seconds)
        if token is None:
            return False
        self._run_id, self._token = run_id, token
        self.silent_seconds = None if left is None else max(0.0, self.seconds - left)
        return True

    def find_last_sign(self, now: datetime) -> datetime | None:
        """Return when whoever had the run before last renewed its lease; None where nobody had it."""
        return None if self.silent_seconds is None else now - timedelta(seconds=self.silent_seconds)

    def keep(self) -> None:
        """Renew the lease from now on, until it is given back or lost; call it when the claim is committed."""
        self._stop()
        if self._run_id is not None:
            self._stopped = threading.Event()
            arguments = (self._run_id, self._token, self._stopped)
            threading.Thread(target=self._renew, args=arguments, name="run lease", daemon=True).start()

    def require(self, tx: Transaction) -> None:
        """Raise `StateConflict` unless the run is still this worker's; call it in the transaction that it protects."""
        tx.leases.require(_name(self._run_id or ""), token=self._token)

    def give_back(self, tx: Transaction) -> None:
        """Let go of the run, when it has ended."""
        self._stop()
        if self._run_id is not None:
            tx.leases.release(_name(self._run_id), token=self._token)
            self._run_id = None

    def _stop(self) -> None:
        if self._stopped is not None:
            self._stopped.set()
            self._stopped = None

    def _renew(self, run_id: str, token: int, stopped: threading.Event) -> None:
        while not stopped.wait(self.seconds / 3):
            try:
                with self.store.transaction() as tx:
                    if not tx.leases.renew(_name(run_id), token=token, seconds=self.seconds):
                        return
            except StoreFailed:  # a disk that is full now may have space before the lease lapses
                continue


def _name(run_id: str) -> str:
    return f"run {run_id}"
