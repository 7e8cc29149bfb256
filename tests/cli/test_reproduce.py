from pathlib import Path

import polars as pl
import pytest

from cli.command import Command
from holdtrue.domain import LOST
from holdtrue.pipeline import fail_run, submit_run
from holdtrue.project import open_project


def train(holdtrue: Command, loop_file: Path) -> str:
    holdtrue("train", loop_file)
    return str(holdtrue("runs", "--loop", loop_file, "--json").object["runs"][0]["run_id"])


def test_the_same_code_on_the_same_rows_is_equal(holdtrue: Command, fresh: Path) -> None:
    run = train(holdtrue, fresh)
    told = holdtrue("reproduce", run, "--loop", fresh, "--json").object
    assert told == {"run_id": run, "is_equal": True, "outputs": [], "causes": []}
    assert "same bytes" in holdtrue("reproduce", run[:8], "--loop", fresh).told
    assert len(holdtrue("runs", "--loop", fresh, "--json").object["runs"]) == 1


def test_a_run_on_a_version_of_delta_lake_is_reproduced_from_that_version_while_it_is_kept(
    holdtrue: Command, fresh: Path
) -> None:
    deltalake = pytest.importorskip("deltalake")
    rows = pl.read_parquet(fresh.parent / "rows.parquet")
    deltalake.write_deltalake(fresh.parent / "lake", rows)
    fresh.write_text(fresh.read_text().replace('"rows.parquet"', '"lake"'))
    run = train(holdtrue, fresh)
    lake = deltalake.DeltaTable(fresh.parent / "lake")
    lake.delete("heat > 0")
    assert holdtrue("reproduce", run, "--loop", fresh, "--json").object["is_equal"]
    lake.vacuum(0, dry_run=False, enforce_retention_duration=False)
    problem = holdtrue("reproduce", run, "--loop", fresh, code=2).problem
    assert "version 0 of the Delta table" in problem
    assert "was vacuumed" in problem


def test_edited_code_is_named(holdtrue: Command, fresh: Path) -> None:
    run = train(holdtrue, fresh)
    fresh.write_text(fresh.read_text().replace("LogisticRegression()", "LogisticRegression(C=0.1)"))
    told = holdtrue("reproduce", run, "--loop", fresh, "--json", code=3).object
    assert [(each["kind"], each["name"]) for each in told["causes"]] == [("code", "train")]
    assert len(told["outputs"]) == 2


def test_a_train_that_draws_without_a_seed_is_told_from_one_that_was_edited(holdtrue: Command, fresh: Path) -> None:
    text = fresh.read_text().replace("    return Log", "    import random\n    return Log")
    # Too little to make the refit worse than its candidate, and enough to make other bytes.
    fresh.write_text(text.replace("LogisticRegression()", "LogisticRegression(C=1 + random.random() / 1000)"))
    run = train(holdtrue, fresh)
    told = holdtrue("reproduce", run, "--loop", fresh, "--json", code=3).object
    assert [each["kind"] for each in told["causes"]] == ["seed"]


def test_a_run_without_an_end_cannot_be_reproduced(holdtrue: Command, fresh: Path) -> None:
    with open_project(fresh) as project, project.store.transaction() as tx:
        now = project.clock.now()
        lost = submit_run(tx, loop="machines", reason="by the test", as_of=now)
        fail_run(tx, lost, now=now, error=LOST)
    assert "was lost" in holdtrue("reproduce", lost.run_id, "--loop", fresh, code=2).problem
