import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdtrue import invariant_to
from holdtrue.domain import Ruling
from holdtrue.errors import DeclarationError
from holdtrue.validation.behaviour.invariance import draw_others, judge_invariance

from .models import as_classes, make_candidate

N_ROWS = 1_000
CARRIERS = np.array(["AA", "B6", "UA"])


@pytest.fixture
def flights(make_dataset):
    generator = np.random.default_rng(0)
    features = pl.DataFrame(
        {
            "carrier": pl.Series(generator.choice(CARRIERS, N_ROWS), dtype=pl.Enum(list(CARRIERS))),
            "wind": generator.normal(size=N_ROWS),
            "calm": np.zeros(N_ROWS),
        }
    )
    return make_dataset(generator.random(N_ROWS) < 0.3, features)


def answer_by_wind(frame: pl.DataFrame):
    return as_classes(1 / (1 + np.exp(-frame["wind"].to_numpy())))


def answer_by_carrier(frame: pl.DataFrame):
    return as_classes(np.where(frame["carrier"].cast(pl.String).to_numpy() == "UA", 0.6, 0.2))


def test_a_model_that_ignores_the_column_passes_and_one_that_uses_it_fails(flights) -> None:
    assert judge_invariance(invariant_to("carrier"), make_candidate(flights, answer_by_wind)).has_passed
    verdict = judge_invariance(invariant_to("carrier"), make_candidate(flights, answer_by_carrier))
    assert verdict.ruling is Ruling.FAILED
    assert verdict.check == "invariant_to(carrier)"
    worst = verdict.evidence["worst"]
    assert {worst["answer"], worst["answer_after"]} == {0.2, 0.6}
    assert "UA" in {worst["value"], worst["value_after"]}
    assert worst["value"] in verdict.sentence
    assert "at most 1 % may" in verdict.sentence


def test_a_model_may_depend_on_it_by_less_than_the_tolerance_or_for_a_share_of_rows(flights) -> None:
    candidate = make_candidate(flights, answer_by_carrier)
    assert judge_invariance(invariant_to("carrier", tolerance=0.5), candidate).has_passed
    share = judge_invariance(invariant_to("carrier"), candidate).evidence["share"]
    assert 0.5 < share < 1
    assert judge_invariance(invariant_to("carrier", share=min(0.99, share + 0.08)), candidate).has_passed


def test_answers_that_are_no_numbers_any_more_fail(flights) -> None:
    def score(frame: pl.DataFrame):
        is_lost = (frame["carrier"].cast(pl.String).to_numpy() == "UA") & (frame.height > N_ROWS)
        return as_classes(np.where(is_lost, np.nan, 0.5))

    verdict = judge_invariance(invariant_to("carrier"), make_candidate(flights, score))
    assert verdict.ruling is Ruling.FAILED
    assert "not all finite numbers" in verdict.sentence


def test_the_same_candidate_gets_the_same_verdict_twice(flights) -> None:
    candidate = make_candidate(flights, answer_by_carrier)
    assert judge_invariance(invariant_to("carrier"), candidate) == judge_invariance(invariant_to("carrier"), candidate)


def test_a_share_near_the_limit_is_looked_at_on_more_rows(make_dataset) -> None:
    n_rows = 30_000
    rows = make_dataset(np.arange(n_rows) % 3 == 0, {"sex": np.arange(n_rows) % 2, "x": np.arange(n_rows) % 100})
    seen = []

    def score(frame: pl.DataFrame):
        seen.append(frame.height)
        is_rare = frame["x"].to_numpy() == 7
        return as_classes(0.2 + 0.3 * is_rare * frame["sex"].to_numpy())

    verdict = judge_invariance(invariant_to("sex", share=0.012), make_candidate(rows, score))
    assert seen[1:] == [24_000, 8_000, 90_000, 30_000]
    assert verdict.ruling is not Ruling.INCONCLUSIVE


def test_a_column_that_is_not_there_or_says_nothing_is_told(flights) -> None:
    candidate = make_candidate(flights, answer_by_wind)
    unknown = judge_invariance(invariant_to("carier"), candidate)
    assert unknown.ruling is Ruling.ERROR
    assert "carrier, wind, calm" in unknown.sentence
    constant = judge_invariance(invariant_to("calm"), candidate)
    assert constant.ruling is Ruling.INCONCLUSIVE
    assert constant.sentence.startswith("Not enough data")


def test_few_rows_are_inconclusive_with_the_number_that_is_needed(make_dataset) -> None:
    rows = make_dataset([True, False] * 20, {"carrier": ["AA", "UA"] * 20})
    verdict = judge_invariance(invariant_to("carrier"), make_candidate(rows, lambda f: as_classes(np.zeros(f.height))))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "Not enough data: need about 4" in verdict.sentence


def test_training_rows_help_out_where_evaluation_rows_are_few(make_dataset) -> None:
    train = make_dataset([True, False] * 500, {"carrier": ["AA", "UA"] * 500, "wind": np.arange(1_000.0)})
    few = make_dataset([True] * 20, {"carrier": ["UA"] * 20}, first_day=50)
    candidate = make_candidate(few, lambda frame: as_classes(np.zeros(frame.height)), train=train)
    verdict = judge_invariance(invariant_to("carrier"), candidate)
    assert verdict.has_passed
    assert verdict.evidence["n_rows"] == 1_020


def test_numbers_are_held_against_the_spread_of_the_labels(make_dataset) -> None:
    generator = np.random.default_rng(1)
    rows = make_dataset(generator.normal(500, 100, N_ROWS), {"hour": generator.integers(0, 24, N_ROWS)})
    slight = make_candidate(rows, lambda frame: 500 + 0.1 * frame["hour"].to_numpy())
    strong = make_candidate(rows, lambda frame: 500 + 5.0 * frame["hour"].to_numpy())
    assert judge_invariance(invariant_to("hour"), slight).has_passed
    failed = judge_invariance(invariant_to("hour"), strong)
    assert failed.ruling is Ruling.FAILED
    assert 3.0 < failed.evidence["tolerance"] < 3.6
    assert judge_invariance(invariant_to("hour", tolerance=120.0), strong).has_passed


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    weights=st.lists(st.floats(-5, 5), min_size=2, max_size=2),
    missing=st.floats(0, 0.9),
    tolerance=st.sampled_from([None, 0.0, 0.2]),
)
def test_a_model_that_ignores_a_column_is_always_invariant_to_it(make_dataset, weights, missing, tolerance) -> None:
    generator = np.random.default_rng(2)
    table = {"a": generator.normal(size=N_ROWS), "b": generator.integers(0, 3, N_ROWS), "c": generator.random(N_ROWS)}
    is_known = pl.Series(generator.random(N_ROWS) >= missing)
    frame = pl.DataFrame(table).with_columns(pl.when(is_known).then(pl.col("c")).alias("c"))
    rows = make_dataset(generator.random(N_ROWS) < 0.5, frame)

    def score(frame: pl.DataFrame):
        return as_classes(1 / (1 + np.exp(-(frame.select("a", "b").to_numpy() @ np.array(weights)))))

    assert judge_invariance(invariant_to("c", tolerance=tolerance), make_candidate(rows, score)).has_passed


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.lists(st.one_of(st.none(), st.sampled_from("abc")), min_size=2, max_size=30),
        st.lists(st.one_of(st.none(), st.sampled_from([0.0, 1.5, float("nan")])), min_size=2, max_size=30),
        st.lists(st.one_of(st.none(), st.booleans()), min_size=2, max_size=30),
    ).filter(lambda values: pl.Series(values).n_unique() > 1),
    st.integers(0, 100),
)
def test_a_drawn_value_is_never_the_rows_own_and_any_other_can_be(values, seed) -> None:
    column = pl.Series(values)
    places = np.repeat(np.arange(len(values)), 200)
    drawn = draw_others(column, places, seed=seed)
    assert not column.gather(places).eq_missing(column.gather(drawn)).any()
    assert set(drawn[:200]) == set(np.flatnonzero(column.ne_missing(pl.Series([values[0]], dtype=column.dtype))))


def test_a_rare_value_is_tried_as_often_as_there_are_rows(make_dataset) -> None:
    rows = make_dataset([i % 3 == 0 for i in range(2_000)], {"holiday": [i % 100 == 0 for i in range(2_000)]})
    candidate = make_candidate(rows, lambda frame: as_classes(np.where(frame["holiday"].to_numpy(), 0.9, 0.1)))
    assert judge_invariance(invariant_to("holiday"), candidate).evidence["share"] == 1


def test_what_cannot_be_meant_is_refused() -> None:
    for wrong in ({"tolerance": -1.0}, {"share": 0.0}, {"share": 1.0}, {"tolerance": float("nan")}):
        with pytest.raises(DeclarationError):
            invariant_to("carrier", **wrong)
