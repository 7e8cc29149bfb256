from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from holdtrue.data import History, read_frame
from holdtrue.domain import Task, table
from holdtrue.errors import SourceError

START = datetime(2024, 1, 1, tzinfo=UTC)


def make_frame(n_rows: int = 10) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": list(range(n_rows)),
            "at": [START + timedelta(days=row) for row in range(n_rows)],
            "size": [float(row) for row in range(n_rows)],
            "colour": [["red", "blue", "green"][min(row // 4, 2)] for row in range(n_rows)],
            "late": [row % 3 == 0 for row in range(n_rows)],
        }
    )


def make_history(n_rows: int = 10) -> History:
    return read_frame(make_frame(n_rows), table("x.csv", key="id", time="at", label="late", label_delay="36h"))


def test_rows_are_half_open_in_time() -> None:
    rows = make_history().rows(START + timedelta(days=2), START + timedelta(days=5))
    assert rows.frame["__key"].to_list() == ["2", "3", "4"]
    assert (rows.starts_at, rows.ends_at) == (START + timedelta(days=2), START + timedelta(days=4))


def test_rows_outside_the_span_are_none_and_have_no_start() -> None:
    rows = make_history().rows(START + timedelta(days=50))
    assert rows.n_rows == 0
    with pytest.raises(SourceError, match="no rows"):
        _ = rows.starts_at


def test_labels_that_were_not_known_by_a_moment_are_missing_at_it() -> None:
    known = make_history().known_at(START + timedelta(days=4))
    assert known.n_rows == 5
    assert known.encoded_labels().tolist() == [1, 0, 0, -1, -1]
    assert known.frame["__label_time"].null_count() == 2


def test_a_label_is_known_at_the_very_moment_it_comes() -> None:
    assert make_history().known_at(START + timedelta(hours=36)).encoded_labels().tolist()[0] == 1


def test_a_dataset_freezes_only_the_levels_of_its_own_rows() -> None:
    history = make_history()
    early = history.known_at(START + timedelta(days=3)).dataset()
    assert early.features["colour"].dtype == pl.Enum(["red"])
    assert early.schema.column("colour").levels == ("red",)
    assert history.dataset().schema.column("colour").levels == ("blue", "green", "red")


def test_a_dataset_holds_labelled_rows_only() -> None:
    dataset = make_history().known_at(START + timedelta(days=4)).dataset()
    assert dataset.n_rows == 3
    assert dataset.label.name == "late"
    assert dataset.encoded_labels().tolist() == [1, 0, 0]
    assert dataset.key.to_list() == ["0", "1", "2"]


def test_a_dataset_leaves_out_a_feature_that_has_no_value_yet() -> None:
    frame = make_frame().with_columns(new=pl.when(pl.col("id") > 7).then(1.5))
    history = read_frame(frame, table("x.csv", key="id", time="at", label="late", label_delay="1d"))
    assert "new" not in history.known_at(START + timedelta(days=5)).dataset().schema.names
    assert "new" in history.dataset().schema.names


def test_numbers_are_encoded_as_themselves() -> None:
    frame = make_frame().with_columns(amount=pl.Series([1.5, None, *range(8)], strict=False))
    declared = table("x.csv", key="id", time="at", label="amount", label_delay="1d")
    history = read_frame(frame, declared)
    assert history.task is Task.REGRESSION
    assert np.isnan(history.encoded_labels()[1])
    assert history.encoded_labels()[0] == 1.5


def test_to_pandas_gives_features_and_label() -> None:
    pytest.importorskip("pandas")
    frame = make_history().dataset().to_pandas()
    assert list(frame.columns) == ["size", "colour", "late"]
    assert str(frame["colour"].dtype) == "category"


def test_slices_share_the_memory_of_their_history() -> None:
    history = make_history()
    part = history.rows(START + timedelta(days=2))
    whole = history.frame["size"].to_numpy(allow_copy=False)
    assert np.shares_memory(part.frame["size"].to_numpy(allow_copy=False), whole)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(SourceError, match="no time zone"):
        make_history().known_at(datetime(2024, 1, 3))
