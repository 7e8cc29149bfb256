"""Logged labels: what a log's label column asks where few labels have come, and the last of those that came twice."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from holdtrue.domain import LabelValue, Predictions, Task, format_count

# Names of a log's columns do not begin so.
_PLACE, _GROUP, _KNOWN_AT = "__place", "__group", "__known_at"
_UNNAMED = ("the first class", "the second class")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked where the labels that came do not tell it.

    Attributes:
        task: the kind of question.
        classes: in the order of the answers; empty for a regression.
        label: the labels that can be judged.
        note: what was decided, for people; "" where it was declared.
    """

    task: Task
    classes: tuple[LabelValue, ...]
    label: pl.Series
    note: str = ""


def settle_question(
    label: pl.Series, declared: Predictions, *, task: Task | None, answers: pl.Series
) -> Question | None:
    """Return what a log asks of which fewer than two different labels have come; None where there are more.

    A boolean, or a 0 or 1 beside answers from 0 to 1, is one of two classes. Without any label, answers from 0 to 1 are
    taken as probabilities. A lone text does not say which class the probability is of: it waits for the other.

    Args:
        label: as the file has it.
        declared: the log's declaration.
        task: the kind of question as declared; None for none.
        answers: the first column of answers, as numbers.
    """
    seen = label.drop_nulls()
    seen = seen.drop_nans() if seen.dtype.is_float() else seen
    if seen.n_unique() > 1:
        return None
    if not isinstance(declared.prediction, str):
        classes = tuple(value for value, _ in declared.prediction)
        told = Task.BINARY if len(classes) == 2 else Task.MULTICLASS
        return None if task not in (None, told) else Question(task=told, classes=_fit_type(classes, label), label=label)
    if task is Task.MULTICLASS:
        return None
    is_share = answers.drop_nans().is_between(0.0, 1.0).all()
    is_binary = task is Task.BINARY or (task is None and _may_be_class(seen) and is_share)
    if not is_binary:
        is_number = label.dtype == pl.Null or label.dtype.is_numeric()
        note = "" if task or len(seen) else f"no label has come: {declared.prediction!r} is taken as a number"
        return Question(task=Task.REGRESSION, classes=(), label=label, note=note) if is_number else None
    if label.dtype == pl.Boolean or not len(seen):
        note = f"no label has come: {declared.prediction!r} is taken as the probability of the second class"
        classes = (0, 1) if label.dtype.is_numeric() else _UNNAMED if label.dtype == pl.String else (False, True)
        return Question(task=Task.BINARY, classes=classes, label=label, note="" if len(seen) else note)
    if seen.dtype.is_numeric():
        return Question(task=Task.BINARY, classes=(0, 1), label=label)
    note = (
        f"{declared.label!r} has said {seen[0]!r} alone: until another comes it is not known which of the two "
        f"{declared.prediction!r} is the probability of, and no label counts; prediction={{...}} would say it"
    )
    return Question(task=Task.BINARY, classes=_UNNAMED, label=label.clear(len(label)), note=note)


def _may_be_class(seen: pl.Series) -> bool:
    """Say whether the only label (or none) may be one of two classes."""
    if not len(seen) or not seen.dtype.is_numeric():
        return True
    return seen[0] in (0, 1)


def _fit_type(classes: Sequence[LabelValue], label: pl.Series) -> tuple[LabelValue, ...]:
    """Return the declared classes as the label's own values: `1` in the declaration may be `True` in the file."""
    if label.dtype == pl.Boolean and set(classes) == {False, True}:
        return tuple(bool(value) for value in classes)
    is_text = isinstance(label.dtype, pl.String | pl.Categorical | pl.Enum)
    if label.dtype != pl.Null and is_text != all(isinstance(value, str) for value in classes):
        return tuple(str(value) for value in classes) if is_text else tuple(classes)
    return tuple(classes)


def take_last_labels(
    frame: pl.DataFrame, declared: Predictions, *, known_at: pl.Series | None
) -> tuple[pl.DataFrame, str]:
    """Return a log of which rows that repeat an answer are one row with the last label, and a sentence; "" for none.

    A log that is only appended to says an answer again when its label comes, or is corrected. Rows of one key that have
    another time, answer or version are other answers, and stay as they are.

    Args:
        frame: the rows as read.
        declared: the log's declaration.
        known_at: when each label was known, in UTC; None where the order of the rows says so.
    """
    key = declared.key
    if key is None or frame[key].n_unique() == frame.height:
        return frame, ""
    version = () if declared.version is None else (declared.version,)
    by = [key, declared.time, *declared.answer_columns, *version]
    rows = frame.with_row_index(_PLACE).with_columns(pl.col(_PLACE).first().over(by).alias(_GROUP))
    first = rows.filter(pl.col(_PLACE) == pl.col(_GROUP))
    if first.height == frame.height:
        return frame, ""
    dated = (
        rows if known_at is None else rows.with_columns(known_at.alias(_KNOWN_AT)).sort(_KNOWN_AT, maintain_order=True)
    )
    told = dated.filter(pl.col(declared.label).is_not_null())
    told = told if known_at is None else told.filter(pl.col(_KNOWN_AT).is_not_null())
    # Of labels that say the same as the one before them, the first tells when it was known.
    is_new = pl.col(declared.label).ne_missing(pl.col(declared.label).shift().over(_GROUP))
    parts = [name for name in (declared.label, declared.label_time) if name is not None]
    last = told.filter(is_new).unique(_GROUP, keep="last", maintain_order=True).select(_GROUP, *parts)
    whole = first.drop(parts).join(last, on=_GROUP, how="left", maintain_order="left").select(frame.columns)
    n_repeated = frame.height - whole.height
    verb = "repeats" if n_repeated == 1 else "repeat"
    return whole, f"{format_count(n_repeated, 'row')} {verb} an answer: the last label of each answer counts"
