"""Tables of Delta Lake: one version, whole; what was removed does not count."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.data import read_history
from holdtrue.data.files import print_files, read_files
from holdtrue.domain import table
from holdtrue.errors import ColumnMissing, SourceError

deltalake = pytest.importorskip("deltalake")
START = datetime(2024, 1, 1, tzinfo=UTC)


def make_rows(first: int, n_rows: int = 10) -> pl.DataFrame:
    ids = list(range(first, first + n_rows))
    at = [START + timedelta(days=i) for i in ids]
    return pl.DataFrame({"id": ids, "at": at, "x": [i / 2 for i in ids], "late": [i % 2 == 0 for i in ids]})


def test_a_folder_of_delta_lake_is_read_at_its_newest_version(tmp_path: Path) -> None:
    deltalake.write_deltalake(tmp_path / "lake", make_rows(0))
    before = print_files("lake", folder=tmp_path)
    deltalake.write_deltalake(tmp_path / "lake", make_rows(10), mode="append")
    deltalake.DeltaTable(tmp_path / "lake").delete("id < 5")
    assert print_files("lake", folder=tmp_path) != before
    declared = table("lake", key="id", time="at", label="late", label_delay="1d")
    history = read_history(declared, folder=tmp_path)
    assert history.frame["__key"].to_list() == [str(i) for i in range(5, 20)]
    assert history.source == "lake at version 2"
    assert read_files("lake", folder=tmp_path, columns=["x"]).frame.columns == ["x"]


def test_a_delta_table_that_is_broken_or_lost_a_file_is_refused(tmp_path: Path) -> None:
    deltalake.write_deltalake(tmp_path / "lake", make_rows(0))
    with pytest.raises(ColumnMissing, match="'y' is not in"):
        read_files("lake", folder=tmp_path, columns=["y"])
    for part in (tmp_path / "lake").glob("*.parquet"):
        part.unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        read_files("lake", folder=tmp_path)
    (tmp_path / "none" / "_delta_log").mkdir(parents=True)
    with pytest.raises(SourceError, match="cannot be read"):
        read_files("none", folder=tmp_path)
