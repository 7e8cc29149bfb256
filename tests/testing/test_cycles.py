"""Retraining never ships something worse: cycle after cycle of labels that cannot be trusted."""

from pathlib import Path

from holdtrue.testing import CyclePlan, hold_cycles

N_CYCLES = 6


def test_no_trouble_of_labels_or_triggers_puts_something_below_the_floor_in_charge(tmp_path: Path) -> None:
    plan = CyclePlan(seed=1, n_cycles=N_CYCLES)
    report = hold_cycles(tmp_path / "project", plan)
    assert set(report.troubles) == {"none", "corrupted", "self-influenced", "late", "scarce", "storm"}
    assert report.n_promotions > 0
    assert report.n_refused_by_golden > 0
    assert report.lowest_skill >= plan.floor
    assert report.n_looks_below == 0
    assert 0 < report.most_runs_a_day <= plan.max_runs_a_day
    assert report.n_doubled == 0
    # Each reason is said once between two trainings, however often the triggers fire.
    assert report.n_looks > 4 * report.most_refusals


def test_without_a_golden_set_the_same_labels_put_harm_in_charge(tmp_path: Path) -> None:
    plan = CyclePlan(seed=1, n_cycles=N_CYCLES, has_golden=False)
    report = hold_cycles(tmp_path / "project", plan)
    assert report.n_looks_below > 0
    assert report.lowest_skill < plan.floor
