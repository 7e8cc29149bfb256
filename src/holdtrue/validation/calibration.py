"""Calibration: does what was said with 30 % happen in 30 % of the cases?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Calibrated, Json, ReliabilityBin, Ruling, Task, Verdict
from holdtrue.stats import PairedInterval, holm
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.comparison import choose_block_days, say_about
from holdtrue.validation.contrast import count_to_settle, find_lack, influence_of_mean, measure_contrast
from holdtrue.validation.evaluated import evaluate, find_scarcity
from holdtrue.validation.slope import fit_linear_slope, fit_logistic_slope

CHECK = "calibrated"
ALPHA = 0.05
N_BINS = 10

Floats = NDArray[np.float64]
Days = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """How far answers are from what came.

    Attributes:
        predicted: mean answer (probability of the second of two classes, else of the chosen class; or the number).
        actual: share or mean that came.
        bias: predicted - actual, with its interval.
        error_low: mean over rows of the distance in their bin, never too high on average: signs by the other days.
        error: the same with the signs of the same days, never too low on average.
        slope: of what came on what was predicted; None where there is none to find.
        bins: about equal in rows.
        unit: what 1 means: 1 for shares, the spread of the training labels for numbers.
    """

    predicted: float
    actual: float
    bias: PairedInterval
    error_low: PairedInterval
    error: PairedInterval
    slope: PairedInterval | None
    bins: tuple[ReliabilityBin, ...]
    unit: float

    def describe(self) -> dict[str, Json]:
        """Return the figures, ready for a verdict."""
        return {
            "predicted": self.predicted,
            "actual": self.actual,
            "bias": _describe(self.bias),
            "error": {"estimate": self.error.estimate, "low": self.error_low.low, "high": self.error.high},
            "slope": None if self.slope is None else _describe(self.slope),
            "bins": [
                {"n_rows": b.n_rows, "predicted": b.predicted, "actual": b.actual, "low": b.low, "high": b.high}
                for b in self.bins
            ],
            "unit": self.unit,
        }


def judge_calibrated(check: Calibrated, candidate: Candidate) -> Verdict:
    """Return whether answers are calibrated within the tolerance.

    Two figures rule, at 5 % together (Holm): the bias of all rows, and the mean error over bins. It fails when one is
    shown to be beyond the tolerance, passes when both are shown to be within it, and is inconclusive otherwise. The
    slope says in which way answers err.
    """
    rows = evaluate(candidate)
    if (scarcity := find_scarcity(rows, candidate.scope)) is not None:
        return Verdict(check=CHECK, ruling=Ruling.INCONCLUSIVE, sentence=scarcity)
    unit = 1.0
    if not rows.task.has_classes:
        unit = float(np.std(candidate.train.encoded_labels())) or 1.0
    found = measure_reliability(rows.task, rows.answers, rows.labels, days=rows.days, unit=unit)
    within = check.tolerance * unit
    sides = (found.bias.test_above(within), found.bias.test_below(-within))
    shown = holm([min(1.0, 2 * min(sides)), found.error_low.test_above(within)], alpha=ALPHA)
    ruling = Ruling.INCONCLUSIVE
    if shown.any():
        ruling = Ruling.FAILED
    elif -within <= found.bias.low and found.bias.high <= within and found.error.high <= within:
        ruling = Ruling.PASSED
    n_required = max(count_to_settle(each, tolerance=within) or 0 for each in (found.bias, found.error))
    evidence = found.describe() | {"tolerance": check.tolerance, "required_rows": n_required}
    sentence = _tell(found, ruling, within, n_required, rows.task)
    return Verdict(check=CHECK, ruling=ruling, sentence=sentence, evidence=evidence)


def measure_reliability(
    task: Task, answers: Floats, labels: NDArray[Any], *, days: Days, unit: float = 1.0
) -> Reliability:
    """Return how far answers are from what came; at least 8 days of rows.

    Args:
        task: binary looks at the second class, more classes at the chosen one and whether it was right.
        answers: (n_rows, n_classes) probabilities, or (n_rows,) numbers.
        labels: (n_rows,) class positions, or numbers.
        days: day of each row, shape (n_rows,).
        unit: what 1 means, kept with the result.
    """
    predicted, actual = _pair(task, answers, labels)
    gaps = predicted - actual
    codes = _cut_bins(predicted)
    length = choose_block_days(gaps, days=days)
    is_odd = ((days - days.min()) // length) % 2 == 1
    by_other = np.where(is_odd, _sign_bins(gaps, codes, ~is_odd)[codes], _sign_bins(gaps, codes, is_odd)[codes])
    every = np.ones(len(gaps), dtype=np.bool_)
    fit = fit_logistic_slope if task.has_classes else fit_linear_slope
    slope = fit(predicted, actual)
    return Reliability(
        predicted=float(predicted.mean()),
        actual=float(actual.mean()),
        bias=_measure_mean(gaps, days),
        error_low=_measure_mean(gaps * by_other, days),
        error=_measure_mean(gaps * _sign_bins(gaps, codes, every)[codes], days),
        slope=None if slope is None else measure_contrast(slope[0], slope[1], days=days, held=every),
        bins=tuple(_measure_bin(predicted, actual, codes == code, days) for code in range(int(codes.max()) + 1)),
        unit=unit,
    )


def _pair(task: Task, answers: Floats, labels: NDArray[Any]) -> tuple[Floats, Floats]:
    if not task.has_classes:
        return answers, labels.astype(np.float64)
    if task is Task.BINARY:
        return answers[:, 1], (labels == 1).astype(np.float64)
    return answers.max(axis=1), (answers.argmax(axis=1) == labels).astype(np.float64)


def _cut_bins(predicted: Floats) -> Days:
    """Return the bin of each row: about equal in rows, equal answers together."""
    ordered = np.sort(predicted)
    starts = np.unique(ordered[np.arange(N_BINS) * len(ordered) // N_BINS])
    return (np.searchsorted(starts, predicted, side="right") - 1).astype(np.int64)


def _sign_bins(gaps: Floats, codes: Days, rows: NDArray[np.bool_]) -> Floats:
    """Return for each bin whether these rows were predicted too high (1) or too low (-1)."""
    sums = np.bincount(codes[rows], weights=gaps[rows], minlength=int(codes.max()) + 1)
    return np.where(sums >= 0, 1.0, -1.0)


def _measure_mean(values: Floats, days: Days) -> PairedInterval:
    estimate = float(values.mean())
    return measure_contrast(estimate, values - estimate, days=days, held=np.ones(len(values), dtype=np.bool_))


def _measure_bin(predicted: Floats, actual: Floats, rows: NDArray[np.bool_], days: Days) -> ReliabilityBin:
    came = float(actual[rows].mean())
    interval = None
    if find_lack(days[rows]) is None:
        influences = influence_of_mean(actual, rows.astype(np.float64))
        interval = measure_contrast(came, influences, days=days, held=rows)
    return ReliabilityBin(
        n_rows=int(rows.sum()),
        predicted=float(predicted[rows].mean()),
        actual=came,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
    )


def _describe(interval: PairedInterval) -> dict[str, Json]:
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high, "n_blocks": interval.n_blocks}


def _tell(found: Reliability, ruling: Ruling, within: float, n_required: int, task: Task) -> str:
    heads = {
        Ruling.PASSED: f"Answers are calibrated within {within:.3g}",
        Ruling.FAILED: f"Answers are not calibrated within {within:.3g}; at most 1 chance in 20 that this is luck",
        Ruling.INCONCLUSIVE: f"Not yet known whether answers are calibrated within {within:.3g}",
    }
    what = "predicted" if task is not Task.MULTICLASS else "predicted for the chosen class"
    low, high = max(0.0, found.error_low.low), found.error.high
    words = (
        f"{heads[ruling]}: {found.predicted:.3g} {what} on average, {found.actual:.3g} came (bias between "
        f"{found.bias.low:+.3g} and {found.bias.high:+.3g}); mean error over {len(found.bins)} bins between {low:.3g} "
        f"and {high:.3g}."
    )
    words += _tell_slope(found.slope)
    if ruling is Ruling.INCONCLUSIVE:
        # The nearer what is found lies to the tolerance, the more rows it takes: more of them with a wider one, too.
        words += f" Not enough data: need {say_about(n_required)} rows to tell on which side of {within:.3g} each lies."
    return words


def _tell_slope(slope: PairedInterval | None) -> str:
    if slope is None:
        return ""
    said = "too bold" if slope.high < 1 else "too timid" if slope.low > 1 else "neither too bold nor too timid for sure"
    return f" The slope is {slope.estimate:.2f} (between {slope.low:.2f} and {slope.high:.2f}): answers are {said}."
