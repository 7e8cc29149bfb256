"""Triggers in a live loop: each firing is answered once, whoever dies in between, and stands in its run."""

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.domain import AliasEvent, Run
from holdtrue.loop import Controller, Facts, InlineTrainer, RefuseRun, StartRun
from holdtrue.loop.firing import find_firings
from holdtrue.loop.memory import find_promotions
from holdtrue.pipeline import submit_run
from holdtrue.project import Project, control_lock, hold_up, open_project
from holdtrue.testing import drifting_rows, write_drifting_project
from holdtrue.testing.world import START

NOW = START + timedelta(days=60)
DAY = timedelta(days=1)


class Killed(BaseException):
    """Stands for the end of the process."""


def write_project(folder: Path, retrain: str, *, rows: pl.DataFrame | None = None) -> Path:
    held = drifting_rows(n_days=90, rows_a_day=20, turns_on_day=90) if rows is None else rows
    loop_file = write_drifting_project(folder, rows=held, rollout="None")
    loop_file.write_text(loop_file.read_text().replace("ht.every(days=10) | ht.on_risk()", retrain))
    return loop_file


def make_controller(project: Project) -> Controller:
    controller = project.make_controller()
    controller.trainer = InlineTrainer(loop=project.loop, store=project.store)
    return controller


def read_runs(project: Project) -> list[Run]:
    with project.store.reading() as tx:
        return tx.runs.all(project.loop.name)


def test_a_moment_of_the_clock_is_neither_lost_nor_doubled_by_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop_file = write_project(tmp_path, 'ht.cron("0 3 1,20 * *", tz="Europe/Berlin")')

    def die(_controller: Controller, _move: StartRun, _now: object) -> None:
        raise Killed

    with open_project(loop_file, clock=VirtualClock(NOW - 20 * DAY)) as project:
        make_controller(project).train_now("ordered by the test")
        project.clock.move_to(NOW)
        with monkeypatch.context() as patch:
            patch.setattr(Controller, "_start", die)
            with pytest.raises(Killed):
                make_controller(project).tick()
        assert len(read_runs(project)) == 1
        (move,) = make_controller(project).tick()
        assert isinstance(move, StartRun)
        for _ in range(3):
            successor = make_controller(project)
            successor.tick()
            successor.finish_training()
            successor.tick()
        first, second = read_runs(project)
        assert first.parameters["triggers"] == [{"trigger": "person", "reason": "ordered by the test", "moment": None}]
        assert second.reason == 'the calendar "0 3 1,20 * *" Europe/Berlin'
        assert second.parameters["triggers"] == [
            {
                "trigger": "cron 0 3 1,20 * * Europe/Berlin",
                "reason": second.reason,
                "moment": "2024-02-20T02:00:00Z",
            }
        ]


def test_rows_that_land_late_count_as_new_data_though_their_moments_are_old(tmp_path: Path) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=20, turns_on_day=90)
    loop_file = write_project(tmp_path, "ht.on_new_data(min_rows=200)", rows=rows.head(20 * 40))
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        controller = make_controller(project)
        controller.train_now("ordered by the test")
        assert not any(isinstance(move, StartRun) for move in controller.tick())
        rows.head(20 * 49).write_parquet(tmp_path / "rows.parquet")
        assert not any(isinstance(move, StartRun) for move in controller.tick())
        assert observe(controller).n_new_labels == 180
        rows.write_parquet(tmp_path / "rows.parquet")
        asked = find_firings(controller.policy(NOW), controller.read_state(), observe(controller), NOW)
        assert [each.reason for each in asked] == ["391 labels have become known, and 200 are asked for"]


def observe(controller: Controller) -> Facts:
    state = controller.read_state()
    return controller._observe(controller.policy(NOW, is_running=True), state, NOW)


def test_a_new_version_of_another_loop_starts_one_training_and_a_rollback_there_none(tmp_path: Path) -> None:
    loop_file = write_project(tmp_path, 'ht.after("machines-before")')
    with open_project(loop_file, clock=VirtualClock(NOW - 20 * DAY)) as project:
        controller = make_controller(project)
        controller.train_now("ordered by the test")
        project.clock.move_to(NOW)
        assert controller.tick() == ()
        version = _copy_version(project)
        with project.store.transaction() as tx:
            tx.aliases.append(_point(version, NOW - DAY))
        (move,) = controller.tick()
        assert isinstance(move, StartRun)
        assert move.reason == "machines-before has put a new version in charge"
        with project.store.transaction() as tx:
            tx.aliases.append(_point(version, NOW + DAY))
            assert find_promotions(tx, ["machines-before", "nobody"]) == {"machines-before": NOW - DAY}
        caught_up = _copy_version(project, catches_up=True)
        with project.store.transaction() as tx:
            tx.aliases.append(_point(caught_up, NOW + 2 * DAY))
            assert find_promotions(tx, ["machines-before"]) == {"machines-before": NOW - DAY}


def _point(version: int, at: datetime) -> AliasEvent:
    return AliasEvent(loop="machines-before", alias="champion", version=version, at=at, actor="p", reason="r")


def _copy_version(project: Project, *, catches_up: bool = False) -> int:
    with project.store.transaction() as tx:
        known = tx.versions.all("machines")[0]
        if catches_up:
            order = {"order": {"catches_up": True}}
            run = submit_run(tx, loop="machines-before", reason="", as_of=NOW, parameters=order)
            known = replace(known, number=2, digest="f" * 64, lineage=replace(known.lineage, run_id=run.run_id))
        return tx.versions.append(replace(known, loop="machines-before")).number


def test_a_training_of_another_loop_fires_while_this_one_is_held_by_a_live_one(tmp_path: Path) -> None:
    loop_file = write_project(tmp_path, 'ht.after("others")')
    other_file = tmp_path / "other.py"
    other_file.write_text(loop_file.read_text().replace('"machines"', '"others"').replace('"others")', '"nobody")'))
    with open_project(loop_file, clock=VirtualClock(NOW - 20 * DAY)) as project, hold_up(project):
        controller = make_controller(project)
        controller.train_now("ordered by the test")
        project.clock.move_to(NOW)
        assert controller.tick() == ()
        with (
            open_project(other_file, clock=VirtualClock(NOW)) as other,
            control_lock(other.store.folder, loop=other.loop.name),
        ):
            assert make_controller(other).train_now("ordered by the test").version == 1
        (move,) = controller.tick()
        assert isinstance(move, StartRun)
        assert move.reason == "others has put a new version in charge"


def test_a_loop_on_a_query_trains_and_outlives_its_database(tmp_path: Path) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=20, turns_on_day=90)
    loop_file = write_project(tmp_path, "ht.every(days=10)", rows=rows)
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        connection.execute("CREATE TABLE rows (event TEXT, at TEXT, heat REAL, noise REAL, failed INTEGER)")
        told = rows.with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S+00:00"), pl.col("failed").cast(pl.Int8))
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", told.rows())
    connection.close()
    query = 'ht.sql("SELECT * FROM rows", "sqlite:///rows.db"'
    loop_file.write_text(loop_file.read_text().replace('ht.table("rows.parquet"', query))
    with open_project(loop_file, clock=VirtualClock(NOW - 20 * DAY)) as project:
        controller = make_controller(project)
        assert controller.train_now("ordered by the test").version == 1
        project.clock.move_to(NOW)
        (tmp_path / "rows.db").rename(tmp_path / "away.db")
        (move,) = controller.tick()
        assert isinstance(move, RefuseRun)
        assert "rows.db is not there" in move.sentence
        (tmp_path / "away.db").rename(tmp_path / "rows.db")
        assert any(isinstance(move, StartRun) for move in controller.tick())
