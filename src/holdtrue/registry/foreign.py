"""Foreign: a model of a library whose own files are not kept here, and the same as ONNX, shown to answer alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Kind, Signature
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry.lightgbm_format import encode_frame
from holdtrue.registry.probe import make_probe
from holdtrue.registry.scorer import Scorer, code_levels, frame_of_rows, settle_answers

if TYPE_CHECKING:
    import polars as pl

Matrix = NDArray[np.float64]
N_FITTED = 10_000  # of the rows of a fit are answered again


@dataclass(frozen=True, kw_only=True)
class FittedRows:
    """What a model kept of its fit: the rows (n_rows, n_taken), and what it says of them itself, as a scorer does."""

    matrix: Matrix
    answers: Matrix


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A model of another library, and the same as ONNX.

    Attributes:
        name: what it is called in errors.
        data: the ONNX file.
        columns: places in the schema of what it takes, in its order.
        answer: what it answers in memory to a matrix (n_rows, n_taken): as a scorer does.
        tolerance: the difference that is allowed, relative to answers beyond 1.
        fitted: what the model kept of its fit; None where it keeps nothing.
    """

    name: str
    data: bytes
    columns: tuple[int, ...]
    answer: Callable[[Matrix], Matrix]
    tolerance: float
    fitted: FittedRows | None = None


def check_foreign(foreign: Foreign, loaded: Scorer, signature: Signature, sample: "pl.DataFrame | None") -> None:
    """Refuse what was written when it answers otherwise than the model in memory; both may refuse missing values.

    Raises:
        FormatRefused: it differs, and by how much.
    """
    schema = signature.schema
    frames = [frame_of_rows(make_probe(schema), schema)]
    if sample is not None and sample.height:
        frames.append(sample.select(schema.names))
    for frame in frames:
        matrix = encode_frame(frame, code_levels(schema))[:, list(foreign.columns)]
        raw = np.asarray(foreign.answer(matrix), dtype=np.float64)
        # Not every model answers where a value is missing.
        is_whole = np.asarray(np.isfinite(raw.reshape(len(raw), -1)).all(axis=1), dtype=np.bool_)
        if not is_whole.any():
            continue
        before = settle_answers(raw[is_whole], signature, int(is_whole.sum()))
        _compare(foreign, before, loaded.score(frame.filter(is_whole)))
    if foreign.fitted is not None:
        _check_fitted(foreign, foreign.fitted, loaded, signature)
        if sample is not None and foreign.columns:
            matrix = encode_frame(sample.select(schema.names), code_levels(schema))[:, list(foreign.columns)]
            _find_fitted(foreign, foreign.fitted, matrix)


def _compare(foreign: Foreign, before: Matrix, after: Matrix) -> None:
    difference = float(np.max(np.abs(after - before) / np.maximum(1.0, np.abs(before))))
    if not difference <= foreign.tolerance:
        raise FormatRefused(
            f"the {foreign.name} as ONNX answers differently from the one in memory (by up to {difference:.3g})",
            expected=f"a difference of at most {foreign.tolerance:g}",
            remedy="a model whose answer depends on the row alone",
        )


def _check_fitted(foreign: Foreign, fitted: FittedRows, loaded: Scorer, signature: Signature) -> None:
    """Compare with what the model says of the rows of its fit, which no mapping of ours has touched."""
    import polars as pl

    schema = signature.schema
    chosen = np.linspace(0, len(fitted.matrix) - 1, min(len(fitted.matrix), N_FITTED)).astype(np.int64)
    rows = fitted.matrix[chosen]
    frame = pl.DataFrame(
        [
            pl.Series(column.name, rows[:, foreign.columns.index(place)])
            if place in foreign.columns
            else pl.repeat(
                None, len(rows), dtype=pl.String if column.kind is Kind.TEXT else pl.Float64, eager=True
            ).alias(column.name)
            for place, column in enumerate(schema.columns)
        ]
    )
    before = settle_answers(fitted.answers[chosen], signature, len(rows))
    _compare(foreign, before, loaded.score(frame))


def _find_fitted(foreign: Foreign, fitted: FittedRows, matrix: Matrix) -> None:
    """Refuse a model when none of the table's rows is one that it was fitted on: its columns are others."""
    import polars as pl

    # Whoever fits in float32 has the same rows; and -0 is 0.
    known, sampled = (pl.DataFrame(each.astype(np.float32) + np.float32(0)) for each in (fitted.matrix, matrix))
    sampled = sampled.filter(np.asarray(np.isfinite(matrix).all(axis=1), dtype=np.bool_))
    if sampled.height and not sampled.join(known, on=sampled.columns, how="semi").height:
        raise FormatRefused(
            f"the {foreign.name} was fitted on other numbers than the table's: none of {sampled.height} rows is there",
            expected="the table's own columns, each under its name, and in a matrix all in their order",
            remedy="fit on a pandas frame with the table's columns, and compute what it takes (a scale) in the table",
        )


def place_columns(names: Sequence[str], signature: Signature, *, name: str) -> tuple[int, ...]:
    """Return the places in the schema of the columns that a model takes by their names.

    Raises:
        FormatRefused: one is not in the schema, or holds text.
    """
    schema = signature.schema
    unknown = [column for column in names if column not in schema.names]
    if unknown:
        raise FormatRefused(
            f"the {name} takes columns that the schema does not have: {', '.join(unknown[:5])}",
            expected=f"some of {list(schema.names)}",
            remedy="compute those features in the table, and fit on a frame with its columns' names",
        )
    refuse_text(names, signature, name=name)
    return tuple(schema.names.index(column) for column in names)


def refuse_text(names: Sequence[str], signature: Signature, *, name: str) -> None:
    """Refuse columns of text, which none of these models can be given."""
    text = [column for column in names if signature.schema.column(column).kind is Kind.TEXT]
    if text:
        raise FormatRefused(
            f"the {name} takes the text columns {', '.join(text[:5])}",
            expected="numbers only",
            remedy="compute codes or shares of these texts in the table, or train LightGBM, which takes categories",
        )


def give_input(graph_inputs: list[tuple[str, int, bool]], signature: Signature, columns: Sequence[int]) -> str | None:
    """Add the inputs of a graph that takes some columns; return the name of the one that holds all, if there is one.

    Without a column of text all columns come as one matrix, which is faster and which other servers can give too;
    otherwise each that is taken comes by its name.
    """
    schema = signature.schema
    if any(column.kind is Kind.TEXT for column in schema.columns):
        graph_inputs += [(schema.names[place], 1, False) for place in columns]
        return None
    name = name_input(signature)
    graph_inputs.append((name, len(schema.columns), False))
    return name


def name_input(signature: Signature) -> str:
    """Return a name for the input of all columns that is no column's: such a one would be taken as that column."""
    name = "rows"
    while name in signature.schema.names:
        name += "_"
    return name


def refuse_task(name: str, found: str, signature: Signature) -> TrainingFailed:
    """Return the error for a model that answers another question than the loop's."""
    return TrainingFailed(f"the {name} is {found}", expected=f"a model for the task {signature.task.value}")
