"""The edits after which caches elsewhere gave stale results: each runs again exactly what depends on it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PROJECT = """
import contextlib, json, sys
from pathlib import Path
import polars as pl
import somelib
import own_module
from holdtrue.pipeline import StepCache, run_steps
from holdtrue.store import Store

SCALE = 2


def lengthen(value):
    return value + 10


class Weights:
    first = 3


def make_adder(amount):
    def add(table):
        return table["x"].sum() + amount
    return add


def table(rows, schema):
    return pl.DataFrame({"x": rows}, schema={"x": getattr(pl, schema)})


def scaled(table):
    return table["x"].sum() * SCALE


def helped(table):
    return lengthen(table.height)


def weighed(table):
    return table.height * Weights.first


def defaulted(table, *, times=4):
    return table.height * times


added = make_adder(5)
added.__name__ = "added"


def borrowed(table):
    return somelib.double(table.height)


def imported(table):
    return own_module.triple(table.height)


def told(table, depth):
    return table.height * depth


@contextlib.contextmanager
def opened():
    yield 8


def managed(table):
    with opened() as many:
        return table.height * many


def combine(once=0, twice=0):
    return once + 2 * twice


def named(table):
    return combine(once=table.height)


def lonely(rows):
    return len(rows)


STEPS = [table, scaled, helped, weighed, defaulted, added, borrowed, imported, told, managed, named, lonely]
INPUTS = {"rows": [1, 2, 3]}
PARAMETERS = {"depth": 6, "schema": "Int64"}
with Store.open(Path(sys.argv[1])) as store:
    done = run_steps(STEPS, inputs=INPUTS, parameters=PARAMETERS, cache=StepCache(store))
print(json.dumps([record.name for record in done.records if not record.is_cached]))
"""
OWN = "FACTOR = 3\n\ndef triple(value):\n    return value * FACTOR\n"
ON_TABLE = ["added", "borrowed", "defaulted", "helped", "imported", "managed", "named", "scaled", "told", "weighed"]


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of its own with a library of its own, which has run once."""
    folder = tmp_path_factory.mktemp("stale")
    library = folder / "site-packages" / "somelib"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("def double(value):\n    return value * 2\n")
    write_version(folder, "1.0")
    (folder / "own_module.py").write_text(OWN)
    assert sorted(run(folder, PROJECT)) == sorted([*ON_TABLE, "lonely", "table"])
    assert run(folder, PROJECT) == []
    return folder


def write_version(folder: Path, version: str) -> None:
    facts = folder / "site-packages" / "somelib-1.0.dist-info"
    facts.mkdir(exist_ok=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: somelib\nVersion: {version}\n")


def run(folder: Path, text: str) -> list[str]:
    """Run the project in a fresh process and return the names of the steps that ran."""
    (folder / "project.py").write_text(text)
    paths = [str(SOURCE), str(folder / "site-packages")]
    done = subprocess.run(
        [sys.executable, "-B", "project.py", ".holdtrue"], cwd=folder, env={"PYTHONPATH": ":".join(paths)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("before", "after", "ran"),
    [
        ("SCALE = 2", "SCALE = 7", ["scaled"]),
        ("return value + 10", "return value + 20", ["helped"]),
        ("first = 3", "first = 4", ["weighed"]),
        ("times=4", "times=5", ["defaulted"]),
        ("make_adder(5)", "make_adder(6)", ["added"]),
        ("yield 8", "yield 9", ["managed"]),
        ("combine(once=table", "combine(twice=table", ["named"]),
        ("[1, 2, 3]", "[1, 2, 4]", [*ON_TABLE, "lonely", "table"]),
        ('"depth": 6', '"depth": 7', ["told"]),
        ('"Int64"', '"Int32"', [*ON_TABLE, "table"]),
        ("return len(rows)", "return len(rows)  # a remark", []),
    ],
    ids=[
        "constant", "helper", "class attribute", "default", "closure", "context manager", "name of an argument", "data",
        "parameter", "schema", "remark",
    ],
)  # fmt: skip
def test_an_edit_runs_again_exactly_what_depends_on_it(warm: Path, before: str, after: str, ran: list[str]) -> None:
    assert PROJECT.count(before) == 1
    assert sorted(run(warm, PROJECT.replace(before, after))) == sorted(ran)
    assert run(warm, PROJECT) == []


def test_another_version_of_a_library_runs_again_what_names_it(warm: Path) -> None:
    write_version(warm, "2.0")
    try:
        assert run(warm, PROJECT) == ["borrowed"]
    finally:
        write_version(warm, "1.0")
    assert run(warm, PROJECT) == []


def test_an_edited_module_of_the_project_runs_again_what_reaches_it(warm: Path) -> None:
    (warm / "own_module.py").write_text(OWN.replace("FACTOR = 3", "FACTOR = 30"))
    try:
        assert run(warm, PROJECT) == ["imported"]
    finally:
        (warm / "own_module.py").write_text(OWN)
    assert run(warm, PROJECT) == []
