import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdtrue import monotone_in
from holdtrue.domain import Ruling
from holdtrue.errors import DeclarationError
from holdtrue.validation.behaviour.monotonicity import judge_monotonicity

from .models import as_classes, make_candidate

N_ROWS = 1_000


@pytest.fixture
def heats(make_dataset):
    generator = np.random.default_rng(0)
    features = {"heat": generator.normal(20, 8, N_ROWS), "load": generator.random(N_ROWS)}
    return make_dataset(generator.random(N_ROWS) < 0.3, features)


def squeeze(numbers):
    return as_classes(1 / (1 + np.exp(-numbers)))


def test_the_way_of_the_answers_is_told_with_the_row_that_goes_back_most(heats) -> None:
    rising = make_candidate(heats, lambda frame: squeeze(frame["heat"].to_numpy() / 10))
    assert judge_monotonicity(monotone_in("heat", "increasing"), rising).has_passed
    verdict = judge_monotonicity(monotone_in("heat", "decreasing"), rising)
    assert verdict.ruling is Ruling.FAILED
    assert verdict.evidence["share"] == 1
    worst = verdict.evidence["worst"]
    assert worst["value"] < worst["value_after"]
    assert worst["answer"] < worst["answer_after"]
    assert "answers rise by more than 0.01 somewhere while heat rises" in verdict.sentence
    assert worst["key"] in heats.key.to_list()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.floats(-20, 60), min_size=1, max_size=8),
    slope=st.floats(0, 2),
    direction=st.sampled_from(["increasing", "decreasing"]),
    tolerance=st.sampled_from([None, 0.0]),
)
def test_a_monotone_function_always_passes(heats, steps, slope, direction, tolerance) -> None:
    sign = 1 if direction == "increasing" else -1

    def score(frame: pl.DataFrame):
        heat = frame["heat"].to_numpy()
        height = slope * heat + sum((heat > step).astype(float) for step in steps)
        return squeeze(sign * height / 10 + 3 * frame["load"].to_numpy())

    assert judge_monotonicity(
        monotone_in("heat", direction, tolerance=tolerance), make_candidate(heats, score)
    ).has_passed


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(step=st.floats(5, 35), height=st.floats(0.05, 0.5), share=st.floats(0.1, 1))
def test_a_step_the_other_way_is_found(heats, step, height, share) -> None:
    def score(frame: pl.DataFrame):
        is_hit = frame["load"].to_numpy() < share
        return as_classes(0.5 + 0.001 * frame["heat"].to_numpy() - height * is_hit * (frame["heat"].to_numpy() > step))

    verdict = judge_monotonicity(monotone_in("heat", "increasing"), make_candidate(heats, score))
    assert verdict.ruling is Ruling.FAILED
    assert verdict.evidence["share"] == pytest.approx(share, abs=0.06)
    assert verdict.evidence["largest"] == pytest.approx(height, abs=0.03)
    assert verdict.evidence["worst"]["value"] <= step < verdict.evidence["worst"]["value_after"]


def test_a_fall_within_the_tolerance_passes(heats) -> None:
    candidate = make_candidate(heats, lambda frame: as_classes(0.5 - 0.02 * (frame["heat"].to_numpy() > 20)))
    assert judge_monotonicity(monotone_in("heat", "increasing", tolerance=0.03), candidate).has_passed
    assert judge_monotonicity(monotone_in("heat", "increasing"), candidate).ruling is Ruling.FAILED


def test_whole_numbers_keep_their_kind_on_the_grid_and_rows_without_a_value_are_left_out(make_dataset) -> None:
    hours = [None if i % 4 == 0 else i % 24 for i in range(N_ROWS)]
    rows = make_dataset([float(i) for i in range(N_ROWS)], {"hour": hours})
    kinds = []

    def score(frame: pl.DataFrame):
        kinds.append(frame["hour"].dtype)
        return frame["hour"].fill_null(0).to_numpy().astype(float) * 10

    verdict = judge_monotonicity(monotone_in("hour", "increasing"), make_candidate(rows, score))
    assert verdict.has_passed
    assert verdict.evidence["n_steps"] == 18
    assert verdict.evidence["n_rows"] == 24_000 // 18
    assert set(kinds) == {pl.Int64}


def test_a_column_with_one_value_beside_missing_ones_cannot_be_raised_and_passes_nothing(make_dataset) -> None:
    rows = make_dataset([i % 2 == 0 for i in range(N_ROWS)], {"heat": [7.0, None] * (N_ROWS // 2)})
    verdict = judge_monotonicity(
        monotone_in("heat", "increasing"), make_candidate(rows, lambda frame: as_classes(np.full(frame.height, 0.5)))
    )
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "two values of heat, found 1" in verdict.sentence


def test_answers_that_are_no_numbers_any_more_fail(heats) -> None:
    def score(frame: pl.DataFrame):
        heat = frame["heat"].to_numpy()
        return as_classes(np.where(frame.height == N_ROWS, 0.5, np.where(heat < 25, 0.5, np.nan)))

    verdict = judge_monotonicity(monotone_in("heat", "increasing"), make_candidate(heats, score))
    assert verdict.ruling is Ruling.FAILED
    assert "not all finite numbers" in verdict.sentence


def test_what_has_no_direction_is_an_error_that_says_so(make_dataset) -> None:
    gases = make_dataset(["a", "b", "c"] * 100, {"heat": np.arange(300.0)})
    verdict = judge_monotonicity(
        monotone_in("heat", "increasing"), make_candidate(gases, lambda frame: np.full((frame.height, 3), 1 / 3))
    )
    assert verdict.ruling is Ruling.ERROR
    assert "3 classes have no direction" in verdict.sentence
    texts = make_dataset([True, False] * 50, {"carrier": ["AA", "UA"] * 50})
    verdict = judge_monotonicity(
        monotone_in("carrier", "increasing"), make_candidate(texts, lambda frame: as_classes(np.zeros(frame.height)))
    )
    assert verdict.ruling is Ruling.ERROR
    assert "expected numbers" in verdict.sentence
    with pytest.raises(DeclarationError, match="upwards"):
        monotone_in("heat", "upwards")
