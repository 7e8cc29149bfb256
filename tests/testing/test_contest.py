"""Rollouts on replayed rows between real refits: the short form of the bench in benchmarks/rollout."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from holdtrue.backtest import Replay
from holdtrue.data import History, read_history
from holdtrue.domain import Column, Kind, Loss, RolloutPlan, RolloutTerms, Schema
from holdtrue.loop import load_loop, make_policy
from holdtrue.rollout import RolloutAction
from holdtrue.testing import ContestResult, drifting_rows, hold_contest, write_drifting_project
from holdtrue.testing.world import START

LOSS = Loss.for_classes()
N_EQUAL = 60
BEGIN = START + timedelta(days=20)


class Arena:
    """Two refits of one recipe, a day's rows apart, on a world of independent rows."""

    def __init__(self, folder: Path) -> None:
        rows = drifting_rows(n_days=40, rows_a_day=400, turns_on_day=40, seed=3)
        loop = load_loop(write_drifting_project(folder, rows=rows, rollout="ht.canary([0.25, 1], shadow_days=2)"))
        self.history: History = read_history(loop.data, folder=folder)
        self.replay = Replay(self.history, BEGIN, self.history.ends_at)
        self.plan: RolloutPlan = make_policy(loop, self.history.known_at(BEGIN)).plan
        self.one, self.other = self.answer(since=0, until=18), self.answer(since=1, until=20)

    def answer(self, *, since: int, until: int, sign: float = 1.0) -> NDArray[np.float64]:
        seen = self.history.rows(since=START + timedelta(days=since), until=START + timedelta(days=until)).dataset()
        model = LogisticRegression().fit(sign * seen.features.to_numpy(), seen.label.to_numpy())
        return model.predict_proba(self.replay.part.frame.select("heat", "noise").to_numpy())

    def hold(self, champion: NDArray[np.float64], challenger: NDArray[np.float64], salt: str) -> ContestResult:
        terms = RolloutTerms(margin=0.01, loss_low=LOSS.low, loss_high=LOSS.high, design_effect=1.0, champion_risk=0.4)
        return hold_contest(
            self.replay, champion=champion, challenger=challenger, plan=self.plan, terms=terms, loss=LOSS,
            start=BEGIN, salt=salt,
        )  # fmt: skip


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Arena:
    return Arena(tmp_path_factory.mktemp("arena"))


@pytest.mark.parametrize("is_by_day", [False, True])
def test_equal_challengers_are_hardly_ever_stopped(arena: Arena, is_by_day: bool) -> None:
    assert np.abs(arena.one - arena.other).max() > 0.001, "two refits that are the same would test nothing"
    results = []
    for run in range(N_EQUAL // 2):
        coins = np.random.default_rng([7, run]).random(arena.replay.n_rows) < 0.5
        swap = (coins[arena.replay.days - arena.replay.days.min()] if is_by_day else coins)[:, None]
        champion = np.where(swap, arena.one, arena.other)
        results.append(arena.hold(champion, np.where(swap, arena.other, arena.one), f"equal {run}"))
    assert sum(result.action is RolloutAction.ABORT for result in results) <= 0.05 * len(results) + 1
    promoted = [result for result in results if result.action is RolloutAction.PROMOTE]
    assert len(promoted) >= 0.9 * len(results)
    assert all(result.n_exposed > 0 for result in promoted)


def test_a_challenger_that_learned_the_opposite_answers_nobody(arena: Arena) -> None:
    backwards = arena.answer(since=0, until=18, sign=-1.0)
    for run in range(10):
        result = arena.hold(arena.one, backwards, f"bad {run}")
        assert result.action is RolloutAction.ABORT
        assert (result.stage, result.n_exposed) == ("shadow", 0)
        assert "this is luck; it has answered nobody" in result.sentence


def test_a_challenger_that_learned_another_unit_is_stopped_at_the_first_look(arena: Arena) -> None:
    ranges = {"heat": (-4.5, 4.5), "noise": (-4.5, 4.5)}
    champion, challenger = (
        Schema(columns=tuple(Column(name=n, kind=Kind.NUMBER, low=k * a, high=k * b) for n, (a, b) in ranges.items()))
        for k in (1.0, 0.01)
    )
    terms = RolloutTerms(margin=0.01, loss_low=LOSS.low, loss_high=LOSS.high, design_effect=24.0, champion_risk=0.4)
    result = hold_contest(
        arena.replay, champion=arena.one, challenger=arena.one, plan=arena.plan, terms=terms, loss=LOSS,
        start=BEGIN, salt="unit", schemas=(champion, challenger), look=timedelta(hours=8),
    )  # fmt: skip
    assert result.action is RolloutAction.ABORT
    assert (result.days, result.n_exposed) == (pytest.approx(1 / 3), 0)
    assert "outside" in result.sentence
