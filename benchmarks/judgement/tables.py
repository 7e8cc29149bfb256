"""The table that is measured: two days without drift, 40 columns of numbers and 10 of texts."""

from pathlib import Path

import numpy as np
import polars as pl

N_NUMBERS, N_TEXTS = 40, 10
N_LEVELS = (3, 5, 8, 12, 20, 30, 50, 100, 200, 400)


def write_table(path: Path, *, n_rows: int, seed: int) -> None:
    """Write a zstd Parquet file; every fifth column of numbers has 2 % missing values."""
    rng = np.random.default_rng(seed)
    draws = (
        lambda: rng.normal(10, 3, n_rows),
        lambda: rng.lognormal(1, 1, n_rows),
        lambda: rng.gamma(2, 2, n_rows),
        lambda: rng.normal(100, 15, n_rows).round(2),
    )
    columns = {}
    for place in range(N_NUMBERS):
        values = draws[place % 4]()
        if place % 5 == 0:
            values[rng.random(n_rows) < 0.02] = np.nan
        columns[f"number_{place:02d}"] = pl.Series(values)
    for place, n_levels in enumerate(N_LEVELS):
        shares = 1 / np.arange(1, n_levels + 1)
        names = np.array([f"level {level:03d} of {place}" for level in range(n_levels)])
        columns[f"text_{place}"] = pl.Series(names[rng.choice(n_levels, n_rows, p=shares / shares.sum())])
    pl.DataFrame(columns).write_parquet(path, compression="zstd")
