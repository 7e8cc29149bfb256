from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from holdtrue.data import History
from holdtrue.domain import Lineage, Loss, ModelFormat, Schema, Signature, Task, Version
from holdtrue.loop import Fold, cut_folds

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def history(n_days: int) -> History:
    """Four rows a day, each label known an hour later."""
    times = [BEGIN + timedelta(hours=6 * i) for i in range(4 * n_days)]
    frame = pl.DataFrame(
        {
            "__key": [str(i) for i in range(len(times))],
            "__unit": [str(i) for i in range(len(times))],
            "__time": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "__label_time": pl.Series([t + timedelta(hours=1) for t in times], dtype=pl.Datetime("us", "UTC")),
            "__label": [i % 2 == 0 for i in range(len(times))],
            "heat": [float(i) for i in range(len(times))],
        }
    )
    return History(
        frame=frame, label="late", task=Task.BINARY, classes=(False, True), source="here",
        label_delay=timedelta(hours=1),
    )  # fmt: skip


def champion(*, seen_days: float) -> Version:
    signature = Signature(schema=Schema(columns=()), task=Task.BINARY, label="late", classes=(False, True))
    until = BEGIN + timedelta(days=seen_days)
    return Version(
        loop="l", number=1, digest="d", artifact="a", format=ModelFormat.SKOPS, signature=signature,
        lineage=Lineage(run_id="r", dataset="s", trained_until=until, code="c"),
        loss=Loss.for_classes(), created_at=BEGIN,
    )  # fmt: skip


def test_a_first_candidate_is_judged_on_the_newest_fifth() -> None:
    (fold,) = cut_folds(history(100), None, is_refresh=False)
    assert fold == Fold(since=BEGIN + timedelta(days=80))


@pytest.mark.parametrize(("seen_days", "begins"), [(90, [93, 96]), (50, [85, 92])])
def test_a_refresh_is_judged_on_enough_days_by_fits_that_saw_the_rest_of_the_news(
    seen_days: int, begins: list[int]
) -> None:
    folds = cut_folds(history(100), champion(seen_days=seen_days), is_refresh=True)
    assert [fold.since for fold in folds] == [BEGIN + timedelta(days=day) for day in begins]
    assert [fold.until for fold in folds] == [folds[1].since, None]


def test_each_fold_learns_from_what_was_known_before_it_and_answers_what_follows() -> None:
    rows = history(100)
    folds = cut_folds(rows, champion(seen_days=86), is_refresh=True)
    judged = [fold.select_judged(rows) for fold in folds]
    assert sum(part.n_rows for part in judged) == rows.rows(since=folds[0].since).n_rows
    for fold, part in zip(folds, judged, strict=True):
        known = fold.select_known(rows)
        assert known.ends_at < fold.since <= part.starts_at
        assert known.dataset().n_rows == known.n_rows
        assert (known.dataset().time < fold.since).all()


def test_another_recipe_is_judged_on_all_that_the_champion_has_not_seen() -> None:
    (fold,) = cut_folds(history(100), champion(seen_days=50), is_refresh=False)
    assert fold == Fold(since=BEGIN + timedelta(days=50, microseconds=1))


def test_without_news_nothing_is_left_to_judge_on() -> None:
    (fold,) = cut_folds(history(100), champion(seen_days=120), is_refresh=True)
    assert fold.since > history(100).ends_at
