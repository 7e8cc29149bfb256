"""Files stay under 400 lines, functions under 40, and no drawer is called utils."""

import ast
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).parents[2] / "src" / "holdtrue").rglob("*.py"))
DRAWERS = {"util", "utils", "helper", "helpers", "common", "misc", "base", "manager", "core"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > 40
        and not _is_mostly_prose(node)
    ]
    assert not long


def _is_mostly_prose(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether what is over the limit is the docstring of a public function."""
    told = ast.get_docstring(node, clean=False)
    n_prose = len(told.splitlines()) if told else 0
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1 - n_prose <= 40


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_file_is_a_drawer(path: Path) -> None:
    assert path.stem not in DRAWERS
