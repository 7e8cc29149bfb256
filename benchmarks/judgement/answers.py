"""How often slices, calibration and fairness fail what is right: simulated worlds whose days resemble each other.

Run: python benchmarks/judgement/answers.py --runs 200 --seed 7
"""

import argparse
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import Dataset, infer_schema
from holdtrue.domain import Check, Loss, Ruling, Task, calibrated, fairness, slices
from holdtrue.validation import Candidate
from holdtrue.validation.judges import judge_declared

START = int(datetime(2013, 1, 1, tzinfo=UTC).timestamp() * 1e6)
DAY = 86_400_000_000
SPANS = ((14, 500), (28, 300), (60, 200))
CORRELATIONS = (0.0, 0.5, 0.7)
CHECKS: dict[str, Check] = {
    "slices": slices("place"),
    "slices, margin 0": slices("place", margin=0.0),
    "slices by a search": slices(),
    "calibrated": calibrated(),
    "fairness": fairness(by="half", what="error", tolerance=0.05),
}


def wander(rng: np.random.Generator, n_days: int, correlation: float, deviation: float) -> NDArray[np.float64]:
    """Return an effect for each day, each resembling the day before."""
    effects = rng.normal(size=n_days)
    for day in range(1, n_days):
        effects[day] = correlation * effects[day - 1] + np.sqrt(1 - correlation**2) * effects[day]
    return deviation * effects


def make_candidate(rng: np.random.Generator, n_days: int, rows_a_day: int, correlation: float) -> Candidate:
    """Return a candidate that is as good as its champion in each of 50 places, and right on average."""
    n_rows = n_days * rows_a_day
    days = np.repeat(np.arange(n_days), rows_a_day)
    places = rng.integers(0, 50, n_rows)
    features = pl.DataFrame({"place": places.astype(str), "half": (places % 2).astype(str)})
    scores = rng.normal(-0.9, 1.2, n_rows)
    labels = rng.random(n_rows) < squash(scores + wander(rng, n_days, correlation, 0.3)[days])

    def answer() -> NDArray[np.float64]:
        p = squash(scores + wander(rng, n_days, correlation, 0.3)[days] + 0.3 * rng.normal(size=n_rows))
        return np.column_stack([1 - p, p])

    moments = START + days * DAY + (np.arange(n_rows) % rows_a_day) * (DAY // rows_a_day)
    keys = pl.Series("key", [str(row) for row in range(n_rows)])
    rows = Dataset(
        features=features, label=pl.Series("label", labels), key=keys, unit=keys,
        time=pl.Series("time", moments).cast(pl.Datetime("us", "UTC")),
        schema=infer_schema(features, features.columns), task=Task.BINARY, classes=(False, True),
    )  # fmt: skip
    answers, champion, share = answer(), answer(), labels.mean()
    return Candidate(
        rows=rows, answers=answers, champion=champion, baseline=np.tile([1 - share, share], (n_rows, 1)), train=rows,
        score=lambda frame: answers[: frame.height], loss=Loss.for_classes(), is_refresh=True,
    )  # fmt: skip


def squash(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores as probabilities."""
    return np.asarray(1 / (1 + np.exp(-scores)), dtype=np.float64)


def main() -> None:
    """Print the share of false failures of each check for each span and correlation of days."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    print("days  rows a day  correlation  " + "  ".join(CHECKS))
    for n_days, rows_a_day in SPANS:
        for correlation in CORRELATIONS:
            rng = np.random.default_rng(given.seed)
            n_failed = dict.fromkeys(CHECKS, 0)
            for _ in range(given.runs):
                candidate = make_candidate(rng, n_days, rows_a_day, correlation)
                for name, check in CHECKS.items():
                    n_failed[name] += judge_declared([check], candidate)[0].ruling is Ruling.FAILED
            shares = "  ".join(f"{n / given.runs:.1%}".rjust(len(name)) for name, n in n_failed.items())
            print(f"{n_days:4}  {rows_a_day:10}  {correlation:11}  {shares}", flush=True)


if __name__ == "__main__":
    main()
