"""Address: which schema of a PostgreSQL database keeps a project's state, and what may be said of it."""

import os
import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from holdtrue.errors import DeclarationError, StateConflict, StoreFailed
from holdtrue.store.file import write_file
from holdtrue.store.sources.secret import hide_userinfo

SETTINGS_FILE = "pyproject.toml"
MARK_FILE = "database.json"
URL_VARIABLE, SCHEMA_VARIABLE = "HOLDTRUE_DATABASE", "HOLDTRUE_SCHEMA"
_EXAMPLE = 'url = "postgresql://user@host/name" under [tool.holdtrue.database]'
_PORT = 5432
_SECRETS = {"password", "sslpassword"}
_SCHEMA = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, kw_only=True)
class DatabaseAddress:
    """A schema of a PostgreSQL database; each project has one of its own.

    Attributes:
        url: `postgresql://user@host/name`; `$NAME` stands for a variable of the environment. It may hold a password
            where it came from the environment, so it is printed nowhere: `str` of the address leaves that out.
        schema: the schema that holds the project's tables.
    """

    url: str = field(repr=False)
    schema: str

    def __str__(self) -> str:
        return f"schema {self.schema!r} of {tell_url(self.url)}"


@dataclass(frozen=True, kw_only=True)
class _Mark:
    url: str
    schema: str


def find_address(folder: Path) -> DatabaseAddress | None:
    """Return where the state of a `.holdtrue` folder is kept, as the environment or the project's settings say.

    `HOLDTRUE_DATABASE` and `HOLDTRUE_SCHEMA` go before `url` and `schema` under `[tool.holdtrue.database]` in the
    `pyproject.toml` beside the folder. None where neither names a database: the state is in SQLite then.

    Raises:
        DeclarationError: what they say cannot be meant, or the file holds a password.
    """
    told = _read_settings(folder.absolute().parent / SETTINGS_FILE)
    declared = told.get("tool", {}).get("holdtrue", {}).get("database", {})
    where = f"[tool.holdtrue.database] in {SETTINGS_FILE}"
    if not isinstance(declared, dict) or not all(isinstance(value, str) for value in declared.values()):
        raise DeclarationError(f"{where} is no table of texts", expected=_EXAMPLE)
    for key in declared:
        if key not in ("url", "schema"):
            raise DeclarationError(f"{where} has the key {key!r}", expected="one of ['url', 'schema']")
    if "url" in declared:
        _refuse_password(declared["url"], where)
    url = os.environ.get(URL_VARIABLE) or declared.get("url")
    if url is None:
        if declared:
            raise DeclarationError(f"{where} names no database", expected=_EXAMPLE)
        return None
    return read_address(url, schema=os.environ.get(SCHEMA_VARIABLE) or declared.get("schema") or _name_project(told))


def read_address(url: str, *, schema: str) -> DatabaseAddress:
    """Return an address when it can be meant.

    Raises:
        DeclarationError: the URL is not of PostgreSQL, or the schema is no plain name; no message holds the URL.
    """
    try:
        kind = sa.make_url(url).get_backend_name()
    except (ArgumentError, ValueError):  # which may say a part of the password
        raise DeclarationError("the URL of the project's database cannot be read", expected=_EXAMPLE) from None
    if kind != "postgresql":
        raise DeclarationError(f"the project's database is {kind!r}", expected=_EXAMPLE, remedy="SQLite needs no url")
    if not _SCHEMA.fullmatch(schema):
        raise DeclarationError(
            f"the schema of the project's database is {schema!r}",
            expected="a name of its own for each project: small letters, digits and _, a letter first",
            remedy=f"say schema under [tool.holdtrue.database], or {SCHEMA_VARIABLE}",
        )
    return DatabaseAddress(url=url, schema=schema)


def expand_url(address: DatabaseAddress) -> sa.URL:
    """Return the URL with its variables filled in, each within its own part: a password may hold any letter."""
    parsed = sa.make_url(address.url)
    parts = {name: getattr(parsed, name) for name in ("username", "password", "host", "database")}
    return parsed.set(**{name: os.path.expandvars(part) for name, part in parts.items() if part is not None})


def tell_url(url: str) -> str:
    """Return a URL as it may be told and kept: without user and password, the variables of its other parts filled in.

    >>> tell_url("postgresql://ann:pw@9@host/db")
    'postgresql://***@host/db'
    """
    return hide_userinfo(os.path.expandvars(hide_userinfo(url)))


def check_mark(folder: Path, address: DatabaseAddress | None) -> None:
    """Refuse to begin a second state beside the one that a `.holdtrue` folder has, or to go on with another.

    Raises:
        StateConflict: the folder's state is in a database and none is named now, or another, or another schema; or it
            is in SQLite and a database is named.
        StoreFailed: the mark of the folder cannot be read.
    """
    mark = _read_mark(folder)
    if address is None and mark is not None:
        raise StateConflict(
            f"the state of {folder} is in {mark}, and no setting names a database",
            expected=f"{_EXAMPLE}, or {URL_VARIABLE}",
            remedy=f"name it again; to begin anew in SQLite instead, remove {folder / MARK_FILE}",
        )
    if address is not None and mark is None and (folder / "holdtrue.db").exists():
        raise StateConflict(
            f"the state of {folder} is in SQLite, and the settings name {address}",
            expected="one state for each project",
            remedy="take the setting out, or begin anew in the database: move holdtrue.db away",
        )
    if address is not None and mark is not None and _find_place(mark) != _find_place(address):
        raise StateConflict(
            f"the state of {folder} is in {mark}, and the settings name {address}",
            expected="the database and the schema that the folder's state is in",
            remedy=f"mend {URL_VARIABLE}, {SCHEMA_VARIABLE} or [tool.holdtrue.database]; "
            f"if the state is meant to be in the other, remove {folder / MARK_FILE} by hand",
        )


def keep_mark(folder: Path, address: DatabaseAddress) -> None:
    """Write into a `.holdtrue` folder where its state is, without user and password; raises `StoreFailed`."""
    if _read_mark(folder) == (mark := replace(address, url=tell_url(address.url))):
        return
    try:
        write_file(folder / MARK_FILE, msgspec.json.encode({"url": mark.url, "schema": mark.schema}))
    except OSError as error:
        raise StoreFailed(f"{folder / MARK_FILE} cannot be written ({error.strerror})") from error


def is_kept(folder: Path) -> bool:
    """Say whether a `.holdtrue` folder has a state already, or a setting names a database that may hold it."""
    return (folder / "holdtrue.db").exists() or find_address(folder) is not None


def _find_place(address: DatabaseAddress) -> tuple[str, ...]:
    """Return schema, host, port and name of the database; user, password and how to connect may change."""
    told = tell_url(address.url)
    try:
        parsed = sa.make_url(told)
    except (ArgumentError, ValueError):  # an @ among its options hides more than the password
        return (address.schema, told)
    said = {"host": parsed.host or "", "port": parsed.port or _PORT, "dbname": parsed.database or "", **parsed.query}
    return (address.schema, *(str(said.get(name, "")) for name in ("service", "host", "hostaddr", "port", "dbname")))


def _read_mark(folder: Path) -> DatabaseAddress | None:
    try:
        mark = msgspec.json.decode((folder / MARK_FILE).read_bytes(), type=_Mark)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreFailed(
            f"{folder / MARK_FILE} cannot be read ({error})",
            expected="where the state is, as holdtrue wrote it",
            remedy="remove it if the settings name the right database",
        ) from error
    return DatabaseAddress(url=mark.url, schema=mark.schema)


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DeclarationError(f"{path} cannot be read ({error})", expected="a TOML file") from error


def _refuse_password(url: str, where: str) -> None:
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise DeclarationError(f"the url of {where} cannot be read", expected=_EXAMPLE) from None
    is_plain = re.fullmatch(r"|\$\w+|\$\{\w+\}", str(parsed.password or "")) is None
    if is_plain or _SECRETS & set(parsed.query):
        raise DeclarationError(
            f"the url of {where} holds a password",
            expected="none: the file is read by many",
            remedy="put it into PGPASSWORD or ~/.pgpass, or write $NAME in its place; change it, since it was written",
        )


def _name_project(told: dict[str, Any]) -> str:
    """Return the schema that goes by the project's own name; "" when it has none."""
    named = told.get("project", {})
    name = named.get("name") if isinstance(named, dict) else None
    return re.sub(r"[^a-z0-9]+", "_", name.lower()) if isinstance(name, str) else ""
