from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from holdtrue.data import files, read_files
from holdtrue.errors import ColumnMissing, SchemaMismatch, SourceError, SourceMissing


def test_a_missing_file_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "flights.parquet").touch()
    with pytest.raises(SourceMissing, match=r"flihgts\.parquet is not there.*did you mean 'flights.parquet'"):
        read_files("flihgts.parquet", folder=tmp_path)


def test_a_missing_file_in_an_empty_folder_says_where_paths_start(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="relative to"):
        read_files("flights.parquet", folder=tmp_path)


def test_a_glob_without_a_match_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"no file matches 'part-\*\.csv'"):
        read_files("part-*.csv", folder=tmp_path)


def test_a_format_that_is_not_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.xlsx").touch()
    with pytest.raises(SourceError, match=r"rows\.xlsx.*\.parquet, \.pq, \.csv"):
        read_files("rows.xlsx", folder=tmp_path)


@pytest.mark.parametrize("name", ["broken.parquet", "empty.csv"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PAR1 not really" if name.startswith("b") else b"")
    with pytest.raises(SourceError, match=name.replace(".", r"\.")):
        read_files(name, folder=tmp_path)


def test_a_glob_reads_its_files_in_order_of_their_names(tmp_path: Path) -> None:
    for part in (2, 1):
        pl.DataFrame({"a": [part]}).write_parquet(tmp_path / f"{part}.parquet")
    assert read_files("*.parquet", folder=tmp_path).frame["a"].to_list() == [1, 2]
    assert read_files(str(tmp_path / "*.parquet"), folder=Path("/")).frame["a"].to_list() == [1, 2]


def test_a_column_that_changes_its_type_names_both_files_and_types(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1], "b": [1]}).write_parquet(tmp_path / "jan.parquet")
    pl.DataFrame({"a": [1], "b": ["x"]}).write_parquet(tmp_path / "feb.parquet")
    with pytest.raises(SchemaMismatch, match=r"'b' is String in feb\.parquet and Int64 in jan\.parquet"):
        read_files("*.parquet", folder=tmp_path)
    assert read_files("*.parquet", folder=tmp_path, ignore=["b"]).frame.columns == ["a"]


def test_whole_numbers_widen_to_numbers_and_it_is_said(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"a": [2.5]}).write_parquet(tmp_path / "2.parquet")
    read = read_files("*.parquet", folder=tmp_path)
    assert read.frame["a"].to_list() == [1.0, 2.5]
    assert read.notes == ("'a' is Int64 in 1.parquet and Float64 in 2.parquet: read as Float64",)


def test_a_file_without_a_value_in_a_column_takes_the_type_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,\n2,\n")
    (tmp_path / "2.csv").write_text("a,b\n3,4\n")
    assert read_files("*.csv", folder=tmp_path).frame["b"].to_list() == [None, None, 4]


def test_a_column_that_a_later_file_lacks_is_an_error_and_a_new_one_is_left_out(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1], "b": [1]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"a": [1], "c": [1]}).write_parquet(tmp_path / "2.parquet")
    with pytest.raises(ColumnMissing, match=r"'b' is not in 2\.parquet, though 1\.parquet has it"):
        read_files("*.parquet", folder=tmp_path)
    read = read_files("*.parquet", folder=tmp_path, ignore=["b"])
    assert read.frame.columns == ["a"]
    assert read.notes == ("'c' is not in 1.parquet, the first file: it was left out",)


def test_brackets_in_the_name_of_a_file_or_folder_are_no_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "run [1]"
    folder.mkdir()
    for name in ("a[1].csv", "b.csv"):
        (folder / name).write_text("a\n1\n")
    assert len(read_files("a[1].csv", folder=folder).frame) == 1
    assert len(read_files("*.csv", folder=folder).frame) == 2


def test_csv_nulls_and_times_are_understood(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("t,n,s\n2013-01-01T10:00:00+02:00,NA,a\n2013-01-02T10:00:00Z,2.5,\n")
    frame = read_files("x.csv", folder=tmp_path).frame
    assert frame["n"].to_list() == [None, 2.5]
    assert frame["s"].to_list() == ["a", None]
    assert str(frame["t"][0]) == "2013-01-01 08:00:00+00:00"


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_a_file_that_is_written_to_while_it_is_read_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pl.DataFrame({"a": [1, 2, 3]})
    (rows.write_csv if name.endswith("csv") else rows.write_parquet)(tmp_path / name)
    read_own = files._read_own

    def read_and_write(part: files._Part, names: Sequence[str]) -> pl.DataFrame:
        found = read_own(part, names)
        with (tmp_path / name).open("ab") as file:
            file.write(b"4\n")
        return found

    monkeypatch.setattr(files, "_read_own", read_and_write)
    with pytest.raises(SourceError, match=r"was written to while it was read.*rename"):
        read_files(name, folder=tmp_path)


def test_a_panic_of_the_engine_is_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "rows.parquet")

    def panic(part: files._Part, names: Sequence[str]) -> pl.DataFrame:
        raise pl.exceptions.PanicException("called unwrap on an Err value")

    monkeypatch.setattr(files, "_read_own", panic)
    with pytest.raises(SourceError, match="cannot be read: called unwrap"):
        read_files("rows.parquet", folder=tmp_path)
