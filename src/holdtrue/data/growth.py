"""Growth: a table extended by the loop's own prediction log and the labels that came for it."""

from dataclasses import replace

import polars as pl

from holdtrue.data.breaches import select_sound
from holdtrue.data.columns import find_levels
from holdtrue.data.history import (
    JUDGED,
    KEY,
    LABEL,
    LABEL_TIME,
    LATE,
    PROPENSITY,
    SOURCE,
    TIME,
    UNIT,
    History,
    is_part,
)
from holdtrue.data.log.rows import SHADOW
from holdtrue.data.task import encode_labels
from holdtrue.domain import BROKEN_ROW


def extend_history(history: History, predictions: pl.DataFrame, labels: pl.DataFrame) -> History:
    """Return the table and the log as one history, one row for each key.

    A row of the table wins over one of the log; if it has no label yet, one that came for its key fills it. Of the log
    the first answer of each key counts, shadows do not. Levels that the table does not know become levels. Rows of the
    log that break the declared schema, which may be younger than they, are left out.

    Rows that the loop has answered, whichever of both holds them, carry the probability with which the version that
    answered was chosen (`__propensity`): their labels may bear the mark of the answer.

    Args:
        history: the table.
        predictions: what `read_predictions` returned.
        labels: what `latest_labels` returned.
    """
    known, n_strange = _fit_labels(history, labels)
    table, n_filled = _fill_labels(history.frame, known)
    logged = _take_fresh(history, predictions)
    sound = logged if history.declared is None else select_sound(logged, history.declared)
    fresh = sound.join(known, on=KEY, how="left", maintain_order="left")
    frame = table
    if fresh.height:
        table, fresh = _share_levels(table, fresh)
        # A log keeps features alone.
        missing = {n: dtype for n, dtype in table.schema.items() if n == SOURCE or n.startswith((JUDGED, LATE))}
        unsaid = [pl.lit(None, dtype).alias(name) for name, dtype in missing.items()]
        fresh = fresh.with_columns(unsaid).select(table.columns)
        frame = pl.concat([table, fresh]).sort(TIME, maintain_order=True).rechunk()
    frame = _mark_own(frame, predictions)
    n_own = frame.height - frame[PROPENSITY].null_count() if PROPENSITY in frame.columns else 0
    notes = [
        (n_own, "rows were answered by this loop itself"),
        (fresh.height, "rows of the prediction log were added"),
        (logged.height - sound.height, "rows of the prediction log break the schema and were left out"),
        (n_filled, "labels of the table came from outside it"),
        (n_strange, "labels that came are none of the label's values and were left out"),
    ]
    notes += [(_count_untold(frame, name), tell_untold(name)) for name in history.late_names]
    said = tuple(f"{n:,} {sentence}" for n, sentence in notes if n)
    return replace(history, frame=frame, notes=(*history.notes, *said))


def tell_untold(name: str) -> str:
    """Return what is said of labelled rows that have no value of a column that is known only with the label."""
    return f"labelled rows have no {name!r}, which labels sent for the log do not carry: they do not count in it yet"


def _count_untold(frame: pl.DataFrame, name: str) -> int:
    is_untold = pl.col(LABEL).is_not_null() & pl.col(f"{LATE}{name}").is_null()
    is_of_log = pl.col(PROPENSITY).is_not_null() if PROPENSITY in frame.columns else pl.lit(value=False)
    return frame.filter(is_untold & is_of_log).height


def _fit_labels(history: History, labels: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return labels as values of the history's own label column, and how many are none."""
    dtype = history.frame.schema[LABEL]
    coded = pl.Series(encode_labels(labels["label"], task=history.task, classes=history.classes))
    if history.task.has_classes:
        places = range(len(history.classes))
        classes = pl.Series(list(history.classes), dtype=dtype)
        values = coded.replace_strict(list(places), classes, default=None, return_dtype=dtype)
    else:
        values = coded.fill_nan(None).cast(dtype)
    known = pl.DataFrame([labels["key"].alias(KEY), values.alias(LABEL), labels["known_at"].alias(LABEL_TIME)])
    n_strange = values.null_count() - labels["label"].null_count()
    return known.filter(pl.col(LABEL).is_not_null()), n_strange


def _fill_labels(table: pl.DataFrame, known: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    n_open = table[LABEL].null_count()
    if not n_open or not known.height:
        return table, 0
    joined = table.join(known, on=KEY, how="left", maintain_order="left", suffix="_came")
    names = (LABEL, LABEL_TIME)
    filled = joined.with_columns(pl.coalesce(pl.col(name), pl.col(f"{name}_came")).alias(name) for name in names)
    filled = filled.select(table.columns)
    return filled, n_open - filled[LABEL].null_count()


def _take_fresh(history: History, predictions: pl.DataFrame) -> pl.DataFrame:
    """Return the first served answer of each key that the table does not have: its parts and features."""
    table_keys = history.frame.select(KEY)
    # Of a row that broke the schema the log has only the values that did not: nothing to learn from.
    is_whole = ~pl.col("fallback").str.contains(BROKEN_ROW, literal=True).fill_null(value=False)
    log = predictions.filter(pl.col("is_first") & (pl.col("role") != SHADOW) & is_whole).unique(
        "key", keep="first", maintain_order=True
    )
    log = log.rename({"key": KEY, "unit": UNIT, "time": TIME})
    log = log.join(table_keys, on=KEY, how="anti", maintain_order="left")
    fields = {field.name for field in log.schema["features"].fields} if log.height else set()  # type: ignore[attr-defined]
    features = []
    for name in history.feature_names:
        dtype = history.frame.schema[name]
        kept = pl.String() if isinstance(dtype, pl.Enum) else dtype
        value = pl.col("features").struct.field(name) if name in fields else pl.lit(None)
        # The server checked each value against the schema of its day; the table may have changed a column since.
        features.append(value.cast(kept, strict=False).alias(name))
    return log.select(KEY, UNIT, TIME, *features)


def _mark_own(frame: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    served = predictions.filter(pl.col("is_first") & (pl.col("role") != SHADOW)).unique(
        "key", keep="first", maintain_order=True
    )
    if not served.height:
        return frame
    marks = served.select(pl.col("key").alias(KEY), pl.col("probability").alias(PROPENSITY))
    names = [name for name in frame.columns if name != PROPENSITY]
    parts, features = [n for n in names if is_part(n)], [n for n in names if not is_part(n)]
    marked = frame.select(names).join(marks, on=KEY, how="left", maintain_order="left")
    return marked.select(*parts, PROPENSITY, *features)


def _share_levels(table: pl.DataFrame, fresh: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    wider, taken = [], []
    for name, dtype in table.schema.items():
        if not isinstance(dtype, pl.Enum) or is_part(name):
            continue
        levels, came = dtype.categories.to_list(), find_levels(fresh[name])
        shared = pl.Enum(sorted({*levels, *came}))
        taken.append(fresh[name].cast(shared))
        if shared != dtype:
            wider.append(table[name].cast(shared))
    return table.with_columns(wider), fresh.with_columns(taken)
