"""A small project with one version in charge, or with a second one on its way; trained in this process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec

from holdtrue.clock import VirtualClock
from holdtrue.domain import Prediction
from holdtrue.loop import Controller, InlineTrainer, Trained
from holdtrue.project import Project, open_project
from holdtrue.store.segments import read_segments
from holdtrue.testing import drifting_rows, write_drifting_project
from holdtrue.testing.world import START

LOOP = "machines"
N_DAYS, ROWS_A_DAY = 60, 40
TRAINED_AT = START + timedelta(days=40)
AGAIN_AT = START + timedelta(days=59)
ROLLOUT = "ht.canary([0.5, 1], min_rows=50, shadow_days=1)"


def write_project(folder: Path) -> Path:
    rows = drifting_rows(n_days=N_DAYS, rows_a_day=ROWS_A_DAY, turns_on_day=N_DAYS)
    return write_drifting_project(folder, rows=rows, rollout=ROLLOUT)


def make_controller(project: Project) -> Controller:
    controller = project.make_controller()
    controller.trainer = InlineTrainer(loop=project.loop, store=project.store)
    return controller


def train(project: Project) -> Trained:
    outcome = make_controller(project).train_now("ordered by the test")
    assert isinstance(outcome, Trained)
    return outcome


@contextmanager
def opened(folder: Path, *, days: float = 41) -> Iterator[Project]:
    """Open the project so many business days after its first row."""
    with open_project(folder / "loop.py", clock=VirtualClock(START + timedelta(days=days))) as project:
        yield project


def read_log(folder: Path) -> list[Prediction]:
    frames = read_segments(folder / ".holdtrue" / "log" / LOOP)
    return [msgspec.json.decode(frame.payload, type=Prediction) for frame in frames]


def ask_lean_process(project: Project, row: dict[str, object]) -> str:
    """Have another process load version 1 as a worker does and answer a row; say the shape, and what it imported."""
    code = (
        "import sys; from pathlib import Path; from holdtrue.serving.answer.loaded import load_version;"
        "from holdtrue.serving import read_traffic_file; from holdtrue.serving.request.place import RowPlace;"
        f"folder = Path({str(project.store.folder)!r});"
        "pointer = read_traffic_file(folder).loops['machines'].versions[1];"
        "loaded = load_version(pointer, folder=folder, is_lean=True);"
        f"row = loaded.read({row!r}, RowPlace(0), known=frozenset(('event', 'at')), time=1e9);"
        "print(loaded.answer([row.values]).shape, *({'polars', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split("\n")[0]
