"""A small project whose recipe takes parameters and says which rows it was given; trained in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.environments import InlineEnvironment
from holdtrue.loop import child
from holdtrue.project import Project, open_project
from holdtrue.testing import drifting_rows, write_drifting_project
from holdtrue.testing.world import START

N_DAYS, ROWS_A_DAY = 60, 20
TUNE = "ht.tune({'strength': ht.log_between(1e-4, 10), 'newest': ht.integers(40, 600)}, n_trials=6)"
PARAMETERS = "{'strength': %s, 'newest': 60}"
TRAIN = """def train(data: ht.Dataset, strength: float, newest: int) -> object:
    from sklearn.linear_model import LogisticRegression

    with open(__file__.replace("loop.py", "fits.txt"), "a") as file:
        file.write(f"{data.time.max().isoformat()} {strength}\\n")
    return LogisticRegression(C=strength).fit(data.features.tail(newest), data.label.tail(newest))


"""


def write_tuned_project(folder: Path, *, more: str = "", strength: float = 0.001) -> Path:
    rows = drifting_rows(n_days=N_DAYS, rows_a_day=ROWS_A_DAY, turns_on_day=N_DAYS)
    loop_file = write_drifting_project(folder, rows=rows)
    text = loop_file.read_text()
    begin, end = text.index("def train"), text.index("loop = ht.Loop")
    text = text[:begin] + TRAIN + text[end:]
    text = text.replace(
        "    train=train,", f"    train=train,\n    parameters={PARAMETERS % strength},\n    tune={TUNE},{more}"
    )
    loop_file.write_text(text)
    return loop_file


def read_fits(folder: Path) -> pl.DataFrame:
    """Return the newest row's time and the strength of each fit, in order, and forget them."""
    path = folder / "fits.txt"
    lines = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    times = pl.Series("newest", lines[::2], dtype=pl.String).str.to_datetime(time_zone="UTC")
    return pl.DataFrame([times, pl.Series("strength", lines[1::2], dtype=pl.String).cast(pl.Float64)])


@contextmanager
def opened_inline(loop_file: Path, *, day: float = N_DAYS - 1) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holdtrue.project.project.ProcessEnvironment", lambda **_: InlineEnvironment())
        try:
            with open_project(loop_file, clock=VirtualClock(START + timedelta(days=day))) as project:
                yield project
        finally:
            for trainer in child._trainers.values():
                trainer.store.close()
            child._trainers.clear()
