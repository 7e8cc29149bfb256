"""Projects and the command that works on them; trainings run in this process, which a child would take seconds for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.command import Command, copy_project, train_at, write_project
from holdtrue.environments import InlineEnvironment
from holdtrue.loop import child


@pytest.fixture
def holdtrue(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    monkeypatch.setattr("holdtrue.project.project.ProcessEnvironment", lambda **_: InlineEnvironment())
    yield Command(monkeypatch, capsys)
    for trainer in child._trainers.values():
        trainer.store.close()
    child._trainers.clear()


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    loop_file = write_project(tmp_path_factory.mktemp("cli") / "trained")
    train_at(loop_file, day=40)
    return loop_file.parent


@pytest.fixture(scope="session")
def _rolling(_trained: Path) -> Path:
    loop_file = copy_project(_trained, _trained.parent / "rolling")
    train_at(loop_file, day=59)
    return loop_file.parent


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The loop file of a project that was never opened."""
    return write_project(tmp_path / "project")


@pytest.fixture
def trained(tmp_path: Path, _trained: Path) -> Path:
    """The loop file of a project whose v1 is in charge."""
    return copy_project(_trained, tmp_path / "project")


@pytest.fixture
def rolling(tmp_path: Path, _rolling: Path) -> Path:
    """The loop file of a project whose v2 is in shadow."""
    return copy_project(_rolling, tmp_path / "project")
