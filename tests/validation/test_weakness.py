import numpy as np
import polars as pl
import pytest

from holdtrue.domain import LabelScope, Loss, Ruling, slices
from holdtrue.errors import DeclarationError
from holdtrue.validation.weakness import judge_slices

from .answers import World


def find_slice(verdict, name):
    return next(found for found in verdict.evidence["slices"] if found["slice"] == name)


def test_a_slice_that_pays_for_the_rest_fails_and_is_named(make_dataset) -> None:
    world = World(make_dataset)
    is_hurt = (world.carrier == "DL").astype(float)
    verdict = judge_slices(slices("carrier", "hour"), world.propose(world.answer(shift=1.5 * is_hurt), world.answer()))
    assert verdict.ruling is Ruling.FAILED
    assert "carrier = DL: log-loss" in verdict.sentence
    assert find_slice(verdict, "carrier = DL")["is_worse"]
    assert not find_slice(verdict, "carrier = UA")["is_worse"]
    assert find_slice(verdict, "carrier = DL")["low"] > verdict.evidence["margin"]


def test_an_equal_challenger_passes_and_small_slices_say_what_they_need(make_dataset) -> None:
    world = World(make_dataset)
    verdict = judge_slices(slices("carrier", ("carrier", "hour")), world.propose(world.answer(), world.answer()))
    assert verdict.ruling is Ruling.PASSED
    rare = find_slice(verdict, "carrier = other values")
    assert rare["n_rows"] < 100
    assert rare["low"] is None
    assert "need at least 100 rows of 8 days" in rare["shortage"]
    assert "not enough data" in verdict.sentence
    assert find_slice(verdict, "carrier = DL and hour = 3")["n_rows"] > 100


def test_a_weak_slice_is_named_and_fails_only_where_a_limit_is_declared(make_dataset) -> None:
    world = World(make_dataset)
    both = 3.0 * (world.carrier == "DL")
    candidate = world.propose(world.answer(shift=both), world.answer(shift=both))
    named = judge_slices(slices("carrier"), candidate)
    assert named.ruling is Ruling.PASSED
    assert "Weak: carrier = DL (" in named.sentence
    assert judge_slices(slices("carrier", worst=1.2), candidate).ruling is Ruling.FAILED
    assert judge_slices(slices("carrier", worst=5), candidate).ruling is Ruling.PASSED


def test_a_search_finds_a_cross_of_two_columns_and_confirms_it_on_other_days(make_dataset) -> None:
    world = World(make_dataset)
    is_hurt = 2.0 * ((world.carrier == "AA") & (world.hour == 2))
    verdict = judge_slices(slices(), world.propose(world.answer(shift=is_hurt), world.answer()))
    assert verdict.ruling is Ruling.FAILED
    assert "carrier = AA and hour = 2: log-loss" in verdict.sentence
    confirmed = find_slice(verdict, "carrier = AA and hour = 2")
    n_all = ((world.carrier == "AA") & (world.hour == 2)).sum()
    assert 0.4 * n_all < confirmed["n_rows"] < 0.6 * n_all


def test_a_search_among_equals_confirms_nothing(make_dataset) -> None:
    world = World(make_dataset, day_noise=0.3)
    verdict = judge_slices(slices(), world.propose(world.answer(), world.answer()))
    assert verdict.ruling is Ruling.PASSED
    assert not any(found["is_worse"] for found in verdict.evidence["slices"])


def test_without_a_champion_slices_are_held_against_the_simple_baseline(make_dataset) -> None:
    world = World(make_dataset)
    assert judge_slices(slices("carrier"), world.propose(world.answer())).ruling is Ruling.PASSED
    verdict = judge_slices(slices("carrier"), world.propose(world.answer(shift=4.0 * (world.carrier == "AA"))))
    assert verdict.ruling is Ruling.FAILED
    assert "simple baseline's" in verdict.sentence


@pytest.mark.parametrize("n_rows", [0, 1, 40])
@pytest.mark.parametrize("check", [slices(), slices("carrier")])
def test_too_few_rows_are_not_enough_data(make_dataset, n_rows, check) -> None:
    world = World(make_dataset, n_rows=n_rows, n_days=6)
    verdict = judge_slices(check, world.propose(world.answer(), world.answer(), train=World(make_dataset).rows))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "Not enough data" in verdict.sentence


def test_a_search_needs_days_for_both_halves(make_dataset) -> None:
    world = World(make_dataset, n_days=23)
    verdict = judge_slices(slices(), world.propose(world.answer(), world.answer()))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "24 days" in verdict.sentence


@pytest.mark.parametrize("n_days", [24, 60])
def test_a_search_that_can_look_at_no_part_passes_nothing(make_dataset, n_days) -> None:
    world = World(make_dataset, n_rows=287, n_days=n_days)
    verdict = judge_slices(slices(), world.propose(world.answer(), world.answer()))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "Not enough data to search" in verdict.sentence
    assert "150 rows of 12 days" in verdict.sentence


def test_a_search_by_columns_that_tell_no_rows_apart_passes_nothing(make_dataset) -> None:
    world = World(make_dataset)
    world.rows = make_dataset(world.labels, {"same": ["a"] * 12_000}, n_days=60)
    verdict = judge_slices(slices(), world.propose(world.answer(), world.answer()))
    assert verdict.ruling is Ruling.INCONCLUSIVE


def test_a_search_does_not_pass_on_slices_that_it_could_not_confirm(make_dataset) -> None:
    # What stands out lies on the days that are searched, and hardly on those that confirm.
    world = World(make_dataset, n_days=60)
    where = np.where((world.days % 2 == 0) | (world.rng.random(12_000) < 0.005), "seen", "rest")
    world.rows = make_dataset(world.labels, {"where": where}, n_days=60)
    hurt = world.answer(shift=2.0 * (where == "seen"))
    verdict = judge_slices(slices(), world.propose(hurt, world.answer()))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "where = seen: not enough data" in verdict.sentence


def test_a_column_whose_one_part_is_all_rows_has_no_slices_to_pass(make_dataset) -> None:
    world = World(make_dataset, n_rows=4_000)
    world.rows = make_dataset(world.labels, {"id": [f"i{i}" for i in range(4_000)], "hour": world.hour}, n_days=60)
    candidate = world.propose(world.answer(), world.answer())
    for check in (slices("id"), slices("id", "hour")):
        verdict = judge_slices(check, candidate)
        assert verdict.ruling is Ruling.INCONCLUSIVE
        assert "id tells no rows apart: all 4,000 have id = other values" in verdict.sentence
    assert judge_slices(slices("hour"), candidate).ruling is Ruling.PASSED


def test_slices_too_small_to_judge_pass_nothing(make_dataset) -> None:
    world = World(make_dataset, n_rows=2_000)
    world.rows = make_dataset(world.labels, {"place": [f"p{i % 40}" for i in range(2_000)]}, n_days=60)
    verdict = judge_slices(slices("place"), world.propose(world.answer(), world.answer()))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "0 could be judged" in verdict.sentence


def test_a_column_that_is_not_there_is_an_error_that_lists_those_that_are(make_dataset) -> None:
    world = World(make_dataset, n_rows=500)
    verdict = judge_slices(slices("carier"), world.propose(world.answer()))
    assert verdict.ruling is Ruling.ERROR
    assert "'carier'" in verdict.sentence
    assert "carrier, hour, distance" in verdict.sentence


def test_rows_that_were_acted_on_are_not_judged(make_dataset) -> None:
    world = World(make_dataset, n_rows=500)
    verdict = judge_slices(slices("carrier"), world.propose(world.answer(), scope=LabelScope.ACTED))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "propensity" in verdict.sentence


def test_numbers_and_missing_values_are_cut_by_the_training_rows(make_dataset) -> None:
    world = World(make_dataset)
    gone = world.frame.with_columns(pl.when(pl.col("hour") > 0).then(pl.col("distance")).alias("distance"))
    world.rows = make_dataset(world.labels, gone, n_days=60)
    verdict = judge_slices(slices("distance"), world.propose(world.answer(), world.answer()))
    names = [found["slice"] for found in verdict.evidence["slices"]]
    assert len(names) == 5
    assert names[0].startswith("distance up to ")
    assert names[-1] == "distance = missing"
    assert find_slice(verdict, "distance = missing")["n_rows"] == (world.hour == 0).sum()


def test_a_regression_has_slices_too(make_dataset) -> None:
    rng = np.random.default_rng(2)
    labels, where = rng.normal(100, 20, 6_000), np.array(["a", "b", "c"])[rng.integers(0, 3, 6_000)]
    world = World(make_dataset, n_rows=10)
    rows = make_dataset(labels, {"where": where}, n_days=60)
    answers, champion = labels + rng.normal(0, 5 + 10 * (where == "b")), labels + rng.normal(0, 5, 6_000)
    candidate = world.propose(
        answers, champion, rows=rows, train=rows, baseline=np.full(6_000, 100.0), loss=Loss.for_numbers(80.0)
    )
    verdict = judge_slices(slices("where"), candidate)
    assert verdict.ruling is Ruling.FAILED
    assert "where = b: absolute error" in verdict.sentence


def test_fifty_equal_slices_are_falsely_failed_no_more_than_one_time_in_twenty(make_dataset) -> None:
    n_failed, n_runs = 0, 40
    for seed in range(n_runs):
        world = World(make_dataset, n_rows=10_000, n_days=30, day_noise=0.3, seed=seed)
        world.rows = make_dataset(world.labels, {"place": world.rng.integers(0, 50, 10_000).astype(str)}, n_days=30)
        verdict = judge_slices(slices("place", margin=0.0), world.propose(world.answer(), world.answer()))
        n_failed += verdict.ruling is Ruling.FAILED
        assert len(verdict.evidence["slices"]) == 50
    assert n_failed <= 0.05 * n_runs + 3  # three standard errors of 40 draws


@pytest.mark.parametrize("wrong", [{"margin": -1.0}, {"worst": 0.5}])
def test_limits_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(DeclarationError):
        slices("carrier", **wrong)


def test_columns_are_named_by_texts() -> None:
    with pytest.raises(DeclarationError, match="names no columns"):
        slices(())


def test_a_search_looks_at_judged_columns_too_and_models_do_not_see_them(make_dataset) -> None:
    world = World(make_dataset, n_rows=24_000)
    sex = np.array(["f", "m"])[np.random.default_rng(8).integers(0, 2, 24_000)]
    hurt = world.answer(shift=1.5 * (sex == "f"))
    judged = pl.DataFrame({"sex": sex})
    candidate = world.propose(hurt, world.answer(), judged=judged, train_judged=judged)
    assert candidate.columns.columns == ["carrier", "hour", "distance", "sex"]
    assert candidate.rows.features.columns == ["carrier", "hour", "distance"]
    verdict = judge_slices(slices(), candidate)
    assert verdict.ruling is Ruling.FAILED
    assert find_slice(verdict, "sex = f")["is_worse"]
    named = judge_slices(slices("sex"), candidate)
    assert find_slice(named, "sex = f")["is_worse"]
    assert not find_slice(named, "sex = m")["is_worse"]
    assert judge_slices(slices("sex"), world.propose(hurt)).ruling is Ruling.ERROR


def test_what_judged_columns_are_cut_by_is_settled_by_the_training_rows(make_dataset) -> None:
    world = World(make_dataset)
    ages = np.random.default_rng(8).integers(60, 90, 12_000)
    parts = {"judged": pl.DataFrame({"age": ages}), "train_judged": pl.DataFrame({"age": ages - 40})}
    verdict = judge_slices(slices("age"), world.propose(world.answer(), **parts))
    assert verdict.sentence == "age tells no rows apart: all 12,000 have age above 42."
