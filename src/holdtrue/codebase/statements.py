"""Statements: what each statement at the top of a module binds, changes and reaches for, read and never run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A name, and the attributes that are taken of it at once, as in `module.part.function`."""

    name: str
    attributes: tuple[str, ...]


@dataclass(eq=False)
class Statements:
    """The top of one module.

    Attributes:
        name: of the module.
        text: its source.
        file: how it is called in tracebacks.
        is_package: whether it holds other modules.
    """

    name: str
    text: str
    file: str
    is_package: bool
    kept: set[int] = field(default_factory=set)
    aliases: dict[int, set[str]] = field(default_factory=dict)

    @cached_property
    def body(self) -> list[ast.stmt]:
        """The statements, without what only describes or only runs as a program."""
        body = ast.parse(self.text).body
        return [each for place, each in enumerate(body) if not (place == 0 and is_text(each)) and not _is_main(each)]

    @cached_property
    def bindings(self) -> dict[str, list[int]]:
        """Places of the statements that bind each name."""
        found: dict[str, list[int]] = {}
        for place, statement in enumerate(self.body):
            for name in dict.fromkeys(_list_bound(statement)):
                found.setdefault(name, []).append(place)
        return found

    @cached_property
    def changes(self) -> dict[str, list[int]]:
        """Places of the statements that change what a name holds: `TABLE["x"] = 1`, `TABLE.update(...)`."""
        found: dict[str, list[int]] = {}
        for place, statement in enumerate(self.body):
            if not isinstance(statement, (*_DEFINITIONS, *_IMPORTS)):
                for name in dict.fromkeys(_list_changed(statement)):
                    found.setdefault(name, []).append(place)
        return found

    @cached_property
    def stars(self) -> list[int]:
        """Places of the imports of all names."""
        return [
            place
            for place, each in enumerate(self.body)
            if isinstance(each, ast.ImportFrom) and any(alias.name == "*" for alias in each.names)
        ]

    def find_neighbours(self, place: int) -> list[int]:
        """Return the places of other statements on the lines of one."""
        first, last = read_span(self.body[place])
        spans = [read_span(each) for each in self.body]
        return [i for i, (begin, end) in enumerate(spans) if i != place and begin <= last and end >= first]

    def render(self) -> str:
        """Return the kept statements on their own lines; what is not needed is blank."""
        lines, out = self.text.splitlines(), {}
        for place, statement in enumerate(self.body):
            first, last = read_span(statement)
            is_future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
            if place in self.kept or is_future:
                out.update({line: lines[line - 1].rstrip() for line in range(first, last + 1)})
            elif place in self.aliases and isinstance(statement, _IMPORTS):
                names = [alias for alias in statement.names if (alias.asname or alias.name) in self.aliases[place]]
                statement.names = names
                out[first] = "; ".join(filter(None, (out.get(first), ast.unparse(statement))))
        return "\n".join(out.get(line, "") for line in range(1, max(out, default=0) + 1)) + ("\n" if out else "")


def is_text(statement: ast.stmt) -> bool:
    """Say whether a statement is a text that stands for itself, such as a docstring."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def read_span(statement: ast.stmt) -> tuple[int, int]:
    """Return the first and last line of a statement, with what decorates it."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(each.lineno for each in decorators)])
    return first, statement.end_lineno or statement.lineno


def list_chains(statement: ast.AST) -> Iterator[Chain]:
    """Yield every name that code reaches for, with the attributes taken of it."""
    if isinstance(statement, ast.Attribute):
        attributes: list[str] = []
        node: ast.AST = statement
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            yield Chain(name=node.id, attributes=tuple(attributes))
            return
    if isinstance(statement, ast.Name) and isinstance(statement.ctx, ast.Load):
        yield Chain(name=statement.id, attributes=())
    for child in ast.iter_child_nodes(statement):
        yield from list_chains(child)


def list_imports(statement: ast.stmt) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports within a statement, those inside of functions too."""
    for node in ast.walk(statement):
        if isinstance(node, _IMPORTS):
            yield node


def _is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(chain.name == "__name__" for chain in list_chains(statement.test))


def _list_bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds in its module, not those of functions and classes within it."""
    for node in _walk_level(statement):
        if isinstance(node, _DEFINITIONS):
            yield node.name
        elif isinstance(node, _IMPORTS):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name


def _list_changed(statement: ast.stmt) -> Iterator[str]:
    for node in _walk_level(statement):
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            yield from (chain.name for chain in list_chains(node.value))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func
            if isinstance(function, ast.Attribute):
                yield from (chain.name for chain in list_chains(function.value))


def _walk_level(statement: ast.AST) -> Iterator[ast.AST]:
    yield statement
    if isinstance(statement, (*_DEFINITIONS, ast.Lambda)):
        return
    for child in ast.iter_child_nodes(statement):
        yield from _walk_level(child)
