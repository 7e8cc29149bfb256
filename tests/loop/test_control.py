"""A controller may die anywhere: what the next one finds in the store is enough to go on."""

from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.data import load_snapshot, take_snapshot
from holdtrue.domain import Rollout, RolloutPlan, RolloutStatus, RolloutTerms, Ruling, RunState, Stage, StageKind
from holdtrue.errors import SourceError, SourceMissing
from holdtrue.loop import (
    Actor,
    CaughtUp,
    Controller,
    Facts,
    InlineTrainer,
    LoopPolicy,
    LoopState,
    Move,
    Promote,
    RefuseRun,
    StartRun,
    Trained,
    TrainingLost,
    TrainingOrder,
    TrainingResult,
)
from holdtrue.loop.memory import owes_catch_up
from holdtrue.project import Project, open_project
from holdtrue.testing import drifting_rows, write_drifting_project
from holdtrue.testing.world import START

ROLLOUT = "ht.canary([0.5, 1], min_rows=50, shadow_days=1)"
NOW = START + timedelta(days=60)
PLAN = RolloutPlan(
    stages=(Stage(kind=StageKind.SHADOW, share=0, min_rows=10, min_span=timedelta(days=1), expected_days=1),),
    note="shadow only",
)
PROMOTED = Rollout(
    rollout_id="r", loop="machines", champion=1, challenger=2, plan=PLAN,
    terms=RolloutTerms(margin=0.01, loss_low=0, loss_high=1, design_effect=1, champion_risk=0.3),
    started_at=NOW - timedelta(days=3), stage_index=0, stage_started_at=NOW - timedelta(days=3),
    status=RolloutStatus.PROMOTED, ended_at=NOW,
)  # fmt: skip


class Killed(BaseException):
    """Stands for the end of the process."""


def make_controller(project: Project) -> Controller:
    controller = project.make_controller()
    controller.trainer = InlineTrainer(loop=project.loop, store=project.store)
    return controller


def begin_rollout(folder: Path) -> Path:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(folder, rows=rows, rollout=ROLLOUT)
    for day in (40, 59):
        with open_project(loop_file, clock=VirtualClock(START + timedelta(days=day))) as project:
            make_controller(project).train_now("ordered by the test")
    return loop_file


def promote(_policy: LoopPolicy, state: LoopState, _facts: Facts, _now: datetime) -> tuple[Move, ...]:
    assert state.rollout is not None
    return (Promote(rollout=state.rollout, sentence="as ordered by the test"), StartRun(reason="", catches_up=True))


def test_a_controller_that_dies_right_after_a_promotion_still_owes_its_catch_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop_file = begin_rollout(tmp_path)

    def die(_controller: Controller, _move: StartRun, _now: datetime) -> None:
        raise Killed

    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        with monkeypatch.context() as patch:
            patch.setattr("holdtrue.loop.control.decide", promote)
            patch.setattr(Controller, "_start", die)
            with pytest.raises(Killed):
                make_controller(project).tick()
        with project.store.reading() as tx:
            assert tx.aliases.current("machines", "champion") == 2
        project.clock.move_to(NOW + timedelta(hours=6))
        successor = make_controller(project)
        moves: tuple[Move, ...] = successor.tick()
        assert [move.catches_up for move in moves if isinstance(move, StartRun)] == [True]
        assert not any(isinstance(move, Promote) for move in moves)
        successor.tick()
        assert isinstance(successor._last, CaughtUp)
        assert not any(isinstance(move, StartRun) for move in successor.tick())


def test_a_catch_up_is_owed_once_and_only_to_the_version_in_charge() -> None:
    before, after = NOW - timedelta(days=5), NOW
    assert owes_catch_up([PROMOTED], 2, before)
    assert not owes_catch_up([PROMOTED], 2, after)
    assert not owes_catch_up([PROMOTED], 1, before)
    assert not owes_catch_up([], 1, before)
    assert not owes_catch_up([PROMOTED, replace(PROMOTED, status=RolloutStatus.ABORTED)], 2, before)
    assert not owes_catch_up([replace(PROMOTED, plan=replace(PLAN, catches_up=False))], 2, before)
    assert not owes_catch_up([replace(PROMOTED, plan=replace(PLAN, stages=()))], 2, before)


def test_a_table_that_grows_is_read_anew_and_one_that_cannot_be_read_is_what_it_was(tmp_path: Path) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(tmp_path, rows=rows.head(40 * 50))
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        controller = make_controller(project)
        assert controller.history(NOW).n_rows == 2000
        rows.write_parquet(tmp_path / "rows.parquet")
        assert controller.history(NOW).n_rows == 2400
        (tmp_path / "rows.parquet").write_bytes(b"PAR1 half a file")
        assert controller.history(NOW).n_rows == 2400
        assert "cannot be read" in controller.table_problem
        (tmp_path / "rows.parquet").unlink()
        assert controller.history(NOW).n_rows == 2400
        assert "is not there" in controller.table_problem
        rows.tail(80).write_parquet(tmp_path / "rows.parquet")
        assert controller.history(NOW).n_rows == 80
        assert controller.table_problem == ""
        (tmp_path / "rows.parquet").unlink()
        with pytest.raises(SourceMissing):
            make_controller(project).history(NOW)


def test_a_label_that_changes_in_the_table_counts_as_it_is_now_and_snapshots_keep_what_was(
    tmp_path: Path,
) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(tmp_path, rows=rows)
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        controller = make_controller(project)
        before = take_snapshot(project.store, "machines", controller.history(NOW), as_of=NOW)
        changed = not rows["failed"][0]
        rows.with_columns(failed=pl.when(pl.col("event") == "e000000").then(changed).otherwise("failed")).write_parquet(
            tmp_path / "rows.parquet"
        )
        assert controller.history(NOW).frame["__label"][0] is changed
        after = take_snapshot(project.store, "machines", controller.history(NOW), as_of=NOW)
        assert before.digest != after.digest
        for record, label in ((before, not changed), (after, changed)):
            assert load_snapshot(project.store, record.digest, "machines").frame["__label"][0] is label


def test_a_refusal_is_written_once_for_each_reason(tmp_path: Path) -> None:
    loop_file = write_drifting_project(tmp_path, rows=drifting_rows(n_days=10, rows_a_day=10))
    actor = Actor(loop="machines")
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        for sentence in ("only 5 labels", "only 1,204 labels", "the table cannot be read", "the table cannot be read"):
            with project.store.transaction() as tx:
                actor.act(tx, RefuseRun(sentence=sentence), NOW)
        with project.store.reading() as tx:
            told = [entry.sentence for entry in tx.audit.all("machines")]
    assert told == ["only 5 labels", "the table cannot be read"]


class _Strange:
    """A trainer whose work ends with an error that nobody foresaw."""

    def submit(self, _order: TrainingOrder) -> "Future[TrainingResult]":
        future: Future[TrainingResult] = Future()
        future.set_exception(MemoryError("no room\x00\udcff"))
        return future


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_training_that_ends_in_an_unforeseen_way_is_kept_as_failed_and_the_loop_goes_on(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if database == "postgres":
        settings = f'[tool.holdtrue.database]\nurl = "{request.getfixturevalue("postgres")}"\nschema = "strange"\n'
        (tmp_path / "pyproject.toml").write_text(settings)
    loop_file = write_drifting_project(tmp_path, rows=drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60))
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        controller = make_controller(project)
        controller.trainer = _Strange()
        assert isinstance(controller.train_now("ordered by the test"), TrainingLost)
        assert not controller.read_state().is_training
        with project.store.reading() as tx:
            (run,) = tx.runs.all("machines")
        assert run.state is RunState.FAILED
        assert "no room\x00\\udcff" in (run.error or "")
        assert not (tmp_path / ".holdtrue" / "holdtrue.db").exists() or database == "sqlite"


def test_a_training_that_the_gate_could_not_rule_on_is_remembered_until_the_next_begins(tmp_path: Path) -> None:
    loop_file = write_drifting_project(tmp_path, rows=drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60))
    with open_project(loop_file, clock=VirtualClock(START + timedelta(days=20))) as project:
        make_controller(project).train_now("ordered by the test")
    with open_project(loop_file, clock=VirtualClock(START + timedelta(days=22))) as project:
        # Two days of news are no evidence.
        trained = make_controller(project).train_now("ordered by the test")
        assert isinstance(trained, Trained)
        assert trained.ruling is Ruling.INCONCLUSIVE
        assert make_controller(project).read_state().is_undecided
    with open_project(loop_file, clock=VirtualClock(START + timedelta(days=50))) as project:
        make_controller(project).train_now("ordered by the test")
        assert not make_controller(project).read_state().is_undecided


def with_schema(loop_file: Path, schema: str) -> None:
    text = loop_file.read_text()
    loop_file.write_text(text.replace("    train=train,\n", f"    train=train,\n    schema={schema},\n"))


def test_a_table_that_comes_to_break_its_schema_trains_nothing_and_the_champion_goes_on(tmp_path: Path) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(tmp_path, rows=rows.head(40 * 50), rollout=ROLLOUT)
    with_schema(loop_file, 'ht.schema(columns=[ht.column("heat", "number", high=900)], rules={"r": "noise < 900"})')
    with open_project(loop_file, clock=VirtualClock(START + timedelta(days=40))) as project:
        controller = make_controller(project)
        controller.train_now("ordered by the test")
        assert controller.read_state().champion == 1
        rows.with_columns(heat=pl.lit(999.0)).write_parquet(tmp_path / "rows.parquet")
        project.clock.move_to(NOW)
        (move,) = controller.tick()
        assert isinstance(move, RefuseRun)
        assert "2,400 of 2,400 rows have 'heat' above 900" in move.sentence
        assert controller.read_state().champion == 1
        with pytest.raises(SourceError, match="'heat' above 900"):
            controller.train_now("ordered by a person")
        with pytest.raises(SourceError, match="'heat' above 900"):
            make_controller(project).train_now("in a new process")
        rows.write_parquet(tmp_path / "rows.parquet")
        assert any(isinstance(move, StartRun) for move in controller.tick())


def test_a_table_that_nobody_writes_any_more_trains_nothing_once_it_is_too_old(tmp_path: Path) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(tmp_path, rows=rows, rollout=ROLLOUT)
    with_schema(loop_file, 'ht.schema(fresh_within="2d")')
    with open_project(loop_file, clock=VirtualClock(NOW + timedelta(days=3))) as project:
        controller = make_controller(project)
        (move,) = controller.tick()
        assert isinstance(move, RefuseRun)
        assert "the newest row is of" in move.sentence
        assert "3 days ago, and at most 2 days are allowed" in move.sentence
        project.clock.move_to(NOW + timedelta(days=4))
        assert "4 days ago" in str(controller.tick())


def test_a_schema_file_that_was_mended_lets_the_same_table_in(tmp_path: Path) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(tmp_path, rows=rows.head(400), rollout=ROLLOUT)
    with_schema(loop_file, 'ht.schema("schema.toml")')
    schema = tmp_path / "schema.toml"
    schema.write_text('[columns.heat]\nkind = "number"\nhigh = 900\n')
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        controller = make_controller(project)
        assert controller.history(NOW).n_rows == 400
        rows.with_columns(heat=pl.lit(999.0)).write_parquet(tmp_path / "rows.parquet")
        assert controller.history(NOW).n_rows == 400
        assert "'heat' above 900" in controller.table_problem
        schema.write_text('[columns.heat]\nkind = "number"\nhigh = 9000\n')
        assert controller.history(NOW).n_rows == 2400
        assert controller.table_problem == ""
        schema.write_text("[columns.heat]\nhigh = 9000\n")
        controller.history(NOW)
        assert "'kind' is missing" in controller.table_problem
