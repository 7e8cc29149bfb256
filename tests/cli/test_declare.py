from pathlib import Path

import polars as pl
import pytest

from cli.command import Command
from holdtrue.cli.declare import EXAMPLES, find_examples


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_example_makes_a_folder_that_can_be_checked(holdtrue: Command, tmp_path: Path, name: str) -> None:
    target = tmp_path / "mine"
    assert "holdtrue check" in holdtrue("init", target, "--example", name).told
    assert {file.name for file in target.iterdir()} >= {"loop.py", "README.md"}
    told = holdtrue("check", target / "loop.py", "--json").object
    assert told["n_rows"] >= told["n_labelled"] > 0
    assert told["rollout"]["note"]
    assert {column["kind"] for column in told["columns"]} <= {"number", "integer", "boolean", "text"}


def test_init_leaves_a_folder_with_anything_in_it_as_it_is(holdtrue: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert "not empty" in holdtrue("init", tmp_path, code=2).problem
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_init_takes_an_empty_folder_and_makes_one_that_is_missing(holdtrue: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new/deeper"):
        holdtrue("init", tmp_path / name)
        assert (tmp_path / name / "loop.py").read_text() == (find_examples() / "retail" / "loop.py").read_text()


def test_an_unknown_example_is_refused_with_the_known_ones_and_no_folder_is_made(
    holdtrue: Command, tmp_path: Path
) -> None:
    problem = holdtrue("init", tmp_path / "x", "--example", "moon", code=2).problem
    assert all(name in problem for name in (*EXAMPLES, "moon"))
    assert not (tmp_path / "x").exists()


def test_check_says_what_the_rows_hold(holdtrue: Command, fresh: Path) -> None:
    told = holdtrue("check", fresh, "--json").object
    assert (told["loop"], told["task"], told["classes"]) == ("machines", "binary", [False, True])
    assert (told["n_rows"], told["n_labelled"], told["label_delay_seconds"]) == (2400, 2400, 12 * 3600)
    assert [column["name"] for column in told["columns"]] == ["heat", "noise"]
    stages = told["rollout"]["stages"]
    assert [stage["share"] for stage in stages] == [0.0, 0.5]
    assert told["rollout"]["expected_days"] == pytest.approx(sum(stage["expected_days"] for stage in stages))


def test_check_tells_people_the_same(holdtrue: Command, fresh: Path) -> None:
    told = holdtrue("check", fresh).told
    for word in ("machines", "binary", "2,400 rows", "12 hours", "heat", "noise", "shadow", "canary at 50 %"):
        assert word in told


def test_check_says_what_starts_a_training_and_reads_the_golden_set(holdtrue: Command, fresh: Path) -> None:
    assert (
        "Retrains on: the schedule of every 10 days; the risk of the version in charge."
        in holdtrue("check", fresh).told
    )
    declared = (
        'ht.cron("0 3 * * 1", tz="Europe/Berlin"),\n    guards=ht.guards(golden=ht.golden("g.parquet", floor=0.1)),'
    )
    fresh.write_text(fresh.read_text().replace("ht.every(days=10) | ht.on_risk(),", declared))
    assert "g.parquet is not there" in holdtrue("check", fresh, code=2).problem
    pl.read_parquet(fresh.parent / "rows.parquet").head(50).write_parquet(fresh.parent / "g.parquet")
    found = holdtrue("check", fresh, "--json").object
    assert found["triggers"] == ['the calendar "0 3 * * 1" Europe/Berlin']
    assert found["n_golden_rows"] == 50


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('validate=[ht.slices("nope")]', "slices() for 'nope'"),
        ('validate=[ht.slices(("heat", "nois"))]', "did you mean 'noise'?"),
        ('validate=[ht.fairness(by=["nope"])]', "fairness() for 'nope'"),
        ('validate=[ht.invariant_to("nope")]', "invariant_to() for 'nope'"),
        ('validate=[ht.monotone_in("nope", "increasing")]', "monotone_in() for 'nope'"),
        ('validate=[ht.monotone_in("made", "increasing")]', "monotone_in(made), which is Boolean"),
        ('validate=[ht.no_leak(allow=["nope"])]', "no_leak(allow=) for 'nope'"),
        ('task="regression", validate=[ht.fairness(by=["heat"])]', "the label is a number"),
        ('monitor=[ht.slices("nope")]', "monitor= slices by 'nope'"),
    ],
)
def test_a_check_that_these_rows_cannot_be_held_to_is_refused_before_anything_is_trained(
    holdtrue: Command, fresh: Path, declared: str, said: str
) -> None:
    rows = pl.read_parquet(fresh.parent / "rows.parquet")
    if "regression" in declared:
        rows = rows.with_columns(failed=pl.col("failed").cast(pl.Float64) + pl.col("heat"))
    rows.with_columns(made=pl.col("heat") > 0).write_parquet(fresh.parent / "rows.parquet")
    text = fresh.read_text()
    assert "retrain=" in text
    fresh.write_text(text.replace("    retrain=", f"    {declared},\n    retrain="))
    assert said in holdtrue("check", fresh, code=2).problem
    if said.startswith("slices"):
        assert said in holdtrue("train", fresh, code=3).problem


def test_a_check_may_name_dropped_columns_where_it_judges_by_them(holdtrue: Command, fresh: Path) -> None:
    rows = pl.read_parquet(fresh.parent / "rows.parquet").with_columns(sex=pl.col("heat") > 0)
    rows.write_parquet(fresh.parent / "rows.parquet")
    text = fresh.read_text().replace('label="failed"', 'label="failed", drop=["sex"]')
    assert "drop=" in text
    checks = 'ht.slices("sex"), ht.fairness(by=["sex"]), ht.no_leak(allow=["sex", "heat"])'
    fresh.write_text(text.replace("    retrain=", f"    validate=[{checks}],\n    retrain="))
    holdtrue("check", fresh)
    fresh.write_text(text.replace("    retrain=", '    validate=[ht.invariant_to("sex")],\n    retrain='))
    assert "invariant_to() for 'sex'" in holdtrue("check", fresh, code=2).problem


def test_check_trains_nothing_and_leaves_nothing_behind(holdtrue: Command, fresh: Path) -> None:
    before = sorted(file.name for file in fresh.parent.iterdir() if file.name != "__pycache__")
    holdtrue("check", fresh)
    assert sorted(file.name for file in fresh.parent.iterdir() if file.name != "__pycache__") == before


def test_a_declared_rollout_that_outlasts_the_schedule_is_refused_with_both_lengths(
    holdtrue: Command, fresh: Path
) -> None:
    fresh.write_text(fresh.read_text().replace("min_rows=50", "min_rows=5000"))
    problem = holdtrue("check", fresh, code=2).problem
    assert "10.0 days" in problem
    assert "labelled rows a day" in problem


def test_a_column_that_is_missing_is_named_with_the_nearest_one(holdtrue: Command, fresh: Path) -> None:
    rows = pl.read_parquet(fresh.parent / "rows.parquet").rename({"failed": "has_failed"})
    rows.write_parquet(fresh.parent / "rows.parquet")
    problem = holdtrue("check", fresh, code=2).problem
    assert "'failed'" in problem
    assert "has_failed" in problem
