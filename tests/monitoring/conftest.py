from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from holdtrue.data import History
from holdtrue.domain import Task

START = datetime(2013, 1, 7, tzinfo=UTC)  # a Monday


@pytest.fixture
def start() -> datetime:
    return START


@pytest.fixture
def make_history() -> Callable[..., History]:
    """Make a history of these features; rows are spread evenly over `n_days` from 2013-01-07."""

    def make(features: pl.DataFrame, *, n_days: float = 60) -> History:
        n_rows = features.height
        times = [START + timedelta(days=n_days * i / max(n_rows, 1)) for i in range(n_rows)]
        parts = pl.DataFrame(
            {
                "__key": [f"k{i}" for i in range(n_rows)],
                "__unit": [f"k{i}" for i in range(n_rows)],
                "__time": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
                "__label_time": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
                "__label": [i % 2 == 0 for i in range(n_rows)],
            }
        )
        return History(
            frame=pl.concat([parts, features], how="horizontal"),
            label="late",
            task=Task.BINARY,
            classes=(False, True),
            source="test",
            label_delay=timedelta(hours=6),
        )

    return make
