"""Every room offers exactly what its door says; importing the package loads no engine and is quick."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "holdtrue"
ROOMS = sorted(path.parent.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("__init__.pyi"))
ENGINES = ("numpy", "polars", "sklearn", "scipy", "sqlalchemy", "altair", "starlette", "uvicorn", "skops", "lightgbm")


@pytest.mark.parametrize("room", [".".join(room.parts) for room in ROOMS])
def test_a_door_offers_what_it_says(room: str) -> None:
    module = importlib.import_module(room)
    assert sorted(module.__all__) == sorted(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_importing_holdtrue_loads_no_engine() -> None:
    code = "import sys, holdtrue; print(*[m for m in sys.modules if '.' not in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not set(ENGINES) & set(done.stdout.split())
