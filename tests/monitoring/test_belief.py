from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from holdtrue.data import join_labels
from holdtrue.domain import Belief, EarlyLabels, Loss, Task, sampled
from holdtrue.errors import DeclarationError
from holdtrue.monitoring import measure_beliefs

START = datetime(2013, 1, 7, tzinfo=UTC)
AS_OF = START + timedelta(days=40)
DELAY = timedelta(days=20)
EARLY = sampled(0.1, within="1d")


def draw(n_rows: int, *, seed: int = 0, boldness: float = 1.0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return believed chances and what turned out; a boldness above 1 believes too much of itself."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.2, n_rows)
    return 1 / (1 + np.exp(-boldness * logits)), rng.random(n_rows) < 1 / (1 + np.exp(-logits))


def join(
    chances: NDArray[np.float64], truth: NDArray[np.bool_], *, early: EarlyLabels | None = None, came: float = 1.0
) -> pl.DataFrame:
    """Join rows of 40 days with the labels of the first 20, and early ones of the others as drawn."""
    n_rows = len(chances)
    times = pl.Series([START + timedelta(days=40) * i / n_rows for i in range(n_rows)], dtype=pl.Datetime("us", "UTC"))
    keys = [f"k{i}" for i in range(n_rows)]
    answers = np.column_stack([1 - chances, chances]).tolist()
    frame = pl.DataFrame({"key": keys, "time": times, "answer": answers, "version": [3] * n_rows})
    is_sent = np.arange(n_rows) < n_rows // 2
    if early is not None:
        is_sent |= np.array([early.has_drawn("late", key) and int(key[1:]) % 100 < 100 * came for key in keys])
    known = pl.DataFrame({"key": keys, "label": truth, "known_at": times}).filter(pl.Series(is_sent))
    return join_labels(frame, known, label_delay=DELAY, as_of=AS_OF)


def measure(joined: pl.DataFrame, **changes: object) -> tuple[Belief, ...]:
    said = {"loss": Loss.for_classes(), "task": Task.BINARY, "classes": (False, True), **changes}
    return measure_beliefs(joined, loop="late", version=3, as_of=AS_OF, **said)


def test_belief_and_measure_agree_for_a_model_that_knows_itself() -> None:
    accuracy, loss = measure(join(*draw(6_000)))
    assert (accuracy.metric, loss.metric) == ("accuracy", "log_loss")
    assert accuracy.n_awaiting == pytest.approx(3_000, abs=2)
    for belief in (accuracy, loss):
        assert belief.measured is not None
        assert belief.measured.low < belief.believed < belief.measured.high
        assert belief.is_over_confident is None
        assert belief.awaiting == pytest.approx(belief.measured.value, abs=0.03)
        assert belief.corrected is None


def test_a_model_that_is_too_sure_is_found_out_by_its_labels() -> None:
    for boldness, expected in ((2.5, True), (0.3, False)):
        for belief in measure(join(*draw(6_000, boldness=boldness))):
            assert belief.is_over_confident is expected, belief


def test_before_labels_there_is_belief_alone_and_it_says_how_many_labels_would_tell() -> None:
    chances, truth = draw(4_000)
    joined = join(chances, truth).with_columns(label=pl.lit(None, dtype=pl.Boolean))
    accuracy, loss = measure(joined, loss_precision=0.05)
    assert accuracy.awaiting == pytest.approx(np.maximum(chances, 1 - chances).mean())
    assert (accuracy.measured, accuracy.believed, accuracy.excess, accuracy.corrected) == (None, None, None, None)
    assert accuracy.is_over_confident is None
    assert 30 < loss.n_needed < accuracy.n_needed < 4_000


def test_the_number_of_labels_that_it_asks_for_tells_the_accuracy_within_two_points() -> None:
    chances, truth = draw(20_000, boldness=2.0)
    (accuracy, _) = measure(join(chances, truth))
    awaiting = np.arange(10_000, 20_000)
    right = (chances > 0.5) == truth
    rng, misses = np.random.default_rng(1), []
    for _ in range(400):
        drawn = rng.choice(awaiting, accuracy.n_needed, replace=False)
        misses.append(abs(right[drawn].mean() - right[awaiting].mean()))
    assert np.mean(np.array(misses) > accuracy.precision) < 0.08
    assert np.mean(np.array(misses) > accuracy.precision / 2) > 0.2  # and it asks for no more than that


def test_a_random_sample_of_early_labels_corrects_what_the_model_believes() -> None:
    covered, plain, powered = 0, [], []
    for seed in range(60):
        chances, truth = draw(6_000, seed=seed, boldness=2.5)
        (accuracy, _) = measure(join(chances, truth, early=EARLY), early=EARLY)
        assert accuracy.corrected is not None
        assert accuracy.n_drawn == accuracy.corrected.n_rows
        right = ((chances > 0.5) == truth)[3_000:5_850]
        covered += accuracy.corrected.low <= right.mean() <= accuracy.corrected.high
        assert accuracy.awaiting > right.mean() + 0.04
        powered.append(accuracy.corrected.high - accuracy.corrected.low)
        plain.append(2 * 1.96 * right.std() / np.sqrt(accuracy.corrected.n_rows))
    assert covered >= 55  # of 60: 95 %
    assert np.mean(powered) < np.mean(plain)


def test_a_sample_that_is_small_or_has_holes_corrects_nothing() -> None:
    chances, truth = draw(6_000, boldness=2.5)
    (holes, _) = measure(join(chances, truth, early=EARLY, came=0.7), early=EARLY)
    assert holes.n_drawn > 200
    assert holes.corrected is None
    few = sampled(0.005, within="1d")
    (small, _) = measure(join(chances, truth, early=few), early=few)
    assert 0 < small.n_drawn < 30
    assert small.corrected is None


def test_labels_that_came_early_without_having_been_drawn_do_not_count() -> None:
    chances, truth = draw(6_000, boldness=2.5)
    told = measure(join(chances, truth, early=EARLY), early=EARLY)
    others = sampled(0.9, within="1d")
    eager = join(chances, truth, early=others)
    assert measure(eager, early=EARLY)[0].corrected == pytest.approx(told[0].corrected)
    assert measure(eager)[0].corrected is None


def test_numbers_no_answers_and_broken_answers_have_no_belief() -> None:
    chances, truth = draw(40)
    joined = join(chances, truth)
    assert measure(joined.clear()) == ()
    assert measure(joined, task=Task.REGRESSION, classes=(), loss=Loss.for_numbers(cap=1.0)) == ()
    broken = joined.with_columns(answer=pl.lit([float("inf"), 0.0], dtype=pl.List(pl.Float64)))
    assert measure(broken) == ()
    (one, _) = measure(joined.head(1))
    assert one.measured is not None
    assert (one.measured.n_rows, one.measured.low, one.is_over_confident) == (1, None, None)
    assert (one.n_awaiting, one.awaiting, one.n_needed) == (0, None, None)


def test_a_sample_has_to_be_a_share_and_early() -> None:
    from holdtrue import table

    for share in (0.0, 1.0, 7.0):
        with pytest.raises(DeclarationError, match="above 0 and below 1"):
            sampled(share, within="1d")
    with pytest.raises(DeclarationError, match="early labels that come before"):
        table("x.csv", time="t", label="y", label_delay="1d", early_labels=EARLY)
