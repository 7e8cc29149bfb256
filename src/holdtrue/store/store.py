"""Store: one folder that holds a project's artifacts and its database, unless that is a schema of PostgreSQL."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from holdtrue.errors import StateConflict, StoreAway, StoreFailed
from holdtrue.store.address import DatabaseAddress, check_mark, find_address, keep_mark
from holdtrue.store.artifacts import Artifacts
from holdtrue.store.database import BUSY_TIMEOUT_SECONDS, open_engine, switch_to_wal
from holdtrue.store.migrations.migration import migrate
from holdtrue.store.transaction import Transaction

# How long a transaction waits for a server that answered before: it may be starting anew.
RECONNECT_SECONDS = 15.0
_RETRY_SECONDS = 0.2


class Store:
    """The state of a project, safe to share between threads and processes: each transaction has its own connection.

    Attributes:
        folder: the `.holdtrue` folder.
        artifacts: bytes named by their hash.
    """

    def __init__(
        self,
        folder: Path,
        *,
        address: DatabaseAddress | None = None,
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        self.folder = folder
        self.artifacts = Artifacts(folder / "artifacts")
        self._address = address
        self._busy_timeout_seconds = busy_timeout_seconds
        self._reconnect_seconds = reconnect_seconds
        self._writer = self._open_engine(is_reader=False)
        self._reader = self._open_engine(is_reader=True)
        self._turn = threading.Lock()
        self._turn_of: int | None = None
        self._fence: tuple[str, int] | None = None
        self._is_away = True  # until it has answered once
        self._pid = os.getpid()

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        address: DatabaseAddress | None = None,
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> "Store":
        """Open the store in `folder`; make it, or bring its tables up to date, where that is needed.

        Args:
            folder: the `.holdtrue` folder.
            address: the schema of PostgreSQL that holds the state; left out, what the environment or the settings
                beside the folder say, and SQLite where they say nothing.
            busy_timeout_seconds: how long a transaction waits for its turn.
            reconnect_seconds: how long one waits for a server that has answered before; 0 for not at all.

        Raises:
            StoreFailed: the folder or the schema cannot be written, or a newer holdtrue wrote it.
            StoreAway: the server of the database does not answer.
            StateConflict: the folder has its state somewhere else.
            DeclarationError: what is said of the database cannot be meant, or its driver is not installed.
        """
        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFailed(
                f"the folder {folder} cannot be made ({error.strerror})",
                expected="a place with free space that this user may write to",
            ) from error
        address = find_address(path) if address is None else address
        check_mark(path, address)
        store = cls(
            path, address=address, busy_timeout_seconds=busy_timeout_seconds, reconnect_seconds=reconnect_seconds
        )
        try:
            store._prepare()
        except BaseException:
            store.close()
            raise
        return store

    def open_beside(self, *, reconnect_seconds: float = RECONNECT_SECONDS) -> "Store":
        """Open the same state once more, with connections of its own and without the fence; the caller closes it."""
        return Store.open(
            self.folder,
            address=self._address,
            busy_timeout_seconds=self._busy_timeout_seconds,
            reconnect_seconds=reconnect_seconds,
        )

    @property
    def is_shared(self) -> bool:
        """Say whether stores in other folders and on other machines may hold the same state."""
        return self._address is not None

    def fence(self, lease: tuple[str, int] | None) -> None:
        """Refuse every transaction from now on unless the lease of that name is held with that token; None: no more."""
        self._fence = lease

    def _open_engine(self, *, is_reader: bool) -> sa.Engine:
        timeout = self._busy_timeout_seconds
        if self._address is None:
            return open_engine(self.folder / "holdtrue.db", is_reader=is_reader, busy_timeout_seconds=timeout)
        from holdtrue.store.postgres import open_postgres

        return open_postgres(self._address, is_reader=is_reader, busy_timeout_seconds=timeout)

    def _prepare(self) -> None:
        if self._address is None:
            switch_to_wal(self._writer, patience_seconds=self._busy_timeout_seconds)
        else:
            from holdtrue.store.postgres import prepare_schema

            prepare_schema(self._writer, self._reader, self._address)
        migrate(self._writer, self._reader)
        if self._address is not None:
            keep_mark(self.folder, self._address)
        self._is_away = False

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
            StateConflict: the lease that fences this store is no longer held.
            StoreFailed: the disk or the database refused, or another process wrote for longer than the busy timeout.
            StoreAway: the server of the database does not answer; was it cut off in the commit, the message says so.
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
            with self._begin(self._writer) as transaction:
                if self._fence is not None:
                    transaction.leases.require(self._fence[0], token=self._fence[1])
                yield transaction
        finally:
            self._turn_of = None
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Open a snapshot to read from: it sees no change committed after its first read, and waits for nobody."""
        self._forget_connections_of_the_parent()
        with self._begin(self._reader) as transaction:
            yield transaction

    @contextmanager
    def _begin(self, engine: sa.Engine) -> Iterator[Transaction]:
        is_done = False
        try:
            connection, root = self._connect(engine)
            with connection, root:
                yield Transaction(connection)
                is_done = True
        except PendingRollbackError as error:
            raise StoreFailed(
                "the transaction was broken off by an earlier failure; nothing was written",
                expected="a block that ends when the store fails",
                remedy="let StoreFailed leave the block, then do it again",
            ) from error
        except StoreAway as error:
            if not is_done:
                raise
            raise StoreAway(
                "the connection was cut while a transaction was being committed: whether it was written is not known",
                expected="an answer of the server",
                remedy="read the state again before you decide anew",
            ) from error

    def _connect(self, engine: sa.Engine) -> tuple[sa.Connection, sa.RootTransaction]:
        """Begin a transaction; wait for a server that was there before, but once only until it answers again."""
        ends_at = time.monotonic() + (0.0 if self._is_away else self._reconnect_seconds)
        is_tried_again = self._is_away  # a connection of the pool may have died long ago, so once more in any case
        while True:
            try:
                connection = engine.connect()
                try:
                    root = connection.begin()
                except BaseException:
                    connection.close()
                    raise
            except StoreAway:
                if is_tried_again and time.monotonic() >= ends_at:
                    self._is_away = True
                    raise
                is_tried_again = True
                time.sleep(_RETRY_SECONDS)
                continue
            except PoolTimeout as error:
                raise StoreFailed(
                    "all connections of this process to the database are in use",
                    expected="transactions that end within seconds",
                ) from error
            self._is_away = False
            return connection, root

    def _forget_connections_of_the_parent(self) -> None:
        """Start afresh in a forked child: connections that are shared over a fork corrupt a SQLite file."""
        if self._pid == os.getpid():
            return
        self._pid = os.getpid()
        self._turn = threading.Lock()
        self._turn_of = None
        self._writer.dispose(close=False)
        self._reader.dispose(close=False)
