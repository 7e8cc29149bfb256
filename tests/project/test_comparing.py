from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.data import record_labels
from holdtrue.domain import Finding, LabelFact
from holdtrue.errors import DeclarationError, NotFound
from holdtrue.project import compare_versions, open_project, score_file
from holdtrue.testing.world import START

from .small import opened, train


@pytest.fixture
def two(trained: Path) -> Path:
    """A project whose v1 was trained on day 40 and v2 on day 45, of 60 days."""
    with open_project(trained / "loop.py", clock=VirtualClock(START + timedelta(days=52))) as project:
        train(project)
    return trained


def test_two_versions_are_compared_on_the_rows_that_neither_has_seen(rolling: Path) -> None:
    with opened(rolling, days=60.5) as project:
        found = compare_versions(project, "v2", "champion")
    assert (found.first.name, found.second.name) == ("v2", "v1")
    assert (found.first.is_champion, found.second.is_champion) == (False, True)
    assert found.n_rows == 59  # of the last day and a half: a label is due after half a day
    assert found.starts_at is not None
    assert found.starts_at > found.first.seen_until > found.second.seen_until
    assert found.finding is Finding.NO_DATA
    assert "cannot be told apart yet" in found.sentence
    assert found.first.loss is not None
    assert found.first.loss.low is None


def test_enough_rows_give_intervals_slices_calibration_size_and_speed(two: Path) -> None:
    with opened(two, days=61) as project:
        found = compare_versions(project, "2", "1")
    assert found.n_rows >= 300
    assert found.finding in {Finding.BETTER, Finding.WORSE, Finding.UNDECIDED}
    assert "neither has seen" in found.sentence
    assert found.difference is not None
    assert found.difference.low <= found.difference.estimate <= found.difference.high
    assert found.auc is not None
    for side in (found.first, found.second):
        assert side.n_bytes > 100
        assert side.row_ms > 0
        assert side.rows_a_second > 1
        assert len(side.bins) >= 5
        assert side.loss.low < side.loss.estimate < side.loss.high
        assert 0 <= side.calibration_error.low <= side.calibration_error.estimate <= side.calibration_error.high
    assert found.difference.estimate == pytest.approx(found.first.loss.estimate - found.second.loss.estimate)


def test_a_version_is_not_compared_with_itself(trained: Path) -> None:
    with opened(trained) as project, pytest.raises(DeclarationError, match="v1 would be compared with itself"):
        compare_versions(project, "1", "champion")


def test_where_nothing_is_unseen_that_is_said(rolling: Path) -> None:
    with opened(rolling, days=59) as project:
        found = compare_versions(project, "v2", "v1")
    assert found.finding is Finding.NO_DATA
    assert found.n_rows == 0
    assert "no labelled row is later than" in found.sentence
    assert found.first.row_ms > 0


def test_rows_of_the_prediction_log_count_when_their_labels_came(two: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(two / "rows.parquet").tail(40)
    later = rows.with_columns(pl.col("at") + timedelta(days=2), event=pl.concat_str(pl.lit("new"), "event"))
    later.write_parquet(tmp_path / "later.parquet")
    with opened(two, days=70) as project:
        score_file(project, tmp_path / "later.parquet", tmp_path / "scored.parquet")
        facts = [
            LabelFact(
                loop=project.loop.name, label=row["failed"], at=row["at"].timestamp(), received_at=0.0, key=row["event"]
            )
            for row in later.iter_rows(named=True)
        ]
        before = compare_versions(project, "v2", "v1")
        record_labels(project.store, facts)
        after = compare_versions(project, "v2", "v1")
    assert before.n_from_log == 0
    assert after.n_from_log == 40
    assert after.n_rows == before.n_rows + 40


def test_a_version_that_is_not_there_is_named(trained: Path) -> None:
    with opened(trained) as project, pytest.raises(NotFound, match="v9"):
        compare_versions(project, "v9", "v1")
