from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdtrue import robust_to
from holdtrue.domain import LabelScope, Ruling
from holdtrue.errors import DeclarationError, TrainingFailed
from holdtrue.validation.behaviour.perturbation import add_noise, lose_values, measure_spread
from holdtrue.validation.behaviour.robustness import judge_robustness
from holdtrue.validation.comparison import say_about

from .models import as_classes, make_candidate

N_ROWS = 4_000


@pytest.fixture
def rows(make_dataset):
    generator = np.random.default_rng(0)
    heat = generator.normal(size=N_ROWS)
    features = {"heat": heat, "place": generator.choice(["in", "out"], N_ROWS), "n": generator.integers(0, 9, N_ROWS)}
    return make_dataset(generator.random(N_ROWS) < 1 / (1 + np.exp(-2 * heat)), features)


def answer_truth(frame: pl.DataFrame):
    return as_classes(1 / (1 + np.exp(-2 * frame["heat"].fill_null(0).to_numpy())))


def answer_wildly(frame: pl.DataFrame):
    """The truth only for values that it knows by heart to four places."""
    heat = frame["heat"].fill_null(0).to_numpy()
    is_known = np.isin(np.round(heat, 4), KNOWN)
    return as_classes(np.where(is_known, 1 / (1 + np.exp(-2 * heat)), 0.5))


KNOWN = np.round(np.random.default_rng(0).normal(size=N_ROWS), 4)


def test_a_smooth_model_passes_and_one_that_knows_values_by_heart_fails(rows) -> None:
    calm = judge_robustness(robust_to(), make_candidate(rows, answer_truth))
    assert calm.has_passed
    assert calm.evidence["noise"]["estimate"] < calm.evidence["noise"]["allowed"]
    assert calm.evidence["missing"]["high"] <= calm.evidence["missing"]["allowed"]
    wild = judge_robustness(robust_to(missing=0), make_candidate(rows, answer_wildly))
    assert wild.ruling is Ruling.FAILED
    assert set(wild.evidence) == {"noise"}
    assert "With noise of 0.05 spreads on each number the log-loss rises by" in wild.sentence
    assert "of what the model gains on the simple baseline" in wild.sentence


def test_a_rise_that_may_be_a_fall_is_told_as_both(rows) -> None:
    verdict = judge_robustness(robust_to(noise=0.001, missing=0), make_candidate(rows, answer_truth))
    assert verdict.has_passed
    assert "(between a fall of " in verdict.sentence
    assert "and a rise of " in verdict.sentence


def test_a_model_that_needs_every_value_fails_when_they_are_missing(rows) -> None:
    hard = judge_robustness(robust_to(noise=0, missing=0.5), make_candidate(rows, answer_truth))
    assert hard.ruling is Ruling.FAILED
    assert hard.evidence["missing"]["estimate"] > 0.3 * hard.evidence["missing"]["gain"]


def test_a_model_that_refuses_missing_values_fails_and_says_so(rows) -> None:
    def score(frame: pl.DataFrame):
        if frame["heat"].null_count():
            raise TrainingFailed("LogisticRegression cannot answer these rows (Input X contains NaN)")
        return answer_truth(frame)

    verdict = judge_robustness(robust_to(), make_candidate(rows, score))
    assert verdict.ruling is Ruling.FAILED
    assert "does not answer rows with 5 % of the values missing: LogisticRegression cannot" in verdict.sentence
    assert judge_robustness(robust_to(missing=0), make_candidate(rows, score)).has_passed


def test_answers_that_are_no_numbers_fail(rows) -> None:
    def score(frame: pl.DataFrame):
        return as_classes(1 / (1 + np.exp(-2 * frame["heat"].cast(pl.Float64).to_numpy())))

    verdict = judge_robustness(robust_to(noise=0), make_candidate(rows, score))
    assert verdict.ruling is Ruling.FAILED
    assert "not all finite" in verdict.sentence


def test_few_rows_or_days_are_inconclusive(make_dataset) -> None:
    for n_rows, n_days in ((20, 20), (500, 3)):
        few = make_dataset([i % 2 == 0 for i in range(n_rows)], {"heat": np.arange(float(n_rows))}, n_days=n_days)
        verdict = judge_robustness(robust_to(), make_candidate(few, answer_truth))
        assert verdict.ruling is Ruling.INCONCLUSIVE
        assert "Not enough data: need" in verdict.sentence


@pytest.mark.parametrize("n_positives", [0, 9])
def test_rows_of_hardly_more_than_one_class_are_inconclusive_and_said_so_once(make_dataset, n_positives) -> None:
    rows = make_dataset([i < n_positives for i in range(N_ROWS)], {"heat": np.arange(float(N_ROWS))})
    train = make_dataset([i % 2 == 0 for i in range(N_ROWS)], {"heat": np.arange(float(N_ROWS))})
    verdict = judge_robustness(robust_to(), make_candidate(rows, answer_truth, train=train))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert verdict.sentence.count(f"outside the commonest class, found {n_positives} of 4,000") == 1


def test_rows_that_were_acted_on_are_not_judged(rows) -> None:
    candidate = replace(make_candidate(rows, answer_truth), scope=LabelScope.ACTED)
    assert judge_robustness(robust_to(), candidate).ruling is Ruling.INCONCLUSIVE


def test_a_close_call_says_how_many_rows_would_tell(rows) -> None:
    candidate = make_candidate(rows, answer_truth)
    rise = judge_robustness(robust_to(noise=0.5, missing=0), candidate).evidence["noise"]
    close = robust_to(noise=0.5, missing=0, share=1.05 * rise["estimate"] / rise["gain"])
    verdict = judge_robustness(close, candidate)
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert verdict.evidence["noise"]["required_rows"] > N_ROWS
    assert f"need {say_about(verdict.evidence['noise']['required_rows'])} rows" in verdict.sentence


def test_the_same_candidate_gets_the_same_verdict_twice(rows) -> None:
    candidate = make_candidate(rows, answer_wildly)
    assert judge_robustness(robust_to(), candidate) == judge_robustness(robust_to(), candidate)


def test_many_rows_are_judged_by_some_unless_these_do_not_tell(make_dataset) -> None:
    n_rows = 45_000
    many = make_dataset(np.random.default_rng(1).random(n_rows) < 0.5, {"heat": np.arange(n_rows) % 7.0})
    asked = []

    def score(frame: pl.DataFrame):
        asked.append(frame.height)
        return as_classes(np.full(frame.height, 0.5))

    assert judge_robustness(robust_to(missing=0), make_candidate(many, score)).has_passed
    assert asked == [n_rows, 20_000, 20_000]  # the answers of all, then some rows as they are and with noise


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.floats(0, 3), missing=st.floats(0, 0.95), scale=st.floats(1e-3, 1e6))
def test_noise_and_loss_keep_kinds_names_and_amounts(noise, missing, scale) -> None:
    generator = np.random.default_rng(3)
    frame = pl.DataFrame(
        {"x": generator.normal(size=2_000) * scale, "n": generator.integers(0, 50, 2_000), "t": ["a", "b"] * 1_000}
    )
    spreads = {name: measure_spread(frame[name]) for name in ("x", "n")}
    assert spreads["x"] == pytest.approx(scale, rel=0.1)
    noisy = add_noise(frame, spreads, noise=noise, seed=1)
    assert noisy.schema == frame.schema
    assert (noisy["x"] - frame["x"]).std() == pytest.approx(noise * spreads["x"], rel=0.1, abs=1e-9 * scale)
    assert noisy["n"].min() >= 0
    assert noisy["t"].equals(frame["t"])
    lost = lose_values(frame, missing=missing, seed=1)
    assert lost.schema == frame.schema
    for column in lost:
        assert column.null_count() / 2_000 == pytest.approx(missing, abs=0.06)


def test_a_column_without_spread_gets_no_noise() -> None:
    assert measure_spread(pl.Series([5.0, 5.0, None])) == 0
    assert measure_spread(pl.Series([None, None], dtype=pl.Float64)) == 0
    assert measure_spread(pl.Series(["a", "b"])) == 0
    assert measure_spread(pl.Series([0.0] * 90 + [1.0] * 10)) == pytest.approx(0.3)


def test_what_cannot_be_meant_is_refused() -> None:
    for wrong in ({"noise": -1.0}, {"missing": 1.0}, {"noise": 0, "missing": 0}, {"share": -0.1}):
        with pytest.raises(DeclarationError):
            robust_to(**wrong)
