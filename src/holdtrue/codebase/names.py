"""Names: what the global names, attributes of modules and imports in a function stand for at this moment."""

import builtins
import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType

from holdtrue.codebase.bytecode import CodeShape, GlobalUse, ImportUse, read_code
from holdtrue.codebase.library import Kept, Libraries

_MISSING = "(there is no such name)"
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
            use = _follow(global_use, function.__globals__, libraries)
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


def _follow(use: GlobalUse, namespace: dict[str, object], libraries: Libraries) -> Use:
    if use.name not in namespace:
        return Use(use.name, _BUILT_IN if hasattr(builtins, use.name) else _MISSING)
    value, path = namespace[use.name], use.name
    for attribute in use.attributes:
        # Only modules are entered: what a class or an instance gives for a name is its own code's matter.
        if not isinstance(value, ModuleType) or libraries.name_library(value.__name__) is not None:
            break
        path = f"{path}.{attribute}"
        value = vars(value).get(attribute, _MISSING)
    return _name(path, value, libraries)


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
        return
    module = _import(full_name, kept)
    for name in use.names or ("*",):
        part = module if name == "*" or module is None else vars(module).get(name, _MISSING)
        if part is _MISSING:
            part = _import(f"{full_name}.{name}", kept) or _MISSING
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
