import numpy as np
import pytest

from holdtrue.domain import RolloutTerms
from holdtrue.rollout import Exposures, weigh_exposures

TERMS = RolloutTerms(margin=0.01, loss_low=0, loss_high=1, design_effect=1, champion_risk=0.1)


def shadow(champion: np.ndarray, challenger: np.ndarray) -> Exposures:
    n = len(champion)
    return Exposures(
        challenger_loss=challenger.astype(float), champion_loss=champion.astype(float),
        is_challenger=np.zeros(n, dtype=bool), share=np.zeros(n), stage=np.zeros(n, dtype=np.int64),
    )  # fmt: skip


def canary(is_challenger: np.ndarray, losses: np.ndarray, share: float) -> Exposures:
    n = len(losses)
    nothing = np.full(n, np.nan)
    return Exposures(
        challenger_loss=np.where(is_challenger, losses, nothing),
        champion_loss=np.where(is_challenger, nothing, losses),
        is_challenger=is_challenger, share=np.full(n, share), stage=np.zeros(n, dtype=np.int64),
    )  # fmt: skip


def test_no_rows_are_no_evidence() -> None:
    found = weigh_exposures(Exposures.none(), TERMS, stage_index=0, is_paired=True)
    assert found.n_rows == 0
    assert found.estimate is None
    assert not found.shows_harm(0.05)
    assert not found.shows_no_worse()


def test_a_much_worse_challenger_shows_harm_in_shadow_and_is_exposed_to_nobody() -> None:
    generator = np.random.default_rng(1)
    champion = generator.random(1000) < 0.1
    challenger = champion | (generator.random(1000) < 0.1)
    found = weigh_exposures(shadow(champion, challenger), TERMS, stage_index=0, is_paired=True)
    assert found.shows_harm(0.05)
    assert found.n_exposed == 0
    assert found.interval is not None
    assert found.interval.low > 0


def test_missing_labels_count_as_missing_and_as_nothing_else() -> None:
    losses = np.array([0.0, np.nan, 1.0, np.nan])
    found = weigh_exposures(shadow(losses, losses), TERMS, stage_index=0, is_paired=True)
    assert (found.n_rows, found.n_missing) == (2, 2)


def test_the_design_effect_tempers_harm() -> None:
    champion, challenger = np.zeros(200), np.r_[np.ones(40), np.zeros(160)]
    plain = weigh_exposures(shadow(champion, challenger), TERMS, stage_index=0, is_paired=True)
    terms = RolloutTerms(margin=0.01, loss_low=0, loss_high=1, design_effect=10, champion_risk=0.1)
    tempered = weigh_exposures(shadow(champion, challenger), terms, stage_index=0, is_paired=True)
    assert tempered.harm == pytest.approx(plain.harm / 10)


def test_rows_of_other_stages_give_evidence_but_do_not_fill_this_stage() -> None:
    rows = shadow(np.zeros(50), np.zeros(50))
    assert weigh_exposures(rows, TERMS, stage_index=0, is_paired=True).n_stage == 50
    later = weigh_exposures(rows, TERMS, stage_index=1, is_paired=True)
    assert (later.n_rows, later.n_stage) == (50, 0)


def test_an_unpaired_canary_finds_a_worse_challenger_by_randomisation() -> None:
    generator = np.random.default_rng(2)
    is_challenger = generator.random(6000) < 0.25
    losses = (generator.random(6000) < np.where(is_challenger, 0.35, 0.1)).astype(float)
    found = weigh_exposures(canary(is_challenger, losses, 0.25), TERMS, stage_index=0, is_paired=False)
    assert found.shows_harm(0.05)
    assert found.n_exposed == int(is_challenger.sum())
    assert found.n_stage == found.n_exposed


def test_equal_challengers_are_falsely_stopped_in_at_most_one_of_twenty() -> None:
    """Two refits swapped by a coin for each unit, and by a coin for each day (tempered by the measured effect)."""
    generator = np.random.default_rng(3)
    n_days, rows_a_day, n_runs = 14, 200, 200
    stopped = {"unit": 0, "day": 0}
    for _ in range(n_runs):
        shift = generator.normal(0, 0.06, n_days).repeat(rows_a_day)
        one = np.clip(0.4 + shift + generator.normal(0, 0.1, n_days * rows_a_day), 0, 1)
        two = np.clip(0.4 + generator.normal(0, 0.1, n_days * rows_a_day), 0, 1)
        for kind in stopped:
            coin = (
                generator.random(len(one)) < 0.5
                if kind == "unit"
                else ((generator.random(n_days) < 0.5).repeat(rows_a_day))
            )
            champion, challenger = np.where(coin, one, two), np.where(coin, two, one)
            daily = (challenger - champion).reshape(n_days, rows_a_day)
            effect = max(1.0, rows_a_day * daily.mean(axis=1).var() / daily.var())
            terms = RolloutTerms(margin=0.01, loss_low=0, loss_high=1, design_effect=effect, champion_risk=0.4)
            found = weigh_exposures(shadow(champion, challenger), terms, stage_index=0, is_paired=True)
            stopped[kind] += found.shows_harm(0.05)
    assert stopped["unit"] <= 0.05 * n_runs
    assert stopped["day"] <= 0.05 * n_runs
