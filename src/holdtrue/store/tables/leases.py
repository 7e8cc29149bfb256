"""Leases: who may do something for a while; each holder gets a higher token than all before it."""

import sqlalchemy as sa

from holdtrue.errors import DeclarationError, StateConflict
from holdtrue.store.columns import METADATA
from holdtrue.store.dialect import UnixNow, make_insert

LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text),
    sa.Column("token", sa.Integer),
    sa.Column("expires_unix", sa.Float),
)
# No lease is for longer. One that ends later was granted before the clock was set back, and would not lapse that long.
LONGEST_SECONDS = 3600.0
# Leases go by the database's clock: the one clock that all their holders share.
_NOW = UnixNow()


class Leases:
    """The leases by name."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def acquire(self, name: str, owner: str, seconds: float) -> int | None:
        """Take a lease that is free, expired or one's own; return its fencing token, or None when another holds it.

        A clock that is set back by more than LONGEST_SECONDS frees every lease, one that is set forward those that it
        leaps over: who holds them still takes them again, or is fenced out by who was first.

        Taking one's own lease again raises the token too: an owner that was restarted fences out its former self.
        """
        if seconds > LONGEST_SECONDS:
            raise DeclarationError(f"a lease of {seconds:g} s", expected=f"at most {LONGEST_SECONDS:g} s, and renewals")
        statement = make_insert(self._connection, LEASES).values(
            name=name, owner=owner, token=1, expires_unix=_NOW + seconds
        )
        taken = statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"owner": owner, "token": LEASES.c.token + 1, "expires_unix": _NOW + seconds},
            where=sa.or_(
                LEASES.c.owner == owner, LEASES.c.expires_unix <= _NOW, LEASES.c.expires_unix > _NOW + LONGEST_SECONDS
            ),
        )
        token = self._connection.execute(taken.returning(LEASES.c.token)).scalar()
        return None if token is None else int(token)

    def holder(self, name: str) -> tuple[str, float] | None:
        """Return who holds a lease and for how many seconds still; None when nobody does."""
        statement = sa.select(LEASES.c.owner, (LEASES.c.expires_unix - _NOW).label("seconds"))
        row = self._connection.execute(statement.where(LEASES.c.name == name, LEASES.c.expires_unix > _NOW)).first()
        return None if row is None else (row.owner, row.seconds)

    def seconds_left(self, name: str) -> float | None:
        """Return for how long a lease runs still, below 0 once it has lapsed; None for one that was given back."""
        statement = sa.select((LEASES.c.expires_unix - _NOW).label("seconds"))
        found = self._connection.execute(statement.where(LEASES.c.name == name, LEASES.c.expires_unix > 0)).scalar()
        return None if found is None else float(found)

    def read_tokens(self, prefix: str) -> dict[str, int]:
        """Return the last token of each lease whose name begins so, held or not, by name."""
        statement = sa.select(LEASES.c.name, LEASES.c.token).where(LEASES.c.name.startswith(prefix, autoescape=True))
        return {row.name: row.token for row in self._connection.execute(statement.order_by(LEASES.c.name))}

    def renew(self, name: str, *, token: int, seconds: float) -> bool:
        """Keep a lease for `seconds` from now; return False when it has expired or someone else took it."""
        statement = sa.update(LEASES).where(_is_held(name, token))
        return self._connection.execute(statement.values(expires_unix=_NOW + seconds)).rowcount == 1

    def release(self, name: str, *, token: int) -> bool:
        """Give a lease back; return False when it was no longer held. Its name keeps the token that it came to."""
        statement = sa.update(LEASES).where(_is_held(name, token))
        return self._connection.execute(statement.values(expires_unix=0.0)).rowcount == 1

    def require(self, name: str, *, token: int) -> None:
        """Raise `StateConflict` unless the token still holds the lease; call it in the transaction that it protects."""
        holds = sa.select(LEASES.c.name).where(_is_held(name, token))
        if self._connection.execute(holds).first() is None:
            raise StateConflict(
                f"the lease {name!r} is no longer held with token {token}",
                expected="to hold it still",
                remedy="stop, acquire it again and read the state anew",
            )


def _is_held(name: str, token: int) -> sa.ColumnElement[bool]:
    return sa.and_(LEASES.c.name == name, LEASES.c.token == token, LEASES.c.expires_unix > _NOW)
