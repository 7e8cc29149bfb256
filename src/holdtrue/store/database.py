"""Database: SQLite behind SQLAlchemy Core, its pragmas, and what its refusals mean in our errors."""

import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from holdtrue.errors import HoldtrueError, NotFound, PromotionRefused, StateConflict, StoreFailed

BUSY_TIMEOUT_SECONDS = 60.0
REFUSED = "promotion refused: "  # how the share guard's messages begin, see migrations/versions/0001


def open_engine(path: Path, *, is_reader: bool = False, busy_timeout_seconds: float) -> sa.Engine:
    """Return an engine on the SQLite file: a writer's transactions begin IMMEDIATE, a reader's refuse to write."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_timeout_seconds, "check_same_thread": False},
        pool_size=8,
        max_overflow=56,
    )
    begin = "BEGIN" if is_reader else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the module's own BEGIN would come too late and be DEFERRED
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA recursive_triggers=ON")  # else INSERT OR REPLACE deletes behind the triggers' back
        if is_reader:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "handle_error", _translate)
    return engine


def switch_to_wal(engine: sa.Engine, *, patience_seconds: float = BUSY_TIMEOUT_SECONDS) -> None:
    """Put the file into write-ahead mode, which it keeps. SQLite ignores its busy timeout here, so this waits."""
    ends_at = time.monotonic() + patience_seconds
    while True:
        try:
            mode = _switch_once(engine)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY or time.monotonic() > ends_at:
                raise translate_error(error) from error
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise StoreFailed("this file system cannot hold a database in write-ahead mode", expected="a local disk")
        return


def _switch_once(engine: sa.Engine) -> str:
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        mode = ""
        for statement in ("PRAGMA journal_mode", "PRAGMA journal_mode=WAL"):
            cursor.execute(statement)
            mode = "".join(cursor.fetchone() or ())
            if mode == "wal":
                break
        return mode
    finally:
        connection.close()


def translate_error(error: sqlite3.Error) -> HoldtrueError:
    """Return what an error of the database means: a conflict, an unknown name, a refusal or a failed store."""
    message = str(error)
    if isinstance(error, sqlite3.IntegrityError):
        if message.startswith(REFUSED):
            return make_promotion_refusal(message)
        if message.startswith("UNIQUE"):
            return StateConflict(f"it is there already ({message})", expected="something new", remedy="read it again")
        if message.startswith("FOREIGN KEY"):
            return NotFound(
                "a row names something that is not in the store", expected="what it names, written before it"
            )
    return _failure(getattr(error, "sqlite_errorname", type(error).__name__), message)


def make_promotion_refusal(message: str) -> PromotionRefused:
    """Return the error of a share guard's message, which begins with `REFUSED`."""
    return PromotionRefused(
        message.removeprefix(REFUSED),
        expected="a passed gate or refit verdict for its digest that had not expired when this was decided",
        remedy="run the gate again (holdtrue train) and promote the version that passes",
    )


def _failure(name: str, message: str) -> StoreFailed:
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreFailed(
            f"another process has been writing for longer than the store waits ({name}); nothing was written",
            expected="writers that finish within seconds",
            remedy="end the process that holds the database, then do it again",
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreFailed(
            f"the database is damaged ({name}: {message})",
            expected="a file that only holdtrue writes",
            remedy="bring holdtrue.db back from a backup",
        )
    if name.startswith(("SQLITE_CONSTRAINT", "SQLITE_ERROR", "IntegrityError")):
        return StoreFailed(f"the database refused what breaks its rules ({message})", expected="what its CHECKs allow")
    return StoreFailed(
        f"the database refused ({name}: {message}); nothing was written",
        expected="a disk with free space that this user may write to",
        remedy="free some space or mend the permissions, then do it again",
    )


def _translate(context: ExceptionContext) -> BaseException | None:
    original = context.original_exception
    if isinstance(original, HoldtrueError):
        return original
    if not isinstance(original, sqlite3.Error):
        return None
    translated = translate_error(original)
    if isinstance(translated, StoreFailed):
        # SQLite may have rolled back by itself (full disk): what came next would commit alone. So this connection is
        # dead: SQLAlchemy refuses everything on it until the transaction has ended.
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False
    return translated
