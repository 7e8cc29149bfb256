"""Slicing: the statements of the project's modules that a function reaches by name, and nothing beside them.

So a function may stand in the file that trains models, and a server that runs it imports none of what trains them. That
nothing is missing is not believed: whoever slices runs the slice and holds its fingerprint against the function's own.
"""

import ast
import importlib.util
import sys
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from holdtrue.codebase.kept import LOOP_FILE, KeptModule, KeptSource
from holdtrue.codebase.library import Libraries
from holdtrue.codebase.statements import Statements, list_chains, list_imports
from holdtrue.errors import DeclarationError

UNNAMED = "loop_file"
"""What a loop file, or a file that is run, is called among kept modules: no import finds it."""


def keep_source(function: Callable[..., Any]) -> KeptSource:
    """Return the source that a function of a module needs.

    Raises:
        DeclarationError: it does not stand at the top of a module, or a file cannot be read as Python.
    """
    name, namespace = getattr(function, "__name__", ""), _find_namespace(function)
    if namespace is None:
        raise DeclarationError(
            f"{name or function!r} does not stand at the top of a module under its own name",
            expected="def make_features(row): ... in a module, or in the loop file",
        )
    module = name_module(function)
    slicer = _Slicer(Libraries(package=str(namespace["__name__"]).rpartition(".")[0]))
    path = namespace.get("__file__")
    if not isinstance(path, str) or not slicer.add(module, Path(path), is_package="__path__" in namespace):
        raise DeclarationError(f"the source of {name} cannot be read ({path})", expected="a module that is a .py file")
    slicer.need(module, name)
    return slicer.give()


def name_module(function: Callable[..., Any]) -> str:
    """Return the name of a function's module among kept ones."""
    name = str((_find_namespace(function) or {}).get("__name__", ""))
    return UNNAMED if name in {LOOP_FILE, "__main__"} else name


def _find_namespace(function: Callable[..., Any]) -> dict[str, Any] | None:
    """Return the module at whose top a function stands; one that was decorated says so itself."""
    name, told = getattr(function, "__name__", ""), sys.modules.get(str(getattr(function, "__module__", "")))
    places = [getattr(function, "__globals__", {}), {} if told is None else vars(told)]
    if getattr(function, "__qualname__", "") != name or not isinstance(function, FunctionType):
        return None
    return next((place for place in places if place.get(name) is function), None)


@dataclass
class _Slicer:
    """Follows names from statement to statement, once each."""

    libraries: Libraries
    _modules: dict[str, Statements | None] = field(default_factory=dict)
    _seen: set[tuple[str, str, tuple[str, ...]]] = field(default_factory=set)

    def give(self) -> KeptSource:
        found = [each for each in self._modules.values() if each is not None]
        modules = [
            KeptModule(name=each.name, text=each.render(), file=each.file, is_package=each.is_package)
            for each in sorted(found, key=lambda each: each.name)
        ]
        return KeptSource(modules=tuple(modules))

    def add(self, name: str, path: Path, *, is_package: bool) -> bool:
        """Read a module; say whether there was anything to read."""
        try:
            with tokenize.open(str(path)) as file:
                text = file.read()
            ast.parse(text)
        except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
            return False
        parts = name.split(".")
        told = "/".join([*parts, "__init__.py"]) if is_package else "/".join(parts) + ".py"
        file_name = path.name if name == UNNAMED else told
        self._modules[name] = Statements(name=name, text=text, file=file_name, is_package=is_package)
        return True

    def need(self, module: str, name: str, attributes: tuple[str, ...] = ()) -> None:
        """Keep what binds a name in a module, and what that needs."""
        statements = self._modules[module]
        if statements is None or (module, name, attributes) in self._seen:
            return
        self._seen.add((module, name, attributes))
        places = [*statements.bindings.get(name, ()), *statements.changes.get(name, ())]
        if name not in statements.bindings:
            if statements.is_package and self._find(f"{module}.{name}") is not None:
                self.enter(f"{module}.{name}", attributes)
                return
            places += statements.stars
        for place in places:
            statement = statements.body[place]
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._import(statements, place, statement, name, attributes)
            else:
                self._keep(statements, place)

    def enter(self, module: str, attributes: tuple[str, ...]) -> None:
        """Keep of a module what is taken of it; all where it is taken itself."""
        statements = self._find(module)
        if statements is None:
            return
        if attributes:
            self.need(module, attributes[0], attributes[1:])
            return
        for place in range(len(statements.body)):
            self._keep(statements, place)

    def _find(self, module: str) -> Statements | None:
        """Return a module of the project, read; None for one of a library, or none at all."""
        if module not in self._modules:
            self._modules[module] = None
            if self.libraries.name_library(module) is None and (path := _find_path(module)) is not None:
                self.add(module, path, is_package=path.name == "__init__.py")
        return self._modules[module]

    def _keep(self, statements: Statements, place: int) -> None:
        if place in statements.kept:
            return
        statements.kept.add(place)
        statement = statements.body[place]
        for neighbour in statements.find_neighbours(place):
            self._keep(statements, neighbour)
        for node in list_imports(statement):
            for alias in node.names:
                self._reach(statements, node, alias, ())
        for chain in list_chains(statement):
            self.need(statements.name, chain.name, chain.attributes)

    def _import(
        self,
        statements: Statements,
        place: int,
        node: ast.Import | ast.ImportFrom,
        name: str,
        attributes: tuple[str, ...],
    ) -> None:
        """Keep of an import what binds a name."""
        for alias in node.names:
            if alias.name == "*":
                self._keep(statements, place)
                self.enter(_resolve(statements, node), (name, *attributes))
            elif name == (alias.asname or alias.name.partition(".")[0]):
                statements.aliases.setdefault(place, set()).add(alias.asname or alias.name)
                self._reach(statements, node, alias, attributes)

    def _reach(
        self,
        statements: Statements,
        node: ast.Import | ast.ImportFrom,
        alias: ast.alias,
        attributes: tuple[str, ...],
    ) -> None:
        if isinstance(node, ast.ImportFrom):
            if alias.name == "*":
                self.enter(_resolve(statements, node), ())
            elif self._find(_resolve(statements, node)) is not None or node.module is None:
                self.enter(_resolve(statements, node), (alias.name, *attributes))
            else:  # a package without a file of its own
                self.enter(f"{_resolve(statements, node)}.{alias.name}", attributes)
            return
        if alias.asname:
            self.enter(alias.name, attributes)
            return
        self._find(alias.name)
        top, *below = alias.name.split(".")
        self.enter(alias.name if attributes[: len(below)] == tuple(below) and below else top, attributes[len(below) :])


def _resolve(statements: Statements, node: ast.Import | ast.ImportFrom) -> str:
    if not isinstance(node, ast.ImportFrom) or not node.level:
        return getattr(node, "module", None) or ""
    package = statements.name if statements.is_package else statements.name.rpartition(".")[0]
    parents = package.split(".")
    parents = parents[: len(parents) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _find_path(module: str) -> Path | None:
    loaded = sys.modules.get(module)
    path = getattr(loaded, "__file__", None) if isinstance(loaded, ModuleType) else None
    if path is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError, AttributeError):
            return None
        path = spec.origin if spec is not None and spec.has_location else None
    return Path(path) if isinstance(path, str) and path.endswith(".py") else None
