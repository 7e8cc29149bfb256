"""Query: rows of a user's database, read in one transaction that may not write."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from holdtrue.errors import DeclarationError, SourceError, SourceMissing

from .secret import hide_secrets, hide_userinfo

DIALECTS = ("sqlite", "postgresql")
# A database does not say when it has changed: it is asked again after so many seconds.
REFRESH_SECONDS = 60
CONNECT_SECONDS = 10
# Prepared at once, a text of several statements is refused, so that none can leave the transaction that may not write;
# and no query waits for ever, for a lock or for a peer that is gone.
_POSTGRES = {
    "connect_timeout": CONNECT_SECONDS,
    "prepare_threshold": 0,
    "tcp_user_timeout": 60_000,
    "options": "-c default_transaction_read_only=on -c lock_timeout=20s -c statement_timeout=10min",
}


@dataclass(frozen=True, kw_only=True)
class QueryRows:
    """What a query gave: the names of its columns, and a tuple of values for each row."""

    names: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]


def read_query(text: str, url: str, *, folder: Path) -> QueryRows:
    """Read all rows of a query; the database sees one transaction that reads only.

    Args:
        text: one SELECT.
        url: of the database, `sqlite:///file.db` (relative to `folder`) or `postgresql://...`; `$NAME` stands for a
            variable of the environment.
        folder: the folder of the declaring file.

    Raises:
        SourceMissing: the database is not there or does not answer.
        SourceError: it refuses the query, or breaks off in the middle; nothing of what came is kept.
        DeclarationError: the URL is of a database that is not known here, or its driver is not installed.
    """
    engine = _open_engine(_read_url(url), folder)
    try:
        with engine.connect() as connection:
            found = connection.execute(sa.text(text.replace(":", "\\:")))
            if not found.returns_rows:
                raise SourceError("the query gives no rows", expected="one SELECT")
            names = tuple(found.keys())
            rows = [tuple(row) for row in found]
    except sa.exc.OperationalError as error:
        raise _tell_failure(error, url) from error
    except SQLAlchemyError as error:
        raise SourceError(
            f"the query was refused by {hide_password(url)}: {_first_line(error, url)}",
            expected="one SELECT that this user may read",
        ) from error
    finally:
        engine.dispose()
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SourceError(f"the query gives two columns {twice!r}", expected="a name for each column", remedy="say AS")
    return QueryRows(names=names, rows=rows)


def print_database(url: str, *, folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what is equal while a database need not be asked again.

    Of SQLite the files tell; other databases are asked again after a minute.

    Raises:
        SourceMissing: the file of a SQLite database is not there.
    """
    parsed = _read_url(url)
    if parsed.get_backend_name() != "sqlite":
        return ((hide_password(url), int(time.monotonic() // REFRESH_SECONDS), 0),)
    file = _find_file(parsed, folder)
    beside = (file, file.with_name(f"{file.name}-wal"))
    stats = [(each, each.stat()) for each in beside if each.exists()]
    return tuple((str(each), stat.st_mtime_ns, stat.st_size) for each, stat in stats)


def hide_password(url: str) -> str:
    """Return a URL without user and password, for messages and records; other variables stay named."""
    try:
        sa.make_url(url)
    except (ArgumentError, ValueError):
        return "the database"
    return hide_userinfo(url)


def _read_url(url: str) -> sa.URL:
    expected = f"sqlite:///file.db or postgresql://user@host/name, one of {list(DIALECTS)}"
    try:
        parsed = _expand(sa.make_url(url))
    except (ArgumentError, ValueError) as error:  # a port that is no number
        raise DeclarationError("the URL of the database cannot be read", expected=expected) from error
    if parsed.get_backend_name() not in DIALECTS:
        raise DeclarationError(f"the database {parsed.get_backend_name()!r} is not known", expected=expected)
    return parsed


def _expand(parsed: sa.URL) -> sa.URL:
    """Return a URL with its variables filled in, each within its own part: a password may hold any letter."""
    parts = {name: getattr(parsed, name) for name in ("username", "password", "host", "database")}
    return parsed.set(**{name: os.path.expandvars(part) for name, part in parts.items() if part is not None})


def _find_file(parsed: sa.URL, folder: Path) -> Path:
    if parsed.database in (None, "", ":memory:"):
        raise DeclarationError("the URL names no SQLite file", expected="sqlite:///file.db")
    file = folder / str(parsed.database)
    if not file.is_file():
        raise SourceMissing(f"the database {file} is not there", expected="a SQLite file")
    return file


def _open_engine(parsed: sa.URL, folder: Path) -> sa.Engine:
    try:
        if parsed.get_backend_name() == "sqlite":
            file = quote(str(_find_file(parsed, folder).resolve()))
            return sa.create_engine(f"sqlite:///file:{file}?mode=ro&uri=true", poolclass=sa.NullPool)
        named = parsed if "+" in parsed.drivername else parsed.set(drivername="postgresql+psycopg")
        engine = sa.create_engine(named, poolclass=sa.NullPool, connect_args=_POSTGRES)
        return engine.execution_options(postgresql_readonly=True)
    except (ImportError, NoSuchModuleError) as error:
        raise DeclarationError(
            f"the driver of {parsed.get_backend_name()} is not installed", remedy="pip install 'holdtrue[postgres]'"
        ) from error


def _tell_failure(error: sa.exc.OperationalError, url: str) -> SourceError:
    text, place = _first_line(error, url), hide_password(url)
    # SQLite names what is wrong with a query by the same error as a file that it cannot open.
    if any(sign in text for sign in ("no such", "syntax", "readonly", "ambiguous", "malformed")):
        return SourceError(f"the query was refused by {place}: {text}", expected="one SELECT")
    return SourceMissing(f"the database {place} does not answer: {text}", expected="one that can be read now")


def _first_line(error: SQLAlchemyError, url: str) -> str:
    origin = getattr(error, "orig", None) or error
    lines = str(origin).strip().splitlines()
    return hide_secrets(lines[0], url) if lines else type(origin).__name__
