import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from sklearn.metrics import roc_auc_score

from holdtrue.errors import StatisticsError
from holdtrue.stats import auc, auc_interval, delong_paired, design_effect


def read_asah() -> dict[str, np.ndarray]:
    """aSAH: 113 patients with a subarachnoid haemorrhage, from the R package pROC (Turck et al. 2010)."""
    with (Path(__file__).parent / "asah.csv").open() as file:
        rows = list(csv.DictReader(file))
    table = {name: np.array([float(row[name]) for row in rows]) for name in ("wfns", "s100b", "ndka")}
    return table | {"poor": np.array([row["outcome"] == "Poor" for row in rows])}


@pytest.mark.parametrize(
    ("first", "second", "z"),
    [
        ("wfns", "s100b", 2.20898359144091),
        ("wfns", "ndka", 2.79777591868904),
        ("ndka", "s100b", -1.39077002573558),
    ],
)
def test_the_paired_test_agrees_with_proc(first: str, second: str, z: float) -> None:
    table = read_asah()
    found = delong_paired(table[first], table[second], table["poor"])
    assert found.z == pytest.approx(z, rel=1e-12)
    assert found.difference == pytest.approx(found.auc_a - found.auc_b)


def test_the_p_value_agrees_with_proc() -> None:
    table = read_asah()
    found = delong_paired(table["wfns"], table["s100b"], table["poor"])
    assert found.p_value == pytest.approx(0.0271757822291882, rel=1e-10)
    assert found.interval.excludes(0)


def test_the_interval_of_one_area_agrees_with_proc() -> None:
    table = read_asah()
    found = auc_interval(table["s100b"], table["poor"])
    assert [round(v, 4) for v in (found.estimate, found.low, found.high)] == [0.7314, 0.6301, 0.8326]


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=60))
def test_the_area_is_that_of_scikit_learn_with_ties(rows: list[tuple[int, bool]]) -> None:
    scores, positives = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    if positives.all() or not positives.any():
        assert auc(scores, positives) is None
    else:
        assert auc(scores, positives) == pytest.approx(roc_auc_score(positives, scores))


def test_scores_that_rank_alike_do_not_differ() -> None:
    scores, positives = np.array([0.1, 0.7, 0.4, 0.9, 0.2]), [0, 1, 0, 1, 1]
    found = delong_paired(scores, scores * 2, positives)
    assert (found.difference, found.z, found.p_value) == (0, 0, 1)


def test_blocks_of_one_row_give_nearly_the_error_of_independent_rows() -> None:
    table = read_asah()
    alone = delong_paired(table["wfns"], table["s100b"], table["poor"])
    blocked = delong_paired(table["wfns"], table["s100b"], table["poor"], blocks=np.arange(113))
    assert blocked.standard_error == pytest.approx(alone.standard_error, rel=0.02)


def test_days_that_move_together_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    day = np.repeat(np.arange(40), 50)
    quality = rng.normal(size=40)[day]
    positives = rng.random(2000) < 0.5
    scores = positives * quality + rng.normal(size=2000)
    naive, blocked = auc_interval(scores, positives), auc_interval(scores, positives, blocks=day)
    assert blocked.half_width > 1.5 * naive.half_width
    assert design_effect(scores * (2 * positives - 1), day) > 2


@pytest.mark.parametrize("positives", [[1, 1, 1, 0], [0, 0, 0, 0], [2, 0, 1, 1], [[1, 0, 1, 0]]])
def test_too_few_rows_of_a_class_or_odd_labels_are_refused(positives: list[int]) -> None:
    with pytest.raises(StatisticsError):
        auc_interval([0.1, 0.2, 0.3, 0.4], positives)


def test_a_score_that_is_nan_is_refused() -> None:
    with pytest.raises(StatisticsError, match="NaN"):
        auc([0.1, np.nan, 0.3], [0, 1, 1])


@pytest.mark.parametrize("effect", [1.0, 7.0, 40.0])
def test_the_interval_over_twenty_days_holds_the_truth_at_every_design_effect(effect: float) -> None:
    """Two normals whose means are 1 apart, and farther or nearer by the day: the day's share of the variance."""
    rng, n_days, a_day, n_runs = np.random.default_rng([11, int(effect)]), 20, 100, 1_000
    share = (effect - 1) / (a_day - 1)
    across, within = ndtr(np.sqrt(0.5)), ndtr(1 / np.sqrt(2 + 2 * share))
    truth = across * (1 - 1 / n_days) + within / n_days
    days, n_held = np.arange(n_days).repeat(a_day), 0
    for _ in range(n_runs):
        moved = np.sqrt(share) * rng.normal(size=n_days)[days]
        positives = rng.random(len(days)) < 0.3
        scores = np.sqrt(1 - share) * rng.normal(size=len(days)) + np.where(positives, 1 + moved, -moved)
        n_held += truth in auc_interval(scores, positives, blocks=days)
    assert n_held / n_runs >= 0.935


def test_an_interval_over_days_stays_within_the_range_of_an_area() -> None:
    scores = np.r_[np.linspace(0, 1, 40), 0.5]
    positives = scores > 0.55
    found = auc_interval(scores, positives, blocks=np.arange(41) % 8)
    assert (found.estimate, found.low, found.high) == (1.0, 1.0, 1.0)
    turned = positives.copy()
    turned[[5, 35]] = ~turned[[5, 35]]
    near = auc_interval(scores, turned, blocks=np.arange(41) % 8)
    assert 0 < near.low < near.estimate < near.high < 1
