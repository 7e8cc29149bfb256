from datetime import timedelta

import numpy as np
import polars as pl

from holdtrue.domain import Ruling
from holdtrue.validation import find_overlap, judge_freshness


def draw(rng: np.random.Generator, n_rows: int) -> tuple[np.ndarray, pl.DataFrame]:
    levels = rng.choice(["a", "b"], n_rows)
    return rng.random(n_rows) < 0.3, pl.DataFrame(
        {"x": rng.normal(size=n_rows), "c": pl.Series(levels, dtype=pl.Enum(["a", "b"]))}
    )


def test_later_rows_that_are_apart_pass(make_dataset) -> None:
    rng = np.random.default_rng(0)
    train = make_dataset(*draw(rng, 500))
    assert find_overlap(train, make_dataset(*draw(rng, 200), first_day=41)).ruling is Ruling.PASSED


def test_shared_keys_fail(make_dataset) -> None:
    rng = np.random.default_rng(1)
    train = make_dataset(*draw(rng, 500))
    evaluation = make_dataset(*draw(rng, 200), first_day=41, keys=[f"k{i}" for i in range(200)])
    verdict = find_overlap(train, evaluation)
    assert verdict.ruling is Ruling.FAILED
    assert "200 keys are in both" in verdict.sentence


def test_training_rows_that_are_not_older_fail(make_dataset) -> None:
    rng = np.random.default_rng(2)
    verdict = find_overlap(make_dataset(*draw(rng, 400)), make_dataset(*draw(rng, 200), first_day=30))
    assert verdict.ruling is Ruling.FAILED
    assert verdict.evidence["n_later"] == 100


def test_copies_under_new_keys_fail(make_dataset) -> None:
    rng = np.random.default_rng(3)
    labels, features = draw(rng, 500)
    copied = features[:50].with_columns(c=pl.col("c").cast(pl.String).cast(pl.Enum(["b", "a"])))
    fresh_labels, fresh = draw(rng, 150)
    fresh = fresh.with_columns(c=pl.col("c").cast(pl.String).cast(pl.Enum(["b", "a"])))
    evaluation = make_dataset(np.append(labels[:50], fresh_labels), pl.concat([copied, fresh]), first_day=41)
    verdict = find_overlap(make_dataset(labels, features), evaluation)
    assert verdict.ruling is Ruling.FAILED
    assert "25.0% of the evaluation rows are copies" in verdict.sentence


def test_coarse_features_that_repeat_honestly_pass(make_dataset) -> None:
    rng = np.random.default_rng(4)
    sets = [({"x": rng.integers(0, 5, n)}, rng.random(n) < 0.3) for n in (500, 200)]
    train, evaluation = (make_dataset(label, x, first_day=day) for (x, label), day in zip(sets, (0, 41), strict=True))
    verdict = find_overlap(train, evaluation)
    assert verdict.evidence["copy_share"] > 0.9
    assert verdict.ruling is Ruling.PASSED


def test_nothing_to_compare_is_inconclusive(make_dataset) -> None:
    rng = np.random.default_rng(5)
    empty = make_dataset(np.zeros(0, dtype=bool))
    assert find_overlap(make_dataset(*draw(rng, 50)), empty).ruling is Ruling.INCONCLUSIVE


def test_rows_that_the_champion_may_have_seen_are_inconclusive(make_dataset) -> None:
    rng = np.random.default_rng(6)
    evaluation = make_dataset(*draw(rng, 200), first_day=41)
    first = evaluation.time.min()
    assert judge_freshness(evaluation, trained_until=first - timedelta(minutes=1)).ruling is Ruling.PASSED
    stale = judge_freshness(evaluation, trained_until=first + timedelta(days=10))
    assert stale.ruling is Ruling.INCONCLUSIVE
    assert stale.evidence["n_stale"] == 51
    empty = make_dataset(np.zeros(0, dtype=bool))
    assert judge_freshness(empty, trained_until=first).ruling is Ruling.INCONCLUSIVE
