"""Skew: a challenger that learned from other values than it is asked about; requests alone show it, before any label.

A table whose owner changed a unit, an encoding or a code list passes every check that looks at the table alone: the
training rows agree with the evaluation rows, and neither agrees with the requests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holdtrue.domain import Column, Kind, Schema, format_count

# Fewer requests say too little; above the one share a column is strange to the challenger, below the other it is not to
# the champion. A column that grows with time (a year, a counter) is as strange to both and says nothing.
LEAST_ROWS = 100
STRANGE_SHARE = 0.5
FAMILIAR_SHARE = 0.05
# Skew is looked for in so many of the newest requests.
NEWEST_REQUESTS = 1000


@dataclass(frozen=True, kw_only=True)
class Skew:
    """A column whose requests lie outside what the challenger learned from, but not outside what the champion did.

    Attributes:
        column: its name.
        n_rows: requests with a value.
        n_strange: those whose value the challenger's training rows never reached.
        sentence: what was found, for people.
    """

    column: str
    n_rows: int
    n_strange: int
    sentence: str


def find_skew(values: Mapping[str, Sequence[Any]], *, challenger: Schema, champion: Schema) -> Skew | None:
    """Return the column that is strangest to the challenger alone; None when there is none.

    Args:
        values: the features of requests, a sequence for each column; None where a value is missing.
        challenger: the schema of its training rows: ranges of numbers, levels of texts.
        champion: the same of the version in charge.
    """
    known = {column.name: column for column in champion.columns}
    found: list[tuple[float, Skew]] = []
    for column in challenger.columns:
        before = known.get(column.name)
        present = [value for value in values.get(column.name, ()) if value is not None]
        if before is None or before.kind is not column.kind or len(present) < LEAST_ROWS:
            continue
        n_strange, n_before = _count_strange(present, column), _count_strange(present, before)
        share = n_strange / len(present)
        if share > STRANGE_SHARE and n_before / len(present) < FAMILIAR_SHARE:
            sentence = (
                f"{n_strange:,} of {len(present):,} requests have "
                f"{column.name} outside {_tell_extent(column)}, "
                f"which is all that it learned from (the champion: {_tell_extent(before)})"
            )
            skew = Skew(column=column.name, n_rows=len(present), n_strange=n_strange, sentence=sentence)
            found.append((share, skew))
    return max(found, key=lambda each: each[0])[1] if found else None


def _count_strange(present: Sequence[Any], column: Column) -> int:
    if column.kind is Kind.TEXT:
        levels = frozenset(column.levels)
        return sum(value not in levels for value in present)
    if column.low is None or column.high is None:
        return 0
    numbers = np.asarray(present, dtype=np.float64)
    return int(((numbers < column.low) | (numbers > column.high)).sum())


def _tell_extent(column: Column) -> str:
    if column.kind is Kind.TEXT:
        return f"its {format_count(len(column.levels), 'level')}"
    return f"{column.low:g} to {column.high:g}"
