"""References: which artifacts the rows of the database name, so that none of them is ever thrown away."""

import re

import sqlalchemy as sa

from holdtrue.store.columns import METADATA

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# The cache is what is collected, and labels name events alone.
_LEFT_OUT = {"step_cache", "labels"}
# Every step of every run that ever was stands here; what was worth keeping of them is named elsewhere too.
_STEPS = ("runs", "steps")


class References:
    """The digests that stand in any row, in whatever column: too many are kept rather than one too few."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def all(self) -> set[str]:
        """Return every text of 64 hex digits in the database but in the step cache and the records of steps."""
        found: set[str] = set()
        for table in METADATA.sorted_tables:
            if table.name not in _LEFT_OUT:
                found |= self._read(table)
        return found

    def _read(self, table: sa.Table) -> set[str]:
        # As text, whatever the columns hold.
        columns = [sa.cast(c, sa.Text) for c in table.columns if (table.name, c.name) != _STEPS]
        found: set[str] = set()
        for row in self._connection.execute(sa.select(*columns)):
            for text in row:
                found.update(find_digests(text or ""))
        return found


def find_digests(text: str) -> list[str]:
    """Return the texts of 64 hex digits in a text.

    >>> find_digests(f"a model {'0f' * 32} and no {'0f' * 31}") == ["0f" * 32]
    True
    """
    return _DIGEST.findall(text)
