"""Sampled Shapley values: they sum to what they explain, and stand where the exact ones stand."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from holdtrue.stats import sample_shapley

ROW = [1.0, -2.0, 3.0, 0.5]
REFERENCES = [list(row) for row in np.random.default_rng(1).normal(size=(6, 4))]


def model(rows):
    table = np.array(rows, dtype=float)
    return table[:, 0] * table[:, 1] * table[:, 2] + np.sin(table[:, 2]) + 0.0 * table[:, 3] + 2 * table[:, 1]


def exact(score, row, references):
    """Return Shapley values by their definition: over all subsets, against each reference row."""
    n = len(row)
    values = np.zeros(n)

    def worth(chosen):
        return np.mean(score([[row[i] if i in chosen else each[i] for i in range(n)] for each in references]))

    for i in range(n):
        others = [j for j in range(n) if j != i]
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for chosen in combinations(others, size):
                values[i] += weight * (worth({*chosen, i}) - worth(set(chosen)))
    return values


def find(n_calls, seed=0, row=ROW, references=REFERENCES, score=model):
    return sample_shapley(score, row, references, n_calls=n_calls, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("n_calls", [1, 10, 100, 1_000])
@pytest.mark.parametrize("n_references", [1, 2, 6])
def test_contributions_sum_to_the_answer_less_the_base_whatever_the_sample(n_calls, n_references):
    found = find(n_calls, references=REFERENCES[:n_references])
    assert found.values.sum() == pytest.approx(found.answer - found.base, abs=1e-12)
    assert found.answer == pytest.approx(model([ROW])[0])
    assert found.n_calls <= max(n_calls, 1 + 1 + 2 * 3)


def test_they_stand_where_the_exact_ones_stand_within_their_errors():
    truth = exact(model, ROW, REFERENCES)
    far = []
    for seed in range(40):
        found = find(400, seed=seed)
        assert found.base == pytest.approx(np.mean(model(REFERENCES)))
        far.append(np.abs(found.values - truth) <= 3 * found.errors + 1e-9)
    assert np.mean(far) > 0.98
    assert find(20_000).values == pytest.approx(truth, abs=0.05)


def test_a_value_that_the_model_does_not_read_adds_nothing():
    assert find(300).values[3] == pytest.approx(0.0, abs=1e-12)


def test_the_same_seed_gives_the_same_values_and_another_one_others():
    assert find(60, seed=4).values.tolist() == find(60, seed=4).values.tolist()
    assert find(60, seed=4).values.tolist() != find(60, seed=5).values.tolist()


def test_one_feature_takes_all_of_it():
    found = find(50, row=[3.0], references=[[0.0], [1.0]], score=lambda rows: np.array(rows)[:, 0] ** 2)
    assert (found.values.tolist(), found.base) == ([8.5], 0.5)


def test_one_order_has_no_error_of_its_own():
    assert np.isnan(find(1).errors).all()
