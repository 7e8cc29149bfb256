"""History: all rows of a loop in order of time, with the labels and the moment at which each became known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data.columns import infer_schema, narrow_levels, overlay_schema
from holdtrue.data.dataset import Dataset
from holdtrue.data.origin import Origin
from holdtrue.data.task import encode_labels
from holdtrue.domain import Ask, Feature, LabelValue, Schema, Task
from holdtrue.errors import SourceError

KEY, UNIT, TIME, LABEL_TIME, LABEL = "__key", "__unit", "__time", "__label_time", "__label"
SOURCE, PROPENSITY = "__source", "__propensity"  # only where the table names a source, or rows of the log were added
JUDGED = "__judged:"  # before the name of a column that no model sees, and that answers are judged by
PARTS = (KEY, UNIT, TIME, LABEL_TIME, LABEL, SOURCE, PROPENSITY)
LATE = "__late."  # begins the names of the columns that are known only with the label
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """Rows in order of time.

    Attributes:
        frame: columns `__key`, `__unit` (text), `__time`, `__label_time` (UTC; null without a label), `__label`, where
            there are any `__source`, `__propensity`, `__late.NAME` (Float64) and judged columns (`__judged:NAME`), then
            the features. Texts are `pl.Enum` with the levels of the whole table, so that slices are free: ask `schema`
            or `dataset()` for the levels that occur here.
        label: the label's name in the table.
        task: what kind of question the label asks.
        classes: the values that the label can have, in order; empty for a regression.
        source: where the rows came from.
        notes: sentences on what was done to the rows on reading.
        label_delay: how long after `__time` a label is due.
        declared: what the loop's schema says of the rows; None when it declares none.
        origin: the version of an immutable source that these rows began as, whatever was added or left out since; None
            where the source is none.
        features: those of the columns that were computed, see `derive_history`.
        calls: the functions that may compute columns of these rows, by what tells their code from that of others.
    """

    frame: pl.DataFrame
    label: str
    task: Task
    classes: tuple[LabelValue, ...]
    source: str
    label_delay: timedelta
    notes: tuple[str, ...] = ()
    declared: Schema | None = None
    origin: Origin | None = None
    features: tuple[Feature, ...] = ()
    calls: Mapping[str, Ask] = field(default_factory=dict)

    @cached_property
    def schema(self) -> Schema:
        """The schema of the features as seen in these rows, and as declared."""
        return self._describe(self.frame, self.feature_names)

    def _describe(self, frame: pl.DataFrame, names: Sequence[str]) -> Schema:
        seen = infer_schema(frame, names)
        return seen if self.declared is None else overlay_schema(self.declared, seen)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Return the names of the features, in order."""
        return tuple(name for name in self.frame.columns if not is_part(name))

    @property
    def late_names(self) -> tuple[str, ...]:
        """Return the names of the columns that are known only with the label."""
        return tuple(name.removeprefix(LATE) for name in self.frame.columns if name.startswith(LATE))

    @property
    def gathered_names(self) -> tuple[str, ...]:
        """Return what features of the past may be gathered of: the label, columns known with it, features."""
        return (self.label, *self.late_names, *self.feature_names)

    @property
    def given_names(self) -> tuple[str, ...]:
        """Return the names of those features that are not computed, in order."""
        computed = {feature.name for feature in self.features}
        return tuple(name for name in self.feature_names if name not in computed)

    @property
    def judged_names(self) -> tuple[str, ...]:
        """Return the names of the judged columns, as the table has them."""
        return tuple(name.removeprefix(JUDGED) for name in self.frame.columns if name.startswith(JUDGED))

    @property
    def n_rows(self) -> int:
        """Return the number of rows, labelled or not."""
        return self.frame.height

    @property
    def starts_at(self) -> datetime:
        """Return the time of the first row."""
        return self._moment_of(0)

    @property
    def ends_at(self) -> datetime:
        """Return the time of the last row."""
        return self._moment_of(-1)

    @cached_property
    def _times(self) -> NDArray[np.int64]:
        return self.frame[TIME].to_physical().to_numpy()

    def _moment_of(self, row: int) -> datetime:
        if not self.n_rows:
            raise SourceError("there are no rows", expected="at least one", remedy="ask for a wider span of time")
        return _EPOCH + timedelta(microseconds=int(self._times[row]))

    def rows(self, since: datetime | None = None, until: datetime | None = None) -> "History":
        """Return the rows with since <= time < until; no data is copied."""
        first = 0 if since is None else int(np.searchsorted(self._times, count_microseconds(since), side="left"))
        end = (
            self.n_rows if until is None else int(np.searchsorted(self._times, count_microseconds(until), side="left"))
        )
        return replace(self, frame=self.frame.slice(first, max(0, end - first)))

    def known_at(self, moment: datetime) -> "History":
        """Return what was known at `moment`: rows with time <= moment, and of their labels those known by then."""
        end = int(np.searchsorted(self._times, count_microseconds(moment), side="right"))
        frame = self.frame.slice(0, end)
        is_known = pl.col(LABEL_TIME) <= moment.astimezone(UTC)
        late = [LABEL, LABEL_TIME, *(name for name in frame.columns if name.startswith(LATE))]
        frame = frame.with_columns(pl.when(is_known).then(pl.col(name)).alias(name) for name in late)
        return replace(self, frame=frame)

    def dataset(self) -> Dataset:
        """Return the labelled rows to train on: levels cut to those that occur, features without any value left out."""
        frame = self.frame if not self.frame[LABEL].null_count() else self.frame.filter(pl.col(LABEL).is_not_null())
        names = [name for name in self.feature_names if not frame.height or frame[name].null_count() < frame.height]
        features = narrow_levels(frame.select(names))
        return Dataset(
            features=features,
            label=frame[LABEL].alias(self.label),
            key=frame[KEY].alias("key"),
            unit=frame[UNIT].alias("unit"),
            time=frame[TIME].alias("time"),
            propensity=frame[PROPENSITY].alias("propensity") if PROPENSITY in frame.columns else None,
            schema=self._describe(features, names),
            task=self.task,
            classes=self.classes,
        )

    def judged(self) -> pl.DataFrame:
        """Return the judged columns of the labelled rows, under their own names: the rows of `dataset()`."""
        names = [name for name in self.frame.columns if name.startswith(JUDGED)]
        labelled = self.frame.filter(pl.col(LABEL).is_not_null()) if names else self.frame.clear()
        return labelled.select(pl.col(name).alias(name.removeprefix(JUDGED)) for name in names)

    def encoded_labels(self) -> NDArray[Any]:
        """Return the labels as numbers, shape (n_rows,): class positions (int64, -1 = missing), or float64 with NaN."""
        return encode_labels(self.frame[LABEL], task=self.task, classes=self.classes)


def is_part(name: str) -> bool:
    """Say whether a column of a history's frame is one that holdtrue keeps for itself, and no feature.

    >>> is_part("__time"), is_part("__judged:sex"), is_part("sex")
    (True, True, False)
    """
    return name in PARTS or name.startswith((JUDGED, LATE))


def count_microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970 of an aware moment, exactly.

    >>> count_microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    if moment.tzinfo is None:
        raise SourceError(f"the moment {moment.isoformat()} has no time zone", expected="an aware datetime such as UTC")
    return (moment - _EPOCH) // timedelta(microseconds=1)
