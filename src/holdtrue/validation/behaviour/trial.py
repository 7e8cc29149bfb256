"""Trial: the rows that a candidate's behaviour is tried on; they need no label, so training rows may help out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdtrue.domain import Ruling, Verdict
from holdtrue.validation.candidate import Candidate

if TYPE_CHECKING:
    import polars as pl

ENOUGH_ROWS = 2_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """Rows to try a candidate on.

    Attributes:
        features: all columns that the candidate was fitted on, texts as plain texts.
        key: names each row.
    """

    features: pl.DataFrame
    key: pl.Series


def take_trial(candidate: Candidate) -> Trial:
    """Return the evaluation rows; where they are few, the newest training rows before them as well."""
    import polars as pl

    rows, train = candidate.rows, candidate.train
    n_more = min(train.n_rows, max(0, ENOUGH_ROWS - rows.n_rows))
    parts = [match_columns(train.features.tail(n_more), train.features), match_columns(rows.features, train.features)]
    keys = [train.key.tail(n_more), rows.key]
    return Trial(features=pl.concat(parts, how="vertical_relaxed"), key=pl.concat(keys))


def match_columns(frame: pl.DataFrame, like: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with the columns of another, in its order: null where it has none, texts as plain texts."""
    import polars as pl

    texts = (pl.Enum, pl.Categorical)
    return frame.select(
        pl.lit(None, dtype=pl.String if isinstance(dtype, texts) else dtype).alias(name)
        if name not in frame.columns
        else pl.col(name).cast(pl.String)
        if isinstance(dtype, texts)
        else pl.col(name)
        for name, dtype in like.schema.items()
    )


def find_column(trial: Trial, name: str, *, check: str) -> pl.Series | Verdict:
    """Return the values of a feature that has two or more; else the verdict that says why it cannot be changed."""
    if name not in trial.features.columns:
        names = trial.features.columns
        known = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        sentence = f"There is no feature called {name}; expected one of {known}."
        return Verdict(check=check, ruling=Ruling.ERROR, sentence=sentence)
    column = trial.features[name]
    if column.n_unique() > 1:
        return column
    sentence = f"Not enough data: need rows with two values of {name}, all {len(column):,} rows have the same."
    return Verdict(check=check, ruling=Ruling.INCONCLUSIVE, sentence=sentence)
