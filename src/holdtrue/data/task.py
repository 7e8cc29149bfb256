"""Task: what kind of question a label column asks, and how its values are numbered.

The rule, when the user does not say `task=`: booleans and columns of two whole values or two texts are binary; other
texts are classes; other whole numbers are classes when they run from 0 or 1 without a gap, are at most ten, and each is
at least one row in a hundred (a code such as 1..6; a count such as 0..9 has a thin tail); all else is a number.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import LabelValue, Task, format_count
from holdtrue.errors import LabelError

MOST_CODES = 10
LEAST_CODE_SHARE = 0.01
MOST_CLASSES = 1_000
LARGEST_LABEL = 1e100  # beyond it the sums of squares that say how far labels lie apart are no numbers any more


@dataclass(frozen=True, kw_only=True)
class LabelRead:
    """A label column made plain (boolean, Int64, Float64 or text; null where missing), and what it asks."""

    values: pl.Series
    task: Task
    classes: tuple[LabelValue, ...]
    notes: tuple[str, ...]


def read_labels(
    column: pl.Series, *, task: Task | None = None, classes: tuple[LabelValue, ...] | None = None
) -> LabelRead:
    """Return the label column made plain, its task and its classes in order: (False, True), else sorted.

    Args:
        column: the labels, null where missing.
        task: the kind of question; None to tell it from the values.
        classes: with `task`, the classes where they are known though not all of them have come, empty for a regression:
            then there may be no label at all.

    Raises:
        LabelError: no label at all, one value only, values of no use as labels, or values that do not fit `task`.
    """
    values, name = _make_plain(column), column.name
    n_missing = values.null_count()
    if task is not None and classes is not None:
        notes = _count_missing(n_missing, len(values))
        return LabelRead(values=_cast_to_classes(values, classes), task=task, classes=classes, notes=notes)
    if n_missing == len(values):
        raise LabelError(
            f"none of {format_count(len(values), 'row')} has a label in {name!r}",
            expected="rows whose outcome is known",
            remedy="check label= and, if the label is known later, that enough old rows are in the table",
        )
    counts = values.drop_nulls().value_counts().sort(name)
    if len(counts) == 1:
        raise LabelError(
            f"the label {name!r} has one value only: {counts[name][0]!r}",
            expected="at least two",
            remedy="check label=, and that rows of every outcome are in the table",
        )
    told, reason = tell_task(counts)
    notes = (*_count_missing(n_missing, len(values)), *((reason,) if task is None and reason else ()))
    chosen = told if task is None else task
    values = _fit_to_task(values, chosen, n_distinct=len(counts))
    found = tuple(values.drop_nulls().unique().sort().to_list()) if chosen.has_classes else ()
    return LabelRead(values=values, task=chosen, classes=found, notes=notes)


def tell_task(counts: pl.DataFrame) -> tuple[Task, str]:
    """Tell the task from a sorted table of (value, count), and the reason where it was a guess."""
    values, n = counts.to_series(0), counts["count"]
    n_rows = int(n.sum())
    if values.dtype == pl.Float64:
        return Task.REGRESSION, ""
    if len(counts) == 2:
        return Task.BINARY, ""
    if values.dtype == pl.String:
        if len(counts) > MOST_CLASSES or len(counts) * 2 > n_rows > 20:
            raise LabelError(
                f"the label {values.name!r} has {len(counts):,} different texts in {n_rows:,} rows",
                expected=f"classes: at most {MOST_CLASSES:,}, most of them seen more than once",
                remedy="check label=; a number must be stored as a number",
            )
        return Task.MULTICLASS, ""
    low, high = values[0], values[-1]
    is_code = low in (0, 1) and high - low + 1 == len(counts) <= MOST_CODES
    if is_code and (n >= LEAST_CODE_SHARE * n_rows).all():
        reason = (
            f'the whole numbers {low} to {high} of {values.name!r} are taken as classes; say task="regression" if not'
        )
        return Task.MULTICLASS, reason
    reason = f'the whole numbers of {values.name!r} are taken as amounts; say task="multiclass" if they are classes'
    return Task.REGRESSION, reason if len(counts) <= 20 else ""


def encode_labels(values: pl.Series, *, task: Task, classes: tuple[LabelValue, ...]) -> NDArray[Any]:
    """Return labels as numbers, shape (n_rows,): class positions (int64, -1 = missing or unknown), or float64 with NaN.

    Values are matched as Python compares them, so that a 1 that came by JSON is the class True.

    >>> encode_labels(pl.Series(["b", "a", None]), task=Task.BINARY, classes=("a", "b")).tolist()
    [1, 0, -1]
    """
    if not task.has_classes:
        return values.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    distinct = values.unique().to_list()
    places = {label: place for place, label in enumerate(classes)}
    positions = pl.Series([places.get(each, -1) for each in distinct], dtype=pl.Int64)
    coded = values.replace_strict(
        pl.Series(values.name, distinct, dtype=values.dtype), positions, return_dtype=pl.Int64
    )
    # Of no rows at all polars makes objects or shorter integers.
    return coded.fill_null(-1).to_numpy().astype(np.int64)


def _count_missing(n_missing: int, n_labels: int) -> tuple[str, ...]:
    return (f"{n_missing:,} of {format_count(n_labels, 'label')} are missing",) if n_missing else ()


def _cast_to_classes(values: pl.Series, classes: tuple[LabelValue, ...]) -> pl.Series:
    """Return values in the type of the classes, of numbers where there are none."""
    dtypes: dict[type, type[pl.DataType]] = {bool: pl.Boolean, int: pl.Int64, str: pl.String}
    if classes and values.dtype == pl.Float64:
        values = _take_whole(values, expected=f"one of the classes {list(classes)}")
    return values.cast(dtypes.get(type(classes[0]), pl.Float64) if classes else pl.Float64)


def _make_plain(column: pl.Series) -> pl.Series:
    dtype = column.dtype
    if dtype.is_integer() or dtype == pl.Null:
        return column.cast(pl.Int64)
    if dtype.is_float() or dtype.is_decimal():
        numbers = column.cast(pl.Float64).fill_nan(None)
        n_infinite = int(numbers.is_infinite().sum() or 0)
        if n_infinite:
            raise LabelError(
                f"{format_count(n_infinite, 'infinite label')} in {column.name!r}",
                expected="finite numbers, or null where missing",
                remedy="replace them in the file",
            )
        largest = numbers.abs().max()
        if isinstance(largest, float) and largest > LARGEST_LABEL:
            raise LabelError(
                f"labels in {column.name!r} reach {largest:.3g}",
                expected=f"numbers up to {LARGEST_LABEL:g}",
                remedy="give the label in another unit, or replace what is no measurement in the file",
            )
        distinct = numbers.drop_nulls().unique()
        if len(distinct) == 2 and (distinct == distinct.round()).all():
            return numbers.cast(pl.Int64)  # 0.0 and 1.0: what pandas makes of a label with gaps
        return numbers
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    if dtype == pl.Boolean:
        return column
    raise LabelError(
        f"the label {column.name!r} is {dtype}",
        expected="booleans, texts or numbers",
        remedy="make a column that says the outcome in one of these",
    )


def _fit_to_task(values: pl.Series, task: Task, *, n_distinct: int) -> pl.Series:
    if task is Task.BINARY and n_distinct != 2:
        raise LabelError(
            f"the label {values.name!r} has {n_distinct:,} different values", expected='two, since task="binary"'
        )
    if task is Task.REGRESSION:
        if values.dtype == pl.String:
            raise LabelError(f"the label {values.name!r} holds texts", expected='numbers, since task="regression"')
        return values.cast(pl.Float64)
    return _take_whole(values, expected=f"classes, since task={task.value!r}") if values.dtype == pl.Float64 else values


def _take_whole(values: pl.Series, *, expected: str) -> pl.Series:
    if not (values.drop_nulls() == values.drop_nulls().round()).all():
        raise LabelError(f"the label {values.name!r} holds fractions", expected=expected)
    return values.cast(pl.Int64)
