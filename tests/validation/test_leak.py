from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from holdtrue.data import History, read_history
from holdtrue.domain import Feature, NoLeak, Ruling, Verdict, table
from holdtrue.validation import find_leaks

RNG = np.random.default_rng(0)
N_ROWS = 3_000
X = {f"x{i}": RNG.normal(size=N_ROWS) for i in range(6)}
SIGNAL = X["x0"] + X["x1"] + X["x2"]
LATE = SIGNAL + RNG.normal(size=N_ROWS) > 2
NUMBER = 100 + 10 * SIGNAL + 6 * RNG.normal(size=N_ROWS)

EXAMPLES = Path(__file__).parents[2] / "examples"


def find(make_dataset, label, **more: object) -> Verdict:
    return find_leaks(make_dataset(label, X | more), NoLeak())


@pytest.mark.parametrize("label", [LATE, NUMBER, np.digitize(SIGNAL + RNG.normal(size=N_ROWS), [-0.7, 0.7])])
def test_honest_features_pass(make_dataset, label) -> None:
    verdict = find(make_dataset, label, city=RNG.choice(["a", "b", "c"], N_ROWS))
    assert verdict.ruling is Ruling.PASSED
    assert verdict.evidence["suspects"] == []


@pytest.mark.parametrize(
    "leak",
    [
        LATE,
        np.where(LATE, "yes", "no"),
        np.where(LATE, RNG.normal(5, 1, N_ROWS), RNG.normal(-5, 1, N_ROWS)),
        np.where(LATE, np.nan, RNG.normal(size=N_ROWS)),
        np.where(LATE, RNG.choice(["B1", "B2"], N_ROWS), RNG.choice(["A1", "A2", "A3"], N_ROWS)),
    ],
    ids=["copy", "words", "threshold", "missing only then", "set of levels"],
)
def test_a_feature_that_determines_the_class_fails(make_dataset, leak) -> None:
    verdict = find(make_dataset, LATE, leak=pl.Series(leak).fill_nan(None) if leak.dtype.kind == "f" else leak)
    assert verdict.ruling is Ruling.FAILED
    assert verdict.evidence["columns"] == ["leak"]
    assert "drop=['leak']" in verdict.sentence


def test_label_arithmetic_fails_and_names_the_formula(make_dataset) -> None:
    part = RNG.normal(40, 10, N_ROWS)
    verdict = find(make_dataset, NUMBER, part=part, rest=NUMBER - part)
    assert verdict.ruling is Ruling.FAILED
    assert "label = part + rest" in verdict.sentence


def test_a_number_given_away_by_a_code_fails(make_dataset) -> None:
    label = RNG.choice([10.0, 20.0, 35.0, 70.0], N_ROWS)
    verdict = find(make_dataset, label, code=np.array([f"c{int(value)}" for value in label]))
    assert verdict.ruling is Ruling.FAILED


def test_a_row_number_that_orders_with_the_label_fails(make_dataset) -> None:
    order = np.argsort(np.argsort(LATE + 0.6 * RNG.random(N_ROWS) * 2))
    verdict = find(make_dataset, LATE, row_id=order)
    assert verdict.ruling is Ruling.FAILED
    assert "row number" in verdict.sentence


def test_a_feature_that_does_nearly_all_the_work_is_named_and_does_not_block(make_dataset) -> None:
    strong = LATE + 0.45 * RNG.normal(size=N_ROWS)
    verdict = find(make_dataset, LATE, strong=strong)
    assert verdict.evidence["alone"]["strong"] > verdict.evidence["others"]["strong"] * 0.9
    assert verdict.ruling is Ruling.PASSED
    assert verdict.evidence["suspects"] == ["strong"]
    assert "Suspect: strong" in verdict.sentence


def test_a_twin_does_not_hide_a_suspect(make_dataset) -> None:
    strong = LATE + 0.45 * RNG.normal(size=N_ROWS)
    verdict = find(make_dataset, LATE, minutes=strong, seconds=60 * strong)
    assert set(verdict.evidence["suspects"]) == {"minutes", "seconds"}


def test_what_time_determines_is_not_suspected(make_dataset) -> None:
    hour = (np.arange(N_ROWS) * 40 * 24 // N_ROWS) % 24
    label = 50.0 + 30 * np.sin(hour / 24 * 6.28) + RNG.normal(size=N_ROWS)
    features = {"hour": hour, "noise": RNG.normal(size=N_ROWS)}
    verdict = find_leaks(make_dataset(label, features), NoLeak())
    assert verdict.evidence["strongest"]["hour"] > 0.9
    assert verdict.evidence["suspects"] == []


def test_a_lag_of_the_label_is_not_suspected(make_dataset) -> None:
    label = np.cumsum(RNG.normal(size=N_ROWS))
    features = {"lag": np.append(label[:3], label[:-3]), "noise": RNG.normal(size=N_ROWS)}
    verdict = find_leaks(make_dataset(label, features), NoLeak())
    assert verdict.ruling is Ruling.PASSED
    assert verdict.evidence["suspects"] == []


def test_a_present_value_may_foretell_what_hardly_changes(make_dataset) -> None:
    level = np.cumsum(RNG.normal(size=N_ROWS + 1))
    features = {"now": level[:-1] + 0.01 * RNG.normal(size=N_ROWS), "noise": RNG.normal(size=N_ROWS)}
    assert find_leaks(make_dataset(level[1:], features), NoLeak()).ruling is Ruling.PASSED
    state = np.repeat(RNG.integers(0, 2, N_ROWS // 100 + 1), 100) > 0
    features["now"] = state[:N_ROWS]
    assert find_leaks(make_dataset(state[1 : N_ROWS + 1], features), NoLeak()).ruling is Ruling.PASSED


def test_a_number_in_another_scale_fails(make_dataset) -> None:
    assert find(make_dataset, NUMBER, log=np.exp(NUMBER / 50)).ruling is Ruling.FAILED


def test_constant_and_empty_columns_and_ties_are_nothing(make_dataset) -> None:
    more = {"one": np.ones(N_ROWS), "none": pl.Series([None] * N_ROWS, dtype=pl.Float64), "tie": np.arange(N_ROWS) % 2}
    assert find(make_dataset, LATE, **more).ruling is Ruling.PASSED


@pytest.mark.parametrize("n_rows", [0, 1, 10])
def test_too_few_rows_are_inconclusive(make_dataset, n_rows) -> None:
    dataset = make_dataset(LATE[:n_rows], {"x": X["x0"][:n_rows]})
    assert find_leaks(dataset, NoLeak()).ruling is Ruling.INCONCLUSIVE


def test_labels_of_one_class_are_inconclusive(make_dataset) -> None:
    dataset = make_dataset(np.zeros(100, dtype=bool), {"x": X["x0"][:100]})
    assert find_leaks(dataset, NoLeak()).ruling is Ruling.INCONCLUSIVE


def read_example(folder: str, name: str, **said: object) -> Verdict:
    path = EXAMPLES / folder / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    history = read_history(table(path.name, **said), folder=path.parent)
    return find_leaks(history.dataset(), NoLeak())


def test_the_parts_of_the_bike_count_are_refused() -> None:
    said = {"key": "hour_id", "time": "hour_start", "label": "cnt", "label_delay": "1h"}
    verdict = read_example("retail", "bike", **said)
    assert verdict.ruling is Ruling.FAILED
    assert "cnt = casual + registered" in verdict.sentence
    assert read_example("retail", "bike", **said, drop=["casual", "registered"]).evidence["suspects"] == []


def test_the_duration_of_a_bank_call_is_named() -> None:
    said = {"key": "client_id", "time": "contacted_at", "label": "subscribed", "label_delay": "1d"}
    verdict = read_example("finance", "bank", **said)
    assert verdict.ruling is Ruling.PASSED
    assert verdict.evidence["suspects"] == ["duration"]
    assert read_example("finance", "bank", **said, drop=["duration"]).evidence["suspects"] == []


def test_the_lags_of_the_flu_are_not_accused() -> None:
    said = {"time": "week_start", "label": "ili_in_4_weeks", "label_time": "label_published_at"}
    verdict = read_example("healthcare", "flu", **said, drop=["published_at"])
    assert verdict.ruling is Ruling.PASSED
    assert verdict.evidence["suspects"] == []


def test_no_gas_sensor_is_accused() -> None:
    said = {"key": "sample_id", "time": "measured_at", "label": "gas", "label_delay": "1d"}
    verdict = read_example("manufacturing", "gas", **said, drop=["batch", "concentration_ppmv"])
    assert verdict.ruling is Ruling.PASSED
    assert verdict.evidence["suspects"] == []


@pytest.mark.parametrize("is_sure", [True, False])
def test_a_computed_column_is_left_out_of_the_features_that_are_declared(make_dataset, is_sure: bool) -> None:
    leak = LATE.astype(float) if is_sure else SIGNAL
    rows = make_dataset(
        LATE, {"x0": X["x0"], "leak": leak, "given": leak} if is_sure else {"x5": X["x5"], "leak": leak}
    )
    frame = rows.features.with_columns(
        __key=rows.key, __unit=rows.unit, __time=rows.time, __label_time=rows.time, __label=rows.label
    )
    known = History(
        frame=frame, label="label", task=rows.task, classes=rows.classes, source="", label_delay=timedelta(),
        features=(Feature(name="leak", formula="{}"),),
    )  # fmt: skip
    verdict = find_leaks(rows, NoLeak(), known=known)
    assert "features= without the computed leak" in verdict.sentence
    assert "drop=['leak'" not in verdict.sentence
    assert ("given" in verdict.evidence.get("columns", [])) is ("drop=['given'] and features=" in verdict.sentence)


@pytest.mark.parametrize("kind", ["number", "two classes", "three classes"])
def test_numbers_at_the_ends_of_what_is_a_number_are_looked_at_as_others_are(make_dataset, kind) -> None:
    rng = np.random.default_rng(4)
    signal = rng.normal(size=2_000)
    noisy = signal + 0.3 * rng.normal(size=2_000)
    labels = {
        "number": noisy, "two classes": noisy > 0, "three classes": np.digitize(noisy, (-0.5, 0.5)).astype(str)
    }  # fmt: skip
    huge, whole = rng.normal(size=2_000) * 1e300, rng.integers(0, 2**62, 2_000)
    features = {
        "signal": signal, "huge": huge, "rare": np.where(rng.random(2_000) < 0.01, 1.7e308, 1.0),
        "tiny": huge * 1e-307 * 1e-300, "whole": whole, "last": np.full(2_000, 2**64 - 1, dtype=np.uint64),
    }  # fmt: skip
    verdict = find_leaks(make_dataset(labels[kind], features), NoLeak())
    assert verdict.ruling is Ruling.PASSED
    assert verdict.evidence["suspects"] == ["signal"]
