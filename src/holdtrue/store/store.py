"""Store: one folder that holds a project's database and artifacts."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa
from sqlalchemy.exc import PendingRollbackError

from holdtrue.errors import StateConflict, StoreFailed
from holdtrue.store.artifacts import Artifacts
from holdtrue.store.database import BUSY_TIMEOUT_SECONDS, open_engine, switch_to_wal
from holdtrue.store.migrations.migration import migrate
from holdtrue.store.transaction import Transaction


class Store:
    """The state of a project, safe to share between threads and processes: each transaction has its own connection.

    Attributes:
        folder: the `.holdtrue` folder.
        artifacts: bytes named by their hash.
    """

    def __init__(self, folder: Path, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> None:
        self.folder = folder
        self.artifacts = Artifacts(folder / "artifacts")
        self._busy_timeout_seconds = busy_timeout_seconds
        path = folder / "holdtrue.db"
        self._writer = open_engine(path, busy_timeout_seconds=busy_timeout_seconds)
        self._reader = open_engine(path, is_reader=True, busy_timeout_seconds=busy_timeout_seconds)
        self._turn = threading.Lock()
        self._turn_of: int | None = None
        self._pid = os.getpid()

    @classmethod
    def open(cls, folder: Path, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> "Store":
        """Open the store in `folder`; make it, or bring its tables up to date, where that is needed.

        Raises:
            StoreFailed: the folder cannot be written, or a newer holdtrue wrote it.
        """
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFailed(
                f"the folder {folder} cannot be made ({error.strerror})",
                expected="a place with free space that this user may write to",
            ) from error
        store = cls(Path(folder), busy_timeout_seconds=busy_timeout_seconds)
        try:
            switch_to_wal(store._writer, patience_seconds=busy_timeout_seconds)
            migrate(store._writer, store._reader)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close all connections. The store opens new ones if it is used again."""
        self._writer.dispose()
        self._reader.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction that no other writer overlaps: it commits at the end of the block, or leaves nothing.

        Raises:
            StateConflict: this thread is inside a transaction already; its own lock would make it wait for itself.
            StoreFailed: the disk or the database refused, or another process wrote for longer than the busy timeout.
        """
        self._forget_connections_of_the_parent()
        if self._turn_of == threading.get_ident():
            raise StateConflict(
                "this thread is inside a transaction of this store already",
                expected="one transaction at a time",
                remedy="pass the open transaction on",
            )
        # Threads queue here in order: SQLite itself would let them poll for the lock, without order.
        if not self._turn.acquire(timeout=self._busy_timeout_seconds):
            raise StoreFailed(f"another thread has been writing for {self._busy_timeout_seconds:.0f} s")
        self._turn_of = threading.get_ident()
        try:
            with _begin(self._writer) as transaction:
                yield transaction
        finally:
            self._turn_of = None
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Open a snapshot to read from: it sees no change committed after its first read, and waits for nobody."""
        self._forget_connections_of_the_parent()
        with _begin(self._reader) as transaction:
            yield transaction

    def _forget_connections_of_the_parent(self) -> None:
        """Start afresh in a forked child: connections that are shared over a fork corrupt a SQLite file."""
        if self._pid == os.getpid():
            return
        self._pid = os.getpid()
        self._turn = threading.Lock()
        self._turn_of = None
        self._writer.dispose(close=False)
        self._reader.dispose(close=False)


@contextmanager
def _begin(engine: sa.Engine) -> Iterator[Transaction]:
    try:
        with engine.begin() as connection:
            yield Transaction(connection)
    except PendingRollbackError as error:
        raise StoreFailed(
            "the transaction was broken off by an earlier failure; nothing was written",
            expected="a block that ends when the store fails",
            remedy="let StoreFailed leave the block, then do it again",
        ) from error
