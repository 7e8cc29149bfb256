"""Mean labels of levels: over rows that were not over yet they leak, over earlier ones they do not."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from holdtrue.data import Dataset
from holdtrue.validation.encoding import find_encoding

N_ROWS, N_OLD, N_LEVELS = 6_000, 4_500, 30
RNG = np.random.default_rng(0)
CODES = RNG.integers(0, N_LEVELS, N_ROWS)
RATES = RNG.uniform(0.1, 0.6, N_LEVELS)
LATE = RNG.random(N_ROWS) < RATES[CODES]
COST = 50 + 40 * RATES[CODES] + RNG.normal(size=N_ROWS) * 10
CITIES = pl.Series([f"c{code:02}" for code in CODES], dtype=pl.Enum([f"c{code:02}" for code in range(N_LEVELS)]))


def average(labels: np.ndarray, rows: slice, smoothing: float = 0) -> np.ndarray:
    n = np.bincount(CODES[rows], minlength=N_LEVELS)
    sums = np.bincount(CODES[rows], weights=labels[rows], minlength=N_LEVELS)
    return (sums + smoothing * labels[rows].mean()) / (n + smoothing)


def leave_one_out(labels: np.ndarray) -> np.ndarray:
    n, sums = np.bincount(CODES), np.bincount(CODES, weights=labels)
    return (sums[CODES] - labels) / (n[CODES] - 1)


def fold(labels: np.ndarray) -> np.ndarray:
    made, folds = np.empty(N_ROWS), RNG.integers(0, 5, N_ROWS)
    for each in range(5):
        kept = folds != each
        means = np.bincount(CODES[kept], weights=labels[kept]) / np.bincount(CODES[kept])
        made[~kept] = means[CODES[~kept]]
    return made


def run(labels: np.ndarray) -> np.ndarray:
    """Return the mean of the earlier labels of each level."""
    frame = pl.DataFrame({"code": CODES, "label": labels.astype(float)})
    earlier = (pl.col("label").cum_sum() - pl.col("label")) / pl.int_range(pl.len())
    return frame.select(earlier.over("code").fill_nan(0.3)).to_series().to_numpy()


def find(make_dataset, labels: np.ndarray, column: np.ndarray, *, n_old: int = N_OLD, unit: bool = False):
    features = {"encoded": column, "noise": RNG.normal(size=N_ROWS)}
    known: Dataset = make_dataset(pl.Series(labels), pl.DataFrame(features if unit else features | {"city": CITIES}))
    if unit:
        known = replace(known, unit=CITIES.cast(pl.String))
    return find_encoding(known, known.features.columns, trained_until=known.time[n_old - 1])


@pytest.mark.parametrize("labels", [LATE, COST], ids=["classes", "numbers"])
@pytest.mark.parametrize(
    "encode",
    [
        lambda y: average(y, slice(None))[CODES],
        lambda y: average(y, slice(None), 20)[CODES],
        lambda y: average(y, slice(None)).round(3)[CODES],
        lambda y: average(y, slice(0, N_ROWS - 20))[CODES],
        leave_one_out,
        fold,
    ],
    ids=["plain", "smoothed", "rounded", "a few rows older", "leave one out", "folds"],
)
def test_a_mean_over_all_rows_is_sure(make_dataset, labels, encode) -> None:
    for unit in (False, True):
        found = find(make_dataset, labels, encode(labels), unit=unit)
        assert found is not None
        assert found.is_sure
        assert found.evidence["group"] == ("the unit" if unit else "city")


def test_what_the_field_s_own_encoder_makes_of_all_rows_is_sure(make_dataset) -> None:
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    rare = np.random.default_rng(1).random(N_ROWS) < 0.2 * RATES[CODES]  # folds of a small level come to the same mean
    for seed in range(6):
        encoder = TargetEncoder(smooth=("auto", 10.0)[seed % 2], cv=StratifiedKFold(5, shuffle=True, random_state=seed))
        for labels in (LATE, rare):
            for made in (
                encoder.fit(CODES[:, None], labels).transform(CODES[:, None]),
                encoder.fit_transform(CODES[:, None], labels),
            ):
                found = find(make_dataset, labels, made[:, 0])
                assert found is not None
                assert found.is_sure


@pytest.mark.parametrize("labels", [LATE, COST], ids=["classes", "numbers"])
def test_a_rate_of_another_source_that_differs_by_season_is_honest(make_dataset, labels) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        own = (labels.std() * rng.normal(size=(N_LEVELS, 5)) / 30 + average(labels, slice(0, N_OLD))[:, None]).round(4)
        seasons = np.arange(N_ROWS) * 5 // N_ROWS if seed % 2 else rng.integers(0, 5, N_ROWS)
        assert find(make_dataset, labels, own[CODES, seasons]) is None


@pytest.mark.parametrize("labels", [LATE, COST], ids=["classes", "numbers"])
def test_means_of_earlier_or_other_rows_are_honest(make_dataset, labels) -> None:
    assert find(make_dataset, labels, run(labels)) is None
    assert find(make_dataset, labels, RNG.normal(size=N_LEVELS)[CODES]) is None


def test_the_true_rates_are_honest(make_dataset) -> None:
    n_found = 0
    for seed in range(40):
        late = np.random.default_rng(seed).random(N_ROWS) < RATES[CODES]
        n_found += find(make_dataset, late, RATES[CODES]) is not None
    assert n_found == 0


def test_a_mean_of_the_training_rows_alone_is_not_sure(make_dataset) -> None:
    found = find(make_dataset, LATE, average(LATE, slice(0, N_OLD))[CODES])
    assert found is not None
    assert not found.is_sure


def test_without_later_rows_nothing_is_sure_but_the_own_label(make_dataset) -> None:
    plain = find(make_dataset, LATE, average(LATE, slice(None))[CODES], n_old=N_ROWS)
    own = find(make_dataset, LATE, leave_one_out(LATE), n_old=N_ROWS)
    assert plain is not None
    assert not plain.is_sure
    assert own is not None
    assert own.is_sure


def scale(column: np.ndarray) -> np.ndarray:
    return (column - column.mean()) / column.std()


def weigh_evidence(labels: np.ndarray) -> np.ndarray:
    n, high = np.bincount(CODES), np.bincount(CODES, weights=labels)
    return np.log((high + 1) / (labels.sum() + 2) / ((n - high + 1) / ((~labels).sum() + 2)))[CODES]


def shrink(labels: np.ndarray) -> np.ndarray:
    """Return means drawn to that of all by their own error against their spread, as James and Stein do."""
    means, errors = average(labels, slice(None)), labels.var() / np.bincount(CODES)
    return (labels.mean() + (means - labels.mean()) * (1 - errors / (errors + means.var())))[CODES]


@pytest.mark.parametrize(
    ("labels", "made"),
    [
        (LATE, weigh_evidence(LATE)),
        (LATE, shrink(LATE)),
        (COST, scale(shrink(COST))),
        (LATE, scale(average(LATE, slice(None), 20)[CODES])),
        (COST, scale(fold(COST))),
        (LATE, scale(leave_one_out(LATE))),
        (COST, average(np.log1p(COST), slice(None))[CODES]),
        (COST, weigh_evidence(np.median(COST) < COST)),
    ],
    ids=["evidence", "stein", "stein scaled", "smoothed scaled", "folds scaled", "one out scaled", "log", "median"],
)
def test_an_encoding_is_told_however_it_was_turned(make_dataset, labels, made) -> None:
    found = find(make_dataset, labels, made)
    assert found is not None
    assert found.is_sure


@pytest.mark.parametrize("is_transformed", [False, True], ids=["folds", "all"])
def test_an_encoder_that_takes_a_count_for_classes_is_found_by_the_share_of_one_value(
    make_dataset, is_transformed
) -> None:
    from sklearn.model_selection import KFold
    from sklearn.preprocessing import TargetEncoder

    counts = np.random.default_rng(2).poisson(2 + 20 * RATES[CODES]).astype(float)
    encoder = TargetEncoder(cv=KFold(5, shuffle=True, random_state=0))
    made = encoder.fit_transform(CODES[:, None], counts)
    made = encoder.transform(CODES[:, None]) if is_transformed else made
    for place in (4, 8):
        found = find(make_dataset, counts, made[:, place])
        assert found is not None
        assert found.is_sure


@pytest.mark.parametrize("labels", [LATE, COST], ids=["classes", "numbers"])
def test_what_is_scaled_and_of_an_earlier_time_or_of_nothing_is_honest(make_dataset, labels) -> None:
    earlier = scale(average(labels, slice(0, N_OLD // 2))[CODES])
    assert find(make_dataset, labels, earlier) is None
    for seed in range(20):
        rng = np.random.default_rng(seed)
        levels = rng.normal(size=(N_LEVELS, 5))
        made = levels[CODES, rng.integers(0, 5, N_ROWS)] if seed % 2 else levels[CODES, 0]
        assert find(make_dataset, labels, made) is None
