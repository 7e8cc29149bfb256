"""World: a small project whose truth turns around in the middle, so that a static model does harm."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

START = datetime(2024, 1, 1, tzinfo=UTC)

LOOP_FILE = '''"""Will the machine fail today? What tells it turns around half-way."""

import holdtrue as ht


def train(data: ht.Dataset) -> object:
    """Fit a line on the newest rows alone."""
    from sklearn.linear_model import LogisticRegression  # here, as most commands read this file and train nothing

    return LogisticRegression().fit(data.features.tail({window}), data.label.tail({window}))


loop = ht.Loop(
    "machines",
    data=ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h"),
    train=train,
    retrain=ht.every(days=10) | ht.on_risk(),
    rollout={rollout},
)
'''


def drifting_rows(
    *, n_days: int = 120, rows_a_day: int = 60, turns_on_day: int | None = None, seed: int = 0
) -> pl.DataFrame:
    """Return rows with two features, of which `heat` tells the label until its meaning turns around.

    Columns: event (key), at (time, UTC), heat, noise, failed (label).
    """
    generator = np.random.default_rng(seed)
    n_rows = n_days * rows_a_day
    turn = n_days // 2 if turns_on_day is None else turns_on_day
    days = np.repeat(np.arange(n_days), rows_a_day)
    heat, noise = generator.normal(size=n_rows), generator.normal(size=n_rows)
    sign = np.where(days < turn, 1.0, -1.0)
    chance = 1 / (1 + np.exp(-2.0 * sign * heat))
    return pl.DataFrame(
        {
            "event": [f"e{i:06d}" for i in range(n_rows)],
            "at": [START + timedelta(days=1) * i / rows_a_day for i in range(n_rows)],
            "heat": heat,
            "noise": noise,
            "failed": generator.random(n_rows) < chance,
        }
    )


def write_drifting_project(folder: Path, *, rows: pl.DataFrame, rollout: str = "None", window: int = 600) -> Path:
    """Write rows.parquet and loop.py into a folder and return the path of the loop file."""
    folder.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(folder / "rows.parquet")
    loop_file = folder / "loop.py"
    loop_file.write_text(LOOP_FILE.format(rollout=rollout, window=window), encoding="utf-8")
    return loop_file
