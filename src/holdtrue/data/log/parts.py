"""Parts: the Parquet files of a log; a feature is a typed column, and each row keeps its place among the segments."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import polars as pl

from holdtrue.data.log.profiles import LogProfiles, save_profiles
from holdtrue.data.log.rows import OFFSET, SEGMENT
from holdtrue.errors import StoreFailed
from holdtrue.store import LogPart, settle_file

COMPRESSION_LEVEL = 3
ROW_GROUP_ROWS = 100_000


def write_part(folder: Path, rows: pl.DataFrame, profiles: LogProfiles) -> LogPart:
    """Write rows of one day as a Parquet file of its own, down to the disk; it counts when a manifest lists it.

    Raises:
        StoreFailed: the disk refused, or what was written cannot be read again; nothing is left of it.
    """
    day = rows["received_at"][0].date().isoformat()
    name = f"{day}-{uuid4().hex[:12]}.parquet"
    draft, path = folder / f"{name}.partial", folder / name
    try:
        rows.sort("received_at", SEGMENT, OFFSET).write_parquet(
            draft, compression="zstd", compression_level=COMPRESSION_LEVEL, row_group_size=ROW_GROUP_ROWS
        )
        if pl.scan_parquet(draft).select(pl.len()).collect().item() != rows.height:
            raise OSError(5, "what was written is not what is read")
        settle_file(draft, path)
        profile = save_profiles(folder, path.stem, profiles)
    except (OSError, pl.exceptions.PolarsError) as error:
        for left in (draft, path):
            left.unlink(missing_ok=True)
        raise StoreFailed(
            f"{rows.height:,} rows cannot be written to {path} ({error}); they stay where they were",
            expected="a disk with free space that this user may write to",
        ) from error
    moments = rows.select("time", "received_at")
    first, last = moments.min().row(0), moments.max().row(0)
    return LogPart(
        name=name,
        day=day,
        n_rows=rows.height,
        n_bytes=path.stat().st_size,
        first_time=first[0].timestamp(),
        last_time=last[0].timestamp(),
        first_received=first[1].timestamp(),
        last_received=last[1].timestamp(),
        profile=profile,
    )


def read_part(
    path: Path, *, known: Mapping[str, int] | None = None, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return the rows of a part, as `make_chunks` lays them out.

    Args:
        path: the file.
        known: for each segment, up to which offset its rows are known already; those are left out.
        columns: the columns to read; None for all.

    Raises:
        StoreFailed: it cannot be read.
    """
    rows = pl.scan_parquet(path)
    if known:
        offsets = pl.LazyFrame(
            {SEGMENT: list(known), "__known": list(known.values())}, schema={SEGMENT: pl.String, "__known": pl.Int64}
        )
        is_new = pl.col("__known").is_null() | (pl.col(OFFSET) > pl.col("__known"))
        rows = rows.join(offsets, on=SEGMENT, how="left", maintain_order="left").filter(is_new).drop("__known")
    try:
        return (rows if columns is None else rows.select(columns)).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreFailed(
            f"the part {path} of the log cannot be read ({str(error).splitlines()[0]})",
            expected="a Parquet file as the compaction of the log writes it",
            remedy=f"bring {path.name} back from a backup",
        ) from error


def split_days(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Return rows by their day of receipt (UTC), the oldest first."""
    days = rows["received_at"].dt.date()
    return [rows.filter(days == day) for day in days.unique().sort()]


def measure_folder(folder: Path) -> int:
    """Return the bytes of all files in a folder and below it."""
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
