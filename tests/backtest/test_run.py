"""The whole backtest in this process, on a small world whose truth turns around half-way."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from holdtrue.backtest import POLICIES, Progress, run_backtest
from holdtrue.data import Dataset
from holdtrue.domain import BacktestResult, Loop, Table, every
from holdtrue.errors import DeclarationError
from holdtrue.testing import drifting_rows
from holdtrue.testing.world import START

N_DAYS, ROWS_A_DAY = 60, 24


def train(data: Dataset) -> LogisticRegression:
    return LogisticRegression().fit(data.features.tail(400), data.label.tail(400))


LOOP = Loop(
    "machines",
    data=Table(path="rows.parquet", key="event", time="at", label="failed", label_delay=timedelta(hours=12)),
    train=train,
    retrain=every(days=12),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("world")
    drifting_rows(n_days=N_DAYS, rows_a_day=ROWS_A_DAY).write_parquet(made / "rows.parquet")
    return made


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def result(folder: Path, told: list[Progress]) -> BacktestResult:
    return run_backtest(LOOP, folder=folder, policies=["loop", "static", "even", "schedule"], on_progress=told.append)


def test_policies_come_in_the_order_in_which_they_were_asked_for(result: BacktestResult) -> None:
    assert [policy.policy for policy in result.policies] == ["loop", "static", "even", "schedule"]


def test_all_policies_are_judged_on_the_same_rows_after_the_first_fifth(result: BacktestResult) -> None:
    n_rows = N_DAYS * ROWS_A_DAY
    assert {(policy.n_rows, policy.n_labelled) for policy in result.policies} == {(n_rows * 4 // 5, n_rows * 4 // 5)}
    assert result.started_at == START + timedelta(days=12)


def test_even_is_given_as_many_retrainings_as_the_loop_had(result: BacktestResult) -> None:
    loop, even = result.policy("loop"), result.policy("even")
    assert loop.n_retrains >= 2
    assert even.n_retrains == loop.n_retrains
    gaps = {b.at - a.at for a, b in zip(even.decisions, even.decisions[1:], strict=False)}
    assert max(gaps) - min(gaps) <= timedelta(microseconds=2)


def test_the_schedule_retrains_each_time_that_its_span_has_passed(result: BacktestResult) -> None:
    found = result.policy("schedule")
    assert [decision.at - result.started_at for decision in found.decisions] == [
        timedelta(days=d) for d in (12, 24, 36)
    ]
    assert result.policy("static").decisions == ()


def test_who_follows_a_turning_world_loses_less_than_a_static_model(result: BacktestResult) -> None:
    static = result.policy("static").loss
    assert static is not None
    for name in ("loop", "schedule"):
        (versus,) = [each for each in result.policy(name).versus if each.other == "static"]
        assert versus.difference < -0.1
        assert result.policy(name).loss == pytest.approx(static + versus.difference)


def test_progress_never_goes_back_and_ends_when_all_is_done(result: BacktestResult, told: list[Progress]) -> None:
    done = [progress.done for progress in told]
    assert done[0] == 0
    assert done == sorted(done)
    assert told[-1].done == told[-1].total
    assert len({progress.total for progress in told}) == 1


def test_the_result_says_what_counts_as_no_worse_and_what_doing_nothing_would_lose(result: BacktestResult) -> None:
    assert result.margin > 0
    assert result.baseline_loss == pytest.approx(0.69, abs=0.02)
    assert {standard.standard for standard in result.standards} <= {"non_inferior", "no_harm"}


def test_the_same_backtest_again_says_the_same(folder: Path, result: BacktestResult) -> None:
    again = run_backtest(LOOP, folder=folder, policies=["static", "schedule"])
    assert [p.loss for p in again.policies] == [result.policy(name).loss for name in ("static", "schedule")]
    assert again.standards == ()


def test_a_replay_may_begin_at_a_given_moment_with_a_schedule_of_its_own(folder: Path) -> None:
    start = START + timedelta(days=40)
    found = run_backtest(LOOP, folder=folder, policies=["schedule"], start=start, schedule=every(days=15))
    assert found.started_at == start
    assert [decision.at for decision in found.policy("schedule").decisions] == [start + timedelta(days=15)]
    assert found.policy("schedule").n_rows == 20 * ROWS_A_DAY


@pytest.mark.parametrize("policies", [["oracle"], ["static", "oracle"], []])
def test_an_unknown_policy_is_refused_with_the_known_ones(folder: Path, policies: list[str]) -> None:
    with pytest.raises(DeclarationError) as caught:
        run_backtest(LOOP, folder=folder, policies=policies)
    assert all(name in str(caught.value) for name in POLICIES)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 7.0])
def test_a_share_that_leaves_nothing_to_train_on_or_to_replay_is_refused(folder: Path, share: float) -> None:
    with pytest.raises(DeclarationError, match="start_share"):
        run_backtest(LOOP, folder=folder, policies=["static"], start_share=share)


@pytest.mark.parametrize("start", [datetime(2020, 1, 1, tzinfo=UTC), START, datetime(2030, 1, 1, tzinfo=UTC)])
def test_a_start_outside_the_history_is_refused(folder: Path, start: datetime) -> None:
    with pytest.raises(DeclarationError, match="between the first row"):
        run_backtest(LOOP, folder=folder, policies=["static"], start=start)
