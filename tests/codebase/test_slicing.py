"""What a function needs of the project is kept as text, runs by itself, and is the same function there."""

import importlib
import sys
import textwrap
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from holdtrue.codebase import KeptSource, Namespace, keep_source, move_clocks, read_source, trace_code, trace_kept
from holdtrue.errors import DeclarationError, NotFound, StoreFailed

FILES = {
    "__init__": "NAME = 'shop'\nraise_not = 1\n",
    "tables": """
        import json
        RATES = {"a": 1}
        RATES["b"] = 2
        RATES.update(c=3)
        UNUSED = json.dumps({})
        for letter in "de":
            RATES[letter] = 4
    """,
    "deep.__init__": "",
    "deep.more": """
        from .. import NAME
        from ..tables import RATES
        def name(): return NAME, len(RATES)
    """,
    "work": '''
        """Trains, and computes features."""
        from __future__ import annotations
        import sklearn.linear_model, math; import random
        from dataclasses import dataclass
        from functools import wraps
        from . import tables
        from .tables import RATES as rates, UNUSED
        import shop_{n}.deep.more

        MODEL = sklearn.linear_model.LogisticRegression()
        SCALE: float = 2.0

        def decorated(function):
            @wraps(function)
            def inner(row):
                return function(row)
            return inner

        @dataclass
        class Made:
            x: float
            y: float = 0.0

        class Helper:
            factor = SCALE
            def scale(self, value):
                from .deep.more import name
                return value * self.factor * len(name())

        @decorated
        def plain(row):
            return {"x": Helper().scale(row["a"]) + rates["b"] + tables.RATES["e"] + math.floor(row["a"])}

        def dotted(row):
            return Made(x=shop_{n}.deep.more.name()[1] * row["a"])

        def train(data):
            return MODEL, plain

        if __name__ == "__main__":
            print(plain({}))
    ''',
}


@pytest.fixture
def work(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    number = zlib.crc32(request.node.name.encode())
    folder = tmp_path / f"shop_{number}"
    for name, text in FILES.items():
        path = folder / (name.replace(".", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).replace("{n}", str(number)), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(f"shop_{number}.work")
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def run(function: Callable[..., object]) -> tuple[KeptSource, Namespace, Callable[..., object]]:
    source = keep_source(function)
    kept = Namespace(read_source(source.data))
    return source, kept, kept.find_function(function.__module__, function.__name__)


def test_the_kept_source_is_the_same_function(work: ModuleType) -> None:
    _, kept, found = run(work.dotted)
    assert vars(found({"a": 3.5})) == vars(work.dotted({"a": 3.5}))
    assert trace_kept(found, kept).digest == trace_code(work.dotted).digest


def test_a_decorated_function_is_kept_with_what_decorates_it(work: ModuleType) -> None:
    source, kept, found = run(work.plain)
    assert found({"a": 3.5}) == work.plain({"a": 3.5})
    assert trace_kept(found, kept).digest == trace_code(work.plain).digest
    (text,) = [module.text for module in source.modules if module.name.endswith("work")]
    assert "sklearn" not in text
    assert "train" not in text
    assert "UNUSED" not in text
    lines = Path(str(work.__file__)).read_text(encoding="utf-8").splitlines()
    for place, line in enumerate(text.splitlines()):
        assert line in ("", lines[place]) or "import" in line


def test_what_changes_a_constant_is_kept_with_it(work: ModuleType) -> None:
    _, kept, _ = run(work.plain)
    tables = kept.find_module(f"{work.__package__}.tables")
    assert tables is not None
    assert tables.RATES == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 4}
    assert not hasattr(tables, "UNUSED")


def test_an_edit_of_the_file_changes_nothing_of_what_is_kept(work: ModuleType) -> None:
    source, _, found = run(work.plain)
    before = found({"a": 1.0})
    path = Path(str(work.__file__)).with_name("tables.py")
    path.write_text("RATES = {}\n", encoding="utf-8")
    for name in [name for name in sys.modules if name.startswith(str(work.__package__))]:
        del sys.modules[name]
    again = Namespace(source).find_function(work.__name__, "plain")
    assert again({"a": 1.0}) == found({"a": 1.0}) == before


def test_an_edit_of_a_constant_of_another_module_is_another_function(work: ModuleType) -> None:
    before = trace_code(work.plain).digest
    work.tables.RATES["e"] = 5
    _, kept, found = run(work.plain)
    assert trace_kept(found, kept).digest == before
    assert trace_code(work.plain).digest != before


def test_nothing_of_it_stays_among_the_imported_modules(work: ModuleType) -> None:
    run(work.plain)
    assert not [name for name in sys.modules if name.startswith("holdtrue_kept")]


@pytest.mark.parametrize("made", [lambda row: row, len, print])
def test_what_is_no_function_of_a_module_is_refused(made: Callable[..., object]) -> None:
    with pytest.raises(DeclarationError, match="at the top of a module"):
        keep_source(made)


def test_a_clock_that_is_moved_is_a_clock_still(work: ModuleType) -> None:
    path = Path(str(work.__file__)).with_name("clock.py")
    path.write_text(
        "import time\nfrom datetime import date, datetime, timezone\n"
        "def ask(row):\n"
        "    assert isinstance(row['at'], datetime) and isinstance(row['at'], date)\n"
        "    assert datetime(2020, 1, 2) == datetime.fromisoformat('2020-01-02')\n"
        "    return datetime.now(timezone.utc), date.today(), time.time(), datetime.utcnow(), time.gmtime()[0]\n",
        encoding="utf-8",
    )
    function = importlib.import_module(f"{work.__package__}.clock").ask
    moved = Namespace(keep_source(function), substitutes=move_clocks()).find_function(function.__module__, "ask")
    row = {"at": function.__globals__["datetime"](2024, 1, 1)}
    for there, here in zip(moved(row), function(row), strict=True):
        assert there > here


def test_what_is_not_kept_cannot_be_found_and_other_bytes_are_no_source(work: ModuleType) -> None:
    _, kept, _ = run(work.plain)
    with pytest.raises(NotFound, match="no function train"):
        kept.find_function(work.__name__, "train")
    with pytest.raises(StoreFailed, match="no source"):
        read_source(b'{"modules": 3}')
