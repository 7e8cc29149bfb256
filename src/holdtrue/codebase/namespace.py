"""Namespace: kept source, run under names of its own, beside the project's modules and beside other kept source.

An import in it finds kept modules first, relative ones too, then the installed ones. Whoever makes one has the code
run: it is for source from this project's own hand alone.
"""

import builtins
import itertools
import linecache
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from holdtrue.codebase.kept import KeptModule, KeptSource
from holdtrue.errors import NotFound

_COUNT = itertools.count()


class Namespace:
    """The modules of one kept source.

    Args:
        source: what is kept.
        substitutes: modules of Python itself that stand in the place of others.
    """

    def __init__(self, source: KeptSource, *, substitutes: Mapping[str, ModuleType] | None = None) -> None:
        self.prefix = f"holdtrue_kept_{source.digest[:12]}_{next(_COUNT)}"
        self._digest = source.digest
        self._kept = {module.name: module for module in source.modules}
        for name in list(self._kept):
            while name := name.rpartition(".")[0]:
                self._kept.setdefault(name, KeptModule(name=name, text="", file=name, is_package=True))
        self._substitutes = dict(substitutes or {})
        self._builtins = {**vars(builtins), "__import__": self._import}
        self._modules: dict[str, ModuleType] = {}

    def find_function(self, module: str, name: str) -> Callable[..., Any]:
        """Return a function of a kept module, which is run for it if it was not yet; what it raises is the user's.

        Raises:
            NotFound: there is no such function.
        """
        found = vars(self.load(module)).get(name) if module in self._kept else None
        if not callable(found):
            raise NotFound(f"the kept source has no function {name} in {module}", expected="the source of the function")
        function: Callable[..., Any] = found
        return function

    def find_module(self, name: str) -> ModuleType | None:
        """Return a kept module by its own name; None where none is kept under it."""
        return self.load(name) if name in self._kept else None

    def strip(self, name: str) -> str:
        """Return the own name of a module that stands here under a private one; others as they are."""
        return name.removeprefix(f"{self.prefix}.")

    def load(self, name: str) -> ModuleType:
        """Return a kept module, run once."""
        if name in self._modules:
            return self._modules[name]
        parent, _, last = name.rpartition(".")
        holder = self.load(parent) if parent else None
        kept, private = self._kept[name], f"{self.prefix}.{name}"
        module = ModuleType(private)
        vars(module).update(__builtins__=self._builtins, __package__=self._name_package(kept))
        if kept.is_package:
            vars(module).update(__path__=[], __getattr__=self._make_getter(name))
        file = f"{kept.file} (kept in {self._digest[:8]})"
        linecache.cache[file] = (len(kept.text), None, kept.text.splitlines(keepends=True), file)
        # Dataclasses and the like look their module up while it is run.
        self._modules[name] = sys.modules[private] = module
        try:
            exec(compile(kept.text, file, "exec", dont_inherit=True), vars(module))
        except BaseException:
            del self._modules[name]
            raise
        finally:
            sys.modules.pop(private, None)
        if holder is not None:
            setattr(holder, last, module)
        return module

    def _name_package(self, kept: KeptModule) -> str:
        package = kept.name if kept.is_package else kept.name.rpartition(".")[0]
        return f"{self.prefix}.{package}" if package else ""

    def _make_getter(self, package: str) -> Callable[[str], ModuleType]:
        def get(name: str) -> ModuleType:
            if f"{package}.{name}" in self._kept:
                return self.load(f"{package}.{name}")
            raise AttributeError(f"module {package!r} has no attribute {name!r}")

        return get

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        full = name if not level else self._resolve(name, globals or {}, level)
        if full in self._substitutes:
            return self._substitutes[full]
        if full not in self._kept:
            return builtins.__import__(full, None, None, fromlist or (), 0)
        module = self.load(full)
        if not fromlist:
            return self.load(full.partition(".")[0])
        for part in fromlist:
            if part != "*" and not hasattr(module, part):
                # A part of a package that is not among the kept: the installed one, as it is.
                setattr(module, part, getattr(builtins.__import__(full, None, None, (part,), 0), part))
        return module

    def _resolve(self, name: str, namespace: Mapping[str, object], level: int) -> str:
        parents = self.strip(str(namespace.get("__package__") or "")).split(".")
        parents = parents[: len(parents) - level + 1]
        return ".".join([*parents, *([name] if name else [])])
