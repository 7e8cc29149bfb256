"""A small project with one version in charge, or with a second one on its way; trained in this process."""

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
