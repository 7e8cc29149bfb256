"""Names: what the global names, attributes of modules and imports in a function stand for at this moment."""

import builtins
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType

from holdtrue.codebase.bytecode import CodeShape, GlobalUse, ImportUse, read_code
from holdtrue.codebase.library import Kept, Libraries
from holdtrue.codebase.state import MISSING, read_attribute
from holdtrue.codebase.variables import find_variables

_BUILT_IN = "(built in)"


@dataclass(frozen=True)
class Use:
    """A name and what it stands for; a part of a library is only named, by `library` (name and version)."""

    name: str
    value: object = None
    library: str | None = None


def find_uses(function: FunctionType, libraries: Libraries) -> list[Use]:
    """Return what a function and the functions inside it reach by name, in the order of the names."""
    uses: dict[str, Use] = {}
    for shape in _walk(function.__code__):
        for global_use in shape.globals:
            for use in _follow(global_use, function.__globals__, libraries):
                uses[use.name] = use
        for import_use in shape.imports:
            for use in _resolve(import_use, function.__globals__, libraries):
                uses[use.name] = use
    return [uses[name] for name in sorted(uses)]


def _walk(code: CodeType) -> Iterator[CodeShape]:
    shape = read_code(code)
    yield shape
    for constant in shape.constants:
        if isinstance(constant, CodeType):
            yield from _walk(constant)


def _follow(use: GlobalUse, namespace: dict[str, object], libraries: Libraries) -> Iterator[Use]:
    if use.name not in namespace:
        # A library may have replaced one, as Ray replaces `print`: not in every process.
        yield Use(use.name, _BUILT_IN if hasattr(builtins, use.name) else MISSING)
        return
    path, value = _take(use.name, namespace[use.name], use.attributes, libraries)
    yield _name(path, value, libraries)
    yield from _name_variables(use, namespace)


def _name_variables(use: GlobalUse, namespace: Mapping[str, object]) -> Iterator[Use]:
    for variable, text in find_variables(use, namespace):
        yield Use(f"environment variable {variable}", text)


def _take(path: str, value: object, attributes: Sequence[str], libraries: Libraries) -> tuple[str, object]:
    """Follow attributes through modules; what a class or an instance gives for a name is its own code's matter."""
    holder, held = path, value
    for attribute in attributes:
        if not isinstance(value, ModuleType):
            break
        is_library = libraries.name_library(value.__name__) is not None
        path = f"{path}.{attribute}"
        value = vars(value).get(attribute, MISSING) if is_library else read_attribute(value, attribute)
        if not is_library:
            holder, held = path, value
    if value is held:
        return holder, held
    # A library may have been given something: `library.loss = loss`, `library.LIMIT = 3`.
    is_given = isinstance(value, FunctionType | type) and libraries.name_owner(value) is None
    return (path, value) if is_given or type(value) in {int, float, bool} else (holder, held)


def _resolve(use: ImportUse, namespace: dict[str, object], libraries: Libraries) -> Iterator[Use]:
    full_name = "." * use.level + use.module
    if use.level:
        package = str(namespace.get("__package__") or "")
        parents = package.split(".")[: len(package.split(".")) - use.level + 1]
        full_name = ".".join([*parents, *([use.module] if use.module else [])])
    kept, full_name = libraries.kept, libraries.strip(full_name)
    library = libraries.name_library(full_name)
    if library is not None:
        yield Use(f"import {full_name}", library=library)
        for taken in use.taken or ():
            yield from _name_variables(taken, sys.modules)
        return
    module = _import(full_name, kept)
    if use.taken is not None:
        top = _import(full_name.partition(".")[0], kept)
        for taken in use.taken:
            path, value = _take(f"import {full_name} as", top, taken.attributes, libraries)
            yield _name(path, value, libraries)
        return
    for name in use.names or ("*",):
        part = module if name == "*" or module is None else read_attribute(module, name)
        if part is MISSING:
            part = _import(f"{full_name}.{name}", kept) or MISSING
        yield _name(f"import {full_name} {name}", part, libraries)


def _import(full_name: str, kept: Kept | None) -> ModuleType | None:
    """Import a module of the project, as the function itself would; None when that fails, as it would for it."""
    module = None if kept is None else kept.find_module(full_name)
    if module is not None:
        return module
    if full_name in sys.modules:
        return sys.modules[full_name]
    try:
        return importlib.import_module(full_name)
    except Exception:
        return None


def _name(path: str, value: object, libraries: Libraries) -> Use:
    library = libraries.name_library(value.__name__) if isinstance(value, ModuleType) else None
    return Use(path, None if library is not None else value, library)
