"""What a fingerprint reaches beside plain names: each case is a small project and an edit that changes its result."""

import importlib
import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from holdtrue.codebase import LOOP_FILE, Namespace, fingerprint, keep_source, name_module, trace_kept

SOURCE = Path(__file__).parents[2] / "src"


@dataclass(frozen=True)
class Case:
    """A module with a function `step`, its packages by file, and an edit."""

    text: str
    old: str
    new: str
    files: dict[str, str] = field(default_factory=dict)
    needs: str = ""


LAZY = """
def __getattr__(name):
    if name == 'rate':
        from PACKAGE.sub import rate
        return rate
    raise AttributeError(name)
"""
CASES = {
    # What a decorator of a library wraps.
    "context manager": Case(
        "import contextlib\n@contextlib.contextmanager\ndef h():\n    yield 2\n"
        "def step():\n    with h() as x: return x",
        "yield 2", "yield 3"),
    "context decorator": Case(
        "import numpy as np\n@np.errstate(all='ignore')\ndef h(): return 2\ndef step(): return h()",
        "return 2", "return 3"),
    "step in a context decorator": Case(
        "import numpy as np\n@np.errstate(all='ignore')\ndef step(): return 2", "return 2", "return 3"),
    "singledispatch base": Case(
        "import functools\n@functools.singledispatch\ndef h(x): return 2\ndef step(): return h('a')",
        "return 2", "return 3"),
    "singledispatch registered": Case(
        "import functools\n@functools.singledispatch\ndef h(x): return 2\n@h.register\ndef _(x: int): return x * 5\n"
        "def step(): return h(1)", "x * 5", "x * 6"),
    "argument of a decorator": Case(
        "import functools\ndef by(k):\n    def wrap(f):\n        return functools.wraps(f)(lambda: f() * k)\n"
        "    return wrap\n@by(2)\ndef h(): return 1\ndef step(): return h()", "@by(2)", "@by(3)"),
    "pydantic validate_call": Case(
        "import pydantic\n@pydantic.validate_call\ndef h(): return 2\ndef step(): return h()", "return 2", "return 3",
        needs="pydantic"),
    # Instances and classes, whole.
    "state beside what is wrapped": Case(
        "import functools\nclass Scaled:\n    def __init__(self, f, k):\n        functools.update_wrapper(self, f)\n"
        "        self.k = k\n    def __call__(self): return self.k * self.__wrapped__()\ndef raw(): return 1\n"
        "h = Scaled(raw, 2)\ndef step(): return h()", "raw, 2", "raw, 3"),
    "state that __getstate__ leaves out": Case(
        "class C:\n    def __init__(self, r): self.r = r\n    def __getstate__(self): return {}\nc = C(2)\n"
        "def step(): return c.r", "C(2)", "C(3)"),
    "slots that __reduce__ leaves out": Case(
        "class C:\n    __slots__ = ('r',)\n    def __init__(self, r): self.r = r\n"
        "    def __reduce__(self): return C, (0,)\nc = C(2)\ndef step(): return c.r", "C(2)", "C(3)"),
    "attribute of an array": Case(
        "import numpy as np\nclass A(np.ndarray): pass\na = np.zeros(1).view(A)\na.r = 2\ndef step(): return a.r",
        "a.r = 2", "a.r = 3"),
    "property of a class of its own": Case(
        "class By(property):\n    def __init__(self, f, k):\n        super().__init__(f)\n        self.k = k\n"
        "    def __get__(self, one, kind): return self.fget(one) * self.k\n"
        "class C:\n    r = By(lambda self: 1, 2)\ndef step(): return C().r", "1, 2)", "1, 3)"),
    "made dataclass": Case(
        "import dataclasses\nC = dataclasses.make_dataclass('C', [('r', float, dataclasses.field(default=2.0))])\n"
        "def step(): return C().r", "2.0", "3.0"),
    "made class": Case("C = type('C', (), {'r': 2})\ndef step(): return C.r", "2}", "3}"),
    "pydantic default": Case(
        "import pydantic\nclass C(pydantic.BaseModel):\n    r: int = 2\ndef step(): return C().r", "= 2", "= 3",
        needs="pydantic"),
    "pydantic validator": Case(
        "import pydantic\nclass C(pydantic.BaseModel):\n    r: int\n    @pydantic.field_validator('r')\n"
        "    @classmethod\n    def v(cls, x): return x * 2\ndef step(): return C(r=1).r",
        "x * 2", "x * 3", needs="pydantic"),
    "pydantic validated field": Case(
        "import pydantic\nclass C(pydantic.BaseModel):\n    r: int\n    q: int\n    @pydantic.field_validator('r')\n"
        "    @classmethod\n    def v(cls, x): return x * 2\ndef step(): return C(r=1, q=1)", "('r')", "('q')",
        needs="pydantic"),
    "pydantic method": Case(
        "import pydantic\nclass C(pydantic.BaseModel):\n    def validator(self): return 2\n"
        "def step(): return C().validator()", "return 2", "return 3", needs="pydantic"),
    "pydantic function": Case(
        "import pydantic\nfrom typing import Annotated\ndef h(x): return 2\nclass C(pydantic.BaseModel):\n"
        "    r: Annotated[int, pydantic.AfterValidator(h)] = 2\ndef step(): return C(r=1).r",
        "return 2", "return 3", needs="pydantic"),
    "pydantic annotated": Case(
        "import pydantic\nfrom typing import Annotated\n"
        "T = pydantic.TypeAdapter(Annotated[int, pydantic.Field(gt=2)])\ndef step(): return T.validate_python(9)",
        "gt=2", "gt=3", needs="pydantic"),
    "attrs converter": Case(
        "import attrs\n@attrs.define\nclass C:\n    r: int = attrs.field(default=1, converter=lambda v: v * 2)\n"
        "def step(): return C().r", "v * 2", "v * 3", needs="attrs"),
    "msgspec method": Case(
        "import msgspec\nclass C(msgspec.Struct):\n    r: int = 2\n    def __post_init__(self): self.r *= 2\n"
        "def step(): return C().r", "*= 2", "*= 3"),
    # Functions held by objects of native code.
    "numpy frompyfunc": Case(
        "import numpy as np\ndef h(x): return 2\nu = np.frompyfunc(h, 1, 1)\ndef step(): return u(1)",
        "return 2", "return 3"),
    "polars map_elements": Case(
        "import polars as pl, PACKAGE\nE = pl.col('a').map_elements(PACKAGE.rate, return_dtype=pl.Int64)\n"
        "def step(): return E", "return 2", "return 3", {"__init__.py": "def rate(x): return 2\n"}),
    "memory view": Case("m = memoryview(b'2')\ndef step(): return bytes(m)", "b'2'", "b'3'"),
    "generator": Case("g = (x for x in [2])\ndef step(): return next(g)", "[2]", "[3]"),
    "code of a generator": Case("g = (x + 2 for x in [1])\ndef step(): return next(g)", "x + 2", "x + 3"),
    # Names.
    "name of an argument in a call": Case(
        "def h(a=0, b=0): return a + 2 * b\ndef step(): return h(a=1)", "h(a=1)", "h(b=1)"),
    "lazy package": Case(
        "import PACKAGE\ndef step(): return PACKAGE.rate()", "return 2", "return 3",
        {"__init__.py": LAZY, "sub.py": "def rate(): return 2\n"}),
    "name imported of a lazy package": Case(
        "def step():\n    from PACKAGE import rate\n    return rate()", "return 2", "return 3",
        {"__init__.py": LAZY, "sub.py": "def rate(): return 2\n"}),
    "lazy package handed on": Case(
        "import PACKAGE\ndef use(module): return module.rate()\ndef step(): return use(PACKAGE)",
        "return 2", "return 3",
        {"__init__.py": "import lazy_loader\n__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, "
         "submod_attrs={'sub': ['rate']})\n", "sub.py": "def rate(): return 2\n"}),
    "package bound by an import of its part": Case(
        "def step():\n    import PACKAGE.sub\n    return PACKAGE.rate()", "return 2", "return 3",
        {"__init__.py": "def rate(): return 2\n", "sub.py": ""}),
    "part of a package imported inside": Case(
        "def step():\n    import PACKAGE.sub\n    return PACKAGE.sub.rate()", "return 2", "return 3",
        {"__init__.py": "", "sub.py": "def rate(): return 2\n"}),
    "part imported inside under another name": Case(
        "def step():\n    import PACKAGE.sub as other\n    return other.rate()", "return 2", "return 3",
        {"__init__.py": "", "sub.py": "def rate(): return 2\n"}),
    "package imported inside and closed over": Case(
        "def step():\n    import PACKAGE.sub\n    def inner(): return PACKAGE.rate()\n    return inner()",
        "return 2", "return 3", {"__init__.py": "def rate(): return 2\n", "sub.py": ""}),
    "function given to a library": Case(
        "import math\nmath.tripled = lambda x: x * 3\ndef step(): return math.tripled(1)", "x * 3", "x * 4"),
    "module of a class of its own": Case(
        "import types\nclass M(types.ModuleType):\n    @property\n    def r(self): return 2\nm = M('m')\n"
        "def use(module): return module.r\ndef step(): return use(m)", "return 2", "return 3"),
    "number given to a library": Case("import math\nmath.double = 2\ndef step(): return math.double", "= 2", "= 3"),
}  # fmt: skip


def write(folder: Path, case: Case, name: str, *, is_edited: bool = False) -> None:
    """Write a case's module and package."""
    for path, text in {f"{name}.py": case.text + "\n", **{f"{name}_pk/{k}": v for k, v in case.files.items()}}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(
            (text.replace(case.old, case.new) if is_edited else text).replace("PACKAGE", f"{name}_pk")
        )


def take(name: str) -> str:
    """Return the fingerprint of a case that is on the path, imported anew."""
    for loaded in [each for each in sys.modules if each == name or each.partition(".")[0] == f"{name}_pk"]:
        del sys.modules[loaded]
    importlib.invalidate_caches()
    return fingerprint(importlib.import_module(name).step)


def make_name(about: str) -> str:
    return "reach_" + about.replace(" ", "_").replace("__", "")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


@pytest.mark.parametrize("about", CASES)
def test_an_edit_of_what_is_reached_changes_it(folder: Path, about: str) -> None:
    case, name = CASES[about], make_name(about)
    if case.needs:
        pytest.importorskip(case.needs)
    write(folder, case, name)
    before = take(name)
    assert take(name) == before
    write(folder, case, name, is_edited=True)
    assert take(name) != before


def print_all(folder: Path, seed: str) -> str:
    """Return the fingerprints of all cases as a fresh process finds them; the order of their import is by the seed."""
    folder.mkdir(parents=True)
    names = []
    for about, case in CASES.items():
        if not case.needs or importlib.util.find_spec(case.needs) is not None:
            write(folder, case, make_name(about))
            names.append(make_name(about))
    code = (
        "import importlib, random, sys; from holdtrue.codebase import fingerprint; names = sys.argv[2:];"
        "random.Random(sys.argv[1]).shuffle(names); steps = {n: importlib.import_module(n).step for n in names};"
        "told = {n: fingerprint(step) for n, step in steps.items()}; print(*sorted(told.items()), sep='\\n')"
    )
    told = subprocess.run(
        [sys.executable, "-B", "-c", code, seed, *names],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(SOURCE))), "PYTHONHASHSEED": seed},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return told.stdout


def test_what_is_reached_is_the_same_in_every_process_and_folder(tmp_path: Path) -> None:
    here, there = print_all(tmp_path / "a", "1"), print_all(tmp_path / "moved" / "further", "2")
    assert here.splitlines() == there.splitlines()
    assert len(here.splitlines()) > 25


@pytest.mark.parametrize(
    "text",
    [
        "import os\ndef step(): return os.environ['REACHED']",
        "import os\ndef step(): return os.environ.get('REACHED', 'none')",
        "import os\nNAME = 'REACHED'\ndef step(): return os.getenv(NAME)",
        "def step():\n    import os\n    return os.environ['REACHED']",
        "from os import environ\ndef inner(): return 'REACHED' in environ\ndef step(): return inner()",
    ],
    ids=["subscript", "get", "getenv by a constant", "imported inside", "contained"],
)
def test_a_variable_of_the_environment_that_a_step_reads_changes_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (folder / "reach_variable.py").write_text(text)
    monkeypatch.delenv("REACHED", raising=False)
    without = take("reach_variable")
    monkeypatch.setenv("REACHED", "1")
    one = take("reach_variable")
    monkeypatch.setenv("REACHED", "2")
    assert len({without, one, take("reach_variable")}) == 3


def test_a_variable_of_the_environment_that_a_step_sets_leaves_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "reach_set.py").write_text("import os\ndef step(): os.environ['REACHED'] = '1'")
    monkeypatch.delenv("REACHED", raising=False)
    before = take("reach_set")
    monkeypatch.setenv("REACHED", "1")
    assert take("reach_set") == before


HERE = """
import os
from pathlib import Path
HERE = Path(__file__).parent
NEAR = HERE / "rows.csv"
TEXT = os.path.dirname(os.path.abspath(__file__)) + "/words"
FAR = Path("/somewhere/else")
def step():
    return NEAR, TEXT, FAR, HERE
"""


def test_a_path_in_the_project_counts_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for where, text in (
        ("a", HERE),
        ("deeper/b", HERE),
        ("c", HERE.replace("rows.csv", "others.csv")),
        ("d", HERE.replace("/words", "/names")),
        ("e", HERE.replace("/somewhere/else", "/somewhere")),
    ):
        folder = tmp_path / where
        folder.mkdir(parents=True)
        (folder / "reach_here.py").write_text(text)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            told.append(take("reach_here"))
    assert told[0] == told[1]
    assert len(set(told)) == 4


def test_a_path_beside_the_loop_file_counts_from_there_in_its_packages_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for where in ("a", "b/c"):
        inner = tmp_path / where / "src"
        inner.mkdir(parents=True)
        (inner.parent / "loop.py").write_text("")
        (inner / "reach_inner.py").write_text(HERE.replace("Path(__file__).parent", "Path(__file__).parents[1]"))
        spec = importlib.util.spec_from_file_location(LOOP_FILE, inner.parent / "loop.py")
        assert spec is not None
        with monkeypatch.context() as patch:
            patch.syspath_prepend(inner)
            patch.setitem(sys.modules, LOOP_FILE, importlib.util.module_from_spec(spec))
            told.append(take("reach_inner"))
    assert told[0] == told[1]


def test_a_lambda_in_an_expression_leaves_it_when_its_lines_move(folder: Path) -> None:
    text = (
        "import polars as pl\nE = pl.col('a').map_elements(lambda x: [x] * 2, return_dtype=pl.List(pl.Int64))\n"
        "def step(): return E"
    )
    (folder / "reach_moved.py").write_text(text)
    before = take("reach_moved")
    (folder / "reach_moved.py").write_text("\n\n\n" + text)
    assert take("reach_moved") == before
    (folder / "reach_moved.py").write_text(text.replace("* 2", "* 3"))
    assert take("reach_moved") != before


# Refused, by this same comparison: what asks for a module of the project by a text, as these two do.
BY_TEXT = {"polars map_elements", "lazy package handed on"}


@pytest.mark.parametrize("about", [each for each in CASES if each not in BY_TEXT])
def test_source_that_is_run_by_itself_has_the_fingerprint_of_its_original(folder: Path, about: str) -> None:
    case, name = CASES[about], make_name(about)
    if case.needs:
        pytest.importorskip(case.needs)
    write(folder, case, name)
    digest = take(name)
    function = sys.modules[name].step
    kept = Namespace(keep_source(function))
    assert trace_kept(kept.find_function(name_module(function), "step"), kept).digest == digest
