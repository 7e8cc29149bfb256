from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdtrue.data import FrameProfile, measure_column, profile_files, profile_frame
from holdtrue.errors import ColumnMissing, SchemaMismatch, SourceError, SourceMissing, StatisticsError
from holdtrue.stats import LevelProfile, NumberProfile


def draw_frame(seed: int = 0, n_rows: int = 2_000) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "amount": rng.lognormal(1, 1, n_rows),
            "gaps": np.where(rng.random(n_rows) < 0.1, np.nan, rng.normal(size=n_rows)),
            "count": rng.integers(0, 5, n_rows),
            "code": rng.integers(0, 10_000, n_rows),
            "text": rng.choice(["a", "b", "c"], n_rows),
            "level": pl.Series(rng.choice(["x", "y"], n_rows), dtype=pl.Enum(["x", "y"])),
            "flag": rng.random(n_rows) < 0.3,
            "empty": pl.Series([None] * n_rows, dtype=pl.Null),
        }
    )


def assert_same(one: FrameProfile, other: FrameProfile) -> None:
    assert list(one.columns) == list(other.columns)
    for name, column in one.columns.items():
        left, right = column.to_dict(), other.columns[name].to_dict()
        for part in left.keys() - {"mean", "squares"}:
            assert left[part] == right[part], (name, part)


def test_each_column_is_counted_in_its_own_way() -> None:
    profile = profile_frame(draw_frame())
    kinds = {name: type(column) for name, column in profile.columns.items()}
    assert [name for name, kind in kinds.items() if kind is NumberProfile] == ["amount", "gaps", "code"]
    assert profile.columns["count"].to_dict()["levels"] is not None
    assert profile.columns["empty"].n_missing == profile.n_rows == 2_000


def test_columns_that_cannot_be_counted_are_left_out_unless_they_are_asked_for() -> None:
    frame = pl.DataFrame({"x": [1, 2], "at": [datetime(2024, 1, 1, tzinfo=UTC)] * 2, "many": [[1], [2]]})
    assert list(profile_frame(frame).columns) == ["x"]
    with pytest.raises(SchemaMismatch, match="'at' is Datetime"):
        profile_frame(frame, columns=["at"])
    with pytest.raises(ColumnMissing, match="'y' is not in the rows"):
        profile_frame(frame, columns=["y"])
    with pytest.raises(ColumnMissing, match="not in the profile of the reference"):
        profile_frame(frame, like=profile_frame(frame), columns=["at"])


@pytest.mark.parametrize("cut", [0, 1, 700, 2_000])
def test_parts_add_to_the_whole(cut: int) -> None:
    frame = draw_frame()
    like = profile_frame(frame)
    parts = [profile_frame(frame.slice(0, cut), like=like), profile_frame(frame.slice(cut), like=like)]
    assert_same(parts[0].add(parts[1]), like)
    assert_same(parts[1].add(parts[0]), like)


def test_profiles_that_were_measured_differently_do_not_add() -> None:
    frame = draw_frame()
    with pytest.raises(StatisticsError, match="different columns"):
        profile_frame(frame).add(profile_frame(frame.select("text")))
    few, many = (profile_frame(pl.DataFrame({"x": range(n)})) for n in (3, 300))
    with pytest.raises(StatisticsError, match="'x' is numbers in one"):
        few.add(many)


def test_a_file_has_the_profile_of_its_frame(tmp_path: Path) -> None:
    frame = draw_frame()
    frame.drop("empty").write_parquet(tmp_path / "rows.parquet")
    frame.drop("empty").write_csv(tmp_path / "rows.csv")
    whole = profile_frame(frame.drop("empty"))
    assert_same(profile_files("rows.parquet", folder=tmp_path), whole)
    assert_same(profile_files(tmp_path / "rows.csv"), whole)


def test_the_files_of_a_glob_add(tmp_path: Path) -> None:
    frame = draw_frame().drop("empty")
    for part in range(4):
        frame.slice(500 * part, 500).write_parquet(tmp_path / f"part-{part}.parquet")
    like = profile_frame(frame)
    assert_same(profile_files("part-*.parquet", folder=tmp_path, like=like), like)
    assert profile_files("part-*.parquet", folder=tmp_path).n_rows == 2_000


def test_a_file_that_is_not_there_or_broken_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SourceMissing, match="is not there"):
        profile_files("gone.parquet", folder=tmp_path)
    with pytest.raises(SourceError, match="cannot be read"):
        profile_files("broken.parquet", folder=tmp_path)


def test_a_packed_profile_comes_back_whole() -> None:
    profile = profile_frame(draw_frame())
    back = FrameProfile.from_bytes(profile.to_bytes())
    assert_same(back, profile)
    assert back.columns["amount"].to_dict() == profile.columns["amount"].to_dict()
    for packed in (b"", b"nonsense", profile.to_bytes()[:-9]):
        with pytest.raises(StatisticsError, match=r"no profile of a table|no packed profile"):
            FrameProfile.from_bytes(packed)


def test_values_beyond_the_references_levels_are_others_and_texts_for_numbers_are_missing() -> None:
    like = profile_frame(pl.DataFrame({"text": ["a", "b"], "x": [float(i) for i in range(30)][:2]}))
    now = profile_frame(pl.DataFrame({"text": ["a", "z"], "x": [1.0, 7.0]}), like=like)
    assert [now.columns[name].to_dict()["n_other"] for name in ("text", "x")] == [1, 1]
    numbers = measure_column(pl.Series([float(i) for i in range(30)]))
    assert measure_column(pl.Series(["3", "many"]), like=numbers).n_missing == 1


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([0.5, float("nan"), float("inf")]))))
def test_few_numbers_are_levels_and_nan_and_null_are_missing(values: list[float | None]) -> None:
    series = pl.Series(values, dtype=pl.Float64, strict=False)
    profile = measure_column(series)
    assert isinstance(profile, LevelProfile)
    assert profile.n_rows == len(values)
    assert profile.n_missing == sum(value is None or np.isnan(value) for value in values)


def test_a_column_of_no_rows_has_a_profile() -> None:
    profile = profile_frame(draw_frame().head(0))
    assert profile.n_rows == 0
    assert profile_frame(pl.DataFrame()).n_rows == 0
    assert profile_frame(draw_frame().head(0), like=profile_frame(draw_frame())).n_rows == 0
