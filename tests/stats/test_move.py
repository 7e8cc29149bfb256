import numpy as np
import pytest

from holdtrue.errors import StatisticsError
from holdtrue.stats import LevelProfile, Move, MoveRule, NumberProfile, calibrate_wobble, judge_move

RULE = MoveRule(n_columns=50)


def make_days(rng: np.random.Generator, n_days: int, n_rows: int, wobble: float = 0.0) -> list[NumberProfile]:
    means = rng.normal(0, wobble, n_days)
    return [NumberProfile.measure(rng.normal(mean, 1, n_rows), centre=0) for mean in means]


def add_all(days: list[NumberProfile]) -> NumberProfile:
    total = days[0]
    for day in days[1:]:
        total = total.add(day)
    return total


def follow(
    days: list[NumberProfile], windows: list[NumberProfile], rule: MoveRule = RULE, *, is_calibrated: bool = True
) -> list[Move]:
    reference = add_all(days)
    wobble = calibrate_wobble(reference, days) if is_calibrated else None
    moves: list[Move] = []
    for window in windows:
        recent = [move.exceeds for move in moves]
        moves.append(judge_move(reference, window, rule=rule, wobble=wobble, recent=recent))
    return moves


def test_nothing_moves_in_a_year_without_change() -> None:
    rng = np.random.default_rng(1)
    for _ in range(2):
        moves = follow(make_days(rng, 60, 1000), make_days(rng, 365, 1000))
        assert not any(move.has_moved for move in moves)
        assert all(move.is_testable and move.is_calibrated for move in moves)


def test_half_a_sigma_is_found_within_two_days_of_500_rows() -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        shifted = [NumberProfile.measure(rng.normal(0.5, 1, 500), centre=0) for _ in range(2)]
        moves = follow(make_days(rng, 60, 500), shifted)
        assert [move.has_moved for move in moves] == [False, True]
        assert moves[1].wasserstein == pytest.approx(0.5, abs=0.2)


def test_a_quarter_sigma_is_found_on_the_merged_week() -> None:
    rng = np.random.default_rng(3)
    shifted = [NumberProfile.measure(rng.normal(0.25, 1, 3500), centre=0) for _ in range(2)]
    moves = follow(make_days(rng, 60, 500), shifted, MoveRule(n_columns=50, windows_a_year=52))
    assert all(move.exceeds for move in moves)
    assert moves[1].has_moved


def test_a_hundredth_of_a_sigma_is_ignored_however_many_rows() -> None:
    rng = np.random.default_rng(4)
    reference = NumberProfile.measure(rng.normal(size=1_000_000), centre=0)
    move = judge_move(reference, NumberProfile.measure(rng.normal(0.03, 1, 1_000_000), centre=0), rule=RULE)
    assert move.p_value < RULE.level
    assert not move.exceeds


def test_harmless_wobble_is_learned_from_the_own_days() -> None:
    rng = np.random.default_rng(5)
    days, year = make_days(rng, 60, 5000, wobble=0.1), make_days(rng, 200, 5000, wobble=0.1)
    calibrated, uncalibrated = follow(days, year), follow(days, year, is_calibrated=False)
    assert sum(move.has_moved for move in calibrated) <= 1
    assert sum(move.has_moved for move in uncalibrated) > 10
    assert not uncalibrated[0].is_calibrated
    assert uncalibrated[0].own_tail is None


def test_fewer_than_thirty_days_are_said_to_be_uncalibrated() -> None:
    days = make_days(np.random.default_rng(6), 29, 200)
    assert calibrate_wobble(add_all(days), days) is None
    assert not judge_move(add_all(days), days[0], own_days=days).is_calibrated


def test_own_days_calibrate_on_the_spot() -> None:
    days = make_days(np.random.default_rng(7), 30, 200)
    assert judge_move(add_all(days), days[0], own_days=days).is_calibrated


def test_one_window_alone_has_not_moved() -> None:
    rng = np.random.default_rng(8)
    reference = NumberProfile.measure(rng.normal(size=10_000), centre=0)
    far = NumberProfile.measure(rng.normal(2, 1, 1000), centre=0)
    assert judge_move(reference, far, rule=RULE).exceeds
    assert not judge_move(reference, far, rule=RULE).has_moved
    assert judge_move(reference, far, rule=RULE, recent=[True, False]).has_moved
    assert not judge_move(reference, far, rule=RULE, recent=[True, False, False]).has_moved


def test_a_window_too_small_for_the_asked_effect_is_not_tested() -> None:
    rng = np.random.default_rng(9)
    reference = NumberProfile.measure(rng.normal(size=10_000), centre=0)
    small = NumberProfile.measure(rng.normal(9, 1, 40), centre=0)
    move = judge_move(reference, small, rule=RULE)
    assert not move.is_testable
    assert not move.exceeds


def test_a_constant_column_that_changes_has_moved() -> None:
    reference = NumberProfile.measure([5.0] * 5000, centre=5)
    changed = NumberProfile.measure([7.0] * 500, centre=5)
    assert judge_move(reference, changed, rule=RULE, recent=[True]).has_moved
    same = judge_move(reference, NumberProfile.measure([5.0] * 500, centre=5), rule=RULE)
    assert not same.exceeds
    assert not same.is_testable


def test_constant_days_are_calibrated_and_a_change_still_shows() -> None:
    days = [NumberProfile.measure([5.0] * 500, centre=5)] * 40
    changed = NumberProfile.measure([7.0] * 500, centre=5)
    assert judge_move(add_all(days), changed, rule=RULE, own_days=days, recent=[True]).has_moved
    assert judge_move(add_all(days), days[0], rule=RULE, own_days=days).own_tail == 1.0


def test_levels_and_missing_shares_move_under_the_same_rule() -> None:
    rng = np.random.default_rng(10)
    reference = LevelProfile.measure(rng.choice(["a", "b", "c"], 5000, p=[0.6, 0.3, 0.1]).tolist())
    same = rng.choice(["a", "b", "c"], 1000, p=[0.6, 0.3, 0.1]).tolist()
    new = rng.choice(["a", "b", "new"], 1000, p=[0.6, 0.3, 0.1]).tolist()
    still, moved = (LevelProfile.measure(v, levels=reference.levels) for v in (same, new))
    assert not judge_move(reference, still, rule=RULE).exceeds
    assert judge_move(reference, moved, rule=RULE).exceeds
    assert judge_move(reference, moved, rule=RULE).ks_distance is None
    holes = LevelProfile.measure([None] * 300 + ["a"] * 700, levels=reference.levels)
    assert judge_move(reference.missing, holes.missing, rule=RULE).exceeds
    assert not judge_move(reference.missing, still.missing, rule=RULE).exceeds


def test_a_window_without_values_is_not_tested_but_its_missing_share_is() -> None:
    reference = NumberProfile.measure(np.random.default_rng(11).normal(size=5000), centre=0)
    gone = NumberProfile.measure([np.nan] * 500, centre=0)
    assert not judge_move(reference, gone, rule=RULE).is_testable
    assert judge_move(reference.missing, gone.missing, rule=RULE).exceeds
    with pytest.raises(StatisticsError, match="reference without values"):
        judge_move(gone, reference, rule=RULE)
