"""Pickled: what stands in bytes that hold a pickle, read opcode by opcode; nothing in it is ever built or run.

Polars keeps the functions of an expression in this form. A function of a module stands there as two words, one of a
lambda with its bytecode, its file and its line.
"""

import pickletools
import re
import sys
from typing import TypeGuard

_START = b"\x80\x05\x95"  # protocol 5, and its first frame
_MARK_OF_POLARS = b"PLPY"
_LENGTH = re.compile(rb"(\xfb..|\xfc....|[^\xfb-\xff])(?=PLPY)", re.DOTALL)  # longer with the name of the folder


def holds_functions(state: object) -> TypeGuard[bytes]:
    """Say whether these are bytes of polars with a pickled function in them."""
    return isinstance(state, bytes) and _MARK_OF_POLARS in state and _START in state


def read_pickled(data: bytes) -> list[object]:
    """Return what the bytes say: plain values, and the functions and classes that are named, as they are now."""
    found: list[object] = []
    data = _LENGTH.sub(b"", data)
    while (start := data.find(_START)) >= 0:
        found.append(data[:start])
        try:
            operations = list(pickletools.genops(data[start:]))
        except ValueError:  # no pickle after all
            return [*found, data[start:]]
        found += _read_operations(operations)
        data = data[start + (operations[-1][2] or 0) + 1 :]
    return [*found, data]


def _read_operations(operations: list[tuple[pickletools.OpcodeInfo, object, int | None]]) -> list[object]:
    """Return the values of the operations, without file names and lines of code."""
    memo: list[object] = []
    found: list[tuple[str, object]] = []
    last: list[object] = [None] * 3
    for operation, argument, _ in operations:
        name, value = operation.name, argument
        if name == "MEMOIZE":
            memo.append(last[-1])
        if name in {"MEMOIZE", "FRAME", "PROTO"}:
            continue
        if name in {"BINGET", "LONG_BINGET"} and isinstance(argument, int) and argument < len(memo):
            value = memo[argument]
        elif name == "STACK_GLOBAL":
            value = _find_named(*last[-2:])
        if _is_line(last) and isinstance(value, bytes):
            found[-1:] = []
        elif last[-1] != "__file__":
            found.append((name, value))
        last = [*last[-2:], value]
    return list(found)


def _is_line(last: list[object]) -> bool:
    """Say whether a number is the line of code: before it stand its name and its full name, behind it its lines."""
    name, full_name, line = last
    return isinstance(name, str) and isinstance(full_name, str) and full_name.endswith(name) and isinstance(line, int)


def _find_named(module: object, name: object) -> object:
    found: object = sys.modules.get(str(module))
    for part in str(name).split("."):
        found = getattr(found, part, None)
    return (module, name, found)
