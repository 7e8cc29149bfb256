"""Scorer: a loaded model that answers rows, whether they come as a frame or as plain values."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Column, Kind, Schema, Signature
from holdtrue.errors import ColumnMissing, SchemaMismatch, TrainingFailed

if TYPE_CHECKING:
    import polars as pl

Row = Sequence[Any]  # plain values in the schema's order: None, bool, int, float, str


@dataclass(frozen=True)
class ScoredRows:
    """The answers of some rows, and how many values of each were levels that training had not seen.

    `answers` is float64 of shape (n_rows, n_classes) with probabilities, or (n_rows,) with numbers.
    """

    answers: NDArray[np.float64]
    n_unseen: list[int]


class Scorer(ABC):
    """A loaded model. It answers the same row with the same numbers on both ways in.

    Attributes:
        holds_interpreter: whether it answers in Python for the most part, so that a call of it in a thread keeps the
            other threads of the process waiting all the same.
    """

    holds_interpreter = False

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self._levels = [
            (position, frozenset(column.levels))
            for position, column in enumerate(signature.schema.columns)
            if column.kind is Kind.TEXT
        ]

    def score(self, features: "pl.DataFrame | Sequence[Mapping[str, Any]]") -> NDArray[np.float64]:
        """Return the answers of a frame, or of rows by name, as float64.

        Shape (n_rows, n_classes) in the order of the signature's classes, or (n_rows,) for a regression. A level of a
        text column that training had not seen is taken as missing.

        Raises:
            ColumnMissing: a column of the schema is not there.
            TrainingFailed: the model broke, or its answers are not of that shape or not finite.
        """
        frame = conform_frame(features, self.signature.schema)
        if not frame.height:
            return self._answer_nobody()
        return settle_answers(self._score_frame(frame), self.signature, frame.height)

    def score_rows(self, rows: Sequence[Row]) -> ScoredRows:
        """Return the answers of plain rows in the schema's order; the way of the servers, fast for one row."""
        if not rows:
            return ScoredRows(self._answer_nobody(), [])
        answers = settle_answers(self._score_values(rows), self.signature, len(rows))
        return ScoredRows(answers, self.count_unseen(rows))

    def count_unseen(self, rows: Sequence[Row]) -> list[int]:
        """Return for each row how many of its text values are levels that training had not seen."""
        counts = [0] * len(rows)
        for position, levels in self._levels:
            for index, row in enumerate(rows):
                value = row[position]
                if value is not None and value not in levels:
                    counts[index] += 1
        return counts

    def _answer_nobody(self) -> NDArray[np.float64]:
        return np.zeros((0, len(self.signature.classes)) if self.signature.task.has_classes else (0,))

    @abstractmethod
    def _score_frame(self, frame: "pl.DataFrame") -> NDArray[Any]:
        """Answer a frame that has the schema's columns and dtypes."""

    @abstractmethod
    def _score_values(self, rows: Sequence[Row]) -> NDArray[Any]:
        """Answer plain rows in the schema's order."""


def settle_answers(answers: NDArray[Any], signature: Signature, n_rows: int) -> NDArray[np.float64]:
    """Return answers as float64 in the one shape that the signature promises."""
    numbers = np.asarray(answers, dtype=np.float64)
    if signature.task.has_classes:
        expected: tuple[int, ...] = (n_rows, len(signature.classes))
    else:
        expected = (n_rows,)
        if numbers.shape == (n_rows, 1):
            numbers = numbers[:, 0]
    if numbers.shape != expected:
        raise TrainingFailed(
            f"the model answers {n_rows} rows with an array of shape {numbers.shape}", expected=f"shape {expected}"
        )
    if not np.isfinite(numbers).all():
        raise TrainingFailed(
            "the model answers with NaN or infinity",
            expected="finite numbers",
            remedy="use an estimator that takes missing values, or impute them in its pipeline",
        )
    return numbers


def conform_frame(features: "pl.DataFrame | Sequence[Mapping[str, Any]]", schema: Schema) -> "pl.DataFrame":
    """Return a frame of exactly the schema's columns, text as Enum of the schema's levels.

    Number columns keep the numeric dtype that they have. Unseen levels become null.
    """
    import polars as pl

    if not isinstance(features, pl.DataFrame):
        rows = [[row.get(name) for name in schema.names] for row in features]
        return frame_of_rows(rows, schema)
    missing = [name for name in schema.names if name not in features.columns]
    if missing:
        raise ColumnMissing(f"the frame has no column {missing[0]!r}", expected=f"the columns {list(schema.names)}")
    return features.select(_conform_series(features[column.name], column) for column in schema.columns)


def frame_of_rows(rows: Sequence[Row], schema: Schema) -> "pl.DataFrame":
    """Return plain rows as a frame in the schema's dtypes."""
    import polars as pl

    columns = []
    for position, column in enumerate(schema.columns):
        values: list[Any] = [row[position] for row in rows]
        if column.kind is Kind.TEXT:
            known = frozenset(column.levels)
            values = [value if value in known else None for value in values]
        columns.append(pl.Series(column.name, values, dtype=_dtype_of(column), strict=False))
    return pl.DataFrame(columns)


def encode_rows(rows: Sequence[Row], codes: Sequence[Mapping[Any, float] | None]) -> NDArray[np.float64]:
    """Return plain rows as a matrix (n_rows, n_columns): text as its code, a null number as NaN.

    Args:
        rows: plain values in the schema's order.
        codes: for each column the code of each level, and of None, which every other value is taken as; no codes for a
            column of numbers.
    """
    nan = float("nan")
    if codes.count(None) == len(codes):
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(codes))  # numpy takes None as NaN
    encoded = [
        [
            (nan if value is None else value) if code is None else code.get(value, code[None])
            for value, code in zip(row, codes, strict=True)
        ]
        for row in rows
    ]
    return np.array(encoded, dtype=np.float64).reshape(len(rows), len(codes))


def code_levels(schema: Schema) -> list[dict[Any, float] | None]:
    """Return for each column the position of each level in the schema, None being NaN; None for a column of numbers."""
    return [number_levels(column.levels) if column.kind is Kind.TEXT else None for column in schema.columns]


def number_levels(levels: Sequence[str]) -> dict[Any, float]:
    """Return the position of each level, and NaN for None."""
    return {None: float("nan")} | {level: float(position) for position, level in enumerate(levels)}


def _dtype_of(column: Column) -> Any:
    import polars as pl

    if column.kind is Kind.TEXT:
        return pl.Enum(column.levels)
    return {Kind.NUMBER: pl.Float64, Kind.INTEGER: pl.Int64, Kind.BOOLEAN: pl.Boolean}[column.kind]


def _conform_series(series: "pl.Series", column: Column) -> "pl.Series":
    import polars as pl

    wanted = _dtype_of(column)
    if column.kind is Kind.TEXT:
        return series if series.dtype == wanted else series.cast(pl.String).cast(wanted, strict=False)
    if column.kind is Kind.BOOLEAN:
        return series.cast(pl.Boolean)
    if not series.dtype.is_numeric() and series.dtype != pl.Boolean:
        raise SchemaMismatch(f"the column {column.name!r} is {series.dtype}", expected=column.kind.value)
    return series
