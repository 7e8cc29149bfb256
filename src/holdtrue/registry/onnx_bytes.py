"""OnnxBytes: an ONNX model of one node, written without the onnx package."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_IR_VERSION = 10
_DOUBLE = 11
_TENSOR_KINDS = {"uint8": 2, "float64": _DOUBLE}
# Types of an attribute.
_INT, _TENSOR, _INTS = 2, 4, 7


class OnnxNode:
    """A node with its attributes, from input "rows" to output "sums".

    Args:
        operator: its name.
        domain: the family of operators that it is of.
        version: the version of that family.
    """

    def __init__(self, operator: str, domain: str, version: int) -> None:
        self.operator = operator
        self.domain = domain
        self.version = version
        self._attributes: list[bytes] = []

    def add_whole(self, name: str, value: int) -> None:
        """Add a whole number."""
        self._add(name, _INT, _field(3, value))

    def add_wholes(self, name: str, values: NDArray[np.int64] | NDArray[np.bool_]) -> None:
        """Add whole numbers, none of them negative."""
        self._add(name, _INTS, _field(8, _pack(values.astype(np.int64).tolist())))

    def add_tensor(self, name: str, values: NDArray[np.uint8] | NDArray[np.float64]) -> None:
        """Add a tensor of one axis."""
        tensor = _field(1, len(values)) + _field(2, _TENSOR_KINDS[values.dtype.name]) + _field(9, values.tobytes())
        self._add(name, _TENSOR, _field(5, tensor))

    def _add(self, name: str, kind: int, value: bytes) -> None:
        self._attributes.append(_field(1, name.encode()) + value + _field(20, kind))

    def dump(self, takes: str, gives: str) -> bytes:
        """Return the node as a message."""
        attributes = b"".join(_field(5, attribute) for attribute in self._attributes)
        names = _field(1, takes.encode()) + _field(2, gives.encode())
        return names + _field(4, self.operator.encode()) + attributes + _field(7, self.domain.encode())


def dump_node(node: OnnxNode, *, takes: tuple[str, int], gives: tuple[str, int]) -> bytes:
    """Return a model of one node between two matrices of 64-bit floats, each with its name and its width."""
    graph = _field(1, node.dump(takes[0], gives[0])) + _field(2, b"holdtrue")
    graph += _field(11, _describe_matrix(*takes)) + _field(12, _describe_matrix(*gives))
    families = _field(8, _field(1, node.domain.encode()) + _field(2, node.version)) + _field(8, _field(2, 21))
    return _field(1, _IR_VERSION) + families + _field(7, graph)


def _describe_matrix(name: str, width: int) -> bytes:
    shape = _field(1, _field(2, b"n_rows")) + _field(1, _field(1, width))
    return _field(1, name.encode()) + _field(2, _field(1, _field(1, _DOUBLE) + _field(2, shape)))


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
