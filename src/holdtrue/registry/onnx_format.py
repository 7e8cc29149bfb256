"""OnnxFormat: ONNX models, scored by ONNX Runtime on one thread, or on a GPU, without polars."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Kind, Signature, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry.onnx_structure import check_onnx
from holdtrue.registry.scorer import Row, Scorer

if TYPE_CHECKING:
    import polars as pl

_NUMBERS: Mapping[str, type[Any]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}
_FLOATS: Mapping[str, type[Any]] = {"tensor(float)": np.float32, "tensor(double)": np.float64}
_TEXT = "tensor(string)"
_CPU = "CPUExecutionProvider"
_GPU_FIRST = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CoreMLExecutionProvider")


class OnnxScorer(Scorer):
    """Scores with an ONNX session: one input with all columns, or one for each column by its name.

    Null numbers go in as NaN, null texts as "".
    """

    def __init__(self, session: Any, signature: Signature) -> None:
        super().__init__(signature)
        self.session = session
        self._inputs = _match_inputs(session.get_inputs(), signature)
        self._output = _choose_output(session.get_outputs(), signature)

    def _score_frame(self, frame: "pl.DataFrame") -> NDArray[Any]:
        return self._score_values(frame.rows())

    def _score_values(self, rows: Sequence[Row]) -> NDArray[Any]:
        columns = list(zip(*rows, strict=True))
        fed = {
            name: np.array(rows, dtype=_FLOATS[kind])
            if len(places) == len(columns) and kind in _FLOATS
            else _fill(columns, places, kind)
            for name, (places, kind) in self._inputs.items()
        }
        try:
            (answers,) = self.session.run([self._output], fed)
        except Exception as error:  # ONNX Runtime raises many kinds
            raise TrainingFailed(
                f"the ONNX model cannot answer these rows ({type(error).__name__}: {error})",
                expected="a model that takes the columns of the schema",
            ) from error
        return _arrange(answers, self.signature)


def load_onnx(data: bytes, signature: Signature) -> Scorer:
    """Return the scorer of an ONNX file; what it would run is judged before ONNX Runtime sees it."""
    check_onnx(data)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = count_threads(os.environ.get("OMP_NUM_THREADS"))
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = _open_session(onnxruntime, data, options)
    except Exception as error:  # ONNX Runtime raises many kinds on broken models
        raise FormatRefused(
            f"the ONNX file cannot be loaded ({type(error).__name__}: {error})", expected="an intact ONNX model"
        ) from error
    return OnnxScorer(session, signature)


def _open_session(onnxruntime: Any, data: bytes, options: Any) -> Any:
    """Open a session on the fastest provider that takes the model; a provider may be built in and its device absent."""
    providers = choose_providers(onnxruntime.get_available_providers())
    try:
        return onnxruntime.InferenceSession(data, options, providers=providers)
    except Exception:  # ONNX Runtime raises many kinds
        if providers == [_CPU]:
            raise
        return onnxruntime.InferenceSession(data, options, providers=[_CPU])


def choose_providers(available: Sequence[str]) -> list[str]:
    """Return the execution providers to ask, in order: those for a GPU that are there, and the CPU behind them.

    >>> choose_providers(["AzureExecutionProvider", "CPUExecutionProvider", "CUDAExecutionProvider"])
    ['CUDAExecutionProvider', 'CPUExecutionProvider']
    """
    return [name for name in _GPU_FIRST if name in available] + [_CPU]


def count_threads(told: str | None) -> int:
    """Return how many threads one call may use: as the environment says for OpenMP, else one.

    >>> count_threads("4"), count_threads(None), count_threads("many")
    (4, 1, 1)
    """
    return int(told) if told is not None and told.isdecimal() and int(told) else 1


def _match_inputs(inputs: Sequence[Any], signature: Signature) -> dict[str, tuple[list[int], str]]:
    """Return for each input the columns that it takes, as places in the schema, and the type of its values."""
    columns = signature.schema.columns
    names = [each.name for each in inputs]
    if len(inputs) == 1 and names[0] not in signature.schema.names:
        taken = {names[0]: list(range(len(columns)))}
        width = inputs[0].shape[-1] if len(inputs[0].shape) == 2 else None
        if width is None or (isinstance(width, int) and width != len(columns)):
            raise FormatRefused(
                f"the ONNX model takes an input of shape {inputs[0].shape}",
                expected=f"(rows, {len(columns)}), or an input for each column, named as it is",
                remedy="drop the columns that the model does not take: ht.table(..., features=[...]) in its order",
            )
    else:
        unknown = [name for name in names if name not in signature.schema.names]
        if unknown:
            raise FormatRefused(
                f"the ONNX model takes inputs that the schema does not have: {', '.join(unknown[:5])}",
                expected=f"some of {list(signature.schema.names)}",
            )
        taken = {name: [signature.schema.names.index(name)] for name in names}
    for each in inputs:
        for place in taken[each.name]:
            is_text = columns[place].kind is Kind.TEXT
            if each.type not in ((_TEXT,) if is_text else _NUMBERS):
                raise FormatRefused(
                    f"the ONNX input {each.name!r} is {each.type}, the column {columns[place].name!r} "
                    f"{columns[place].kind.value}",
                    expected=_TEXT if is_text else f"one of {list(_NUMBERS)}",
                )
    return {each.name: (taken[each.name], each.type) for each in inputs}


def _choose_output(outputs: Sequence[Any], signature: Signature) -> str:
    """Return the output with the answers: for classes the one that holds no labels."""
    if not signature.task.has_classes:
        return str(outputs[0].name)
    spoken = [each.name for each in outputs if each.type in ("tensor(float)", "tensor(double)") or "seq" in each.type]
    if not spoken:
        raise FormatRefused(
            f"the ONNX model has the outputs {[each.type for each in outputs]}",
            expected="an output with a probability of each class",
        )
    named = [name for name in spoken if "prob" in name.lower()]
    return str((named or spoken)[0])


def _fill(columns: Sequence[Sequence[Any]], places: Sequence[int], kind: str) -> NDArray[Any]:
    """Return columns of values as one input (n_rows, n_places)."""
    filled = np.empty((len(columns[0]), len(places)), dtype=object if kind == _TEXT else _NUMBERS[kind])
    for i, place in enumerate(places):
        values = columns[place]
        if kind == _TEXT:
            filled[:, i] = ["" if value is None else str(value) for value in values]
            continue
        numbers = np.array(values, dtype=np.float64)  # numpy takes None as NaN
        if not np.issubdtype(filled.dtype, np.floating) and np.isnan(numbers).any():
            raise TrainingFailed(
                "a value is missing in a column that the ONNX model takes as whole numbers or booleans",
                expected="no missing value there, or an input of floats",
            )
        filled[:, i] = numbers
    return filled


def _arrange(answers: Any, signature: Signature) -> NDArray[np.float64]:
    if isinstance(answers, list):  # a ZipMap gives a mapping from class to probability for each row
        given = [{_plain(label): share for label, share in row.items()} for row in answers]
        return np.array(
            [[row.get(_plain(label), 0.0) for label in signature.classes] for row in given], dtype=np.float64
        )
    numbers = np.asarray(answers, dtype=np.float64)
    if not signature.task.has_classes:
        return numbers.reshape(len(numbers), -1)[:, 0] if numbers.size == len(numbers) else numbers
    if signature.task is Task.BINARY and numbers.size == len(numbers):
        positive = numbers.reshape(-1)
        return np.column_stack((1.0 - positive, positive))
    return numbers


def _plain(label: object) -> object:
    """Return a class as ONNX writes it: booleans as whole numbers."""
    return int(label) if isinstance(label, bool) else label
