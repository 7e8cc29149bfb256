from pathlib import Path

import numpy as np
import polars as pl
import pytest

from holdtrue.data import profile_frame
from holdtrue.errors import ColumnMissing
from holdtrue.monitoring import DriftReport, report_drift


def draw_rows(rng: np.random.Generator, n_rows: int = 1_000, *, shift: float = 0.0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "temp": rng.normal(shift, 1, n_rows),
            "wind": rng.lognormal(0, 1, n_rows),
            "text": rng.choice(["a", "b", "c"], n_rows, p=[0.5, 0.3, 0.2]),
        }
    )


def follow(reference: pl.DataFrame, windows: list[pl.DataFrame]) -> list[DriftReport]:
    kept, reports = profile_frame(reference), list[DriftReport]()
    for window in windows:
        reports.append(report_drift(kept, window, earlier=reports))
    return reports


def test_a_column_has_moved_at_the_second_window_that_exceeds() -> None:
    rng = np.random.default_rng(0)
    first, second = follow(draw_rows(rng, 20_000), [draw_rows(rng, shift=0.6) for _ in range(2)])
    assert first.moved == ()
    assert [(each.column, each.is_missing) for each in second.moved] == [("temp", False)]
    assert second.sentence.startswith("1 of 6 values and missing shares have moved: temp, index 0.")


def test_nothing_moves_in_windows_without_change() -> None:
    rng = np.random.default_rng(1)
    reports = follow(draw_rows(rng, 20_000), [draw_rows(rng) for _ in range(60)])
    assert not any(report.moved for report in reports)
    assert reports[-1].sentence == "None of 3 columns has moved (1,000 rows)."
    assert all(each.move.is_testable for each in reports[-1].columns if not each.is_missing)


def test_missing_values_and_new_levels_move() -> None:
    rng = np.random.default_rng(2)
    changed = draw_rows(rng).with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise("wind").alias("wind"),
        pl.col("text").replace("a", "new"),
    )
    report = follow(draw_rows(rng, 20_000), [changed, changed])[-1]
    assert {(each.column, each.is_missing) for each in report.moved} == {("wind", True), ("text", False)}


def test_what_own_days_show_is_no_move() -> None:
    rng = np.random.default_rng(3)
    days = [draw_rows(rng, shift=float(shift)) for shift in rng.normal(0, 0.5, 60)]
    kept = profile_frame(pl.concat(days))
    own_days = [profile_frame(day, like=kept) for day in days]
    window = draw_rows(rng, shift=0.6)
    plain = report_drift(kept, window, earlier=[report_drift(kept, window)])
    known = report_drift(kept, window, own_days=own_days, earlier=[report_drift(kept, window, own_days=own_days)])
    assert [each.column for each in plain.moved] == ["temp"]
    assert known.moved == ()
    assert not plain.moved[0].move.is_calibrated


def test_a_file_a_frame_and_a_profile_give_the_same_report(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    kept, window = profile_frame(draw_rows(rng, 20_000)), draw_rows(rng, shift=0.6)
    window.write_parquet(tmp_path / "window.parquet")
    measured = profile_frame(window, like=kept)
    reports = [report_drift(kept, each) for each in (window, tmp_path / "window.parquet", measured)]
    assert reports[0].to_frame().equals(reports[1].to_frame())
    assert reports[0].to_frame().equals(reports[2].to_frame())
    assert reports[0].to_frame().filter("exceeds")["column"].to_list() == ["temp"]


def test_a_window_that_lacks_a_column_is_an_error_and_one_without_rows_says_nothing() -> None:
    rng = np.random.default_rng(5)
    kept = profile_frame(draw_rows(rng))
    with pytest.raises(ColumnMissing, match="'temp' is not in the rows"):
        report_drift(kept, draw_rows(rng).drop("temp"))
    for n_rows in (0, 1):
        report = report_drift(kept, draw_rows(rng, n_rows))
        assert not any(each.move.exceeds or each.move.is_testable for each in report.columns)


def test_a_reference_without_a_value_is_watched_by_its_missing_share() -> None:
    rows = pl.DataFrame({"x": pl.Series([None] * 2_000, dtype=pl.Float64)})
    kept = profile_frame(rows)
    report = report_drift(kept, pl.DataFrame({"x": [1.0] * 2_000}))
    assert [(each.is_missing, each.move.exceeds) for each in report.columns] == [(True, True)]
