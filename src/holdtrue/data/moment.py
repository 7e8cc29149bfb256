"""Moments: the times of a table as microseconds UTC; naive ones are read in a zone that the user names."""

import zoneinfo
from datetime import timedelta

import polars as pl

from holdtrue.errors import DeclarationError, SchemaMismatch

UTC_TIME = pl.Datetime("us", "UTC")


def read_moments(
    column: pl.Series, *, time_zone: str | None, declared: str = "table"
) -> tuple[pl.Series, tuple[str, ...]]:
    """Return the column as UTC times of microseconds, with sentences on what had to be decided.

    Naive times are read in `time_zone`. A time that the clocks skipped in spring is read as if they had not been moved
    yet; one that came twice in autumn is taken as the later one, so that no label counts as known too early.

    `declared` is the function that declares them, for what a person is told.

    Raises:
        SchemaMismatch: the column holds no times, or naive ones without a zone.
        DeclarationError: the zone is not an IANA name.
    """
    name = column.name
    if column.dtype == pl.String:
        column = _parse_text(column)
    if column.dtype == pl.Date:
        column = column.cast(pl.Datetime("us"))
    if not isinstance(column.dtype, pl.Datetime):
        raise SchemaMismatch(
            f"the column {name!r} is {column.dtype}",
            expected="dates and times",
            remedy="write it as a timestamp with a zone",
        )
    if column.dtype.time_zone is not None:
        return column.cast(pl.Datetime("us", column.dtype.time_zone)).dt.convert_time_zone("UTC"), ()
    if time_zone is None:
        raise SchemaMismatch(
            f"the times of {name!r} have no time zone (such as {column.drop_nulls().first()!s})",
            expected="times with a zone, such as 2013-01-01T10:00:00Z",
            remedy=f'say the zone they are in: {declared}(..., time_zone="UTC") or, say, time_zone="America/New_York"',
        )
    return _localise(column.cast(pl.Datetime("us")), time_zone)


def name_moments(times: pl.Series) -> pl.Series:
    """Return each moment as text, as Python's `datetime.isoformat` writes it in UTC: the key where none is declared."""
    whole = times.dt.microsecond() == 0
    plain = times.dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    if whole.all():
        return plain
    return plain.zip_with(whole, times.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00"))


def _parse_text(column: pl.Series) -> pl.Series:
    try:
        zoned = column.drop_nulls().head(1).str.contains(r"(Z|[+-]\d\d:?\d\d)$").any()
        return column.str.to_datetime(time_unit="us", time_zone="UTC" if zoned else None)
    except pl.exceptions.PolarsError as error:
        raise SchemaMismatch(
            f"the texts of {column.name!r} cannot be read as times (such as {column.drop_nulls().first()!r})",
            expected="ISO 8601, such as 2013-01-01T10:00:00Z",
        ) from error


def _localise(column: pl.Series, time_zone: str) -> tuple[pl.Series, tuple[str, ...]]:
    if time_zone not in zoneinfo.available_timezones():
        raise DeclarationError(f"time_zone={time_zone!r} is not known", expected='an IANA name, such as "Europe/Paris"')
    late = column.dt.replace_time_zone(time_zone, ambiguous="latest", non_existent="null")
    early = column.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    n_twice = int((late != early).sum() or 0)
    n_skipped = late.null_count() - column.null_count()
    if n_skipped:
        # Three hours before a gap there is none, so its offset is the one from before the clocks were moved.
        back = timedelta(hours=3)
        before = (column - back).dt.replace_time_zone(time_zone, ambiguous="latest", non_existent="null") + back
        late = late.fill_null(before)
    notes = [f"the naive times of {column.name!r} were read in {time_zone}"]
    if n_skipped:
        notes.append(f"{n_skipped} of them do not exist there (clocks put forward): read as if not put forward yet")
    if n_twice:
        notes.append(f"{n_twice} of them occurred twice there (clocks put back): taken as the later one")
    return late.dt.convert_time_zone("UTC"), tuple(notes)
