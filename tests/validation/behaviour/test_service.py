import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from holdtrue import serves
from holdtrue.domain import Ruling, Signature
from holdtrue.errors import DeclarationError, TrainingFailed
from holdtrue.registry import StoredModel, dump_model, load_model
from holdtrue.validation.behaviour import replay, service
from holdtrue.validation.behaviour.replay import Replayed, time_rows
from holdtrue.validation.behaviour.service import judge_service

from .models import make_candidate

N_ROWS = 400


@pytest.fixture
def candidate(make_dataset):
    generator = np.random.default_rng(0)
    heat = generator.normal(size=N_ROWS)
    features = {"heat": heat, "load": generator.integers(0, 9, N_ROWS)}
    rows = make_dataset(generator.random(N_ROWS) < 1 / (1 + np.exp(-heat)), features)
    signature = Signature(schema=rows.schema, task=rows.task, label="label", classes=rows.classes)
    estimator = LogisticRegression().fit(rows.features, rows.label)
    model = dump_model(estimator, task=rows.task, n_features=2, signature=signature)
    scorer = load_model(model.data, model.format, signature)
    return replace(make_candidate(rows, scorer.score), model=model, signature=signature)


def make_replayed(
    candidate, *, milliseconds: float = 0.1, cold_seconds: float = 1.0, processor_seconds: float = 1.0
) -> Replayed:
    answers = candidate.score(service.choose_rows(candidate)).tolist()
    return Replayed(
        cold_seconds=cold_seconds, processor_seconds=processor_seconds, memory_bytes=200_000_000,
        row_seconds=[milliseconds / 1e3] * 300, answers=answers,
    )  # fmt: skip


def test_a_candidate_serves_from_its_bytes_in_a_process_of_its_own(candidate) -> None:
    verdict = judge_service(serves(p99_ms=None, cold_start_seconds=None), candidate)
    assert verdict.has_passed, verdict.sentence
    assert verdict.evidence["largest_difference"] < 1e-9
    assert 0 < verdict.evidence["p99_ms"] < verdict.evidence["cold_start_seconds"] * 1e3
    assert 20 < verdict.evidence["memory_mb"] < 2_000
    assert verdict.evidence["size_mb"] == pytest.approx(len(candidate.model.data) / 1e6)


def test_bytes_that_do_not_load_fail_with_the_reason(candidate) -> None:
    broken = StoredModel(format=candidate.model.format, data=candidate.model.data[:-20])
    verdict = judge_service(serves(), replace(candidate, model=broken))
    assert verdict.ruling is Ruling.FAILED
    assert "does not serve from its bytes: " in verdict.sentence


def test_a_child_that_dies_is_a_failed_check(candidate, monkeypatch) -> None:
    def die(*order):
        raise TrainingFailed("the process that did the work was ended by SIGABRT")

    monkeypatch.setattr(service, "start_child", die)
    verdict = judge_service(serves(), candidate)
    assert verdict.ruling is Ruling.FAILED
    assert "SIGABRT" in verdict.sentence


def test_answers_that_are_no_numbers_in_the_child_fail(candidate, monkeypatch) -> None:
    replayed = make_replayed(candidate)
    replayed.answers[3] = [float("nan"), float("nan")]
    monkeypatch.setattr(service, "start_child", lambda *order: replayed)
    verdict = judge_service(serves(), candidate)
    assert verdict.ruling is Ruling.FAILED
    assert "not all numbers" in verdict.sentence
    assert verdict.evidence["largest_difference"] is None


def test_each_budget_is_held_and_the_least_of_three_starts_counts(candidate, monkeypatch) -> None:
    slow, quick = make_replayed(candidate, milliseconds=9, cold_seconds=40), make_replayed(candidate, cold_seconds=40)
    starts = iter([slow, slow, quick])
    monkeypatch.setattr(service, "start_child", lambda *order: next(starts))
    verdict = judge_service(serves(p99_ms=1, cold_start_seconds=None), candidate)
    assert verdict.has_passed
    assert verdict.evidence["p99_ms"] == pytest.approx(0.1)
    assert next(starts, None) is None

    monkeypatch.setattr(service, "start_child", lambda *order: slow)
    verdict = judge_service(serves(p99_ms=1, size_mb=1e-6, memory_mb=50, cold_start_seconds=30), candidate)
    assert verdict.ruling is Ruling.FAILED
    for told in (
        "9 ms for a row (p99), where 1 ms",
        "MB of bytes",
        "200 MB of memory, where 50 MB",
        "40 s to the first",
    ):
        assert told in verdict.sentence


def test_a_late_start_fails_where_the_processor_worked_for_it_and_is_inconclusive_where_others_did(
    candidate, monkeypatch
) -> None:
    busy = make_replayed(candidate, cold_seconds=90, processor_seconds=2)
    monkeypatch.setattr(service, "start_child", lambda *order: busy)
    verdict = judge_service(serves(), candidate)
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "need a start on a machine that is less busy" in verdict.sentence
    heavy = make_replayed(candidate, cold_seconds=90, processor_seconds=70)
    monkeypatch.setattr(service, "start_child", lambda *order: heavy)
    assert judge_service(serves(), candidate).ruling is Ruling.FAILED


def test_a_start_within_the_budgets_is_the_only_one(candidate, monkeypatch) -> None:
    starts = iter([make_replayed(candidate)])
    monkeypatch.setattr(service, "start_child", lambda *order: next(starts))
    assert judge_service(serves(), candidate).has_passed


def test_other_answers_than_those_given_fail(candidate) -> None:
    def score(frame: pl.DataFrame):
        return candidate.score(frame)[:, ::-1]

    verdict = judge_service(serves(), replace(candidate, score=score))
    assert verdict.ruling is Ruling.FAILED
    assert "answers that differ by up to" in verdict.sentence


def test_few_rows_or_no_bytes_are_inconclusive(candidate, make_dataset) -> None:
    assert judge_service(serves(), replace(candidate, model=None)).ruling is Ruling.INCONCLUSIVE
    few = make_dataset([True, False] * 20, {"heat": np.zeros(40), "load": [1] * 40})
    verdict = judge_service(serves(), replace(candidate, rows=few, train=few))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "need at least 100 rows" in verdict.sentence


def test_infinite_numbers_are_not_replayed(candidate) -> None:
    heat = candidate.rows.features["heat"].to_list()
    heat[0] = float("inf")
    infinite = replace(candidate.rows, features=candidate.rows.features.with_columns(pl.Series("heat", heat)))
    assert service.choose_rows(replace(candidate, rows=infinite, train=infinite))["heat"].is_finite().all()


class Counting:
    def __init__(self) -> None:
        self.asked = []

    def score_rows(self, rows):
        self.asked += rows


def test_each_row_is_timed_by_its_quickest_repeat_until_time_is_up(monkeypatch) -> None:
    scorer = Counting()
    assert len(time_rows(scorer, [[1], [2]])) == 2
    assert scorer.asked == [[1], [2]] * replay.MOST_ROUNDS
    monkeypatch.setattr(replay, "ROUNDS_SECONDS", 0.0)
    once = Counting()
    assert all(seconds > 0 for seconds in time_rows(once, [[1], [2]]))
    assert once.asked == [[1], [2]]


@pytest.mark.parametrize(
    ("attempt", "refusal"), [("bytearray(3 << 30)", "MemoryError"), ("open('x', 'wb', 0).write(b'x')", "OSError")]
)
def test_the_process_can_neither_take_all_memory_nor_write_files(tmp_path, attempt, refusal) -> None:
    code = f"from holdtrue.validation.limits import limit_process; limit_process(2 << 30, 60); {attempt}"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode != 0
    assert refusal in done.stderr


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(DeclarationError, match="p99_ms"):
        serves(p99_ms=-1)
