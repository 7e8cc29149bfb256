"""LinearGraph: fitted linear models, as statsmodels gives them, as ONNX: coefficients, an intercept and a link."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Kind, Signature, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry.foreign import FittedRows, Foreign, Matrix, give_input, place_columns, refuse_task
from holdtrue.registry.onnx_bytes import OnnxGraph, OnnxNode

_NAME = "linear model"
_TOLERANCE = 1e-9
_INTERCEPTS = ("const", "Intercept", "intercept")
# What makes the answer of the sum, by the class of the model, or of its link.
_MODELS = {
    **dict.fromkeys(("OLS", "WLS", "GLS", "GLSAR", "RLM", "QuantReg"), "Identity"),
    "Logit": "Sigmoid",
    "Poisson": "Exp",
}
_FAMILY_LINKS = {"Identity": "Identity", "Logit": "Sigmoid", "Log": "Exp"}


def convert_linear(result: Any, signature: Signature) -> Foreign:
    """Return the results of a fit (OLS, WLS, GLS, RLM, QuantReg, Logit, Poisson, GLM) as ONNX.

    Of two classes 1 stands for the second in sorted order.

    Raises:
        FormatRefused: a term is no column of the table, a matrix without names is not that of all its numbers, the link
            is another, or it has an offset.
        TrainingFailed: it answers another question than the task.
    """
    kind, link = type(result.model).__name__, _find_link(result.model)
    is_share = link == "Sigmoid"
    if signature.task is Task.MULTICLASS or is_share is not (signature.task is Task.BINARY):
        raise refuse_task(_NAME, f"a {kind} that answers with {'a share' if is_share else 'a number'}", signature)
    _refuse_offset(result.model)
    weights = np.asarray(result.params, dtype=np.float64)
    terms = _read_terms(result.model, signature)
    if weights.shape != (len(terms.names),) or not np.isfinite(weights).all():
        raise TrainingFailed(
            f"the {_NAME} has coefficients of shape {weights.shape} for {len(terms.names)} terms, "
            "or such as are not finite",
            expected="one finite coefficient for each term",
        )
    taken = [place for place, name in enumerate(terms.names) if name is not None]
    names = [name for name in terms.names if name is not None]
    columns = place_columns(names, signature, name=_NAME)
    data = _write(signature, columns, weights[taken], base=float(np.delete(weights, taken).sum()), link=link)

    def answer(matrix: Matrix) -> Matrix:
        return _answer_natively(result, matrix, terms, is_share=is_share)

    own = _share_out(np.asarray(result.predict(), dtype=np.float64), is_share=is_share)
    return Foreign(
        name=_NAME,
        data=data,
        columns=columns,
        answer=answer,
        tolerance=_TOLERANCE,
        fitted=FittedRows(matrix=terms.rows[:, taken], answers=own),
    )


def _find_link(model: Any) -> str:
    """Return what makes the answer of the sum, as ONNX calls it."""
    kind = type(model).__name__
    family = getattr(model, "family", None)
    link = _MODELS.get(kind)
    if kind == "GLM" and family is not None:
        link = _FAMILY_LINKS.get(type(family.link).__name__)
    if link is None:
        told = kind if family is None else f"{kind} with the link {type(family.link).__name__}"
        raise FormatRefused(
            f"a linear model of the kind {told} cannot be stored",
            expected=f"{', '.join(_MODELS)}, or GLM with the link {', '.join(_FAMILY_LINKS)}",
            remedy="fit one of these, or return an ONNX model that answers the same",
        )
    return link


@dataclass(frozen=True, kw_only=True)
class _Terms:
    """What the coefficients stand for: columns by their names, None for the constant; and the rows of the fit."""

    names: list[str | None]
    rows: Matrix


def _read_terms(model: Any, signature: Signature) -> _Terms:
    rows = getattr(model, "exog", None)
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or not len(rows):
        raise FormatRefused(
            f"the {_NAME} does not have the rows that it was fitted on",
            expected="a matrix model.exog, by which its terms are told",
            remedy="return the results as fit() gave them, without remove_data()",
        )
    rows = rows.astype(np.float64)
    constant = np.asarray((rows == 1.0).all(axis=0), dtype=np.bool_)
    given = getattr(getattr(model, "data", None), "orig_exog", None)
    named = list(getattr(given, "columns", [getattr(given, "name", None)])) if given is not None else []
    if not named or not all(isinstance(name, str) for name in named):
        return _Terms(names=_place_in_order(constant, signature), rows=rows)
    told = [
        None if is_one and _is_added(name, signature) else name for name, is_one in zip(named, constant, strict=True)
    ]
    return _Terms(names=told, rows=rows)


def _is_added(name: str, signature: Signature) -> bool:
    """Say whether a term of ones is the constant: its name says so, and no column of the table is that one."""
    return name in _INTERCEPTS and not (name in signature.schema.names and _holds_ones(name, signature))


def _holds_ones(name: str, signature: Signature) -> bool:
    column = signature.schema.column(name)
    return column.low == 1.0 and column.high == 1.0


def _place_in_order(constant: NDArray[np.bool_], signature: Signature) -> list[str | None]:
    """Return what the columns of a matrix are. It has no names: those that statsmodels makes up are nobody's."""
    numbers = [column.name for column in signature.schema.columns if column.kind is not Kind.TEXT]
    ones = np.flatnonzero(constant)
    if len(constant) == len(numbers) and all(_holds_ones(numbers[place], signature) for place in ones):
        return list(numbers)
    if len(constant) == len(numbers) + 1 and len(ones) == 1:
        names: list[str | None] = list(numbers)
        names.insert(int(ones[0]), None)
        return names
    raise FormatRefused(
        f"the {_NAME} was fitted on a matrix without names, of {len(constant)} columns ({len(ones)} of them ones), "
        f"and the table has {len(numbers)} of numbers",
        expected="all of these in their order, with or without a constant",
        remedy="fit on a pandas frame with the names of the columns that it takes",
    )


def _refuse_offset(model: Any) -> None:
    for name in ("offset", "exposure"):
        held = getattr(model, name, None)
        if held is not None and np.any(np.asarray(held)):
            raise FormatRefused(
                f"the {_NAME} was fitted with {name}=, which a request does not carry",
                expected="a model of the row's own columns",
                remedy="take it into the columns",
            )


def _write(signature: Signature, columns: Sequence[int], weights: Matrix, *, base: float, link: str) -> bytes:
    answer = "probabilities" if link == "Sigmoid" else "answer"
    graph = OnnxGraph([], (answer, 1))
    given = give_input(graph.inputs, signature, columns)
    if given is None:
        graph.add(OnnxNode("Concat", [name for name, _, _ in graph.inputs], "taken").add_whole("axis", 1))
    else:  # a weight of nothing would not do: a missing value in a column that is not taken would spoil the sum
        graph.add_constant("places", np.array(columns, dtype=np.int64))
        graph.add(OnnxNode("Gather", [given, "places"], "taken").add_whole("axis", 1))
    graph.add_constant("weights", weights.reshape(-1, 1))
    graph.add_constant("base", np.array([base]))
    graph.add(OnnxNode("MatMul", ["taken", "weights"], "sums"))
    graph.add(OnnxNode("Add", ["sums", "base"], "raw"))
    graph.add(OnnxNode(link, ["raw"], answer))
    return graph.dump()


def _answer_natively(result: Any, matrix: Matrix, terms: _Terms, *, is_share: bool) -> Matrix:
    names = [name for name in terms.names if name is not None]
    if hasattr(result.model, "formula"):  # it makes its own terms of columns by name
        import pandas as pd

        # Rows with a missing value would be left out of its answer.
        is_whole = np.isfinite(matrix).all(axis=1)
        found = np.full(len(matrix), np.nan)
        found[is_whole] = np.asarray(result.predict(pd.DataFrame(matrix[is_whole], columns=names)), dtype=np.float64)
    else:
        given = np.ones((len(matrix), len(terms.names)))
        given[:, [name is not None for name in terms.names]] = matrix
        found = np.asarray(result.predict(given), dtype=np.float64)
    return _share_out(found, is_share=is_share)


def _share_out(found: Matrix, *, is_share: bool) -> Matrix:
    return np.column_stack((1.0 - found, found)) if is_share else found
