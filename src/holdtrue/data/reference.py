"""Reference: a snapshot as a version of an immutable table, and the rows that it has otherwise."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from holdtrue.data.history import KEY, LABEL_TIME, TIME, History, count_microseconds
from holdtrue.data.iceberg import is_iceberg_url
from holdtrue.data.lake import is_lake
from holdtrue.data.table import read_history
from holdtrue.domain import Json, Schema, Table, Task
from holdtrue.errors import SourceError

# The number of a row in the snapshot; null for a row of the version that the snapshot does not have.
PLACE = "__place"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def make_reference(known: History) -> tuple[pl.DataFrame, dict[str, Json]] | None:
    """Return the rows of a history that its origin does not have as they are, and how to find the others again.

    None where it did not begin as a version of an immutable table, or cannot be made whole from that; or has no rows.
    """
    origin = known.origin
    if origin is None or known.frame.is_empty():
        return None
    frame, moment = spell_texts(known.frame), _find_moment(known.frame)
    base = _align(replace(known, frame=origin.frame).known_at(moment).frame, frame.schema)
    if base is None:
        return None
    rest, content = _find_rest(base, frame), digest_frame(frame)
    if digest_frame(_fill(base, rest)) != content:
        return None
    table = origin.table
    delay = None if table.label_delay is None else table.label_delay / timedelta(microseconds=1)
    said: dict[str, Json] = {
        name: getattr(table, name)
        for name in ("path", "time", "label", "key", "unit", "label_time", "labels", "time_zone", "source")
    }
    features = None if table.features is None else list(table.features)
    late: dict[str, Json] = {"late": list(table.late)} if table.late else {}
    return rest, {
        "place": origin.version.place,
        "number": origin.version.number,
        "moment": count_microseconds(moment),
        "content": content,
        "table": said
        | {"label_delay": delay, "features": features, "drop": list(table.drop)}
        | ({"judged": list(table.judged)} if table.judged else {})
        | late,
    }


def read_reference(
    told: dict[str, Json], rest: pl.DataFrame, *, folder: Path, task: Task, declared: Schema | None
) -> pl.DataFrame:
    """Return the rows that `make_reference` referred to, texts as texts.

    Args:
        told: how to find the version again.
        rest: the rows that it does not have as they are.
        folder: of the project, where the table is looked for when it is not where it was.
        task: of the history.
        declared: the schema of the history.

    Raises:
        SourceMissing: the version is not there any more.
        SourceError: it is not as it was.
    """
    table, place, number = _read_table(told["table"]), str(told["place"]), int(told["number"])
    is_there = is_iceberg_url(place) or is_lake(Path(place))
    table = replace(table, path=place) if is_there else table
    history = read_history(table, folder=folder, task=task, schema=declared, version=number)
    base = _align(history.known_at(_EPOCH + timedelta(microseconds=int(told["moment"]))).frame, rest.drop(PLACE).schema)
    frame = None if base is None else _fill(base, rest)
    if frame is None or digest_frame(frame) != told["content"]:
        raise SourceError(
            f"version {number} of {place} has other rows than when it was learned from",
            expected=f"rows with the digest {str(told['content'])[:12]}",
            remedy="the table was written anew in its place: bring the old one back from a backup",
        )
    return frame


def holds_reference(told: dict[str, Json], rest: pl.DataFrame, history: History) -> bool:
    """Say whether a history holds exactly the rows that `make_reference` referred to; the version is not read."""
    known = history.known_at(_EPOCH + timedelta(microseconds=int(told["moment"])))
    frame = _align(known.frame, rest.drop(PLACE).schema)
    return frame is not None and digest_frame(frame) == told["content"]


def spell_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose levels are texts, as snapshots keep them."""
    levels = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Enum)]
    return frame.with_columns(pl.col(name).cast(pl.String) for name in levels)


def digest_frame(frame: pl.DataFrame) -> str:
    """Return the sha256 of all values of a frame of numbers, booleans, moments and texts, however they lie in memory.

    >>> digest_frame(pl.DataFrame({"x": [1, None]})) == digest_frame(pl.DataFrame({"x": [1, 0]}))
    False
    """
    said = hashlib.sha256()
    for column in frame.get_columns():
        said.update(f"{column.name}\0{column.dtype}\0{len(column)}\0".encode())
        said.update(column.is_null().to_numpy().tobytes())
        if column.dtype == pl.String:
            texts = column.fill_null("")
            said.update(texts.str.len_bytes().to_numpy().tobytes())
            said.update("".join(texts.to_list()).encode())
        else:
            values = column.cast(pl.UInt8) if column.dtype == pl.Boolean else column.to_physical()
            said.update(np.ascontiguousarray(values.fill_null(0).to_numpy()).tobytes())
    return said.hexdigest()


def _find_moment(frame: pl.DataFrame) -> datetime:
    """Return the first moment at which all of this was known: the same rows say the same, whenever one looks."""
    ends = (frame[TIME].max(), frame[LABEL_TIME].max())
    found = [count_microseconds(end) for end in ends if isinstance(end, datetime)]
    return _EPOCH + timedelta(microseconds=max(found))


def _align(base: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame | None:
    """Return the version's rows with the columns of a snapshot; None where a column is of another type."""
    spelled = spell_texts(base)
    if any(spelled.schema.get(name, dtype) != dtype for name, dtype in schema.items()):
        return None
    return spelled.select(
        pl.col(name) if name in spelled.columns else pl.lit(None, dtype).alias(name) for name, dtype in schema.items()
    )


def _find_rest(base: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a snapshot that the version has not as they are, and the keys of those it has too many."""
    mark = "__mark"
    mine = frame.with_columns(frame.hash_rows().alias(mark)).with_row_index(PLACE)
    theirs = base.select(KEY, base.hash_rows().alias(mark))
    other = mine.join(theirs, on=[KEY, mark], how="anti", maintain_order="left").drop(mark)
    gone = base.join(frame, on=KEY, how="anti", maintain_order="left").select(KEY)
    return pl.concat([other.select(*frame.columns, PLACE), gone], how="diagonal")


def _fill(base: pl.DataFrame, rest: pl.DataFrame) -> pl.DataFrame:
    kept = base.join(rest, on=KEY, how="anti", maintain_order="left")
    added = rest.filter(pl.col(PLACE).is_not_null())
    free = np.setdiff1d(np.arange(kept.height + added.height, dtype=np.uint32), added[PLACE].to_numpy())
    rows = pl.concat([kept.with_columns(pl.Series(PLACE, free[: kept.height])), added])
    return rows.sort(PLACE).drop(PLACE)


def _read_table(told: dict[str, Json]) -> Table:
    delay, features = told["label_delay"], told["features"]
    parts = told | {
        "label_delay": None if delay is None else timedelta(microseconds=delay),
        "features": None if features is None else tuple(features),
        "drop": tuple(told["drop"]),
        "late": tuple(told.get("late", ())),
        "judged": tuple(told.get("judged", ())),
    }
    return Table(**parts)
