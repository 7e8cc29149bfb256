"""TorchGraph: torch modules as ONNX, by torch's own exporter; nothing of torch's pickles is written or read."""

import copy
import io
import warnings
from typing import Any

import numpy as np

from holdtrue.domain import Signature, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry.foreign import Foreign, Matrix, name_input, refuse_text

_NAME = "torch module"
_TOLERANCE = 1e-4  # 32-bit floats, summed in another order


def convert_torch(module: Any, signature: Signature) -> Foreign:
    """Return a `torch.nn.Module` as ONNX: from (n_rows, n_columns), all columns in order, to what it answers.

    Raises:
        TrainingFailed: it cannot take such rows, or does not answer with probabilities where there are classes.
        FormatRefused: torch cannot write it as ONNX, or a column holds text.
    """
    import torch

    names = signature.schema.names
    refuse_text(names, signature, name=_NAME)
    settled = copy.deepcopy(module).to("cpu").eval()  # the user's own stays as it was, on its device
    kinds = [each.dtype for each in settled.parameters() if each.is_floating_point()]
    kind = kinds[0] if kinds else torch.float32

    def answer(matrix: Matrix) -> Matrix:
        with torch.no_grad():
            given = settled(torch.from_numpy(np.ascontiguousarray(matrix)).to(kind))
        numbers = given.to(torch.float64).numpy()
        if signature.task is Task.BINARY and numbers.size == len(numbers):
            return np.column_stack((1.0 - numbers.reshape(-1), numbers.reshape(-1)))
        return np.asarray(numbers, dtype=np.float64)

    rows = torch.rand((2, len(names)), generator=torch.Generator().manual_seed(0), dtype=kind)
    _check_answers(answer, rows.to(torch.float64).numpy(), signature)
    data = _export(settled, rows, signature)
    return Foreign(name=_NAME, data=data, columns=tuple(range(len(names))), answer=answer, tolerance=_TOLERANCE)


def _check_answers(answer: Any, rows: Matrix, signature: Signature) -> None:
    try:
        found = answer(rows)
    except Exception as error:  # whatever torch raises on these rows
        raise TrainingFailed(
            f"the {_NAME} cannot answer rows of shape (n_rows, {rows.shape[1]}) ({type(error).__name__}: {error})",
            expected="a module from all columns of data.features in their order, as floats, to one tensor",
        ) from error
    if not signature.task.has_classes:
        return
    are_shares = found.ndim == 2 and bool(((found >= 0) & (found <= 1)).all())
    if not are_shares or not np.allclose(found.sum(axis=1), 1.0, atol=1e-4):
        raise TrainingFailed(
            f"the {_NAME} answers {np.round(found[0], 3).tolist()}, which are no probabilities",
            expected="probabilities of shape (n_rows, n_classes), or (n_rows, 1) of the second class",
            remedy="let it end with torch.nn.Sigmoid() for two classes, with torch.nn.Softmax(dim=1) for more",
        )


def _export(module: Any, rows: Any, signature: Signature) -> bytes:
    import torch

    taken = name_input(signature)
    given = "probabilities" if signature.task.has_classes else "answer"
    file = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                (rows,),
                file,
                input_names=[taken],
                output_names=[given],
                dynamic_axes={taken: {0: "n_rows"}, given: {0: "n_rows"}},
                dynamo=False,  # the newer exporter needs a package more and writes functions of its own
            )
    except Exception as error:  # the exporter raises many kinds
        raise FormatRefused(
            f"torch cannot write the module as ONNX ({type(error).__name__}: {str(error)[:500]})",
            expected="a module of plain layers whose path does not depend on the values",
            remedy="pip install 'holdtrue[torch]' if a package is missing, or write the model without such parts",
        ) from error
    return file.getvalue()
