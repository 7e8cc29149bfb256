"""OnnxBytes: ONNX models written without the onnx package, of a handful of nodes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_IR_VERSION = 10
_DOUBLE, _TEXT = 11, 8
_TENSOR_KINDS = {"uint8": 2, "int64": 7, "float64": _DOUBLE}
# Types of an attribute.
_INT, _TENSOR, _INTS = 2, 4, 7
PLAIN, TREES = "", "ai.onnx.ml"
"""The two families of operators."""
_VERSIONS = {PLAIN: 21, TREES: 5}


class OnnxNode:
    """A node with its attributes.

    Args:
        operator: its name.
        takes: the names of its inputs.
        gives: the name of its output.
        family: `PLAIN` or `TREES`.
    """

    def __init__(self, operator: str, takes: Sequence[str], gives: str, *, family: str = PLAIN) -> None:
        self._names = b"".join(_field(1, name.encode()) for name in takes) + _field(2, gives.encode())
        self._operator = operator
        self._family = family
        self._attributes: list[bytes] = []

    def add_whole(self, name: str, value: int) -> "OnnxNode":
        """Add a whole number."""
        return self._add(name, _INT, _field(3, value))

    def add_wholes(self, name: str, values: NDArray[np.int64] | NDArray[np.bool_]) -> "OnnxNode":
        """Add whole numbers, none of them negative."""
        return self._add(name, _INTS, _field(8, _pack(values.astype(np.int64).tolist())))

    def add_tensor(self, name: str, values: NDArray[np.uint8] | NDArray[np.float64] | Sequence[str]) -> "OnnxNode":
        """Add a tensor of one axis."""
        return self._add(name, _TENSOR, _field(5, _dump_tensor(values)))

    def dump(self) -> bytes:
        """Return the node as a message."""
        attributes = b"".join(_field(5, attribute) for attribute in self._attributes)
        return self._names + _field(4, self._operator.encode()) + attributes + _field(7, self._family.encode())

    def _add(self, name: str, kind: int, value: bytes) -> "OnnxNode":
        self._attributes.append(_field(1, name.encode()) + value + _field(20, kind))
        return self


@dataclass
class OnnxGraph:
    """A model in the making.

    Attributes:
        inputs: name and width of each input, and whether it holds texts.
        output: name and width of the output, which holds 64-bit floats.
    """

    inputs: list[tuple[str, int, bool]]
    output: tuple[str, int]
    nodes: list[OnnxNode] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)

    def add(self, node: OnnxNode) -> None:
        """Add a node, after those whose outputs it takes."""
        self.nodes.append(node)

    def add_constant(self, name: str, values: NDArray[np.float64] | NDArray[np.int64]) -> None:
        """Add a constant of one or more axes."""
        self.constants.append(_dump_tensor(values) + _field(8, name.encode()))

    def dump(self) -> bytes:
        """Return the model as the bytes of its file."""
        graph = b"".join(_field(1, node.dump()) for node in self.nodes) + _field(2, b"holdtrue")
        graph += b"".join(_field(5, constant) for constant in self.constants)
        graph += b"".join(
            _field(11, _describe_matrix(name, width, _TEXT if is_text else _DOUBLE))
            for name, width, is_text in self.inputs
        )
        graph += _field(12, _describe_matrix(*self.output, _DOUBLE))
        families = b"".join(
            _field(8, _field(1, family.encode()) + _field(2, version)) for family, version in _VERSIONS.items()
        )
        return _field(1, _IR_VERSION) + families + _field(7, graph)


def _dump_tensor(values: NDArray[np.uint8] | NDArray[np.int64] | NDArray[np.float64] | Sequence[str]) -> bytes:
    if isinstance(values, np.ndarray):
        shape = b"".join(_field(1, length) for length in values.shape)
        return shape + _field(2, _TENSOR_KINDS[values.dtype.name]) + _field(9, values.tobytes())
    return _field(1, len(values)) + _field(2, _TEXT) + b"".join(_field(6, value.encode()) for value in values)


def _describe_matrix(name: str, width: int, kind: int) -> bytes:
    shape = _field(1, _field(2, b"n_rows")) + _field(1, _field(1, width))
    return _field(1, name.encode()) + _field(2, _field(1, _field(1, kind) + _field(2, shape)))


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _pack([number << 3]) + _pack([value])
    return _pack([number << 3 | 2]) + _pack([len(value)]) + value


def _pack(values: Sequence[int]) -> bytes:
    packed = bytearray()
    for value in values:
        rest = value
        while rest > 0x7F:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)
