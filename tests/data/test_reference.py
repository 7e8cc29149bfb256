"""Snapshots of immutable tables: by reference, read again as they were, or a clear word on why that cannot be."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.data import History, load_snapshot, read_history, take_snapshot
from holdtrue.data.snapshot import write_snapshot
from holdtrue.domain import table
from holdtrue.errors import SourceError, SourceMissing
from holdtrue.store import Store

deltalake = pytest.importorskip("deltalake")
START = datetime(2024, 1, 1, tzinfo=UTC)
DECLARED = table("lake", key="id", time="at", label="late", label_delay="1d", drop=["secret"])
ALL = START + timedelta(days=9999)


def make_rows(first: int, n_rows: int = 10) -> pl.DataFrame:
    ids = list(range(first, first + n_rows))
    return pl.DataFrame(
        {
            "id": ids,
            "at": [START + timedelta(days=i) for i in ids],
            "x": [None if i % 4 == 3 else i / 2 for i in ids],
            "colour": ["red" if i % 3 else "green" for i in ids],
            "secret": ["s" for _ in ids],
            "late": [i % 2 == 0 for i in ids],
        }
    )


def write_lake(folder: Path, *, n_rows: int = 20) -> History:
    deltalake.write_deltalake(folder / "lake", make_rows(0, n_rows))
    return read_history(DECLARED, folder=folder)


def test_a_reference_brings_back_the_columns_that_only_judge(tmp_path: Path) -> None:
    write_lake(tmp_path, n_rows=300)
    history = read_history(replace(DECLARED, judged=("secret",)), folder=tmp_path)
    with Store.open(tmp_path / ".holdtrue") as store:
        record = take_snapshot(store, "a", history, as_of=ALL)
        back = load_snapshot(store, record, "a")
        assert count_bytes(store) < len(write_snapshot(history))
    assert back.judged()["secret"].to_list() == ["s"] * 300
    assert back.feature_names == ("x", "colour")


def count_bytes(store: Store) -> int:
    return sum(file.stat().st_size for file in store.artifacts.folder.rglob("*") if file.is_file())


def test_a_snapshot_of_a_version_names_it_and_is_read_again_after_the_table_has_gone_on(tmp_path: Path) -> None:
    history = write_lake(tmp_path, n_rows=5000)
    with Store.open(tmp_path / ".holdtrue") as store:
        record = take_snapshot(store, "a", history, as_of=ALL)
        assert count_bytes(store) < len(write_snapshot(history.known_at(ALL))) / 5
        deltalake.DeltaTable(tmp_path / "lake").delete("id < 50")
        deltalake.write_deltalake(tmp_path / "lake", make_rows(5000), mode="append")
        again = load_snapshot(store, record, "a")
        known = history.known_at(ALL)
        assert again.frame.cast({"colour": pl.String}).equals(known.frame.cast({"colour": pl.String}))
        assert (again.task, again.classes, again.source) == (known.task, known.classes, "lake at version 0")
        assert take_snapshot(store, "a", history, as_of=ALL + timedelta(hours=1)).digest == record.digest


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.filter(pl.col("__key") != "3"),
        lambda frame: frame.with_columns(__label=pl.when(pl.col("__key") == "4").then(True).otherwise("__label")),
        lambda frame: frame.with_columns(
            __propensity=pl.when(pl.col("__key") == "5").then(pl.lit(0.5)).otherwise(None)
        ).select("__key", "__unit", "__time", "__label_time", "__label", "__propensity", "x", "colour"),
        lambda frame: pl.concat([frame.head(7), frame.slice(7, 1).with_columns(__key=pl.lit("new")), frame.tail(13)]),
        lambda frame: frame.sort("__time", descending=True),
    ],
    ids=["left out", "changed", "marked", "added", "of another order"],
)
def test_what_was_added_changed_or_left_out_since_is_kept_beside_the_reference(
    tmp_path: Path, change: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    history = write_lake(tmp_path)
    history = replace(history, frame=change(history.frame))
    with Store.open(tmp_path / ".holdtrue") as store:
        record = take_snapshot(store, "a", history, as_of=ALL)
        again = load_snapshot(store, record, "a").frame
    assert again.cast({"colour": pl.String}).equals(history.frame.cast({"colour": pl.String}))


def test_a_project_that_was_moved_with_its_table_finds_it_there(tmp_path: Path) -> None:
    history = write_lake(tmp_path / "old")
    with Store.open(tmp_path / "old" / ".holdtrue") as store:
        record = take_snapshot(store, "a", history, as_of=START + timedelta(days=5))
    shutil.move(tmp_path / "old", tmp_path / "new")
    with Store.open(tmp_path / "new" / ".holdtrue") as store:
        assert load_snapshot(store, record.digest, "a").n_rows == 6


def test_a_version_that_was_vacuumed_is_told_with_what_to_do(tmp_path: Path) -> None:
    history = write_lake(tmp_path)
    with Store.open(tmp_path / ".holdtrue") as store:
        record = take_snapshot(store, "a", history, as_of=ALL)
        lake = deltalake.DeltaTable(tmp_path / "lake")
        lake.delete("id < 5")
        lake.vacuum(0, dry_run=False, enforce_retention_duration=False)
        with pytest.raises(SourceMissing, match=r"version 0 of the Delta table .* was vacuumed") as refused:
            load_snapshot(store, record, "a")
        assert "deletedFileRetentionDuration" in str(refused.value)


def test_a_table_that_was_written_anew_in_its_place_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    history = write_lake(tmp_path)
    with Store.open(tmp_path / ".holdtrue") as store:
        record = take_snapshot(store, "a", history, as_of=ALL)
        shutil.rmtree(tmp_path / "lake")
        deltalake.write_deltalake(tmp_path / "lake", make_rows(0, 20).with_columns(x=pl.lit(1.0)))
        with pytest.raises(SourceError, match="other rows than when it was learned from"):
            load_snapshot(store, record, "a")
