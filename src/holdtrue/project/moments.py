"""Moments: when each row of a file happened, read as the table's times are."""

import polars as pl

from holdtrue.data import read_moments


def read_times(
    frame: pl.DataFrame, name: str | None, *, time_zone: str | None, now: float
) -> tuple[list[float], dict[int, str]]:
    """Return the moment of each row as Unix seconds, `now` where it carries none, and what of some cannot be read.

    Raises:
        SchemaMismatch: the column holds no times, or naive ones without a declared zone.
        DeclarationError: the zone is not known.
    """
    if name is None or name not in frame.columns or frame[name].null_count() == frame.height:
        return [now] * frame.height, {}
    column = frame[name]
    odd: dict[int, str] = {}
    if column.dtype == pl.String:
        zoned = bool(column.drop_nulls().head(1).str.contains(r"(Z|[+-]\d\d:?\d\d)$").any())
        read = column.str.to_datetime(time_unit="us", time_zone="UTC" if zoned else None, strict=False)
        is_odd = read.is_null() & column.is_not_null()
        if not is_odd.all():
            odd = {row: f"the moment {column[row]!r} cannot be read" for row in is_odd.arg_true().to_list()}
            column = read
    times, _ = read_moments(column, time_zone=time_zone)
    return [now if moment is None else moment / 1e6 for moment in times.dt.epoch("us").to_list()], odd
