import numpy as np
import pytest

from holdtrue.validation.arithmetic import find_relation

RNG = np.random.default_rng(0)
N_ROWS = 800
A, B, C = (RNG.gamma(2, 100, N_ROWS).round() + 1 for _ in range(3))
OTHERS = {f"x{i}": RNG.normal(100, 50, N_ROWS).round(1) for i in range(8)}


@pytest.mark.parametrize(
    ("label", "columns"),
    [
        (A, {"a"}),
        (A * 1000, {"a"}),
        (A * 1.8 + 32, {"a"}),
        (A + B, {"a", "b"}),
        (A - B, {"a", "b"}),
        (A + B + C, {"a", "b", "c"}),
        (A + B - C, {"a", "b", "c"}),
        (A * B, {"a", "b"}),
        (100 * A / B, {"a", "b"}),
        ((A / 3).round(2) + B, {"third", "b"}),
        (0.25 * A + 0.5 * B + 2 * C, {"a", "b", "c"}),
    ],
)
def test_exact_relations_are_found_and_their_columns_named(label, columns) -> None:
    given = OTHERS | {"a": A, "b": B, "c": C, "third": (A / 3).round(2)}
    if columns == {"third", "b"}:
        del given["a"]
    found = find_relation(label, given)
    assert found is not None
    assert set(found.columns) == columns
    assert found.share >= 0.995


def test_a_few_corrected_rows_and_missing_values_do_not_hide_it() -> None:
    label = A + B
    label[:3] += 7
    holed = np.where(np.arange(N_ROWS) % 3 == 0, np.nan, A)
    found = find_relation(label, OTHERS | {"a": holed, "b": B})
    assert found is not None
    assert found.formula == "a + b"


@pytest.mark.parametrize(
    "label",
    [
        A + B + RNG.normal(0, 5, N_ROWS),
        RNG.poisson(0.3, N_ROWS).astype(float),
        np.where(RNG.random(N_ROWS) < 0.004, 5.0, 0.0) + RNG.integers(0, 2, N_ROWS),
        np.cumsum(RNG.normal(size=N_ROWS)),
    ],
)
def test_honest_labels_are_not_accused(label) -> None:
    lag = np.append(label[:1], label[:-1])
    columns = OTHERS | {"a": A, "b": B, "lag": lag, "zeros": np.zeros(N_ROWS), "index": np.arange(N_ROWS, dtype=float)}
    columns |= {f"flag{i}": (RNG.random(N_ROWS) < 0.01).astype(float) for i in range(20)}
    assert find_relation(label, columns) is None


def test_columns_of_one_value_or_none_and_few_rows_are_nothing_to_go_by() -> None:
    assert find_relation(A, {"zeros": np.zeros(N_ROWS), "empty": np.full(N_ROWS, np.nan)}) is None
    assert find_relation(A[:20], {"a": A[:20]}) is None
    assert find_relation(np.ones(N_ROWS), {"a": A}) is None
    assert find_relation(A, {}) is None
