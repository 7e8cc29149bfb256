import importlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from holdtrue.codebase import fingerprint, library

SOURCE = Path(__file__).parents[2] / "src"
HELPERS = """
import functools
import math

SCALE = 10

def rate(x):
    return x * SCALE

def unused(x):
    return x - 1

@functools.lru_cache
def remembered(x):
    return x + 2

def decorated(function):
    @functools.wraps(function)
    def inner(x):
        return function(x) + 3
    return inner
"""

WORK = """
import json
import math
from collections import namedtuple
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path

import numpy as np
import msgspec

import {name}_helpers as helpers
from {name}_helpers import decorated, remembered

LIMIT = 5
COLUMNS = {{"a", "b", "c"}}
TABLE = {{"x": [1, 2.5, None], "y": (True, b"raw")}}
HERE = Path("somewhere") / "else"
FRACTION = Fraction(1, 3)
ARRAY = np.array([1.0, 2.0])

class Colour(Enum):
    RED = 1
    BLUE = 2

class Base:
    factor = 3

class Model(Base):
    depth = 4

    def fit(self, x):
        return self.depth * x + self.factor

    @property
    def size(self):
        return 7

    @staticmethod
    def plain(x):
        return x

@dataclass
class Settings:
    alpha: float = 0.5

SETTINGS = Settings()

def helper(x):
    return deep(x)

def deep(x):
    return x + 100

def even(n):
    return True if n == 0 else odd(n - 1)

def odd(n):
    return False if n == 0 else even(n - 1)

def make_step(shift):
    def step(x):
        return x + shift
    return step

closure_step = make_step(11)

@decorated
def wrapped(x):
    return x

def imports_inside(x):
    from {name}_helpers import rate
    import {name}_helpers
    return rate(x)

def work(x, *, power=2):
    model = Model()
    values = [v for v in range(LIMIT) if v in COLUMNS]
    try:
        y = helper(x) ** power + helpers.rate(x) + remembered(x)
    except ValueError as broken:
        y = lambda: LIMIT + 1
    kept = TABLE, HERE, Colour.RED, SETTINGS, FRACTION, ARRAY, msgspec.NODEFAULT
    return model.fit(y), kept, math.pi, wrapped(x), even(4), values

def documented(x):
    return x * 2

def reads_module_as_a_value(x):
    return use(helpers, x)

def use(module, x):
    return module.rate(x)
"""


class Project:
    """A small project of two modules that can be edited and imported again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"sample_{folder.name.replace('-', '_')}"
        self.files = {f"{self.name}_helpers": HELPERS, f"{self.name}_work": WORK.format(name=self.name)}

    def edit(self, old: str, new: str) -> "Project":
        assert any(old in text for text in self.files.values()), old
        self.files = {name: text.replace(old, new) for name, text in self.files.items()}
        return self

    def take(self, function: str = "work") -> str:
        for name, text in self.files.items():
            (self.folder / f"{name}.py").write_text(text)
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        sys.dont_write_bytecode = True
        return fingerprint(getattr(importlib.import_module(f"{self.name}_work"), function))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("LIMIT = 5", "LIMIT = 6", id="constant"),
        pytest.param("LIMIT = 5", "LIMIT = 5.0", id="type of a constant"),
        pytest.param("[1, 2.5, None]", "[1, 2.5, False]", id="inside a table"),
        pytest.param('"a", "b", "c"', '"a", "b", "d"', id="set"),
        pytest.param('"somewhere"', '"nowhere"', id="path"),
        pytest.param("Fraction(1, 3)", "Fraction(1, 4)", id="instance of a library"),
        pytest.param("[1.0, 2.0]", "[1.0, 2.1]", id="array"),
        pytest.param("return deep(x)", "return deep(x) + 1", id="helper"),
        pytest.param("x + 100", "x + 101", id="helper of a helper"),
        pytest.param("odd(n - 1)", "odd(n - 2)", id="mutual recursion"),
        pytest.param("depth = 4", "depth = 5", id="class attribute"),
        pytest.param("factor = 3", "factor = 4", id="attribute of a base class"),
        pytest.param("self.depth * x", "self.depth - x", id="method"),
        pytest.param("return 7", "return 8", id="property"),
        pytest.param("def plain(x):\n        return x", "def plain(x):\n        return -x", id="static method"),
        pytest.param("alpha: float = 0.5", "alpha: float = 0.6", id="field of a dataclass"),
        pytest.param("RED = 1", "RED = 3", id="member of an enum"),
        pytest.param("Colour.RED", "Colour.BLUE", id="choice of a member"),
        pytest.param("power=2", "power=3", id="default argument"),
        pytest.param("SCALE = 10", "SCALE = 11", id="constant of an imported module"),
        pytest.param("x * SCALE", "x / SCALE", id="function of an imported module"),
        pytest.param("x + 2", "x + 22", id="cached function"),
        pytest.param("function(x) + 3", "function(x) + 4", id="decorator"),
        pytest.param("def wrapped(x):\n    return x", "def wrapped(x):\n    return -x", id="decorated function"),
        pytest.param("LIMIT + 1", "LIMIT + 2", id="lambda"),
        pytest.param("except ValueError", "except KeyError", id="caught exception"),
        pytest.param("math.pi", "math.e", id="name in a library"),
        pytest.param("model.fit(y)", "model.plain(y)", id="name of a method"),
    ],
)
def test_an_edit_that_matters_changes_it(project: Project, old: str, new: str) -> None:
    before = project.take()
    assert project.edit(old, new).take() != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("LIMIT = 5", "# a remark\nLIMIT = 5  # five", id="comment"),
        pytest.param("def helper(x):", "\n\n\ndef helper(x):", id="moved lines"),
        pytest.param("def deep(x):", 'def deep(x):\n    """Adds."""', id="docstring"),
        pytest.param("class Base:", 'class Base:\n    """A base."""', id="docstring of a class"),
        pytest.param("return x + 100", "return (\n        x  # here\n        + 100\n    )", id="formatting"),
        pytest.param("def helper(x):\n", "def helper(x):\n    pass\n\n", id="empty statement"),
        pytest.param("return x * 2", "return x * 3", id="unrelated function"),
        pytest.param("return x - 1", "return x - 2", id="unrelated function of an imported module"),
        pytest.param('{"a", "b", "c"}', '{"c", "a", "b"}', id="order of a set"),
        pytest.param("values", "numbers", id="name of a local variable"),
    ],
)
def test_an_edit_that_does_not_matter_leaves_it(project: Project, old: str, new: str) -> None:
    before = project.take()
    assert project.edit(old, new).take() == before


def test_the_order_of_attributes_leaves_it(project: Project) -> None:
    before = project.take()
    project.edit("    depth = 4\n\n", "").edit(
        "        return x\n\n@dataclass", "        return x\n    depth = 4\n\n@dataclass"
    )
    assert project.take() == before


def test_a_docstring_edit_leaves_the_function_itself(project: Project) -> None:
    before = project.take("documented")
    assert project.edit("def documented(x):", 'def documented(x):\n    "Doubles."').take("documented") == before


def test_a_closure_value_changes_it(project: Project) -> None:
    before = project.take("closure_step")
    assert project.edit("make_step(11)", "make_step(12)").take("closure_step") != before


def test_imports_inside_a_function_are_followed(project: Project) -> None:
    before = project.take("imports_inside")
    assert project.edit("x * SCALE", "x - SCALE").take("imports_inside") != before


def test_a_module_that_is_handed_on_counts_whole(project: Project) -> None:
    before = project.take("reads_module_as_a_value")
    assert project.edit("x * SCALE", "x - SCALE").take("reads_module_as_a_value") != before


def test_the_version_of_a_library_changes_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = project.take()
    installed = library.read_version
    library._name_library.cache_clear()
    monkeypatch.setattr(library, "read_version", lambda top: "9.9" if top == "msgspec" else installed(top))
    try:
        assert project.take() != before
        assert project.take("documented") == project.take("documented")
    finally:
        library._name_library.cache_clear()


def test_it_does_not_depend_on_process_hash_seed_or_folder(project: Project, tmp_path: Path) -> None:
    here = project.take()
    elsewhere = tmp_path / "moved" / "deeper"
    elsewhere.mkdir(parents=True)
    for name, text in project.files.items():
        (elsewhere / f"{name}.py").write_text(text)
    code = f"import {project.name}_work as w; from holdtrue.codebase import fingerprint; print(fingerprint(w.work))"
    for seed in ("0", "1", "77"):
        told = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(elsewhere), str(SOURCE))), "PYTHONHASHSEED": seed},
            cwd=elsewhere,
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == here


def test_the_order_in_which_functions_are_asked_for_does_not_matter(project: Project) -> None:
    first = project.take()
    project.take("documented")
    project.take("closure_step")
    assert project.take() == first


def test_an_estimator_counts_by_its_settings() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")

    def make(alpha: float) -> Callable[[], object]:
        estimator = linear_model.Ridge(alpha=alpha)
        return lambda: estimator

    assert fingerprint(make(1.0)) == fingerprint(make(1.0))
    assert fingerprint(make(1.0)) != fingerprint(make(1.1))


def test_methods_and_callable_objects_have_one() -> None:
    class Scaler:
        def __init__(self, factor: int) -> None:
            self.factor = factor

        def __call__(self, x: int) -> int:
            return x * self.factor

        def apply(self, x: int) -> int:
            return x + self.factor

    assert fingerprint(Scaler(2)) == fingerprint(Scaler(2))
    assert fingerprint(Scaler(2)) != fingerprint(Scaler(3))
    assert fingerprint(Scaler(2).apply) != fingerprint(Scaler(3).apply)
    assert fingerprint(Scaler(2).apply) != fingerprint(Scaler(2))


def test_what_cannot_be_copied_is_taken_without_its_address() -> None:
    def make() -> Callable[[], object]:
        lines = (line for line in "ab")
        return lambda: lines

    assert fingerprint(make()) == fingerprint(make())


def test_a_name_that_is_not_there_yet_is_no_error() -> None:
    namespace: dict[str, Callable[[], object]] = {}
    exec(textwrap.dedent("def step():\n    return not_there_yet\n"), namespace)
    assert len(fingerprint(namespace["step"])) == 64
