"""Logged predictions: the log of a model that is served elsewhere, read and checked, with the labels that came."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data.files import name_nearest, read_files
from holdtrue.data.history import KEY, LABEL, LABEL_TIME, TIME, History
from holdtrue.data.logged_labels import Question, settle_question, take_last_labels
from holdtrue.data.moment import UTC_TIME, read_moments
from holdtrue.data.table import read_frame
from holdtrue.data.task import read_labels
from holdtrue.domain import LabelValue, Predictions, Table, Task, format_count
from holdtrue.errors import ColumnMissing, LabelError, SchemaMismatch, SourceError

MOST_VERSIONS = 200
# Shares of one row are written with few digits; a sum farther from 1 is no set of probabilities.
SUM_TOLERANCE = 0.01
DECLARED_BY = "predictions"
ONLY_VERSION = "the model"


@dataclass(frozen=True, kw_only=True, eq=False)
class LoggedPredictions:
    """Logged answers in order of time.

    Attributes:
        history: labels and inputs (as features) of each row.
        answers: probabilities of shape (n_rows, n_classes), or numbers of shape (n_rows, 1); NaN where one is missing.
        versions: names of the versions in order of their first answer; version n stands at place n - 1.
        numbers: number of each row's version, shape (n_rows,).
    """

    history: History
    answers: NDArray[np.float64]
    versions: tuple[str, ...]
    numbers: NDArray[np.int64]

    def join(self, as_of: datetime) -> pl.DataFrame:
        """Return key, time, version, answer, label, known_at, due_at, is_due and is_labelled as seen at a moment."""
        moment = pl.lit(as_of.astimezone(UTC), dtype=UTC_TIME)
        rows = self.history.frame.select(
            pl.col(KEY).alias("key"),
            pl.col(TIME).alias("time"),
            pl.Series("version", self.numbers),
            pl.Series("answer", self.answers).arr.to_list(),
            pl.when(pl.col(LABEL_TIME) <= moment).then(pl.col(LABEL)).alias("label"),
            pl.when(pl.col(LABEL_TIME) <= moment).then(pl.col(LABEL_TIME)).alias("known_at"),
        )
        due_at = pl.col("time") + self.history.label_delay
        return rows.with_columns(due_at=due_at, is_due=due_at <= moment, is_labelled=pl.col("label").is_not_null())


def read_logged(declared: Predictions, *, folder: Path, task: Task | None = None) -> LoggedPredictions:
    """Read and check a declared log.

    Args:
        declared: what `holdtrue.predictions` returned.
        folder: the folder of the declaring file, where a relative path starts.
        task: the kind of question; None to tell it from the label and from how many columns hold the answer.

    Raises:
        SourceError: the file, a column, a key or a value is not as declared (see its subclasses).
        LabelError: the label cannot be judged, or is none of the declared classes.
    """
    parts = _list_parts(declared)
    only = None if declared.features is None else list(dict.fromkeys((*parts, *declared.features)))
    texts = [name for name in (declared.key, declared.version) if name is not None]
    read = read_files(declared.path, folder=folder, columns=only, texts=texts)
    for name in (*parts, *(declared.features or ())):
        if name not in read.frame.columns:
            raise ColumnMissing(
                f"the column {name!r} is not in {declared.path}", remedy=name_nearest(name, read.frame.columns)
            )
    if read.frame.is_empty():
        raise SourceError(f"the log {read.source} has no rows", expected="at least one", remedy="check path=")
    frame, notes = _settle_rows(read.frame, declared)
    question = _settle_question(frame, declared, task)
    if question is not None:
        frame = frame.with_columns(question.label.alias(declared.label))
        notes += [question.note] if question.note else []
    history = read_frame(
        frame,
        _as_table(declared),
        task=_choose_task(frame[declared.label], declared, task) if question is None else question.task,
        classes=None if question is None else question.classes,
        source=read.source,
        notes=(*read.notes, *notes),
        needs_features=False,
    )
    answers, answer_notes = _read_answers(frame, declared, history)
    versions, numbers = _read_versions(frame, declared)
    history = _settle_classes(history, declared, (*history.notes, *answer_notes))
    return LoggedPredictions(history=history, answers=answers, versions=versions, numbers=numbers)


def _list_parts(declared: Predictions) -> list[str]:
    named = (declared.key, declared.time, declared.label, declared.label_time, declared.version)
    return [*(name for name in named if name is not None), *declared.answer_columns]


def _as_table(declared: Predictions) -> Table:
    others = [name for name in (*declared.answer_columns, declared.version) if name is not None]
    return Table(
        path=declared.path,
        time=declared.time,
        label=declared.label,
        key=declared.key,
        label_delay=declared.label_delay,
        label_time=declared.label_time,
        features=declared.features,
        drop=() if declared.features is not None else tuple(others),
        time_zone=declared.time_zone,
    )


def _settle_rows(frame: pl.DataFrame, declared: Predictions) -> tuple[pl.DataFrame, list[str]]:
    """Return each answer once and in order of time, so that answers and history stay beside each other."""
    known_at = None if declared.label_time is None else _read_times(frame[declared.label_time], declared)
    frame, note = take_last_labels(frame, declared, known_at=known_at)
    notes = [note] if note else []
    times = _read_times(frame[declared.time], declared)
    if times.is_sorted():
        return frame, notes
    order = times.arg_sort(nulls_last=True)
    return frame[order], [*notes, "the rows were out of order and were sorted by time"]


def _settle_question(frame: pl.DataFrame, declared: Predictions, task: Task | None) -> Question | None:
    answers = pl.Series(_read_numbers(frame[declared.answer_columns[0]]))
    return settle_question(frame[declared.label], declared, task=task, answers=answers)


def _read_times(column: pl.Series, declared: Predictions) -> pl.Series:
    """Return times in UTC; what is wrong with them is told in the words of the log's own declaration."""
    return read_moments(column, time_zone=declared.time_zone, declared=DECLARED_BY)[0]


def _choose_task(label: pl.Series, declared: Predictions, task: Task | None) -> Task | None:
    if not isinstance(declared.prediction, str):
        told = Task.BINARY if len(declared.prediction) == 2 else Task.MULTICLASS
        if task not in (None, told):
            raise LabelError(
                f"prediction= maps {len(declared.prediction)} classes, and task={task!s}",
                expected=f"task={told.value!r}, or none",
            )
        return told
    if task is not None and task is not Task.MULTICLASS:
        return task
    told = read_labels(label).task if task is None else task
    if told is not Task.MULTICLASS:
        return told
    if task is None and label.dtype.is_numeric():
        return Task.REGRESSION  # one column cannot hold the answer for several classes
    raise LabelError(
        f"the label {declared.label!r} has several classes, and prediction= names one column",
        expected='a column for each class: prediction={"class": "column", ...}',
    )


def _read_answers(
    frame: pl.DataFrame, declared: Predictions, history: History
) -> tuple[NDArray[np.float64], list[str]]:
    columns = [_read_numbers(frame[name]) for name in declared.answer_columns]
    table = np.column_stack(columns)
    n_missing = int(np.isnan(table).any(axis=1).sum())
    notes = [f"{n_missing:,} of {format_count(len(table), 'row')} have no prediction: they are counted, not judged"]
    notes = notes if n_missing else []
    if not history.task.has_classes:
        return table, notes
    known = table[~np.isnan(table)]
    if known.size and (known.min() < 0 or known.max() > 1):
        raise SchemaMismatch(
            f"the predictions in {', '.join(declared.answer_columns)} go from {known.min():g} to {known.max():g}",
            expected="probabilities from 0 to 1",
            remedy='log the probability, not the class or a score; say task="regression" if it is a number',
        )
    if known.size and np.isin(known, (0.0, 1.0)).all():
        notes.append("all predictions are 0 or 1: decisions say less than probabilities, log those if you can")
    if table.shape[1] == 1:
        return np.column_stack((1.0 - table, table)), notes
    sums = table.sum(axis=1)
    n_off = int((np.abs(sums - 1.0) > SUM_TOLERANCE).sum())
    if n_off:
        raise SchemaMismatch(
            f"the probabilities of {n_off:,} of {len(table):,} rows do not sum to 1"
            f" (such as {sums[np.abs(sums - 1.0) > SUM_TOLERANCE][0]:.4g})",
            expected="a probability of each class",
            remedy="name the columns of all classes in prediction={...}",
        )
    return table / sums[:, None], notes


def _read_numbers(column: pl.Series) -> NDArray[np.float64]:
    if column.dtype != pl.Null and not column.dtype.is_numeric():
        raise SchemaMismatch(
            f"the prediction {column.name!r} is {column.dtype}",
            expected="numbers: a probability for classes, else the predicted number",
        )
    values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
    if n_infinite := int(np.isinf(values).sum()):
        raise SchemaMismatch(
            f"{format_count(n_infinite, 'infinite prediction')} in {column.name!r}",
            expected="finite numbers, or null",
        )
    return values


def _read_versions(frame: pl.DataFrame, declared: Predictions) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    if declared.version is None:
        return (ONLY_VERSION,), np.ones(frame.height, dtype=np.int64)
    column = frame[declared.version].cast(pl.String).fill_null("not said")
    names = column.unique(maintain_order=True).to_list()
    if len(names) > MOST_VERSIONS:
        raise SchemaMismatch(
            f"the version {declared.version!r} has {len(names):,} values",
            expected=f"the name of the model's version, at most {MOST_VERSIONS} of them",
            remedy="check version=, or leave it out",
        )
    numbers = column.replace_strict(names, range(1, len(names) + 1), return_dtype=pl.Int64)
    return tuple(names), numbers.to_numpy()


def _settle_classes(history: History, declared: Predictions, notes: Sequence[str]) -> History:
    """Return the history with the declared classes in the order of the answers."""
    classes = history.classes
    if not isinstance(declared.prediction, str):
        classes = tuple(value for value, _ in declared.prediction)
        strange = [value for value in history.classes if value not in classes]
        if strange:
            raise LabelError(
                f"the label {strange[0]!r} of {declared.label!r} is none of the classes of prediction=",
                expected=f"one of {list(classes)}",
            )
    return replace(history, classes=_fit_classes(history.classes, classes), notes=tuple(notes))


def _fit_classes(seen: Sequence[LabelValue], wanted: Sequence[LabelValue]) -> tuple[LabelValue, ...]:
    """Return the declared classes as the label's own values: `1` in the declaration may be `True` in the file."""
    own = {value: value for value in seen}
    return tuple(own.get(value, value) for value in wanted)
