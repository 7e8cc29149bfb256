from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from holdtrue.data import Dataset, infer_schema
from holdtrue.domain import Task

MakeDataset = Callable[..., Dataset]
START = datetime(2013, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000


@pytest.fixture
def make_dataset() -> MakeDataset:
    """Make a dataset from features and a label; rows are spread evenly over `n_days` from 2013-01-01 + `first_day`."""

    def make(
        label: object,
        features: pl.DataFrame | dict[str, object] | None = None,
        *,
        n_days: float = 40,
        first_day: float = 0,
        task: Task | None = None,
        keys: list[str] | None = None,
    ) -> Dataset:
        values = pl.Series("label", label)
        n_rows = len(values)
        if task is None:
            is_binary = values.dtype == pl.Boolean
            task = Task.REGRESSION if values.dtype.is_float() else Task.BINARY if is_binary else Task.MULTICLASS
        classes = () if task is Task.REGRESSION else (False, True) if values.dtype == pl.Boolean else None
        frame = pl.DataFrame(features if features is not None else {"x": np.arange(n_rows) % 7})
        since = (first_day + np.arange(n_rows) * n_days / max(n_rows, 1)) * DAY
        micros = since.astype(np.int64) + int(START.timestamp() * 1e6)
        names = pl.Series("key", keys or [f"k{i + int(first_day * 1e6)}" for i in range(n_rows)], dtype=pl.String)
        return Dataset(
            features=frame,
            label=values,
            key=names,
            unit=names.alias("unit"),
            time=pl.Series("time", micros).cast(pl.Datetime("us", "UTC")),
            schema=infer_schema(frame, frame.columns),
            task=task,
            classes=tuple(values.drop_nulls().unique().sort().to_list()) if classes is None else classes,
        )

    return make
