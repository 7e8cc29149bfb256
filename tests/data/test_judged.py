"""Judged columns stand in a history beside the features and are none of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.data import extend_history, latest_labels, read_frame, read_history, read_predictions, read_snapshot
from holdtrue.data.row_digest import digest_rows
from holdtrue.data.snapshot import write_snapshot
from holdtrue.domain import table
from holdtrue.errors import ColumnMissing, SchemaMismatch
from holdtrue.store import Store

from .conftest import make_prediction, write_log

START = datetime(2024, 1, 1, tzinfo=UTC)
PLAIN = table("loans.parquet", key="id", time="at", label="paid", label_delay="1d", drop=["sex", "age"])
DECLARED = replace(PLAIN, judged=("sex", "age"))


def make_rows(n_rows: int = 8) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(n_rows)],
            "at": [START + timedelta(days=i) for i in range(n_rows)],
            "size": [float(i) for i in range(n_rows)],
            "sex": ["f" if i % 2 else "m" for i in range(n_rows)],
            "age": [None if i == 3 else 20 + i for i in range(n_rows)],
            "paid": [None if i == 5 else i % 3 == 0 for i in range(n_rows)],
        }
    )


def test_they_are_no_features_and_are_had_for_the_labelled_rows() -> None:
    history = read_frame(make_rows(), DECLARED)
    assert history.feature_names == history.schema.names == ("size",)
    assert history.dataset().features.columns == ["size"]
    judged = history.judged()
    assert judged.columns == ["sex", "age"]
    assert judged["age"].to_list() == [20, 21, 22, None, 24, 26, 27]
    assert history.rows(since=START + timedelta(days=6)).judged()["sex"].to_list() == ["m", "f"]


def test_nothing_that_a_training_sees_changes_by_them() -> None:
    with_them, without = read_frame(make_rows(), DECLARED), read_frame(make_rows(), PLAIN)
    assert digest_rows(with_them.dataset()) == digest_rows(without.dataset())
    assert write_snapshot(with_them) != write_snapshot(without)
    assert without.judged().width == 0


def test_a_snapshot_brings_them_back() -> None:
    history = read_frame(make_rows(), DECLARED)
    back = read_snapshot(write_snapshot(history))
    assert back.frame.equals(history.frame)
    assert back.judged().equals(history.judged())


@pytest.mark.parametrize("features", [None, ["size"]], ids=["dropped", "left out"])
def test_they_are_read_from_files(tmp_path: Path, features: list[str] | None) -> None:
    make_rows().write_parquet(tmp_path / "loans.parquet")
    left_out = replace(DECLARED, drop=() if features else DECLARED.drop, features=features and tuple(features))
    assert read_history(left_out, folder=tmp_path).judged().columns == ["sex", "age"]


def test_one_that_is_not_there_or_is_a_time_is_named(tmp_path: Path) -> None:
    with pytest.raises(ColumnMissing, match="'town'"):
        read_frame(make_rows(), replace(DECLARED, judged=("town",)))
    with pytest.raises(SchemaMismatch, match="judges by 'age', which is a time"):
        read_frame(make_rows().with_columns(age=pl.col("at")), DECLARED)


def test_one_without_any_value_tells_no_rows_apart() -> None:
    judged = read_frame(make_rows().with_columns(age=pl.lit(None)), DECLARED).judged()
    assert judged["age"].null_count() == 7


def test_rows_of_the_log_have_none(store: Store) -> None:
    write_log(store, [make_prediction("p", "new", 9, features={"size": 7.0})])
    log = read_predictions(store, "parcels")
    grown = extend_history(read_frame(make_rows(), DECLARED), log, latest_labels(store, "parcels", as_of=START))
    assert grown.n_rows == 9
    assert grown.feature_names == ("size",)
    assert grown.frame.filter(pl.col("__key") == "new")["__judged:sex"].to_list() == [None]
    assert grown.frame["__judged:sex"].null_count() == 1
