"""Golden set: no feed alters it, and nothing takes charge that falls below its floor."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.data import load_snapshot
from holdtrue.domain import Ruling
from holdtrue.errors import SourceError
from holdtrue.loop import Controller, InlineTrainer, RefuseRun, Trained
from holdtrue.project import Project, open_project
from holdtrue.testing import drifting_rows, write_drifting_project
from holdtrue.testing.world import START

NOW = START + timedelta(days=40)
GOLDEN = 'ht.every(days=10) | ht.on_risk(),\n    guards=ht.guards(golden=ht.golden("golden.parquet", floor={floor})),'


def make_project(folder: Path, *, floor: float = 0.1, rows: pl.DataFrame | None = None) -> Path:
    held = drifting_rows(n_days=60, rows_a_day=60, turns_on_day=90) if rows is None else rows
    loop_file = write_drifting_project(folder, rows=held)
    text = loop_file.read_text().replace("ht.every(days=10) | ht.on_risk(),", GOLDEN.format(floor=floor))
    loop_file.write_text(text)
    held.head(200).write_parquet(folder / "golden.parquet")
    return loop_file


def make_controller(project: Project) -> Controller:
    controller = project.make_controller()
    controller.trainer = InlineTrainer(loop=project.loop, store=project.store)
    return controller


def turn_around(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(failed=~pl.col("failed"))


def test_a_version_that_keeps_its_floor_takes_charge_and_says_so(tmp_path: Path) -> None:
    with open_project(make_project(tmp_path), clock=VirtualClock(NOW)) as project:
        outcome = make_controller(project).train_now("ordered by the test")
        assert isinstance(outcome, Trained)
        assert outcome.ruling is Ruling.PASSED
        with project.store.reading() as tx:
            assert tx.aliases.current("machines", "champion") == 1
            verdicts = [v for r in tx.verdicts.all("machines") for v in r.verdicts if v.check == "golden set"]
            run = tx.runs.all("machines")[0]
            snapshot = load_snapshot(project.store, str(run.dataset), "machines")
        assert {v.ruling for v in verdicts} == {Ruling.PASSED}
        assert "200 frozen rows" in verdicts[0].sentence
        # What a model learned from would tell nothing of it.
        assert not set(snapshot.frame["__key"]) & {f"e{i:06d}" for i in range(200)}


def test_golden_rows_are_left_out_though_another_program_spelt_their_keys(tmp_path: Path) -> None:
    loop_file = make_project(tmp_path)
    golden = pl.read_parquet(tmp_path / "golden.parquet")
    told = golden.with_columns(pl.col("event").str.slice(1).cast(pl.Int64))
    told.write_parquet(tmp_path / "golden.parquet")
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        make_controller(project).train_now("ordered by the test")
        with project.store.reading() as tx:
            run = tx.runs.all("machines")[0]
        snapshot = load_snapshot(project.store, str(run.dataset), "machines")
    assert not set(snapshot.frame["__key"]) & set(golden["event"])


def test_labels_that_were_turned_around_bring_nothing_in_charge_though_the_gate_likes_them(tmp_path: Path) -> None:
    good = drifting_rows(n_days=60, rows_a_day=60, turns_on_day=90)
    loop_file = make_project(tmp_path, rows=good)
    turn_around(good).write_parquet(tmp_path / "rows.parquet")
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        outcome = make_controller(project).train_now("ordered by the test")
        assert isinstance(outcome, Trained)
        assert outcome.ruling is Ruling.FAILED
        assert "below the floor of 0.1" in outcome.sentence
        with project.store.reading() as tx:
            assert tx.aliases.current("machines", "champion") is None
            # No verdict is left by which a person could promote it in haste.
            assert {record.ruling for record in tx.verdicts.all("machines")} == {Ruling.FAILED}


def test_a_golden_file_that_changed_or_vanished_stops_all_trainings_until_it_is_back(tmp_path: Path) -> None:
    loop_file = make_project(tmp_path)
    first = (tmp_path / "golden.parquet").read_bytes()
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        controller = make_controller(project)
        controller.train_now("ordered by the test")
        project.clock.move_to(NOW + timedelta(days=15))
        turn_around(pl.read_parquet(tmp_path / "golden.parquet")).write_parquet(tmp_path / "golden.parquet")
        (move,) = controller.tick()
        assert isinstance(move, RefuseRun)
        assert "has changed since it was first used" in move.sentence
        controller.tick()
        with project.store.reading() as tx:
            assert [e.action for e in tx.audit.all("machines")].count("refuse training") == 1
        with pytest.raises(SourceError, match="needs a new name"):
            make_controller(project).train_now("ordered by the test")
        (tmp_path / "golden.parquet").unlink()
        with pytest.raises(SourceError, match="is not there"):
            make_controller(project).train_now("ordered by the test")
        (tmp_path / "golden.parquet").write_bytes(first)
        assert not any(isinstance(move, RefuseRun) for move in controller.tick())
