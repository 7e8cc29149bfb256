"""Folders as tables, and what the names of folders say of their rows."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.data import read_history
from holdtrue.data.files import print_files, read_files
from holdtrue.domain import table
from holdtrue.errors import ColumnMissing, SourceError, SourceMissing

START = datetime(2024, 1, 1, tzinfo=UTC)


def write_part(file: Path, ids: list[int], **columns: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame({"id": ids, "size": [float(i) for i in ids]}).with_columns(
        pl.lit(value).alias(name) for name, value in columns.items()
    )
    frame.write_csv(file) if file.suffix == ".csv" else frame.write_parquet(file)


def test_a_folder_gives_the_rows_of_all_its_files_in_order_of_their_names(tmp_path: Path) -> None:
    write_part(tmp_path / "rows" / "b.parquet", [3])
    write_part(tmp_path / "rows" / "a" / "a.parquet", [1, 2])
    write_part(tmp_path / "rows" / "c.csv", [4])
    for name in ("_SUCCESS", ".b.parquet.crc", "_tmp/part.parquet"):
        (tmp_path / "rows" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "rows" / name).write_bytes(b"no rows")
    assert read_files("rows", folder=tmp_path).frame["id"].to_list() == [1, 2, 3, 4]
    before = print_files("rows", folder=tmp_path)
    write_part(tmp_path / "rows" / "d.parquet", [5])
    assert print_files("rows", folder=tmp_path) != before


def test_names_of_folders_are_columns_of_the_types_that_they_are_written_in(tmp_path: Path) -> None:
    write_part(tmp_path / "rows" / "day=2024-01-01" / "hour=7" / "feed=a%20b" / "code=01" / "p.parquet", [1, 2])
    write_part(tmp_path / "rows" / "day=2024-01-02" / "hour=12" / "feed=c" / "code=2" / "p.csv", [3])
    missing = "feed=__HIVE_DEFAULT_PARTITION__"
    write_part(tmp_path / "rows" / "day=2024-01-02" / "hour=13" / missing / "code=3" / "p.parquet", [4])
    frame = read_files("rows", folder=tmp_path, texts=["day"]).frame
    assert frame["day"].to_list() == ["2024-01-01", "2024-01-01", "2024-01-02", "2024-01-02"]
    assert frame["hour"].to_list() == [7, 7, 12, 13]
    assert frame["feed"].to_list() == ["a b", "a b", "c", None]
    assert frame["code"].to_list() == ["01", "01", "2", "3"]
    assert read_files("rows", folder=tmp_path).frame["day"][0] == date(2024, 1, 1)
    globbed = read_files("rows/day=2024-01-01/**/*.parquet", folder=tmp_path).frame
    assert globbed["hour"].to_list() == [7, 7]
    assert read_files("rows", folder=tmp_path, columns=["hour"]).frame["hour"].to_list() == [7, 7, 12, 13]


def test_a_column_of_the_file_wins_over_the_name_of_its_folder(tmp_path: Path) -> None:
    write_part(tmp_path / "rows" / "feed=a" / "p.parquet", [1], feed="own")
    assert read_files("rows", folder=tmp_path).frame["feed"].to_list() == ["own"]


def test_a_name_that_only_some_folders_carry_is_a_missing_column_of_the_others(tmp_path: Path) -> None:
    write_part(tmp_path / "rows" / "feed=a" / "p.parquet", [1])
    write_part(tmp_path / "rows" / "q.parquet", [2])
    with pytest.raises(ColumnMissing, match=r"'feed' is not in q\.parquet"):
        read_files("rows", folder=tmp_path)


def test_a_partition_may_be_the_source_of_the_rows_of_a_loop(tmp_path: Path) -> None:
    for feed, first in (("a", 0), ("b", 10)):
        at = [START + timedelta(days=first + i) for i in range(10)]
        frame = pl.DataFrame({"id": range(first, first + 10), "at": at, "x": 1.0, "late": [True, False] * 5})
        (tmp_path / "rows" / f"feed={feed}").mkdir(parents=True)
        frame.write_parquet(tmp_path / "rows" / f"feed={feed}" / "p.parquet")
    declared = table("rows", key="id", time="at", label="late", label_delay="1d", source="feed")
    history = read_history(declared, folder=tmp_path)
    assert history.frame["__source"].to_list() == ["a"] * 10 + ["b"] * 10
    assert history.feature_names == ("x",)


def test_a_folder_without_rows_or_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceMissing, match=r"holds no \.parquet"):
        read_files("empty", folder=tmp_path)
    write_part(tmp_path / "ice" / "data" / "p.parquet", [1])
    (tmp_path / "ice" / "metadata").mkdir()
    (tmp_path / "ice" / "metadata" / "v1.metadata.json").write_text("{}")
    with pytest.raises(SourceError, match="is a table of Iceberg"):
        read_files("ice", folder=tmp_path)
    write_part(tmp_path / "rows" / "p.parquet", [1])
    (tmp_path / "rows" / "notes.txt").write_text("hello")
    with pytest.raises(SourceError, match=r"notes\.txt has an ending that is not known"):
        read_files("rows", folder=tmp_path)
