"""LinearGraph: fitted linear models, as statsmodels gives them, as ONNX: coefficients, an intercept and a link."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from holdtrue.domain import Signature, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry.foreign import Foreign, Matrix, give_input, place_columns, refuse_task
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
        FormatRefused: a term is no column of the table, the link is another, or it has an offset.
        TrainingFailed: it answers another question than the task.
    """
    kind = type(result.model).__name__
    family = getattr(result.model, "family", None)
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
    is_share = link == "Sigmoid"
    if signature.task is Task.MULTICLASS or is_share is not (signature.task is Task.BINARY):
        raise refuse_task(_NAME, f"a {kind} that answers with {'a share' if is_share else 'a number'}", signature)
    _refuse_offset(result.model)
    terms, weights = list(result.model.exog_names), np.asarray(result.params, dtype=np.float64)
    if weights.shape != (len(terms),) or not np.isfinite(weights).all():
        raise TrainingFailed(
            f"the {_NAME} has coefficients of shape {weights.shape} for {len(terms)} terms, or such as are not finite",
            expected="one finite coefficient for each term",
        )
    names = [term for term in terms if term not in _INTERCEPTS]
    columns = place_columns(names, signature, name=_NAME)
    places = [terms.index(name) for name in names]
    base = sum(weight for term, weight in zip(terms, weights, strict=True) if term in _INTERCEPTS)
    data = _write(signature, columns, weights[places], base=float(base), link=link)

    def answer(matrix: Matrix) -> Matrix:
        return _answer_natively(result, matrix, names, terms, is_share=is_share)

    return Foreign(name=_NAME, data=data, columns=columns, answer=answer, tolerance=_TOLERANCE)


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


def _answer_natively(result: Any, matrix: Matrix, names: list[str], terms: list[str], *, is_share: bool) -> Matrix:
    if hasattr(result.model, "formula"):  # it makes its own terms of columns by name
        import pandas as pd

        # Rows with a missing value would be left out of its answer.
        is_whole = np.isfinite(matrix).all(axis=1)
        found = np.full(len(matrix), np.nan)
        found[is_whole] = np.asarray(result.predict(pd.DataFrame(matrix[is_whole], columns=names)), dtype=np.float64)
    else:
        given = [matrix[:, names.index(term)] if term in names else np.ones(len(matrix)) for term in terms]
        found = np.asarray(result.predict(np.column_stack(given)), dtype=np.float64)
    return np.column_stack((1.0 - found, found)) if is_share else found
