"""Past: what was known of earlier rows at each refresh, gathered for the rows that come after it, and for servers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data.history import KEY, LABEL, LABEL_TIME, LATE, TIME, History, count_microseconds
from holdtrue.domain import Gathering, Lookup, Past, name_past_key
from holdtrue.errors import ColumnMissing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def find_refresh(moment: datetime, every: timedelta) -> datetime:
    """Return the last refresh at or before a moment: a whole multiple of `every` since 1970 UTC.

    >>> find_refresh(datetime(2020, 1, 2, 15, tzinfo=UTC), timedelta(days=1)).isoformat()
    '2020-01-02T00:00:00+00:00'
    """
    return _EPOCH + (moment - _EPOCH) // every * every


def gather_column(rows: pl.DataFrame, past: Past, known: History) -> NDArray[np.float64]:
    """Return for each row what its last refresh had gathered of `known`; NaN where that is nothing.

    Args:
        rows: with `__time`, and the columns of `past.by`.
        past: what is gathered.
        known: the rows that it is gathered of; those without a label do not count.
    """
    if not rows.height:
        return np.empty(0)
    events = _Events.read(known, past)
    every, span = past.every // timedelta(microseconds=1), past.span // timedelta(microseconds=1)
    refreshes = rows[TIME].dt.epoch("us").to_numpy() // every * every
    names = _name_groups(rows, past.by)
    known_places = {name: place for place, name in enumerate(events.names)}
    places = np.array([known_places.get(name, -1) for name in names], dtype=np.int64)
    values = np.full(rows.height, np.nan)
    order = np.argsort(refreshes, kind="stable")
    moments, starts = np.unique(refreshes[order], return_index=True)
    for refresh, asked in zip(moments.tolist(), np.split(order, starts[1:]), strict=True):
        gathered = events.gather(refresh - span, refresh, past.gathering)
        known_here = asked[places[asked] >= 0]
        values[known_here] = gathered[places[known_here]]
    return values


def look_up_column(
    rows: pl.DataFrame, past: Past, lookup: Lookup, *, earlier: History | None = None
) -> NDArray[np.float64]:
    """Return for each row what a lookup holds for it; NaN where that is nothing.

    A row from before the refresh takes nothing of what was known later: what its own refresh had gathered of `earlier`,
    and NaN without that.
    """
    table = lookup.tables.get(past.digest)
    if table is None:
        return np.full(rows.height, np.nan)
    values = np.full(rows.height, np.nan)
    if table.values:
        names, known = list(table.values), list(table.values.values())
        found = _name_groups(rows, past.by).replace_strict(names, known, default=None, return_dtype=pl.Float64)
        values = _read_numbers(found)
    is_early = rows[TIME] < table.refreshed_at
    if not is_early.any():
        return values
    kept = np.where(is_early.to_numpy(), np.nan, values)
    if earlier is not None:
        kept[is_early.to_numpy()] = gather_column(rows.filter(is_early), past, earlier)
    return kept


def gather_lookup(past: Past, known: History, *, refresh: datetime) -> dict[str, float]:
    """Return what one refresh gathered, by the key of the values of `past.by`; what is nothing is not in it."""
    events = _Events.read(known, past)
    end = count_microseconds(refresh)
    found = events.gather(end - past.span // timedelta(microseconds=1), end, past.gathering)
    return {name: value for name, value in zip(events.names, found.tolist(), strict=True) if not np.isnan(value)}


@dataclass(frozen=True)
class _Events:
    """The values of labelled rows, in the order in which their labels became known.

    Attributes:
        moments: when each became known, microseconds since 1970, shape (n_events,).
        groups: place of each one's group in `names`, shape (n_events,).
        values: finite numbers, shape (n_events,).
    """

    moments: NDArray[np.int64]
    groups: NDArray[np.int64]
    values: NDArray[np.float64]
    names: list[str]

    @classmethod
    def read(cls, known: History, past: Past) -> "_Events":
        values = read_gathered(known, past.of)
        frame = known.frame.select(KEY, TIME, LABEL, LABEL_TIME).with_columns(
            value=pl.Series(values, dtype=pl.Float64), group=_name_groups(known.frame, past.by)
        )
        frame = frame.filter(pl.col(LABEL).is_not_null() & pl.col("value").is_finite() & pl.col("group").is_not_null())
        # One order, whatever order the rows came in: sums of floats depend on it.
        frame = frame.sort(LABEL_TIME, TIME, KEY)
        names = sorted(frame["group"].unique().to_list())
        places = {name: place for place, name in enumerate(names)}
        groups = np.array([places[name] for name in frame["group"]], dtype=np.int64)
        return cls(frame[LABEL_TIME].dt.epoch("us").to_numpy(), groups, frame["value"].to_numpy(), names)

    def gather(self, after: int, until: int, gathering: Gathering) -> NDArray[np.float64]:
        """Return what the window (after, until] holds for each group; NaN where that is nothing."""
        first, end = np.searchsorted(self.moments, [after, until], side="right")
        groups, values, n_groups = self.groups[first:end], self.values[first:end], len(self.names)
        counts = np.bincount(groups, minlength=n_groups).astype(np.float64)
        counts[counts == 0] = np.nan
        if gathering is Gathering.COUNT:
            return counts
        if gathering in (Gathering.MEAN, Gathering.SUM):
            sums = np.bincount(groups, weights=values, minlength=n_groups)
            return sums / counts if gathering is Gathering.MEAN else sums + 0 * counts
        is_least = gathering is Gathering.MIN
        found = np.full(n_groups, np.inf if is_least else -np.inf)
        (np.minimum if is_least else np.maximum).at(found, groups, values)
        return found + 0 * counts


def read_gathered(known: History, name: str) -> NDArray[np.float64]:
    """Return the values that are gathered of rows, NaN where missing: the label's, or those of a column.

    Raises:
        ColumnMissing: the rows have no such column.
    """
    if name == known.label:
        return known.encoded_labels().astype(np.float64)
    column = f"{LATE}{name}" if name in known.late_names else name
    if column not in known.frame.columns:
        raise ColumnMissing(
            f"there is no column {name!r} to gather of past rows",
            expected="a column of the table that the loop declares",
            remedy=f"keep a feature with history(of={name!r}) while a version takes it",
        )
    return _read_numbers(known.frame[column])


def _read_numbers(column: pl.Series) -> NDArray[np.float64]:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _name_groups(frame: pl.DataFrame, by: Sequence[str]) -> pl.Series:
    """Return the key of each row's values of `by`; null where one of them is missing."""
    if not by:
        return pl.Series("group", [name_past_key([])]).new_from_index(0, frame.height)
    # By place and not by name: the table may have a column of any name, also that of the keys.
    places = [str(place) for place in range(len(by))]
    asked = pl.DataFrame([_spell_text(frame[name]).alias(place) for name, place in zip(by, places, strict=True)])
    seen = asked.unique().drop_nulls()
    keys = pl.Series("group", [name_past_key(list(row)) for row in seen.iter_rows()], dtype=pl.String)
    return asked.join(seen.with_columns(keys), on=places, how="left", maintain_order="left")["group"]


def _spell_text(column: pl.Series) -> pl.Series:
    return column.cast(pl.String) if isinstance(column.dtype, pl.Enum | pl.Categorical) else column
