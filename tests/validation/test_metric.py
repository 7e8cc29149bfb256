"""Metrics of a candidate, and what they prove of two on the same rows."""

from dataclasses import replace

import numpy as np
import pytest

import holdtrue as ht
from holdtrue.domain import Metric
from holdtrue.domain.metric import OF_CLASSES, OF_NUMBERS
from holdtrue.errors import DeclarationError, StatisticsError
from holdtrue.stats import auc_interval, paired_interval
from holdtrue.validation import measure_metric, prove_metric
from validation.answers import World
from validation.conftest import MakeDataset


@pytest.fixture
def world(make_dataset: MakeDataset) -> World:
    return World(make_dataset, n_rows=3_000, n_days=20, day_noise=0.3)


def named(name: str) -> Metric:
    metric = ht.tune({"n": ht.integers(1, 2)}, metric=name).metric
    assert metric is not None
    return metric


def test_known_figures_are_those_of_their_kind_of_answers(world: World, make_dataset: MakeDataset) -> None:
    candidate = world.propose(world.answer())
    found = {name: measure_metric(named(name), candidate) for name in OF_CLASSES}
    assert found["auc"] == pytest.approx(auc_interval(candidate.answers[:, 1], world.labels).estimate)
    assert found["accuracy"] == pytest.approx(((candidate.answers[:, 1] > 0.5) == world.labels).mean())
    assert 0 < found["brier"] < 0.25
    numbers = replace(candidate, rows=make_dataset([1.0, 2.0, 4.0]), answers=np.array([2.0, 2.0, 2.0]))
    found = {name: measure_metric(named(name), numbers) for name in OF_NUMBERS}
    assert found == pytest.approx({"mean_absolute_error": 1.0, "root_mean_squared_error": (5 / 3) ** 0.5})


def test_a_metric_of_one_class_and_of_no_number_is_told(world: World) -> None:
    candidate = world.propose(world.answer())
    alike = replace(candidate, rows=replace(world.rows, label=world.rows.label & False))
    with pytest.raises(StatisticsError, match="no auc of 3,000 rows whose labels are all alike"):
        measure_metric(named("auc"), alike)
    with pytest.raises(DeclarationError, match=r"returned None.*Expected: a number"):
        measure_metric(ht.lowest(lambda _: None), candidate)  # type: ignore[arg-type, return-value]
    with pytest.raises(StatisticsError, match="is nan"):
        measure_metric(ht.lowest(lambda _: float("nan")), candidate)


def test_of_a_mean_the_proof_is_that_of_the_rows_and_harm_goes_by_the_direction(world: World) -> None:
    good, bad = world.propose(world.answer()), world.propose(world.answer(shift=2.0))

    def hits(candidate: ht.Candidate) -> float:
        return float((candidate.answers.argmax(axis=1) == candidate.rows.encoded_labels()).mean())

    proof = prove_metric(ht.highest(hits), bad, good)
    apart = [(each.answers[:, 1] > 0.5) == world.labels for each in (bad, good)]
    known = paired_interval(apart[0].astype(float) - apart[1].astype(float), blocks=world.days)
    assert proof.difference == pytest.approx(known.estimate)
    assert (proof.difference_low, proof.difference_high) == pytest.approx((known.low, known.high), abs=1e-9)
    assert proof.shows_harm
    assert not prove_metric(ht.highest(hits), good, bad).shows_harm
    assert not prove_metric(ht.lowest(hits), bad, good).shows_harm
    assert prove_metric(ht.lowest(hits), good, good).difference == 0.0


def test_the_interval_of_a_share_ends_where_shares_do(world: World) -> None:
    sure = np.where(world.labels, 0.99, 0.01)
    sure[:3] = 1 - sure[:3]
    proof = prove_metric(named("accuracy"), world.propose(np.column_stack([1 - sure, sure])), None)
    assert proof.low is not None
    assert proof.low < proof.value < 1.0 == proof.high


def test_a_function_that_cannot_do_with_fewer_rows_has_a_figure_and_no_interval(world: World) -> None:
    candidate = world.propose(world.answer())

    def pick(candidate: ht.Candidate) -> float:
        return float(candidate.answers[2_999, 1])

    proof = prove_metric(ht.highest(pick), candidate, None)
    assert proof.value == candidate.answers[-1, 1]
    assert (proof.low, proof.difference) == (None, None)
