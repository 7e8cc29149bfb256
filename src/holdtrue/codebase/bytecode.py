"""Bytecode: what a code object does and which names it reaches for, without what merely describes it.

Left out are comments, formatting, docstrings, line numbers, file names and the names of local variables. Bytecode, not
source, because it is what runs: a source file may have been edited since it was imported.
"""

import dis
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType

_MEANINGFUL_FLAGS = 0x3EF  # how arguments are taken; generator, coroutine. Not: whether the function is nested
_SILENT = {"NOP", "CACHE", "EXTENDED_ARG", "RESUME"}
_GLOBAL_LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_ATTRIBUTE_LOADS = {"LOAD_ATTR", "LOAD_METHOD"}
_DESCRIPTIVE = {"__doc__", "__firstlineno__"}  # what the body of a nested class stores about its own source
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_CONSTANTS = frozenset(dis.hasconst)
_NAMES = frozenset(dis.hasname)


@dataclass(frozen=True)
class GlobalUse:
    """A global name that code loads, and the attributes that it takes of it at once, as in `module.part.function`."""

    name: str
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class ImportUse:
    """An import inside a function; `names` are those after `import`, empty for `import module`."""

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Constant:
    """A constant that an instruction loads; it may be a nested code object."""

    value: object


@dataclass(frozen=True)
class CodeShape:
    """The meaning of one code object, its nested ones left as constants.

    Attributes:
        arguments: names of the arguments, and how many are positional-only and keyword-only.
        flags: how arguments are taken, and whether it is a generator or coroutine.
        operations: pairs of operation name and operand; jumps lead to positions in this list.
        handlers: the exception table, over the same positions.
    """

    arguments: tuple[object, ...]
    flags: int
    operations: tuple[tuple[str, object], ...]
    handlers: tuple[int, ...]
    globals: tuple[GlobalUse, ...]
    imports: tuple[ImportUse, ...]

    @property
    def constants(self) -> tuple[object, ...]:
        """Return the constants that the operations load."""
        return tuple(operand.value for _, operand in self.operations if isinstance(operand, Constant))


@lru_cache(maxsize=4096)
def read_code(code: CodeType) -> CodeShape:
    """Read a code object."""
    kept = _drop_silent(list(dis.get_instructions(code)))
    positions = _Positions([instruction.offset for instruction in kept])
    n_named = code.co_argcount + code.co_kwonlyargcount
    return CodeShape(
        arguments=(code.co_varnames[:n_named], code.co_posonlyargcount, code.co_kwonlyargcount),
        flags=code.co_flags & _MEANINGFUL_FLAGS,
        operations=tuple((instruction.opname, _read_operand(instruction, positions)) for instruction in kept),
        handlers=tuple(_read_handlers(code.co_exceptiontable, positions)),
        globals=tuple(_find_globals(kept)),
        imports=tuple(_find_imports(kept)),
    )


class _Positions:
    """Turns byte offsets into positions among the kept instructions."""

    def __init__(self, offsets: list[int]) -> None:
        self._offsets = offsets

    def of(self, offset: int) -> int:
        """Return the position of the first kept instruction at the offset or after it."""
        return bisect_left(self._offsets, offset)


def _drop_silent(instructions: list[dis.Instruction]) -> list[dis.Instruction]:
    loud = [instruction for instruction in instructions if instruction.opname not in _SILENT]
    is_description = [i.opname == "STORE_NAME" and i.argval in _DESCRIPTIVE for i in loud]
    return [
        instruction
        for position, instruction in enumerate(loud)
        if not is_description[position] and not (position + 1 < len(loud) and is_description[position + 1])
    ]


def _read_operand(instruction: dis.Instruction, positions: _Positions) -> object:
    if instruction.opcode in _CONSTANTS:
        return Constant(instruction.argval)
    if instruction.opcode in _JUMPS:
        return positions.of(instruction.argval)
    if instruction.opcode in _NAMES:
        return str(instruction.argval)
    return instruction.arg


def _find_globals(kept: list[dis.Instruction]) -> Iterator[GlobalUse]:
    for position, instruction in enumerate(kept):
        if instruction.opname in _GLOBAL_LOADS:
            attributes = []
            for follower in kept[position + 1 :]:
                if follower.opname not in _ATTRIBUTE_LOADS:
                    break
                attributes.append(follower.argval)
            yield GlobalUse(instruction.argval, tuple(attributes))


def _find_imports(kept: list[dis.Instruction]) -> Iterator[ImportUse]:
    for position, instruction in enumerate(kept):
        if instruction.opname == "IMPORT_NAME":  # always after the loads of its level and its list of names
            level, names = (before.argval for before in kept[position - 2 : position])
            yield ImportUse(instruction.argval, int(level or 0), tuple(names or ()))


def _read_handlers(table: bytes, positions: _Positions) -> Iterator[int]:
    """Read the exception table; CPython's Objects/exception_handling_notes.txt tells its form (from 3.11 on)."""
    numbers = _read_varints(table)
    for start in numbers:
        length, target, depth_and_lasti = next(numbers), next(numbers), next(numbers)
        yield positions.of(start * 2)
        yield positions.of((start + length) * 2)
        yield positions.of(target * 2)
        yield depth_and_lasti


def _read_varints(table: bytes) -> Iterator[int]:
    number = 0
    for byte in table:
        number = number << 6 | byte & 0x3F
        if not byte & 0x40:
            yield number
            number = 0
