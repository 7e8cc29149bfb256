import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdtrue.store import Store

from .databases import declare_database, empty_tables


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / ".holdtrue") as opened:
        yield opened


@pytest.fixture
def postgres_store(postgres: str, tmp_path: Path) -> Iterator[Store]:
    declare_database(tmp_path, postgres)
    with Store.open(tmp_path / ".holdtrue") as opened:
        empty_tables(opened)
        yield opened


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    opened: Store = request.getfixturevalue(f"{request.param}_store")
    return opened


@pytest.fixture
def start_child() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `children.py VERB ARGUMENTS...` in a process of its own; whatever still lives is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(__file__).with_name("children.py")), *map(str, arguments)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()
