"""Postgres: PostgreSQL behind SQLAlchemy Core, one schema for each project, with the guarantees that SQLite gives.

Writers take turns, as SQLite's do: a transaction begins with an advisory lock of the schema. Readers hold a snapshot
and wait for nobody.
"""

import hashlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import NoSuchModuleError

from holdtrue.errors import DeclarationError, HoldtrueError, StoreFailed
from holdtrue.store.address import DatabaseAddress, expand_url
from holdtrue.store.refusal import Refusal

CONNECT_SECONDS = 5
IDLE_SECONDS = 300
_LEAST_VERSION = 120_000
_IN_ERROR = 3  # psycopg.pq.TransactionStatus.INERROR
# A peer that is gone is given up within half a minute, on both sides, so that its locks do not outlive it for long.
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
_SESSION = {
    "client_encoding": "UTF8",
    "timezone": "UTC",
    "synchronous_commit": "on",  # a commit is on the disk when it returns, whatever the server's default
    "statement_timeout": "10min",
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}


def open_postgres(address: DatabaseAddress, *, is_reader: bool = False, busy_timeout_seconds: float) -> sa.Engine:
    """Return an engine on a schema: a writer's transactions take turns, a reader's refuse to write.

    Raises:
        DeclarationError: the driver is not installed.
    """
    url = expand_url(address).set(drivername="postgresql+psycopg")
    # A writer that stands still inside a transaction, stopped or cut off, must not keep the others out for ever.
    waits = {} if is_reader else {"idle_in_transaction_session_timeout": IDLE_SECONDS * 1000}
    lock_timeout = {"lock_timeout": max(1, round(busy_timeout_seconds * 1000))}
    settings = {"search_path": f'"{address.schema}"', **_SESSION, **waits, **lock_timeout}
    given = str(url.query.get("options", ""))
    options = " ".join([given, *(f"-c {name}={value}" for name, value in settings.items())]).strip()
    try:
        engine = sa.create_engine(
            url.difference_update_query(["options"]),
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "holdtrue",
                **_KEEPALIVE,
                "options": options,
                "autocommit": True,  # BEGIN is said here, so that the turn is taken with it
            },
            pool_size=2,
            max_overflow=14,
        )
    except (ImportError, NoSuchModuleError) as error:
        raise DeclarationError(
            f"the driver of PostgreSQL is not installed, and the state is in {address}",
            remedy="pip install 'holdtrue[postgres]'",
        ) from error
    _listen(engine, Refusal(address), make_begin(address.schema, is_reader=is_reader))
    return engine


def make_begin(schema: str, *, is_reader: bool) -> str:
    """Return how a transaction begins: one text, and so one way to the server and back."""
    if is_reader:
        return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    # READ COMMITTED: each statement sees all that those before in the turn have committed. A snapshot taken with the
    # lock would be from before the wait for it.
    return f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({number_turn(schema)})"


def number_turn(schema: str) -> int:
    """Return the number of the advisory lock that the writers of a schema take turns by: 64 bits with a sign."""
    digest = hashlib.sha256(f"holdtrue writes {schema}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def prepare_schema(writer: sa.Engine, reader: sa.Engine, address: DatabaseAddress) -> None:
    """Make the schema where it is not there, once, whoever comes first.

    Raises:
        StoreFailed: this user may not make it, or the server is older or keeps texts otherwise than needed.
    """
    with reader.begin() as connection:
        _check_server(connection)
        if _has_schema(connection, address.schema):
            return
    with writer.begin() as connection:
        if not _has_schema(connection, address.schema):
            connection.exec_driver_sql(f'CREATE SCHEMA "{address.schema}"')


def _has_schema(connection: sa.Connection, schema: str) -> bool:
    is_there = sa.text("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = :name")
    return bool(connection.execute(is_there, {"name": schema}).scalar_one())


def _check_server(connection: sa.Connection) -> None:
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < _LEAST_VERSION:
        raise StoreFailed(f"the server is PostgreSQL {version // 10_000}", expected="12 or newer")
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StoreFailed(
            f"the database keeps its texts as {encoding}",
            expected="UTF8, which holds every name and label",
            remedy="CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0",
        )


def _listen(engine: sa.Engine, refusal: Refusal, begin: str) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute(begin, prepare=False)
        except driver_errors() as error:
            is_lost = driver.closed or driver.broken
            connection.invalidate()
            if is_lost:  # the others of the pool were cut with it
                engine.dispose()
            raise refusal.translate(error) from error

    @event.listens_for(engine, "commit")
    def _refuse_half(connection: sa.Connection) -> None:
        driver: Any = connection.connection.driver_connection
        if driver.info.transaction_status == _IN_ERROR:  # COMMIT would roll back, and say nothing
            raise StoreFailed(
                "the transaction was broken off by an earlier refusal; nothing was written",
                expected="a block that ends when a row is refused",
                remedy="let the error leave the block, then do it again",
            )

    @event.listens_for(engine, "handle_error")
    def _translate(context: ExceptionContext) -> BaseException | None:
        original = context.original_exception
        if isinstance(original, HoldtrueError):
            return original
        if not isinstance(original, driver_errors()):
            return None
        translated = refusal.translate(original)
        if isinstance(translated, StoreFailed) and not context.is_disconnect:
            # As with SQLite: nothing more comes through on this connection, so that no half of a block is committed.
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = False
        return translated


def driver_errors() -> type[Exception]:
    """Return what the driver's errors are; it is imported where it is needed alone."""
    import psycopg

    return psycopg.Error
