"""What a user gets wrong comes back as one sentence that says what was found, what was expected and what to do."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from holdtrue.testing import drifting_rows, write_drifting_project


def refuse(*arguments: str | Path, code: int = 2) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "holdtrue", *map(str, arguments)],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return " ".join(done.stderr.split())


@pytest.fixture
def loop_file(tmp_path: Path) -> Path:
    return write_drifting_project(tmp_path, rows=drifting_rows(n_days=30, rows_a_day=40, turns_on_day=30))


def test_a_missing_loop_file(tmp_path: Path) -> None:
    assert "there is no file" in refuse("check", tmp_path / "loop.py")


def test_a_missing_table(loop_file: Path) -> None:
    (loop_file.parent / "rows.parquet").unlink()
    assert "rows.parquet" in refuse("check", loop_file)


def test_a_missing_column_is_named_with_the_nearest_one(loop_file: Path) -> None:
    loop_file.write_text(loop_file.read_text().replace('label="failed"', 'label="faild"'))
    told = refuse("check", loop_file)
    assert "faild" in told
    assert "failed" in told


def test_one_class_only(loop_file: Path) -> None:
    rows = pl.read_parquet(loop_file.parent / "rows.parquet").with_columns(pl.lit(value=True).alias("failed"))
    rows.write_parquet(loop_file.parent / "rows.parquet")
    assert "one value only" in refuse("check", loop_file)


def test_naive_times_are_told_how_to_get_a_zone(loop_file: Path) -> None:
    rows = pl.read_parquet(loop_file.parent / "rows.parquet")
    rows.with_columns(pl.col("at").dt.replace_time_zone(None)).write_parquet(loop_file.parent / "rows.parquet")
    assert "time_zone=" in refuse("check", loop_file)


def test_a_model_that_cannot_be_stored_safely_is_refused_with_the_formats_that_can(loop_file: Path) -> None:
    loop_file.write_text(
        loop_file.read_text().replace("    return Log", "    return lambda rows: rows\n    return Log")
    )
    told = refuse("train", loop_file, code=3)
    assert "skops" in told or "scikit-learn" in told


def test_an_unknown_policy(loop_file: Path) -> None:
    assert "static" in refuse("backtest", loop_file, "--policies", "oracle")


def test_init_into_a_folder_that_is_not_empty(loop_file: Path) -> None:
    assert "not empty" in refuse("init", loop_file.parent)


def test_init_makes_a_folder_whose_loop_can_be_checked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "holdtrue"]
    subprocess.run([*command, "init", str(tmp_path / "x"), "--example", "flu"], check=True, timeout=60)
    done = subprocess.run(
        [*command, "check", str(tmp_path / "x" / "loop.py")], check=True, timeout=60, capture_output=True, text=True
    )
    assert "gate only" in done.stdout
