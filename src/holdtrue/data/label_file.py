"""Label file: labels that come in bulk, each row looked at, each label kept once, what changed kept as history."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from holdtrue.data.files import read_files
from holdtrue.domain import LabelFact
from holdtrue.domain.task import LabelValue
from holdtrue.errors import LabelError
from holdtrue.store import Store

BATCH_ROWS = 20_000
MOST_NAMED = 10
NAMES = ("key", "prediction_id")
_STEP_SECONDS = 1e-6
Event = tuple[str | None, str | None]


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What became of the rows of a label file.

    Attributes:
        n_rows: rows of the file.
        n_new: labels that were kept; the rest were known already.
        n_changed: those of them that take the place of another label of their event, which is kept as history.
    """

    n_rows: int
    n_new: int
    n_changed: int


def read_label_file(path: Path) -> pl.DataFrame:
    """Return the labels of a Parquet or CSV file: columns key, prediction_id, label, at (Unix seconds, or null).

    Raises:
        SourceMissing, SourceError: there is no such file, or it cannot be read.
        LabelError: a column is missing; or rows cannot be used: the message names them, the first row being 1.
    """
    frame = read_files(str(path), folder=Path(), texts=NAMES).frame
    names = [name for name in NAMES if name in frame.columns]
    if not names or "label" not in frame.columns:
        raise LabelError(
            f"the file has the columns {frame.columns}", expected="key or prediction_id, and label; at is optional"
        )
    events = [
        frame[name].cast(pl.String) if name in names else pl.Series(name, [None] * frame.height, dtype=pl.String)
        for name in NAMES
    ]
    moments, strange = _read_moments(frame)
    table = pl.DataFrame([*events, frame["label"], pl.Series("at", moments, dtype=pl.Float64)])
    _refuse_rows(frame, table, strange)
    return table


def record_label_file(
    store: Store,
    loop_name: str,
    table: pl.DataFrame,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Recorded:
    """Keep the labels of a file; one that equals the label that its event has already is left out.

    Rows are written by the thousand: a kill in between leaves some of them, and the same file again adds the rest.

    Args:
        store: the open store.
        loop_name: name of the loop.
        table: what `read_label_file` returned.
        on_progress: called with the number of rows done and of all.

    Raises:
        StoreFailed: the disk refused; what was written before stays.
    """
    received, seen = time.time(), dict[Event, int]()
    n_new = n_changed = 0
    for start in range(0, table.height, BATCH_ROWS):
        batch = list(table.slice(start, BATCH_ROWS).iter_rows())
        with store.transaction() as transaction:
            known = transaction.labels.latest(
                loop_name,
                keys=[row[0] for row in batch if row[0] is not None],
                prediction_ids=[row[1] for row in batch if row[1] is not None],
            )
            facts = []
            for key, prediction_id, label, at in batch:
                event = (key, prediction_id)
                before = known.get(event)
                if before is not None and _is_same(before, label, at):
                    continue
                # Of two labels of one event the later row was received later.
                seen[event] = seen.get(event, -1) + 1
                received_at = received + seen[event] * _STEP_SECONDS
                fact = LabelFact(
                    loop=loop_name,
                    label=label,
                    at=received if at is None else at,
                    received_at=received_at,
                    key=key,
                    prediction_id=prediction_id,
                )
                n_changed += before is not None
                known[event] = fact
                facts.append(fact)
            n_new += transaction.labels.append(facts)
        on_progress(min(start + BATCH_ROWS, table.height), table.height)
    return Recorded(n_rows=table.height, n_new=n_new, n_changed=n_changed)


def _is_same(before: LabelFact, label: LabelValue, at: float | None) -> bool:
    is_equal = before.label == label and isinstance(before.label, bool) == isinstance(label, bool)
    return is_equal and (at is None or before.at == at)


def _read_moments(frame: pl.DataFrame) -> tuple[list[float | None], list[tuple[int, str]]]:
    """Return the moments of the rows, and the rows (from 1) whose moment cannot be used, with the reason."""
    if "at" not in frame.columns:
        return [None] * frame.height, []
    moments: list[float | None] = []
    strange: list[tuple[int, str]] = []
    for row, value in enumerate(frame["at"].to_list(), start=1):
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            moment = None
        if isinstance(moment, datetime) and moment.tzinfo is not None:
            moments.append(moment.astimezone(UTC).timestamp())
        else:
            moments.append(None)
            strange.append((row, f"at is {value!r}, not a moment with a time zone"))
    return moments, strange


def _refuse_rows(frame: pl.DataFrame, table: pl.DataFrame, strange: list[tuple[int, str]]) -> None:
    """Raise a LabelError that names the rows that cannot be used, if there are any."""
    problems = [*_find_problems(frame, table), *strange]
    if not problems:
        return
    problems.sort()
    told = "; ".join(f"row {row:,}: {reason}" for row, reason in problems[:MOST_NAMED])
    more = f"; and {len(problems) - MOST_NAMED:,} more" if len(problems) > MOST_NAMED else ""
    raise LabelError(
        f"{len(problems):,} of {frame.height:,} labels cannot be used: {told}{more}. Nothing was taken",
        expected="one of key and prediction_id, a label, and (if there is a column at) a moment such as"
        " 2013-09-01T10:00:00Z",
        remedy="mend these rows or leave them out; labels that were taken before may stand in the file",
    )


def _find_problems(frame: pl.DataFrame, table: pl.DataFrame) -> Iterator[tuple[int, str]]:
    label, key, prediction_id = table["label"], table["key"].is_null(), table["prediction_id"].is_null()
    checks = [
        (label.is_null(), "the label is empty"),
        (key & prediction_id, "neither key nor prediction_id is there"),
        (~key & ~prediction_id, "both key and prediction_id are there"),
    ]
    if label.dtype.is_float():
        checks.append((~label.is_finite().fill_null(value=True), "the label is not finite"))
    for is_bad, reason in checks:
        yield from ((int(row) + 1, reason) for row in is_bad.arg_true())
    if not (label.dtype.is_numeric() or label.dtype in (pl.Boolean, pl.String, pl.Null)) and frame.height:
        yield 1, f"the labels are {label.dtype}, expected numbers, texts or booleans"
