"""Trials: their order, their end, and that nothing but seed, number and what had ended has a part in what is drawn."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest

import holdtrue as ht
from holdtrue.domain import Json, RunCost, Trial, TrialState
from holdtrue.errors import StoreFailed, TrainingFailed
from holdtrue.loop import Fold
from holdtrue.loop.tuning import TrialResult, Tuner
from holdtrue.testing.world import START

TUNE = ht.tune({"x": ht.between(-5, 5), "kind": ht.one_of("a", "b"), "n": ht.integers(1, 9)}, n_trials=14, seed=3)
DECLARED = {"x": 0.5, "kind": "a", "n": 4, "other": 1}
COST = RunCost(wall_seconds=1, cpu_seconds=1, peak_memory_bytes=5)
FOLDS = [Fold(since=START), Fold(since=START + timedelta(days=1))]


def lose(parameters: Mapping[str, Json], fold: Fold) -> TrialResult:
    loss = (parameters["x"] - 2) ** 2 + (parameters["kind"] == "b") + (fold == FOLDS[1]) / 4
    return TrialResult(loss=loss, n_rows=10, is_cached=False, cost=COST)


def answer(parameters: Mapping[str, Json], fold: Fold) -> "Future[TrialResult]":
    future: Future[TrialResult] = Future()
    try:
        future.set_result(lose(parameters, fold))
    except Exception as problem:
        future.set_exception(problem)
    return future


def run(**changes: object) -> tuple[Trial, ...]:
    given: dict[str, object] = {"tune": TUNE, "declared": DECLARED, "folds": FOLDS, "submit": answer, **changes}
    done = given.pop("done", ())
    return Tuner(**given).run(done)  # type: ignore[arg-type]


def test_the_first_trial_tries_the_declared_parameters_and_later_ones_find_better() -> None:
    trials = run()
    assert [trial.number for trial in trials] == list(range(14))
    assert trials[0].parameters == {"x": 0.5, "kind": "a", "n": 4}
    assert trials[0].loss == pytest.approx(2.25 + 0.125)
    assert min(trial.loss for trial in trials if trial.loss is not None) < 1.5
    assert all(TUNE.ranges[2][1].holds(trial.parameters["x"]) for trial in trials)


def test_a_trial_that_does_badly_on_the_first_part_is_spared_the_second() -> None:
    pruned = [trial for trial in run() if trial.state is TrialState.PRUNED]
    assert pruned
    assert all(trial.number >= 5 and len(trial.losses) == 1 and trial.loss is None for trial in pruned)


@pytest.mark.parametrize("n_done", [1, 6, 13])
def test_a_tuning_that_goes_on_draws_what_it_would_have_drawn(n_done: int) -> None:
    whole, begun = run(), []

    def count(parameters: Mapping[str, Json], fold: Fold) -> "Future[TrialResult]":
        begun.append(fold == FOLDS[0])
        return answer(parameters, fold)

    assert run(done=whole[:n_done], submit=count) == whole
    assert sum(begun) == 14 - n_done


def test_several_at_a_time_draw_the_same_however_fast_each_is() -> None:
    def hurry(seed: int) -> tuple[Trial, ...]:
        with ThreadPoolExecutor(3) as pool:

            def submit(parameters: Mapping[str, Json], fold: Fold) -> "Future[TrialResult]":
                def work() -> TrialResult:
                    time.sleep(hash((seed, parameters["x"])) % 7 / 1000)
                    return lose(parameters, fold)

                return pool.submit(work)

            return run(submit=submit, n_parallel=3)

    first = hurry(1)
    assert first == hurry(2)
    # A gap where a kill came before the slowest had ended is filled with what had been drawn there.
    assert run(done=[trial for trial in first if trial.number not in {4, 6}][:6], n_parallel=3) == first
    assert len({str(trial.parameters) for trial in first}) == 14


def test_a_trial_that_fails_is_kept_and_the_others_go_on() -> None:
    def fail(parameters: Mapping[str, Json], fold: Fold) -> "Future[TrialResult]":
        future = answer(parameters, fold)
        if parameters["kind"] == "b":
            future = Future()
            future.set_exception(TrainingFailed("train raised ValueError: no b"))
        return future

    trials = run(submit=fail)
    failed = [trial for trial in trials if trial.state is TrialState.FAILED]
    assert failed
    assert all(trial.error == "train raised ValueError: no b" and trial.loss is None for trial in failed)
    assert any(trial.state is TrialState.COMPLETED for trial in trials)


def test_a_fault_that_is_not_of_a_trial_ends_the_tuning() -> None:
    def fail(_parameters: Mapping[str, Json], _fold: Fold) -> "Future[TrialResult]":
        future: Future[TrialResult] = Future()
        future.set_exception(StoreFailed("the disk is full"))
        return future

    with pytest.raises(StoreFailed):
        run(submit=fail)


def test_no_trial_begins_once_there_is_a_reason_to_end() -> None:
    def end(trials: Sequence[Trial]) -> str:
        return "enough" if len(trials) >= 5 else ""

    tuner = Tuner(tune=TUNE, declared=DECLARED, folds=FOLDS, submit=answer, find_end=end)
    assert len(tuner.run()) == 5
    assert tuner.note == "enough"
