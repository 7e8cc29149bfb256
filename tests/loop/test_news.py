from datetime import UTC, datetime, timedelta

import polars as pl

from holdtrue.data import History, read_frame
from holdtrue.domain import table
from holdtrue.loop import find_top_source
from holdtrue.loop.news import count_new_labels, count_table_labels

START = datetime(2024, 1, 1, tzinfo=UTC)
NO_LABELS = pl.DataFrame(schema={"key": pl.String, "label": pl.Int64, "known_at": pl.Datetime("us", "UTC")})


def make_history(feeds: list[str | None] | None = None, n_rows: int = 10) -> History:
    frame = pl.DataFrame(
        {
            "id": [str(i) for i in range(n_rows)],
            "at": [START + timedelta(days=i) for i in range(n_rows)],
            "size": list(range(n_rows)),
            "late": [i % 2 == 0 for i in range(n_rows)],
        }
    )
    source = None
    if feeds is not None:
        frame, source = frame.with_columns(feed=pl.Series(feeds, dtype=pl.String)), "feed"
    return read_frame(frame, table("x.csv", key="id", time="at", label="late", label_delay="1d", source=source))


def test_the_source_of_most_labelled_rows_is_named_with_its_share_of_those_that_name_one() -> None:
    assert find_top_source(make_history()) is None
    assert find_top_source(make_history([None] * 10)) is None
    assert find_top_source(make_history(["A"] * 6 + ["B"] * 2 + [None] * 2)) == ("A", 0.75)


def test_labels_count_as_new_by_their_moment_or_by_the_growth_of_the_table_and_once() -> None:
    history, since = make_history(), START + timedelta(days=8, hours=12)
    assert count_table_labels(history, NO_LABELS) == 10
    assert count_new_labels(history, NO_LABELS, since=None, n_before=0) == 10
    assert count_new_labels(history, NO_LABELS, since=since, n_before=10) == 2
    assert count_new_labels(history, NO_LABELS, since=since, n_before=4) == 6
    came = pl.DataFrame({"key": ["9", "x"], "label": [1, 1], "known_at": [since, since + timedelta(days=1)]})
    labels = came.cast({"known_at": pl.Datetime("us", "UTC")})
    # The ninth row is told by the log, and its label is no newer than the training.
    assert count_new_labels(history, labels, since=since, n_before=9) == 1 + 1
