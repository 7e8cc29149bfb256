"""Dataset: labelled rows as a user's `train` gets them."""

from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from numpy.typing import NDArray

from holdtrue.data.task import encode_labels
from holdtrue.domain import LabelValue, Schema, Task
from holdtrue.errors import DeclarationError


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Labelled rows, sorted by time; all parts have `n_rows` rows.

    Attributes:
        features: what a model may see. Text columns are `pl.Enum` whose levels are those of these rows, sorted.
        label: what turned out; no nulls.
        key: names each event (text).
        unit: who or what was exposed (text).
        time: when the prediction is made, UTC.
        schema: the schema of `features`.
        task: what kind of question the label asks.
        classes: the values that the label can have, in order (empty for a regression); these rows may lack some.
        propensity: of the rows that this loop itself has answered, so that the answer may have had a part in the label,
            the probability (0..1) with which the version that answered was chosen; null elsewhere. None without any.
    """

    features: pl.DataFrame
    label: pl.Series
    key: pl.Series
    unit: pl.Series
    time: pl.Series
    schema: Schema
    task: Task
    classes: tuple[LabelValue, ...]
    propensity: pl.Series | None = None

    @property
    def n_rows(self) -> int:
        """Return the number of rows."""
        return len(self.label)

    def copy(self) -> "Dataset":
        """Return the same rows in frames of their own: what one replaces, the other keeps. No data is copied."""
        parts = {name: getattr(self, name).clone() for name in ("features", "label", "key", "unit", "time")}
        return replace(self, **parts, propensity=None if self.propensity is None else self.propensity.clone())

    def tail(self, share: float) -> "Dataset":
        """Return the newest rows: this share (0..1) of them, at least one; no data is copied."""
        n_left = max(0, self.n_rows - max(1, round(self.n_rows * share)))
        parts = {name: getattr(self, name).slice(n_left) for name in ("features", "label", "key", "unit", "time")}
        propensity = None if self.propensity is None else self.propensity.slice(n_left)
        return replace(self, **parts, propensity=propensity)

    @property
    def is_influenced(self) -> pl.Series:
        """Return for each row whether this loop itself has answered it."""
        if self.propensity is None:
            return pl.Series("is_influenced", [False]).new_from_index(0, self.n_rows)
        return self.propensity.is_not_null().alias("is_influenced")

    def encoded_labels(self) -> NDArray[Any]:
        """Return the labels as numbers, shape (n_rows,): class positions (int64), or float64 for a regression."""
        return encode_labels(self.label, task=self.task, classes=self.classes)

    def to_pandas(self) -> Any:
        """Return features and label as one pandas frame, texts as pandas categoricals; needs `holdtrue[pandas]`."""
        try:
            import pandas  # noqa: F401
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise DeclarationError(
                "to_pandas() needs pandas and pyarrow, which are not installed", remedy="pip install 'holdtrue[pandas]'"
            ) from error
        return self.features.with_columns(self.label).to_pandas()
