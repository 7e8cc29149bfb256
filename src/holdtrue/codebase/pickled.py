"""Pickled: what stands in bytes that hold a pickle, read opcode by opcode; nothing in it is ever built or run.

Polars keeps the functions of an expression in this form. A function of a module stands there as two words, one of a
lambda with its bytecode, its file and its line.
"""

import pickletools
import sys
from collections.abc import Iterator

_START = b"\x80\x05\x95"  # protocol 5, and its first frame
_MARK_OF_POLARS = b"PLPY"
_TEXTS = {"SHORT_BINUNICODE", "BINUNICODE"}


def holds_functions(state: object) -> bool:
    """Say whether these are bytes of polars with a pickled function in them."""
    return isinstance(state, bytes) and _MARK_OF_POLARS in state and _START in state


def read_pickled(data: bytes) -> list[object]:
    """Return what the bytes say: plain values, and the functions and classes that are named, as they are now."""
    found: list[object] = []
    while (start := data.find(_START)) >= 0:
        found.append(data[: max(0, start - 2)])  # before it stands its length, which the name of a file changes
        try:
            found += _read_operations(data[start:])
            data = data[start + _find_end(data[start:]) :]
        except ValueError:  # no pickle after all
            break
    return [*found, data]


def _find_end(data: bytes) -> int:
    return max(position for _, _, position in pickletools.genops(data)) + 1


def _read_operations(data: bytes) -> Iterator[object]:
    """Yield the values of the operations, without file names and lines of code."""
    memo: list[object] = []
    words: list[object] = ["", "", ""]
    for operation, value, _ in pickletools.genops(data):
        name = operation.name
        if name == "MEMOIZE":
            memo.append(words[-1])
            continue
        if name in {"FRAME", "PROTO"}:
            continue
        if name in {"BINGET", "LONG_BINGET"} and isinstance(value, int) and value < len(memo):
            value = memo[value]
        elif name == "STACK_GLOBAL":
            value = _find_named(*words[-2:])
        is_source = words[-1] == "__file__" or (name == "BININT2" and isinstance(words[-1], str))
        is_lines = name == "SHORT_BINBYTES" and isinstance(words[-1], int)
        words = [*words[-2:], value]
        if not is_source and not is_lines:
            yield (name, value)


def _find_named(module: object, name: object) -> object:
    found: object = sys.modules.get(str(module))
    for part in str(name).split("."):
        found = getattr(found, part, None)
    return (module, name, found)
