"""Lock: one controller for a loop at a time; the lock falls with the process that holds it, however that ends.

Where the state is a folder's own, a lock on a file is enough. Where other folders and machines may hold the same
state, the controller holds a lease in the database too: it lapses when nobody renews it, and whoever lost it writes
nothing more.
"""

import fcntl
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

from holdtrue.errors import ProjectBusy, StoreFailed
from holdtrue.store import Store, Transaction
from holdtrue.store.file import write_file

ALL, SERVING = "control.lock", "up.lock"
CONTROL = "control"
"""Name of the lease of all loops; that of one loop has the loop's name behind it."""
CONTROL_SECONDS = 30.0
_RENEW_SECONDS = 5.0


@contextmanager
def hold_control(store: Store, *, loop: str | None = None) -> Iterator[None]:
    """Hold the control of a loop of the project that the store is of, or of all of its loops.

    What the store writes meanwhile is fenced by it. Loops of one project do not exclude each other; whoever holds all
    of them excludes everybody.

    Raises:
        ProjectBusy: another living process holds it, here or, where the state is shared, elsewhere; it is named.
        StoreFailed: the database refused.
    """
    with control_lock(store.folder, loop=loop):
        if not store.is_shared:
            yield
            return
        lease = _ControlLease(store, loop)
        lease.take()
        try:
            yield
        finally:
            lease.give_back()


@contextmanager
def control_lock(folder: Path, *, loop: str | None = None) -> Iterator[None]:
    """Hold the control of a loop of the project whose `.holdtrue` folder this is, or of all of its loops.

    Loops of one folder do not exclude each other; whoever holds all of them excludes everybody.

    Raises:
        ProjectBusy: another living process holds it; its process id is named.
    """
    with ExitStack() as held:
        held.enter_context(_hold(folder / "run" / ALL, is_shared=loop is not None))
        if loop is not None:
            held.enter_context(_hold(folder / "run" / f"control-{loop}.lock"))
        yield


@contextmanager
def serving_lock(folder: Path) -> Iterator[None]:
    """Hold the workers of a project: they answer for all of its loops, and one `up` or `serve` at a time sees to them.

    Two would end each other's workers, wherever these listen. Workers that outlived a killed holder are no holder.

    Raises:
        ProjectBusy: another living process holds them; its process id is named.
    """
    with _hold(
        folder / "run" / SERVING,
        holds="keeps the workers of this project",
        expected="one `serve` or `up` at a time for a folder: its workers answer for all of its loops",
        otherwise="give it more `--workers`, or another address beside its port with `--uds` or `--grpc-port`",
    ):
        yield


@contextmanager
def _hold(
    path: Path,
    *,
    is_shared: bool = False,
    holds: str = "controls this project",
    expected: str = "one `up` for a folder, and one `up`, `tick` or `train` for a loop at a time",
    otherwise: str = "work in another folder",
) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            raise ProjectBusy(
                f"process {holder} {holds} already", expected=expected, remedy=f"stop process {holder}, or {otherwise}"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def name_controller(folder: Path) -> str:
    """Return the name by which a folder's controller holds things: the same after a restart, and no other folder's.

    The number in it is the folder's own, so that two containers of one name and one path are told apart.
    """
    path = folder / "run" / "controller"
    try:
        number = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        number = uuid.uuid4().hex[:8]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, number.encode())
    return f"{socket.gethostname()}:{folder.resolve().parent}:{number}"


class _ControlLease:
    """The lease of control, renewed by a thread through connections of its own."""

    def __init__(self, store: Store, loop: str | None) -> None:
        self._store = store
        self._loop = loop
        self._name = CONTROL if loop is None else f"{CONTROL} {loop}"
        self._owner = name_controller(store.folder)
        self._token = 0
        self._rivals: dict[str, int] = {}
        self._stopped = threading.Event()
        self._keeper = store.open_beside(reconnect_seconds=0.0)
        self._thread = threading.Thread(target=self._renew, name="control lease", daemon=True)

    def take(self) -> None:
        try:
            with self._keeper.transaction() as tx:
                token = tx.leases.acquire(self._name, self._owner, CONTROL_SECONDS)
                self._rivals = self._read_rivals(tx)
                others = [self._name] if token is None else self._rivals
                for holder in filter(None, map(tx.leases.holder, others)):
                    self._refuse(*holder)
                if token is None:
                    self._refuse("unknown", 0.0)
        except BaseException:
            self._keeper.close()
            raise
        self._fence(token or 0)
        self._thread.start()

    def _read_rivals(self, tx: Transaction) -> dict[str, int]:
        """Return the leases that must be free beside one's own, and the token that each has come to."""
        if self._loop is None:
            return tx.leases.read_tokens(f"{CONTROL} ")
        return {name: token for name, token in tx.leases.read_tokens(CONTROL).items() if name == CONTROL}

    def _refuse(self, owner: str, seconds: float) -> NoReturn:
        raise ProjectBusy(
            f"{owner} controls this project already",
            expected="one `up`, `tick` or `train` for a loop at a time",
            remedy=f"stop it there; if it was killed, its right lapses within {max(1, round(seconds))} s",
        )

    def give_back(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._store.fence(None)
        try:
            with self._keeper.transaction() as tx:
                tx.leases.release(self._name, token=self._token)
        except StoreFailed:
            pass  # it lapses by itself
        finally:
            self._keeper.close()

    def _fence(self, token: int) -> None:
        self._token = token
        self._store.fence((self._name, token))

    def _renew(self) -> None:
        while not self._stopped.wait(_RENEW_SECONDS):
            try:
                with self._keeper.transaction() as tx:
                    if tx.leases.renew(self._name, token=self._token, seconds=CONTROL_SECONDS):
                        continue
                    token = self._take_back(tx)
            except StoreFailed:
                continue
            if token is None:
                return  # another controlled meanwhile, so what this process remembers may not be so: it is fenced out
            self._fence(token)

    def _take_back(self, tx: Transaction) -> int | None:
        """Take the lease that has lapsed (the server was away, or this machine asleep); None if another had control.

        Whoever controlled what this holds, all loops or one of them, has raised the token of a lease.
        """
        if self._read_rivals(tx) != self._rivals:
            return None
        token = tx.leases.acquire(self._name, self._owner, CONTROL_SECONDS)
        if token is None or token == self._token + 1:
            return token
        tx.leases.release(self._name, token=token)
        return None
