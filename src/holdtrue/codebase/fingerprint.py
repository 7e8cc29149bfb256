"""Fingerprint: one digest of a function and of all project code and constants that it can reach by name.

It follows names, as they stand in the bytecode, to functions, classes, modules and constants of the project; libraries
count by name and version. It is the same in every process and on every machine with the same Python: no addresses,
paths, line numbers or orders of sets go into it. What is reached by other ways than names is not seen: files that are
read, `importlib.import_module(text)`, `getattr(module, text)`.
"""

import functools
import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from holdtrue.codebase.bytecode import CodeShape, Constant, read_code
from holdtrue.codebase.library import Kept, Libraries
from holdtrue.codebase.names import find_uses
from holdtrue.codebase.state import read_class, read_module, read_state
from holdtrue.domain import OPTIONS, StepOptions

_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, range, slice, type(...), type(NotImplemented))
_NATIVE = (BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType, GetSetDescriptorType, MemberDescriptorType)
_ABOUT_THE_SOURCE = {
    "__file__",
    "__name__",
    "__doc__",
    "__spec__",
    "__loader__",
    "__builtins__",
    "__package__",
    "__path__",
}


def fingerprint(function: Callable[..., Any]) -> str:
    """Return the transitive fingerprint (sha256, 64 hex digits) of a function, method or callable object.

    >>> fingerprint(lambda x: x + 1) == fingerprint(lambda x:  (x + 1)), fingerprint(len) == fingerprint(max)
    (True, False)
    """
    return trace_code(function).digest


@dataclass(frozen=True, kw_only=True)
class CodeTrace:
    """What was reached from a function: `digest` is its fingerprint, `libraries` are named with their versions."""

    digest: str
    libraries: tuple[str, ...]


def trace_code(function: Callable[..., Any]) -> CodeTrace:
    """Return the fingerprint of a function, and the libraries that count in it."""
    module_name = getattr(function, "__module__", None) or ""
    return _trace(function, Libraries(package=module_name.rpartition(".")[0]))


def trace_kept(function: Callable[..., Any], kept: Kept) -> CodeTrace:
    """Return the same of a function that was kept under a private name: what `trace_code` says of its original."""
    module_name = kept.strip(function.__module__)
    return _trace(function, Libraries(package=module_name.rpartition(".")[0], kept=kept))


def _trace(function: Callable[..., Any], libraries: Libraries) -> CodeTrace:
    tracer = _Tracer(libraries, {})
    version = ".".join(map(str, sys.version_info[:3]))
    tracer.write("python", sys.implementation.name, version)
    tracer.trace(function, is_root=True)
    named = {f"python {version}" if name == "python" else name for name in {*libraries.named, "python"}}
    return CodeTrace(digest=tracer.digest(), libraries=tuple(sorted(named)))


class _Tracer:
    """Walks over everything that is reached, once each, and writes down what it is."""

    def __init__(self, libraries: Libraries, seen: dict[int, tuple[int, object]]) -> None:
        self._libraries = libraries
        # The objects are kept alive beside their position: an id would be given again.
        self._seen = seen
        self._hash = hashlib.sha256()

    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, *words: str | bytes) -> None:
        for word in words:
            data = word.encode("utf-8", "surrogatepass") if isinstance(word, str) else word
            self._hash.update(len(data).to_bytes(8, "little"))
            self._hash.update(data)

    def trace(self, thing: object, *, is_root: bool = False) -> None:
        if isinstance(thing, _PLAIN) and type(thing) in _PLAIN:
            self.write(type(thing).__name__, bytes(thing) if isinstance(thing, bytes | bytearray) else repr(thing))
            return
        if id(thing) in self._seen:
            self.write("seen", str(self._seen[id(thing)][0]))
            return
        self._seen[id(thing)] = (len(self._seen), thing)
        self._trace_new(thing, is_root)

    def _trace_new(self, thing: object, is_root: bool) -> None:
        match thing:
            case FunctionType():
                self._trace_function(thing, is_root)
            case MethodType():
                self.write("method")
                self.trace(thing.__func__, is_root=is_root)
                self.trace(thing.__self__)
            case type():
                self._trace_class(thing)
            case ModuleType():
                self._trace_module(thing)
            case CodeType():
                self._trace_code(read_code(thing))
            case CellType():
                self._trace_cell(thing)
            case tuple() | list() | dict() | set() | frozenset() | MappingProxyType():
                self._trace_container(thing)
            case _ if isinstance(thing, _NATIVE):
                self._trace_native(thing)
            case staticmethod() | classmethod():
                self.write(type(thing).__name__)
                self.trace(thing.__func__)
            case property() | functools.cached_property():
                self.write("property")
                for name in ("fget", "fset", "fdel", "func"):
                    self.trace(getattr(thing, name, None))
            case _:
                self._trace_instance(thing)

    def _trace_function(self, function: FunctionType, is_root: bool) -> None:
        library = None if is_root else self._libraries.name_library(_name_module(function))
        if library is not None:
            # A decorator of a library leaves the name of the module that it decorates in.
            self.write("library", library, self._libraries.strip(function.__module__ or ""), function.__qualname__)
            return
        self.write("function")
        self.trace(function.__code__)
        for part in (function.__defaults__, function.__kwdefaults__, function.__closure__, _read_attributes(function)):
            self.trace(part)
        self.trace(_read_annotations(function))
        for use in find_uses(function, self._libraries):
            self.write("name", use.name)
            if use.library is not None:
                self.write("library", use.library)
            elif use.name.rpartition(".")[2] not in _ABOUT_THE_SOURCE:
                self.trace(use.value)

    def _trace_code(self, shape: CodeShape) -> None:
        self.write("code", repr((shape.arguments, shape.flags, shape.handlers)), str(len(shape.operations)))
        for operation, operand in shape.operations:
            if isinstance(operand, Constant):
                self.write(operation, "constant")
                self.trace(operand.value)
            else:
                self.write(operation, repr(operand))

    def _trace_cell(self, cell: CellType) -> None:
        try:
            content = cell.cell_contents
        except ValueError:
            self.write("empty cell")
        else:
            self.write("cell")
            self.trace(content)

    def _trace_container(self, thing: Any) -> None:
        if type(thing) not in {tuple, list, dict, set, frozenset, MappingProxyType}:
            self._trace_instance(thing)
            if isinstance(thing, tuple | list | set | frozenset | dict):
                self._trace_items(thing)
            return
        self.write(type(thing).__name__)
        self._trace_items(thing)

    def _trace_items(self, thing: Any) -> None:
        self.write(str(len(thing)))
        if isinstance(thing, set | frozenset):
            # A set has no order, so each element gets a digest of its own; it may refer to what was seen before.
            self.write(*sorted(self._digest_alone(element) for element in thing))
        elif isinstance(thing, tuple | list):
            for element in thing:
                self.trace(element)
        else:
            for key, value in thing.items():
                self.trace(key)
                self.trace(value)

    def _digest_alone(self, thing: object) -> str:
        tracer = _Tracer(self._libraries, dict(self._seen))
        tracer.trace(thing)
        return tracer.digest()

    def _trace_native(self, thing: Any) -> None:
        owner = getattr(thing, "__self__", None) or getattr(thing, "__objclass__", None)
        module_name = thing.__module__ if isinstance(getattr(thing, "__module__", None), str) else ""
        self.write("native", self._libraries.name_library(module_name or "builtins") or module_name, thing.__name__)
        if owner is not None and not isinstance(owner, ModuleType):
            self.trace(owner)

    def _trace_class(self, kind: type) -> None:
        library = self._libraries.name_library(kind.__module__)
        if library is not None:
            self.write("library class", library, kind.__module__, kind.__qualname__)
            return
        self.write("class", kind.__name__)
        self.trace(type(kind))
        self.trace(kind.__bases__)
        for name, value in read_class(kind):
            self.write("attribute", name)
            self.trace(value)

    def _trace_module(self, module: ModuleType) -> None:
        library = self._libraries.name_library(module.__name__)
        if library is not None:
            self.write("library module", library, module.__name__)
            return
        self.write("module")
        for name, value in read_module(module):
            self.write("attribute", name)
            self.trace(value)

    def _trace_instance(self, thing: object) -> None:
        self.write("instance")
        self.trace(type(thing))
        self.trace(read_state(thing))


def _name_module(function: FunctionType) -> str:
    # The globals are where the function was defined; `__module__` is what a decorator may have copied there.
    name = function.__globals__.get("__name__")
    return name if isinstance(name, str) else function.__module__ or ""


def _read_attributes(function: FunctionType) -> dict[str, object]:
    # How often and how long a step is tried changes nothing of what it returns, so only its version counts.
    options = vars(function).get(OPTIONS)
    if not isinstance(options, StepOptions):
        return vars(function)
    kept: dict[str, object] = {name: value for name, value in vars(function).items() if name != OPTIONS}
    return kept if options.version is None else {**kept, OPTIONS: options.version}


def _read_annotations(function: FunctionType) -> object:
    try:
        return dict(function.__annotations__)
    except NameError:  # from Python 3.14 on they are evaluated late, and may name what is only there for a type checker
        return None
