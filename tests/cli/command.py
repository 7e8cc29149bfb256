"""The command line in this process: what it prints, what it complains about, and its exit code."""

import json
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from holdtrue.cli import main
from holdtrue.clock import VirtualClock
from holdtrue.loop import InlineTrainer
from holdtrue.project import open_project
from holdtrue.testing import drifting_rows, write_drifting_project
from holdtrue.testing.world import START

N_DAYS = 60
# The rows end last midnight: the commands go by the time of day, and verdicts expire.
BEGIN = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=N_DAYS)
ROLLOUT = "ht.canary([0.5, 1], min_rows=50, shadow_days=1)"


@dataclass(frozen=True)
class Done:
    """What a command left: `told` is what it printed in one line of words, `problem` the same of the error stream."""

    code: int
    out: str
    problem: str

    @property
    def told(self) -> str:
        return " ".join(self.out.split())

    @property
    def object(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True)
class Command:
    """Runs `holdtrue ...`."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str | Path, code: int = 0) -> Done:
        self.capsys.readouterr()
        self.monkeypatch.setattr(sys, "argv", ["holdtrue", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = self.capsys.readouterr()
        found = 0 if caught.value.code is None else caught.value.code
        assert found == code, out + err
        return Done(code=code, out=out, problem=" ".join(err.split()))


def write_project(folder: Path) -> Path:
    rows = drifting_rows(n_days=N_DAYS, rows_a_day=40, turns_on_day=N_DAYS)
    rows = rows.with_columns(pl.col("at") + (BEGIN - START))
    return write_drifting_project(folder, rows=rows, rollout=ROLLOUT)


def train_at(loop_file: Path, *, day: float) -> None:
    with open_project(loop_file, clock=VirtualClock(BEGIN + timedelta(days=day))) as project:
        controller = project.make_controller()
        controller.trainer = InlineTrainer(loop=project.loop, store=project.store)
        controller.train_now("ordered by the test")


def copy_project(source: Path, folder: Path) -> Path:
    return Path(shutil.copytree(source, folder)) / "loop.py"
