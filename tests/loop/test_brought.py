"""A model that was trained elsewhere is judged on what it cannot have seen, and goes the way of a challenger."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

import holdtrue as ht
from holdtrue.clock import VirtualClock
from holdtrue.data import History
from holdtrue.domain import Loop, Ruling
from holdtrue.errors import DeclarationError
from holdtrue.loop import Brought, Controller, Fitted, InlineTrainer, RefuseRun, Trained, lay_brought
from holdtrue.registry import dump_model, load_model
from holdtrue.store import Store
from holdtrue.testing import drifting_rows
from holdtrue.testing.world import START

NOW = START + timedelta(days=80)


@pytest.fixture
def loop() -> Loop:
    return ht.Loop(
        "machines",
        data=ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h"),
        rollout=ht.canary([0.5, 1], min_rows=50, shadow_days=1),
    )


@pytest.fixture
def controller(loop: Loop, tmp_path: Path) -> Iterator[Controller]:
    drifting_rows(n_days=80, rows_a_day=40, turns_on_day=1000).write_parquet(tmp_path / "rows.parquet")
    with Store.open(tmp_path / ".holdtrue") as store:
        yield Controller(
            loop=loop, folder=tmp_path, loop_file=None, store=store, clock=VirtualClock(NOW),
            trainer=InlineTrainer(loop=loop, store=store),
        )  # fmt: skip


def bring(controller: Controller, *, until: datetime, is_good: bool = True, seed: int = 0) -> Brought:
    known: History = controller.history(NOW).known_at(NOW)
    rows = known.rows(until=until).dataset() if until > known.starts_at else known.dataset()
    labels = rows.label.to_numpy()
    model = LogisticRegression(C=1.0 + seed).fit(rows.features, labels if is_good else ~labels)
    signature, sample = lay_brought(known, trained_until=until)
    stored = dump_model(model, task=signature.task, n_features=2)
    answers = load_model(stored.data, stored.format, signature).score(sample)
    return Brought(
        model=Fitted(
            format=stored.format, artifact=controller.store.artifacts.put(stored.data), trained_until=until, n_rows=0
        ),
        signature=signature,
        sample=tuple(sample.to_dicts()),
        sample_answers=tuple(tuple(row) for row in answers.tolist()),
    )


def test_the_first_that_passes_takes_charge_and_can_be_served(controller: Controller) -> None:
    outcome = controller.judge_now(bring(controller, until=START + timedelta(days=40)), "brought")
    assert isinstance(outcome, Trained)
    assert outcome.ruling is Ruling.PASSED
    with controller.store.reading() as tx:
        assert tx.aliases.current("machines", "champion") == 1
        assert tx.versions.read_release("machines", 1) is not None
        version = tx.versions.read("machines", 1)
        (record,) = tx.verdicts.for_challenger("machines", version.digest)
        (run,) = tx.runs.all("machines")
        traffic = tx.traffic.read("main", "machines")
    assert version.lineage.trained_until == START + timedelta(days=40)
    assert record.ruling is Ruling.PASSED
    assert (run.result["ruling"], run.result["version"]) == ("passed", 1)
    assert traffic is not None
    assert traffic.champion == 1


def test_rows_that_it_may_have_seen_judge_nothing(controller: Controller) -> None:
    outcome = controller.judge_now(bring(controller, until=NOW), "brought")
    assert isinstance(outcome, Trained)
    assert outcome.ruling is Ruling.INCONCLUSIVE
    assert "30 labelled rows, found 0" in outcome.sentence
    assert controller.read_state().champion is None


def test_a_bad_one_fails_and_gets_no_release(controller: Controller) -> None:
    outcome = controller.judge_now(bring(controller, until=START + timedelta(days=40), is_good=False), "brought")
    assert isinstance(outcome, Trained)
    assert outcome.ruling is Ruling.FAILED
    with controller.store.reading() as tx:
        assert tx.versions.read_release("machines", outcome.version) is None


def test_to_judge_one_is_no_training_so_the_schedule_goes_on_as_it_was(controller: Controller) -> None:
    before = controller.read_state().last_run_at
    controller.judge_now(bring(controller, until=START + timedelta(days=40), is_good=False), "brought")
    state = controller.read_state()
    assert (state.last_run_at, state.is_undecided, state.is_training) == (before, False, False)


def test_the_second_begins_a_rollout_that_no_catch_up_follows(controller: Controller) -> None:
    until = START + timedelta(days=40)
    controller.judge_now(bring(controller, until=until), "brought")
    outcome = controller.judge_now(bring(controller, until=until, seed=1), "brought again")
    assert isinstance(outcome, Trained)
    assert outcome.ruling is Ruling.PASSED
    rollout = controller.read_state().rollout
    assert rollout is not None
    assert (rollout.champion, rollout.challenger) == (1, 2)
    assert not rollout.plan.catches_up


def test_a_table_that_begins_after_the_models_own_rows_is_enough(controller: Controller) -> None:
    outcome = controller.judge_now(bring(controller, until=START - timedelta(days=1)), "brought")
    assert isinstance(outcome, Trained)
    assert outcome.ruling is Ruling.PASSED


def test_a_model_that_answers_otherwise_than_when_it_was_admitted_is_refused(controller: Controller) -> None:
    brought = bring(controller, until=START + timedelta(days=40))
    changed = replace(brought, sample_answers=tuple((b, a) for a, b in brought.sample_answers))
    outcome = controller.judge_now(changed, "brought")
    assert not isinstance(outcome, Trained)
    assert "answers differently" in outcome.sentence


def test_a_loop_without_train_says_what_to_do_and_starts_no_training(controller: Controller) -> None:
    (move,) = controller.tick()
    assert isinstance(move, RefuseRun)
    assert "holdtrue register" in move.sentence
    with pytest.raises(DeclarationError, match="holdtrue register"):
        controller.train_now("ordered")
    with controller.store.reading() as tx:
        assert tx.runs.all("machines") == []


def test_a_trigger_of_a_loop_without_train_asks_for_a_newer_model(controller: Controller) -> None:
    controller.judge_now(bring(controller, until=START + timedelta(days=40)), "brought")
    controller.clock.move_to(NOW + timedelta(days=8))
    (move,) = controller.tick()
    assert isinstance(move, RefuseRun)
    assert move.sentence.startswith("the schedule of every 7 days. The loop declares no train")
