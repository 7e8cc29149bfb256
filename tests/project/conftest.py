"""Projects that the tests share: trained once, then copied for each test."""

import shutil
from pathlib import Path

import pytest

from holdtrue.clock import VirtualClock
from holdtrue.project import open_project
from project.small import AGAIN_AT, TRAINED_AT, train, write_project


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    loop_file = write_project(tmp_path_factory.mktemp("trained"))
    with open_project(loop_file, clock=VirtualClock(TRAINED_AT)) as project:
        train(project)
    return loop_file.parent


@pytest.fixture(scope="session")
def _rolling(tmp_path_factory: pytest.TempPathFactory, _trained: Path) -> Path:
    folder = tmp_path_factory.mktemp("rolling") / "project"
    shutil.copytree(_trained, folder)
    with open_project(folder / "loop.py", clock=VirtualClock(AGAIN_AT)) as project:
        train(project)
    return folder


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A project that was never opened."""
    return write_project(tmp_path / "project").parent


@pytest.fixture
def trained(tmp_path: Path, _trained: Path) -> Path:
    """A project whose v1 is in charge since day 40."""
    return Path(shutil.copytree(_trained, tmp_path / "project"))


@pytest.fixture
def rolling(tmp_path: Path, _rolling: Path) -> Path:
    """A project whose v2 is in shadow since day 59."""
    return Path(shutil.copytree(_rolling, tmp_path / "project"))
