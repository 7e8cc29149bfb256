"""Mean labels of levels, as encoders make them: over all rows, which gives labels away, and over earlier ones."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import TargetEncoder

Encode = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def count(codes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many rows each level has, and the sum of their labels."""
    n = np.bincount(codes)
    return n, np.bincount(codes, weights=labels)


def average(codes: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n, sums = count(codes, labels)
    return np.asarray((sums / np.maximum(n, 1))[codes])


def leave_one_out(codes: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n, sums = count(codes, labels)
    return np.asarray((sums[codes] - labels) / np.maximum(n[codes] - 1, 1))


def smooth(codes: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n, sums = count(codes, labels)
    return np.asarray(((sums + 20 * labels.mean()) / (n + 20))[codes])


def cross_fit(codes: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what scikit-learn's encoder makes of a column: means over four of five folds, shrunk.

    It is not told what the label is, so it takes whole numbers for classes: of a count it makes a column for each
    value, of which this is the first.
    """
    is_binary = set(np.unique(labels)) <= {0.0, 1.0}
    kind = StratifiedKFold if is_binary else KFold
    encoder = TargetEncoder(cv=kind(5, shuffle=True, random_state=int(rng.integers(1000))))
    return np.asarray(encoder.fit_transform(codes[:, None], labels))[:, 0]


def fold(codes: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cell = codes * 5 + rng.integers(0, 5, len(codes))
    (n, sums), (n_in, in_sums) = count(codes, labels), count(cell, labels)
    return np.asarray((sums[codes] - in_sums[cell]) / np.maximum(n[codes] - n_in[cell], 1))


def cross_fit_numbers(codes: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what scikit-learn's encoder makes where it is told that the label is a number, scaled to spread 1."""
    cv = KFold(5, shuffle=True, random_state=int(rng.integers(1000)))
    made = np.asarray(TargetEncoder(target_type="continuous", cv=cv).fit_transform(codes[:, None], labels))[:, 0]
    return np.asarray((made - made.mean()) / made.std())


def shrink(codes: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return means that are shrunk by their own error against the spread of all (James and Stein), scaled."""
    n, sums = count(codes, labels)
    means = sums / np.maximum(n, 1)
    errors = labels.var() / np.maximum(n, 1)
    kept = 1 - errors / (errors + means.var())
    made = (labels.mean() + kept * (means - labels.mean()))[codes]
    return np.asarray((made - made.mean()) / made.std())


def weigh_evidence(codes: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the weight of evidence; of a number, whether it is above its median."""
    is_high = labels if set(np.unique(labels)) <= {0.0, 1.0} else (labels > np.median(labels)).astype(float)
    n, high = count(codes, is_high)
    of_high = (high + 1) / (is_high.sum() + 2)
    of_low = (n - high + 1) / ((1 - is_high).sum() + 2)
    return np.asarray(np.log(of_high / of_low)[codes])


ENCODERS: dict[str, Encode] = {
    "plain": average,
    "leave-one-out": leave_one_out,
    "smoothed": smooth,
    "TargetEncoder": cross_fit,
    "five folds": fold,
    "TargetEncoder of numbers, scaled": cross_fit_numbers,
    "James-Stein, scaled": shrink,
    "weight of evidence": weigh_evidence,
}


def run(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the mean of the earlier labels of each level, drawn to that of all as CatBoost draws it; in time order."""
    order = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes))])[codes[order]]
    before = np.concatenate([[0.0], np.cumsum(labels[order])])
    place = np.arange(len(codes))
    made = np.empty(len(codes))
    made[order] = (before[place] - before[starts] + labels[: len(labels) // 10].mean()) / (place - starts + 1)
    return made


def look_up(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the mean labels of the first quarter of the rows."""
    part = slice(0, len(codes) // 4)
    n = np.bincount(codes[part], minlength=codes.max() + 1)
    sums = np.bincount(codes[part], weights=labels[part], minlength=codes.max() + 1)
    return np.asarray(((sums + labels[part].mean()) / (n + 1))[codes])


def refresh(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return mean labels that were computed anew at each eighth of the rows, from all before."""
    made, cuts = np.full(len(codes), labels[: len(codes) // 8].mean()), np.linspace(0, len(codes), 9).astype(int)
    for start, end in pairwise(cuts[1:]):
        n = np.bincount(codes[:start], minlength=codes.max() + 1)
        sums = np.bincount(codes[:start], weights=labels[:start], minlength=codes.max() + 1)
        made[start:end] = ((sums + labels[:start].mean()) / (n + 1))[codes[start:end]]
    return made


HONEST: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "running": run,
    "of an earlier time": look_up,
    "refreshed": refresh,
}
