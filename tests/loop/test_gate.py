"""The gate hands a candidate to its checks with all that they ask of it: its answers, its recipe, its bytes."""

from datetime import timedelta
from pathlib import Path

import pytest

from holdtrue.clock import VirtualClock
from holdtrue.domain import Ruling, Verdict, VerdictStage
from holdtrue.loop import InlineTrainer, Trained
from holdtrue.project import open_project
from holdtrue.testing import drifting_rows
from holdtrue.testing.world import START

LOOP_FILE = """
import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier

import holdtrue as ht


def train_steadily(data):
    return LogisticRegression().fit(data.features, data.label)


def train_by_luck(data):
    drawn = np.random.default_rng().integers(0, data.n_rows, data.n_rows)
    return LogisticRegression().fit(data.features[drawn], data.label[drawn])


loop = ht.Loop(
    "machines",
    data=ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h"),
    train={train},
    validate=[ht.beats_baseline(), {check}],
)
"""


def judge(folder: Path, *, train: str, check: str) -> tuple[Trained, Verdict]:
    """Train once with one check beside the baseline, and return what came of it and that check's verdict."""
    rows = drifting_rows(n_days=60, rows_a_day=30, turns_on_day=60)
    rows.write_parquet(folder / "rows.parquet")
    (folder / "loop.py").write_text(LOOP_FILE.format(train=train, check=check), encoding="utf-8")
    clock = VirtualClock(START + timedelta(days=61))
    with open_project(folder / "loop.py", clock=clock) as project:
        controller = project.make_controller()
        controller.trainer = InlineTrainer(loop=project.loop, store=project.store)
        outcome = controller.train_now("ordered by the test")
        assert isinstance(outcome, Trained)
        with project.store.reading() as tx:
            records = tx.verdicts.all("machines")
        gate = next(record for record in records if record.stage is VerdictStage.GATE)
        return outcome, gate.verdicts[-1]


@pytest.mark.parametrize(
    "check",
    [
        'ht.invariant_to("noise", tolerance=0.2)',
        'ht.monotone_in("heat", "increasing")',
        "ht.robust_to(missing=0)",
        "ht.reproducible()",
        "ht.serves(p99_ms=None, cold_start_seconds=None)",
    ],
)
def test_a_line_fitted_steadily_passes_each_check_on_its_behaviour(tmp_path: Path, check: str) -> None:
    outcome, verdict = judge(tmp_path, train="train_steadily", check=check)
    assert (outcome.ruling, verdict.ruling) == (Ruling.PASSED, Ruling.PASSED), verdict.sentence


def test_a_train_that_draws_by_luck_is_found_though_its_step_is_cached(tmp_path: Path) -> None:
    for _ in range(2):
        outcome, verdict = judge(tmp_path, train="train_by_luck", check="ht.reproducible()")
        assert outcome.ruling is Ruling.FAILED
        assert "answers move by more than" in verdict.sentence


def test_a_line_that_cannot_answer_without_a_value_fails_and_says_so(tmp_path: Path) -> None:
    outcome, verdict = judge(tmp_path, train="train_steadily", check="ht.robust_to()")
    assert (outcome.ruling, verdict.ruling) == (Ruling.FAILED, Ruling.FAILED)
    assert "does not answer rows with 5 % of the values missing: LogisticRegression" in verdict.sentence
