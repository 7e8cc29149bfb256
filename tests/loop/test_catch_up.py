"""A catch-up through its real parts: trained, checked, registered, put in charge; refused where the table changed."""

import uuid
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.data import read_history, take_snapshot
from holdtrue.domain import Ruling
from holdtrue.loop import (
    Actor,
    CaughtUp,
    Controller,
    FollowUp,
    InlineTrainer,
    Registrar,
    Trained,
    TrainingOrder,
    TrainingResult,
)
from holdtrue.project import Project, open_project
from holdtrue.testing import drifting_rows, write_drifting_project
from holdtrue.testing.world import START

deltalake = pytest.importorskip("deltalake")
TRAINED_AT = START + timedelta(days=40)
LATER = START + timedelta(days=45)


def train_first(project: Project) -> Controller:
    controller = project.make_controller()
    first = controller.train_now("first")
    assert isinstance(first, Trained)
    assert first.ruling is Ruling.PASSED
    return controller


def catch_up(project: Project, controller: Controller) -> tuple[TrainingOrder, TrainingResult]:
    history = read_history(project.loop.data, folder=controller.folder, task=project.loop.declared_task)
    record = take_snapshot(project.store, project.loop.name, history, as_of=LATER)
    with project.store.reading() as tx:
        champion = tx.versions.read(project.loop.name, 1)
    order = TrainingOrder(
        folder=str(project.store.folder), loop_file=None, loop=project.loop.name, dataset=record.digest, as_of=LATER,
        run_id=uuid.uuid4().hex, champion=champion, catches_up=True,
    )  # fmt: skip
    return order, InlineTrainer(loop=project.loop, store=project.store).train(order)


def register(project: Project, controller: Controller, order: TrainingOrder, result: TrainingResult) -> CaughtUp:
    registrar = Registrar(
        loop=project.loop, store=project.store, keyring=controller.keyring, policy=controller.policy(LATER)
    )
    with project.store.transaction() as tx:
        finished = registrar.register(tx, order, result, LATER)
        assert isinstance(finished, CaughtUp)
        if finished.ruling is Ruling.PASSED:
            Actor(loop=project.loop.name).act(tx, FollowUp(version=finished.version, sentence="caught up"), LATER)
    return finished


def test_a_catch_up_follows_the_version_whose_rows_it_shares(tmp_path: Path) -> None:
    loop_file = write_drifting_project(tmp_path, rows=drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60))
    with open_project(loop_file, clock=VirtualClock(TRAINED_AT)) as project:
        controller = train_first(project)
        order, result = catch_up(project, controller)
        assert [verdict.check for verdict in result.catch_up] == ["same_recipe", "same_rows", "news"]
        finished = register(project, controller, order, result)
        assert (finished.ruling, finished.follows) == (Ruling.PASSED, 1)
        with project.store.reading() as tx:
            follower = tx.versions.read("machines", finished.version)
            assert tx.aliases.current("machines", "champion") == finished.version
            assert follower.lineage.refit_of == tx.versions.read("machines", 1).digest
            assert follower.lineage.trained_until == LATER
            assert follower.metrics == tx.versions.read("machines", 1).metrics


def test_a_table_that_was_rewritten_meanwhile_stops_the_catch_up(tmp_path: Path) -> None:
    """A change of unit reaches no user this way: the changed rows go the whole way of a challenger, shadow included."""
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(tmp_path, rows=rows)
    with open_project(loop_file, clock=VirtualClock(TRAINED_AT)) as project:
        controller = train_first(project)
        rows.with_columns(pl.col("heat") * 100).write_parquet(tmp_path / "rows.parquet")
        order, result = catch_up(project, controller)
        finished = register(project, controller, order, result)
        assert finished.ruling is Ruling.FAILED
        assert "have changed or gone; at most 1 % may" in finished.sentence
        with project.store.reading() as tx:
            assert tx.aliases.current("machines", "champion") == 1


def write_lake_project(folder: Path) -> tuple[Path, Path]:
    """Write a project whose table is of Delta Lake; return its loop file and the table."""
    rows, lake = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60), folder / "lake"
    loop_file = write_drifting_project(folder, rows=rows)
    loop_file.write_text(loop_file.read_text().replace('"rows.parquet"', '"lake"'))
    deltalake.write_deltalake(lake, rows.filter(pl.col("at") <= TRAINED_AT))
    return loop_file, lake


def vacuum(lake: Path) -> None:
    deltalake.DeltaTable(lake).vacuum(0, dry_run=False, enforce_retention_duration=False)


def test_a_version_that_was_vacuumed_during_the_rollout_is_followed_where_its_rows_are_still_in_the_table(
    tmp_path: Path,
) -> None:
    loop_file, lake = write_lake_project(tmp_path)
    with open_project(loop_file, clock=VirtualClock(TRAINED_AT)) as project:
        controller = train_first(project)
        rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
        deltalake.write_deltalake(lake, rows.filter(pl.col("at") > TRAINED_AT), mode="append")
        deltalake.DeltaTable(lake).optimize.compact()
        vacuum(lake)
        order, result = catch_up(project, controller)
        same = next(verdict for verdict in result.catch_up if verdict.check == "same_rows")
        assert "cannot be read again, and those of now have the same digest" in same.sentence
        finished = register(project, controller, order, result)
        assert (finished.ruling, finished.follows) == (Ruling.PASSED, 1)


def test_a_catch_up_whose_elders_rows_are_gone_and_changed_says_so_and_changes_nothing(tmp_path: Path) -> None:
    loop_file, lake = write_lake_project(tmp_path)
    with open_project(loop_file, clock=VirtualClock(TRAINED_AT)) as project:
        controller = train_first(project)
        rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
        deltalake.write_deltalake(lake, rows.with_columns(pl.col("heat") * 100), mode="overwrite")
        vacuum(lake)
        order, result = catch_up(project, controller)
        finished = register(project, controller, order, result)
        assert finished.ruling is Ruling.INCONCLUSIVE
        assert "The rows that v1 learned from cannot be had any more" in finished.sentence
        assert "was vacuumed" in finished.sentence
        assert "delta.deletedFileRetentionDuration" in finished.sentence
        with project.store.reading() as tx:
            assert tx.aliases.current("machines", "champion") == 1
