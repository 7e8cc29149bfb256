import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from holdtrue.domain import Loss
from holdtrue.validation import measure_weights

LOSS = Loss.for_classes()


def draw(n_rows: int = 3_000) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({name: rng.normal(size=n_rows) for name in ("strong", "weak", "ignored")})
    logits = 2.0 * frame["strong"] + 0.5 * frame["weak"]
    return frame, (rng.random(n_rows) < 1 / (1 + np.exp(-logits.to_numpy()))).astype(np.int64)


def score(frame: pl.DataFrame) -> NDArray[np.float64]:
    p = 1 / (1 + np.exp(-(2.0 * frame["strong"] + 0.5 * frame["weak"]).to_numpy()))
    return np.column_stack([1 - p, p])


def test_a_column_weighs_what_shuffling_it_costs() -> None:
    weights = measure_weights(*draw(), score=score, loss=LOSS)
    assert list(weights) == ["strong", "weak", "ignored"]
    assert weights["strong"] > 10 * weights["weak"] > 0
    assert weights["ignored"] == 0.0


def test_the_same_rows_and_seed_give_the_same_weights() -> None:
    assert measure_weights(*draw(), score=score, loss=LOSS) == measure_weights(*draw(), score=score, loss=LOSS)
    other = measure_weights(*draw(), score=score, loss=LOSS, seed=1)
    assert other != measure_weights(*draw(), score=score, loss=LOSS)
    assert other["strong"] == pytest.approx(measure_weights(*draw(), score=score, loss=LOSS)["strong"], rel=0.1)


def test_no_more_rows_and_no_more_time_than_allowed_are_spent() -> None:
    asked: list[int] = []

    def count(frame: pl.DataFrame) -> NDArray[np.float64]:
        asked.append(frame.height)
        return score(frame)

    weights = measure_weights(*draw(), score=count, loss=LOSS, most_rows=500, most_seconds=0.0)
    assert list(weights) == ["strong"]
    assert asked == [500, 500]


def test_many_columns_are_weighed_on_fewer_rows() -> None:
    frame, labels = draw()
    wide = frame.with_columns(pl.lit(0.0).alias(f"c{i}") for i in range(97))
    asked: list[int] = []

    def count(rows: pl.DataFrame) -> NDArray[np.float64]:
        asked.append(rows.height)
        return score(rows)

    assert len(measure_weights(wide, labels, score=count, loss=LOSS)) == 100
    assert set(asked) == {1_000}


def test_too_few_rows_to_shuffle_say_nothing() -> None:
    for n_rows in (0, 1):
        assert measure_weights(*draw(n_rows), score=score, loss=LOSS) == {}
