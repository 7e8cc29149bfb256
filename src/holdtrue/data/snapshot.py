"""Snapshots: what a history held at a moment, as one immutable Parquet artifact.

It is complete in itself, unless the rows came from a version of a table that never changes: then it refers to that, and
holds only what was added or left out since.
"""

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl

from holdtrue.data.columns import find_levels
from holdtrue.data.history import LABEL, History
from holdtrue.data.reference import holds_reference, make_reference, read_reference, spell_texts
from holdtrue.domain import DatasetRecord, Json, Schema, Task, encode_canonically
from holdtrue.errors import HoldtrueError, NotFound, SourceError
from holdtrue.store import Store

ROW_GROUP = 131_072  # said, so that the bytes do not follow a later polars' default
_HEAD = "holdtrue"


def take_snapshot(store: Store, loop_name: str, history: History, *, as_of: datetime) -> DatasetRecord:
    """Keep what the history knew at `as_of` and return its record; the same rows give the same digest.

    Raises:
        SourceError: no row is known at that moment.
        StoreFailed: the disk refused.
    """
    known = history.known_at(as_of)
    if not known.n_rows:
        raise SourceError(
            f"no row is known at {as_of.isoformat()}",
            expected=f"a moment from {history.starts_at.isoformat()} on",
            remedy="ask for a moment at which rows are known, or add older rows to the table",
        )
    record = DatasetRecord(
        digest=store.artifacts.put(_write_reference(known) or write_snapshot(known)),
        loop=loop_name,
        as_of=as_of.astimezone(UTC),
        n_rows=known.n_rows,
        n_labelled=known.n_rows - known.frame[LABEL].null_count(),
        starts_at=known.starts_at,
        ends_at=known.ends_at,
        schema=known.schema,
        task=known.task,
        classes=known.classes,
        source=known.source,
    )
    with store.transaction() as transaction:
        return transaction.datasets.append(record)


def load_snapshot(store: Store, record: DatasetRecord | str, loop_name: str) -> History:
    """Return the history that a snapshot holds; `record` may be its digest.

    Raises:
        NotFound: the loop has no such snapshot.
        StoreFailed: its bytes are damaged.
        SourceMissing: it refers to a version of a table that is not there any more.
        SourceError: that version is not as it was.
    """
    if isinstance(record, str):
        with store.reading() as transaction:
            record = transaction.datasets.read(loop_name, record)
    return read_snapshot(store.artifacts.get(record.digest), folder=store.folder.parent)


def load_last_snapshot(store: Store, loop_name: str) -> History | None:
    """Return what the snapshot of a loop that knows most holds; None where there is none, or it cannot be read now.

    That is the one as of the latest moment: a backfill or a tuning may have taken one later that was cut at an earlier.
    """
    with store.reading() as transaction:
        records = transaction.datasets.all(loop_name)
    try:
        last = max(enumerate(records), key=lambda each: (each[1].as_of, each[0]), default=None)
        return None if last is None else load_snapshot(store, last[1], loop_name)
    except HoldtrueError:
        return None


def holds_snapshot(store: Store, digest: str, history: History) -> bool:
    """Say whether a history holds exactly the rows of a snapshot whose version of a table may be gone.

    Its digest of all values tells. False where a row differs, came late or is missing, and for a snapshot that refers
    to no version.
    """
    data = store.artifacts.get(digest)
    head: Json = msgspec.json.decode(pl.read_parquet_metadata(io.BytesIO(data)).get(_HEAD, "{}"))
    return "reference" in head and holds_reference(head["reference"], pl.read_parquet(io.BytesIO(data)), history)


def write_snapshot(history: History) -> bytes:
    """Return the history as Parquet bytes; they are the same for the same rows, whatever table these were cut from."""
    return _write(history, spell_texts(history.frame), {})


def _write_reference(history: History) -> bytes | None:
    """Return the history as a reference to the version that it began as; None where there is none."""
    found = make_reference(history)
    return None if found is None else _write(history, found[0], {"reference": found[1]})


def _write(history: History, frame: pl.DataFrame, more: Mapping[str, object]) -> bytes:
    texts = [name for name, dtype in history.frame.schema.items() if isinstance(dtype, pl.Enum)]
    head: dict[str, object] = {
        "label": history.label,
        "label_delay": history.label_delay / timedelta(microseconds=1),
        "task": history.task,
        "classes": history.classes,
        "source": history.source,
        "texts": texts,
        **more,
    }
    if history.declared is not None:
        head["declared"] = history.declared
    buffer = io.BytesIO()
    frame.rechunk().write_parquet(
        buffer,
        compression="zstd",
        compression_level=3,
        row_group_size=ROW_GROUP,
        statistics=True,
        metadata={_HEAD: encode_canonically(head).decode()},
    )
    return buffer.getvalue()


def read_snapshot(data: bytes, *, folder: Path = Path()) -> History:
    """Return the history that a snapshot holds; what it refers to may have moved with the project, to `folder`.

    Raises:
        NotFound: these are not the bytes of a snapshot.
        SourceError: what it refers to is not there any more, or is not as it was.
    """
    text = pl.read_parquet_metadata(io.BytesIO(data)).get(_HEAD)
    if text is None:
        raise NotFound("the artifact is a Parquet file that holdtrue did not write", expected="a snapshot")
    head: Json = msgspec.json.decode(text)
    frame, task = pl.read_parquet(io.BytesIO(data)), Task(head["task"])
    declared = None if "declared" not in head else msgspec.convert(head["declared"], Schema)
    if "reference" in head:
        frame = read_reference(head["reference"], frame, folder=folder, task=task, declared=declared)
    frame = frame.with_columns(frame[name].cast(pl.Enum(find_levels(frame[name]))) for name in head["texts"])
    return History(
        frame=frame,
        label=head["label"],
        task=task,
        classes=tuple(head["classes"]),
        source=head["source"],
        label_delay=timedelta(microseconds=head["label_delay"]),
        declared=declared,
    )
