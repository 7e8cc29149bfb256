"""Refusal: what an error of the PostgreSQL driver means in our errors; no message holds a password."""

from dataclasses import dataclass
from typing import Any

from holdtrue.errors import HoldtrueError, NotFound, StateConflict, StoreAway, StoreFailed
from holdtrue.store.address import DatabaseAddress
from holdtrue.store.database import REFUSED, make_promotion_refusal
from holdtrue.store.sources.secret import hide_secrets

_CUTS = ("57P01", "57P02", "57P03", "57P05", "25P03")  # shut down, crashed, starting, idle for too long
# What the server says when it refuses to let anybody in: libpq gives a text alone, without a code.
_UNWANTED = ("password", "authentication", "pg_hba.conf", "role ", "SSL", "ssl", "certificate")


@dataclass(frozen=True, kw_only=True)
class _Hint:
    found: str
    expected: str
    remedy: str


_HINTS = {
    "42501": _Hint(
        found="this user may not do that",
        expected="a user that may make and change tables in its schema",
        remedy="let an administrator say CREATE SCHEMA name AUTHORIZATION user, or GRANT ALL ON SCHEMA name TO user",
    ),
    "25006": _Hint(
        found="it reads only", expected="the server that is written to", remedy="name the primary instead of a replica"
    ),
    "53100": _Hint(found="its disk is full", expected="free space", remedy="free some space, then do it again"),
    "53300": _Hint(
        found="it has no connection left",
        expected="some tens for holdtrue",
        remedy="raise max_connections there",
    ),
    "55P03": _Hint(
        found="another process has been writing for longer than the store waits; nothing was written",
        expected="writers that finish within seconds",
        remedy="end the process that holds the schema, then do it again",
    ),
    "57014": _Hint(found="it took too long and was ended", expected="less than ten minutes", remedy="do it again"),
    "25P02": _Hint(
        found="the transaction was broken off by an earlier failure; nothing was written",
        expected="a block that ends when the store fails",
        remedy="let StoreFailed leave the block, then do it again",
    ),
}


@dataclass(frozen=True)
class Refusal:
    """What the refusals of one database mean."""

    address: DatabaseAddress

    def translate(self, error: Exception) -> HoldtrueError:
        """Return what an error of the driver means."""
        code: str | None = getattr(error, "sqlstate", None)
        said = _read_message(error)
        if code == "P0001":  # raised by a trigger of ours
            return self._read_trigger(said)
        message = hide_secrets(said, self.address.url)
        if code == "23505":
            return StateConflict(f"it is there already ({message})", expected="something new", remedy="read it again")
        if code == "23503":
            return NotFound(
                "a row names something that is not in the store", expected="what it names, written before it"
            )
        if code is not None and code[:2] in ("22", "23"):
            kind = "CHECK: " if code == "23514" else ""
            return StoreFailed(
                f"the database refused what breaks its rules ({kind}{message})", expected="what its CHECKs allow"
            )
        is_cut = code is None and isinstance(error, operational_error())
        if is_cut or (code is not None and (code[:2] == "08" or code in _CUTS)):
            return self._read_loss(said, message)
        hint = _HINTS.get(code or "")
        if hint is not None:
            return StoreFailed(f"{self.address}: {hint.found} ({message})", expected=hint.expected, remedy=hint.remedy)
        return StoreFailed(
            f"{self.address} refused ({code or type(error).__name__}: {message}); nothing was written",
            expected="the tables as holdtrue made them",
            remedy="see the log of the server",
        )

    def _read_loss(self, said: str, message: str) -> StoreFailed:
        # What it means goes by what was said: a password may be a word of that.
        if "does not exist" in said and "database" in said:
            return StoreFailed(
                f"{self.address}: {message}", expected="a database that is there", remedy="CREATE DATABASE makes it"
            )
        if any(sign in said for sign in _UNWANTED):
            return StoreFailed(
                f"{self.address} let nobody in: {message}",
                expected="a user and a password that it knows",
                remedy="put the password into PGPASSWORD or ~/.pgpass",
            )
        return StoreAway(
            f"{self.address} does not answer ({message}); what was not committed is not there",
            expected="a PostgreSQL server that runs and can be reached",
            remedy="start it or mend the way to it, then do it again",
        )

    def _read_trigger(self, message: str) -> HoldtrueError:
        if message.startswith(REFUSED):
            return make_promotion_refusal(message)
        if message.startswith("UNIQUE"):
            return StateConflict(f"it is there already ({message})", expected="something new", remedy="read it again")
        return StoreFailed(
            f"the database refused what breaks its rules ({message})", expected="what its triggers allow"
        )


def _read_message(error: Exception) -> str:
    """Return the first line of what was said."""
    diagnosis: Any = getattr(error, "diag", None)
    said = getattr(diagnosis, "message_primary", None) or str(error)
    lines = [line.strip() for line in str(said).strip().splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def operational_error() -> type[Exception]:
    """Return the driver's error of what lies outside of a statement; it is imported where it is needed alone."""
    import psycopg

    return psycopg.OperationalError
