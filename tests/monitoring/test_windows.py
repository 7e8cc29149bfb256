from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from holdtrue.data import join_labels
from holdtrue.domain import Loss, Task, Window
from holdtrue.errors import DeclarationError
from holdtrue.monitoring import MeasuredWindows, measure_windows

START = datetime(2013, 1, 7, tzinfo=UTC)
BINARY = {"loss": Loss.for_classes(), "task": Task.BINARY, "classes": (False, True)}


def make_joined(
    answers: list[list[float] | None], labels: list[object], *, days: float, delay_days: float = 0.0, **columns: object
) -> pl.DataFrame:
    n_rows = len(answers)
    times = [START + timedelta(days=days * i / max(n_rows, 1)) for i in range(n_rows)]
    keys = [f"k{i}" for i in range(n_rows)]
    frame = pl.DataFrame(
        {
            "key": pl.Series(keys, dtype=pl.String),
            "time": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "answer": pl.Series(answers, dtype=pl.List(pl.Float64)),
            "version": pl.Series([3] * n_rows, dtype=pl.Int64),
            **columns,
        }
    )
    known = pl.DataFrame({"key": frame["key"], "label": labels, "known_at": frame["time"]}).filter(
        pl.col("label").is_not_null()
    )
    as_of = START + timedelta(days=days)
    return join_labels(frame, known, label_delay=timedelta(days=delay_days), as_of=as_of)


def measure(joined: pl.DataFrame, *, window_days: float = 7, **changes: object) -> list[Window]:
    said = BINARY | {"loop": "late", "version": 3, "window": timedelta(days=window_days)} | changes
    return measure_windows(joined, as_of=START + timedelta(days=100), **said)


def draw_binary(n_rows: int) -> tuple[list[list[float] | None], list[object]]:
    rng = np.random.default_rng(0)
    shares = rng.uniform(0.05, 0.6, n_rows)
    return [[1 - p, p] for p in shares], (rng.random(n_rows) < shares).tolist()


def test_weeks_start_on_monday_and_carry_loss_interval_and_metrics() -> None:
    windows = measure(make_joined(*draw_binary(1_400), days=14))
    assert [window.starts_at for window in windows] == [START, START + timedelta(days=7)]
    for window in windows:
        assert (window.n_rows, window.n_due, window.n_labelled) == (700, 700, 700)
        assert window.loss_low < window.loss < window.loss_high
        measured = {name for name in window.metrics if not name.startswith("believed_")}
        assert measured == {"log_loss", "brier", "auc", "predicted_share", "actual_share", "accuracy"}
        assert window.metrics["actual_share"] == pytest.approx(window.metrics["predicted_share"], abs=0.06)


def test_a_row_counts_when_its_label_is_due_not_when_it_comes() -> None:
    answers, labels = draw_binary(700)
    [window] = measure(make_joined(answers, labels, days=7, delay_days=3.5))
    assert (window.n_rows, window.n_due, window.n_labelled) == (700, 351, 351)


def test_missing_labels_show_in_the_coverage() -> None:
    answers, labels = draw_binary(700)
    thinned = [label if i % 2 else None for i, label in enumerate(labels)]
    [window] = measure(make_joined(answers, thinned, days=7))
    assert (window.n_due, window.n_labelled) == (700, 350)


def test_a_window_without_labels_has_no_loss_and_nothing_but_the_belief_of_its_version() -> None:
    answers = [[0.8, 0.2]] * 35 + [[0.4, 0.6]] * 35
    [window] = measure(make_joined(answers, [None] * 70, days=7))
    assert window.n_labelled == 0
    assert (window.loss, window.loss_low) == (None, None)
    own = -(0.8 * np.log(0.8) + 0.2 * np.log(0.2) + 0.4 * np.log(0.4) + 0.6 * np.log(0.6)) / 2
    assert window.metrics == pytest.approx({"believed_accuracy": 0.7, "believed_log_loss": own})


def test_no_rows_give_no_windows() -> None:
    assert measure(make_joined([], [], days=7)) == []


def test_a_window_of_one_row_has_a_loss_without_interval() -> None:
    [window] = measure(make_joined([[0.8, 0.2]], [False], days=1))
    assert window.loss == pytest.approx(-np.log(0.8))
    assert window.loss_low is None
    assert "auc" not in window.metrics


def test_a_window_without_positives_has_no_area_under_the_curve() -> None:
    answers, _ = draw_binary(70)
    [window] = measure(make_joined(answers, [False] * 70, days=7))
    assert window.metrics["actual_share"] == 0.0
    assert "auc" not in window.metrics


def test_ties_count_half() -> None:
    [window] = measure(make_joined([[0.5, 0.5]] * 70, [True, False] * 35, days=7))
    assert window.metrics["auc"] == 0.5


def test_fallbacks_repeats_other_versions_and_broken_answers_do_not_speak_for_the_version() -> None:
    answers, labels = draw_binary(70)
    answers[0], answers[1], answers[2] = None, [0.5], [float("inf"), 0.0]
    joined = make_joined(
        answers,
        labels,
        days=7,
        fallback=[None] * 60 + ["timeout"] * 10,
        is_first=[i != 5 for i in range(70)],
    )
    joined = joined.with_columns(version=pl.when(pl.col("key") == "k7").then(4).otherwise(3))
    [window] = measure(joined)
    assert (window.n_rows, window.n_labelled) == (58, 55)


def test_several_classes_get_log_loss_and_accuracy() -> None:
    answers = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]] * 20
    joined = make_joined(answers, ["a", "c"] * 20, days=7)
    [window] = measure(joined, task=Task.MULTICLASS, classes=("a", "b", "c"))
    assert window.metrics["accuracy"] == 0.5
    assert set(window.metrics) == {"log_loss", "accuracy", "believed_log_loss", "believed_accuracy"}


def test_numbers_get_absolute_and_squared_error() -> None:
    joined = make_joined([[1.0], [5.0]] * 20, [2.0, 3.0] * 20, days=7)
    [window] = measure(joined, task=Task.REGRESSION, classes=(), loss=Loss.for_numbers(cap=10))
    assert window.loss == pytest.approx(1.5)
    assert window.metrics == pytest.approx({"mae": 1.5, "rmse": np.sqrt(2.5)})


def test_days_that_move_together_widen_the_interval() -> None:
    n_rows = 1_400
    day = np.arange(n_rows) // 200
    good = [[0.9, 0.1] if d % 2 else [0.3, 0.7] for d in day]
    [blocked] = measure(make_joined(good, [False] * n_rows, days=7))
    mixed = [[0.9, 0.1] if i % 2 else [0.3, 0.7] for i in range(n_rows)]
    [spread] = measure(make_joined(mixed, [False] * n_rows, days=7))
    assert blocked.loss_high - blocked.loss_low > 5 * (spread.loss_high - spread.loss_low)


def test_a_window_without_length_is_refused() -> None:
    with pytest.raises(DeclarationError, match="no length"):
        measure(make_joined(*draw_binary(10), days=1), window_days=0)


def test_a_window_is_measured_again_only_when_a_row_of_it_has_changed() -> None:
    answers, labels = draw_binary(700)
    measured = MeasuredWindows()
    first = measure(make_joined(answers, labels, days=14), measured=measured)
    again = measure(make_joined(answers, labels, days=14), measured=measured)
    assert [new is old for new, old in zip(again, first, strict=True)] == [True, True]
    # A label that came late for the first week; an answer that is gone from the second.
    late = make_joined(answers, [not labels[0], *labels[1:]], days=14)
    found = measure(late, measured=measured)
    assert [new is old for new, old in zip(found, first, strict=True)] == [False, True]
    assert found == measure(late)
    fewer = measure(late.head(-1), measured=measured)
    assert [new is old for new, old in zip(fewer, found, strict=True)] == [True, False]
    assert fewer == measure(late.head(-1))


def test_windows_of_another_loss_or_length_are_not_taken_for_these() -> None:
    joined, measured = make_joined(*draw_binary(700), days=14), MeasuredWindows()
    other = Loss(kind=Loss.for_classes().kind, low=0.0, high=9.0)
    for changes in ({}, {"loss": other}, {"window_days": 14}, {}):
        assert measure(joined, measured=measured, **changes) == measure(joined, **changes)
