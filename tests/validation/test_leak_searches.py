"""What the searches for ids, thresholds, leads and near-copies find, and what they leave alone."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from holdtrue.domain import NoLeak, Ruling, Verdict
from holdtrue.validation import find_leaks, find_overlap

N_ROWS = 3_000
RNG = np.random.default_rng(0)
X = {f"x{i}": RNG.normal(size=N_ROWS) for i in range(6)}
SIGNAL = X["x0"] + X["x1"] + X["x2"]
LATE = SIGNAL + RNG.normal(size=N_ROWS) > 2
NUMBER = 100 + 10 * SIGNAL + 6 * RNG.normal(size=N_ROWS)
MARGIN = np.where(LATE, 15 + RNG.exponential(30, N_ROWS), 15 - RNG.exponential(30, N_ROWS))
SHUFFLED = RNG.permutation(N_ROWS)


def find(make_dataset, label: object, **more: object) -> Verdict:
    return find_leaks(make_dataset(label, X | more), NoLeak())


@pytest.mark.parametrize(
    "name",
    [
        2 * SHUFFLED + LATE,
        np.array([f"{'P' if late else 'N'}-{n:06}" for late, n in zip(LATE, SHUFFLED, strict=True)]),
        np.array([f"{n:06}-{'17' if late else '18'}" for late, n in zip(LATE, SHUFFLED, strict=True)]),
        np.array([f"{n:06}" for n in np.argsort(np.argsort(LATE + RNG.random(N_ROWS)))]),
    ],
    ids=["parity", "first letter", "last digits", "text order"],
)
def test_an_id_that_tells_the_label_fails(make_dataset, name) -> None:
    verdict = find(make_dataset, LATE, name=name)
    assert verdict.ruling is Ruling.FAILED
    assert verdict.evidence["columns"] == ["name"]


def test_ids_that_tell_nothing_or_count_time_pass(make_dataset) -> None:
    texts = np.array([f"id-{n:06}" for n in SHUFFLED])
    assert find(make_dataset, LATE, number=SHUFFLED, text=texts).ruling is Ruling.PASSED
    # The label's rate rises from 0 to 1 with time, and so do the numbers, but for rows that came a little late.
    drifting = RNG.random(N_ROWS) < np.linspace(-0.5, 1.5, N_ROWS)
    number = np.argsort(np.argsort(np.arange(N_ROWS) + RNG.normal(0, 20, N_ROWS)))
    assert find(make_dataset, drifting, number=number).ruling is Ruling.PASSED


@pytest.mark.parametrize("sign", ["difference", "sum", "ratio"])
def test_two_columns_that_pass_a_threshold_together_fail(make_dataset, sign) -> None:
    planned = RNG.uniform(100, 900, N_ROWS)
    other = {"difference": planned + MARGIN, "sum": MARGIN - planned, "ratio": planned * np.exp(MARGIN / 50)}[sign]
    verdict = find(make_dataset, LATE, planned=planned, actual=other)
    assert verdict.ruling is Ruling.FAILED
    assert verdict.evidence["columns"] == ["planned", "actual"]


def test_a_threshold_is_found_among_many_columns(make_dataset) -> None:
    many = {f"n{i}": RNG.normal(size=N_ROWS) for i in range(80)}
    planned = RNG.uniform(100, 900, N_ROWS)
    verdict = find(make_dataset, LATE, planned=planned, actual=planned + MARGIN, **many)
    assert verdict.ruling is Ruling.FAILED
    assert verdict.evidence["columns"] == ["planned", "actual"]


def test_two_strong_honest_columns_pass(make_dataset) -> None:
    half = {f"half_{i}": np.where(LATE, 1.5, -1.5) + RNG.normal(size=N_ROWS) for i in range(2)}
    assert find(make_dataset, LATE, **half).ruling is Ruling.PASSED


@pytest.mark.parametrize("label", [LATE, NUMBER, np.digitize(SIGNAL, [-0.7, 0.7])], ids=["two", "number", "three"])
def test_the_label_of_a_later_row_fails_and_that_of_an_earlier_one_passes(make_dataset, label) -> None:
    values = pl.Series(label)
    for steps in (1, 3):
        verdict = find(make_dataset, label, lead=values.shift(-steps))
        assert verdict.ruling is Ruling.FAILED
        assert f"{steps} row" in verdict.sentence
        assert find(make_dataset, label, lag=values.shift(steps)).ruling is Ruling.PASSED


def test_the_label_of_a_unit_s_next_row_fails(make_dataset) -> None:
    units = pl.Series([f"u{n}" for n in RNG.integers(0, 100, N_ROWS)])
    frame = pl.DataFrame({"unit": units, "late": LATE})
    lead = frame.select(pl.col("late").shift(-1).over("unit")).to_series()
    dataset = replace(make_dataset(LATE, X | {"lead": lead}), unit=units)
    assert "same unit" in find_leaks(dataset, NoLeak()).sentence


def test_a_flag_that_errs_once_in_two_hundred_rows_fails(make_dataset) -> None:
    assert find(make_dataset, LATE, flag=LATE ^ (RNG.random(N_ROWS) < 0.005)).ruling is Ruling.FAILED
    named = find(make_dataset, LATE, flag=LATE ^ (RNG.random(N_ROWS) < 0.05))
    assert named.ruling is Ruling.PASSED
    assert named.evidence["suspects"] == ["flag"]


def test_what_the_team_allows_is_left_alone(make_dataset) -> None:
    dataset = make_dataset(LATE, X | {"flag": LATE})
    assert find_leaks(dataset, NoLeak()).ruling is Ruling.FAILED
    assert find_leaks(dataset, NoLeak(allow=("flag",))).ruling is Ruling.PASSED


def split_units(make_dataset, label: np.ndarray, units: np.ndarray):
    dataset = make_dataset(label, X)
    first, last = (slice(0, 2_000), slice(2_000, N_ROWS))
    parts = {name: getattr(dataset, name) for name in ("features", "label", "key", "time")}
    names = pl.Series([f"u{unit}" for unit in units])
    return [
        replace(dataset, unit=names[side], **{name: part[side] for name, part in parts.items()})
        for side in (first, last)
    ]


def test_units_that_come_again_pass_unless_they_give_their_label_away(make_dataset) -> None:
    units = RNG.integers(0, 200, N_ROWS)
    assert find_overlap(*split_units(make_dataset, LATE, units)).ruling is Ruling.PASSED
    ill = (units % 5) == 0
    train, evaluation = split_units(make_dataset, ill, units)
    verdict = find_overlap(train, evaluation)
    assert verdict.ruling is Ruling.FAILED
    assert verdict.evidence["unit_agreement"] == pytest.approx(1.0)
    assert find_overlap(train, evaluation, units_return=True).ruling is Ruling.PASSED


def test_a_rare_label_is_not_taken_for_one_that_units_share(make_dataset) -> None:
    rare = RNG.random(N_ROWS) < 0.005
    assert find_overlap(*split_units(make_dataset, rare, RNG.integers(0, 200, N_ROWS))).ruling is Ruling.PASSED


def test_rows_out_of_order_fail(make_dataset) -> None:
    train, evaluation = split_units(make_dataset, LATE, np.arange(N_ROWS))
    order = RNG.permutation(train.n_rows)
    mixed = {name: getattr(train, name)[order] for name in ("features", "label", "key", "unit", "time")}
    verdict = find_overlap(replace(train, **mixed), evaluation)
    assert verdict.ruling is Ruling.FAILED
    assert "order of time" in verdict.sentence
