"""News: how much has become known since the last training, and since what the version in charge has seen."""

from datetime import datetime

import polars as pl

from holdtrue.data import History
from holdtrue.domain import Version


def count_new_labels(known: History, labels: pl.DataFrame, *, since: datetime | None, n_before: int) -> int:
    """Return how many labels of table and log have become known since a moment; all of them without one.

    A file that lands late brings labels that carry an earlier moment: where the table has grown by more than its
    moments say, its growth counts.

    Args:
        known: the table as known now.
        labels: what `latest_labels` returned.
        since: when the last training began.
        n_before: how many labelled rows the table held then, as `count_table_labels` counts them.
    """
    if since is None:
        return labels.height + count_table_labels(known, labels)
    rows = _drop_logged(known, labels)
    n_by_moment = int((rows["__label_time"] > since).sum())
    n_by_growth = rows["__label"].len() - rows["__label"].null_count() - n_before
    return labels.filter(labels["known_at"] > since).height + max(n_by_moment, n_by_growth)


def count_table_labels(known: History, labels: pl.DataFrame) -> int:
    """Return how many rows of the table have a label that did not come through the log."""
    rows = _drop_logged(known, labels)["__label"]
    return rows.len() - rows.null_count()


def _drop_logged(known: History, labels: pl.DataFrame) -> pl.DataFrame:
    rows = known.frame.select("__key", "__label", "__label_time")
    return rows if not labels.height else rows.join(labels, left_on="__key", right_on="key", how="anti")


def count_news(known: History, log: pl.DataFrame, labels: pl.DataFrame, champion: Version) -> tuple[int, int]:
    """Return how many labelled rows of table and log a version was not trained on, and on how many days (UTC)."""
    seen = champion.lineage.trained_until
    table = known.frame.filter((pl.col("__time") > seen) & pl.col("__label").is_not_null())["__time"]
    logged = log.filter(pl.col("time") > seen).join(labels, on="key", how="semi")["time"]
    return len(table) + len(logged), len(set(table.dt.date().unique()) | set(logged.dt.date().unique()))


def find_top_source(known: History) -> tuple[str, float] | None:
    """Return the source of most labelled rows of the table, and its share of those that name one; None without."""
    if "__source" not in known.frame.columns:
        return None
    named = known.frame.filter(pl.col("__label").is_not_null() & pl.col("__source").is_not_null())["__source"]
    if not len(named):
        return None
    counts = named.alias("source").value_counts().sort("count", "source", descending=[True, False])
    return str(counts["source"][0]), float(counts["count"][0]) / len(named)
