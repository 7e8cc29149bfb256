"""Simulated watching: what is flagged though nothing changed, and after how many days a change is found."""

from collections import deque
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.special import kolmogorov, ndtr

from holdtrue.data import FrameProfile, profile_frame
from holdtrue.monitoring import DriftReport, measure_reference, report_drift, watch_risk
from holdtrue.stats import auc_interval, paired_interval

N_FEATURES, REFERENCE_DAYS, WEEK = 50, 60, 7
Floats = NDArray[np.float64]
Flags = Callable[[Floats, Floats], bool]


def draw_day(rng: np.random.Generator, n_rows: int, *, wobble: float = 0.0, shift: float = 0.0) -> Floats:
    """Return (n_rows, 50) numbers: the mean of each feature wobbles from day to day; a shift is in the first alone."""
    day = rng.normal(size=(n_rows, N_FEATURES)) + wobble * rng.normal(size=N_FEATURES)
    day[:, 0] += shift
    return day


class Watch:
    """Watches the features by day and by sliding week, each with half of the yearly budget of one false move."""

    def __init__(self, days: list[Floats]) -> None:
        self.kept = profile_frame(_frame(np.concatenate(days)))
        self.own_days = [profile_frame(_frame(day), like=self.kept) for day in days]
        self.daily: list[DriftReport] = []
        self.weekly: list[DriftReport] = []
        self.week: deque[FrameProfile] = deque(maxlen=WEEK)

    def look(self, day: Floats) -> set[str]:
        """Return the features that stand as moved after one more day."""
        profile = profile_frame(_frame(day), like=self.kept)
        self.week.append(profile)
        moved = self._report(profile, self.daily)
        if len(self.week) == WEEK:
            whole = self.week[0]
            for each in list(self.week)[1:]:
                whole = whole.add(each)
            moved |= self._report(whole, self.weekly)
        return moved

    def _report(self, profile: FrameProfile, reports: list[DriftReport]) -> set[str]:
        report = report_drift(self.kept, profile, own_days=self.own_days, earlier=reports, budget=0.5)
        reports[:] = [*reports[-1:], report]
        return {each.column for each in report.moved}


def count_false_moves(rng: np.random.Generator, *, n_days: int, n_rows: int, wobble: float) -> int:
    """Return how many moves begin in days without a change; a feature that stays moved is one."""
    watch = Watch([draw_day(rng, n_rows, wobble=wobble) for _ in range(REFERENCE_DAYS)])
    standing: set[str] = set()
    n_begun = 0
    for _ in range(n_days):
        moved = watch.look(draw_day(rng, n_rows, wobble=wobble))
        n_begun += len(moved - standing)
        standing = moved
    return n_begun


def find_shift(rng: np.random.Generator, *, n_rows: int, shift: float, most_days: int = 30) -> int:
    """Return the days until the shifted feature has moved, after a quiet week."""
    watch = Watch([draw_day(rng, n_rows) for _ in range(REFERENCE_DAYS)])
    for _ in range(WEEK):
        watch.look(draw_day(rng, n_rows))
    for day in range(1, most_days + 1):
        if "f0" in watch.look(draw_day(rng, n_rows, shift=shift)):
            return day
    return most_days + 1


def ks_rejects(reference: Floats, current: Floats, *, level: float) -> bool:
    """Textbook two-sample Kolmogorov-Smirnov; the reference is sorted."""
    points = np.sort(current)
    n, m = len(reference), len(points)
    below = np.searchsorted(reference, points, side="right") / n
    distance = max(np.abs(below - np.arange(1, m + 1) / m).max(), np.abs(below - np.arange(m) / m).max())
    return bool(kolmogorov(np.sqrt(n * m / (n + m)) * distance) < level)


def measure_wasserstein(reference: Floats, current: Floats) -> float:
    """In standard deviations of the reference; by 1,000 quantiles."""
    grid = (np.arange(1_000) + 0.5) / 1_000
    apart = np.quantile(reference, grid) - np.quantile(current, grid)
    return float(np.abs(apart).mean() / reference.std())


def exceeds_psi(reference: Floats, current: Floats) -> bool:
    edges = np.quantile(reference, np.arange(1, 10) / 10)
    p, q = (np.bincount(np.searchsorted(edges, x), minlength=10) / len(x) for x in (reference, current))
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return bool(((p - q) * np.log(p / q)).sum() > 0.2)


def exceeds_like_evidently(reference: Floats, current: Floats) -> bool:
    """Its default for numbers: K-S p < .05 up to 1,000 rows of reference, else normalised Wasserstein >= .1."""
    if len(reference) <= 1_000:
        return ks_rejects(reference, current, level=0.05)
    return measure_wasserstein(reference, current) >= 0.1


def exceeds_like_nannyml(reference: Floats, current: Floats) -> bool:
    """Its default for numbers: Jensen-Shannon distance > .1 on Doane's bins of the reference."""
    edges = np.histogram_bin_edges(reference, "doane")
    p, q = (np.histogram(x, edges)[0] / len(x) for x in (reference, current))
    p, q = np.append(p, max(0.0, 1 - p.sum())), np.append(q, max(0.0, 1 - q.sum()))
    return bool(jensenshannon(p, q, base=2) > 0.1)


RULES: dict[str, Flags] = {
    "K-S p < .05": lambda before, now: ks_rejects(before, now, level=0.05),
    "K-S p < .05 / 50 (Bonferroni)": lambda before, now: ks_rejects(before, now, level=0.05 / N_FEATURES),
    "Wasserstein > .1": lambda before, now: measure_wasserstein(before, now) > 0.1,
    "PSI > .2": exceeds_psi,
    "Evidently-like default": exceeds_like_evidently,
    "NannyML-like default": exceeds_like_nannyml,
}


def count_flags(
    rng: np.random.Generator, *, n_days: int, n_rows: int, n_reference: int, wobble: float
) -> dict[str, float]:
    """Return the flags of each rule a model-year, when nothing has changed."""
    per_day = n_reference // REFERENCE_DAYS
    reference = np.sort(np.concatenate([draw_day(rng, per_day, wobble=wobble) for _ in range(REFERENCE_DAYS)]), axis=0)
    counts = dict.fromkeys(RULES, 0)
    for _ in range(n_days):
        day = draw_day(rng, n_rows, wobble=wobble)
        for name, rule in RULES.items():
            counts[name] += sum(rule(reference[:, k], day[:, k]) for k in range(N_FEATURES))
    return {name: n * 365 / n_days for name, n in counts.items()}


def share_seen(rng: np.random.Generator, *, shift: float, n_rows: int, n_runs: int) -> dict[str, float]:
    """Return how often each rule sees a shift on its first day."""
    reference = np.sort(rng.normal(size=60_000))
    days = [rng.normal(shift, 1, n_rows) for _ in range(n_runs)]
    return {name: float(np.mean([rule(reference, day) for day in days])) for name, rule in RULES.items()}


class Ddm:
    """The drift detection method of Gama et al. (2004), with its usual 30 rows and 3 standard deviations."""

    def __init__(self) -> None:
        self.n, self.n_errors, self.lowest = 0, 0, (np.inf, 0.0)

    def alarms_on(self, error: bool) -> bool:
        self.n, self.n_errors = self.n + 1, self.n_errors + int(error)
        p = self.n_errors / self.n
        s = np.sqrt(p * (1 - p) / self.n)
        if self.n < 30:
            return False
        if p + s <= sum(self.lowest):
            self.lowest = (p, s)
        has_risen = p + s > self.lowest[0] + 3 * self.lowest[1]
        if has_risen:
            self.__init__()  # type: ignore[misc]
        return bool(has_risen)


def try_risk(
    n_runs: int, seed: int, *, holdout_days: int, tolerance: float = 0.005, a_day: int = 100
) -> dict[str, float]:
    """Error 10 % for a year: false alerts; then 15 %: days until the alert (100 labels a day).

    What was promised is measured on a holdout: the longer it is, the closer its upper bound lies to the truth.
    """
    rng = np.random.default_rng([seed, 5])
    waits, limits, n_false = [], [], 0
    for _ in range(n_runs):
        holdout = (rng.random(holdout_days * a_day) < 0.10).astype(float)
        upper = measure_reference(holdout, days=np.arange(holdout_days).repeat(a_day)).upper
        limits.append(upper + tolerance)
        quiet, raised = rng.random(365 * a_day) < 0.10, rng.random(60 * a_day) < 0.15
        n_false += _watch(quiet, upper, tolerance, a_day)[1]
        # After a quiet month, as far as the month itself is quiet.
        alarmed_on, _ = _watch(np.concatenate([quiet[: 30 * a_day], raised]), upper, tolerance, a_day)
        waits.append(np.inf if alarmed_on is None else max(alarmed_on - 29, 0))
    return {
        "holdout_days": holdout_days, "tolerance": tolerance, "limit_median": float(np.median(limits)),
        "median_days": float(np.median(waits)), "days_90": float(np.quantile(waits, 0.9)),
        "false_alerts_a_year": n_false / n_runs,
    }  # fmt: skip


def try_ddm(n_runs: int, seed: int, *, a_day: int = 100) -> dict[str, float]:
    """The same for DDM, which knows no promise."""
    rng = np.random.default_rng([seed, 8])
    waits, n_false = [], 0
    for _ in range(n_runs):
        quiet, raised = rng.random(365 * a_day) < 0.10, rng.random(60 * a_day) < 0.15
        ddm = Ddm()
        n_false += sum(ddm.alarms_on(error) for error in quiet)
        ddm = Ddm()
        for error in quiet[: 30 * a_day]:
            ddm.alarms_on(error)
        place = next((i for i, error in enumerate(raised) if ddm.alarms_on(error)), None)
        waits.append(np.inf if place is None else place // a_day + 1)
    return {"median_days": float(np.median(waits)), "false_alerts_a_year": n_false / n_runs}


def _watch(errors: NDArray[np.bool_], upper: float, tolerance: float, a_day: int) -> tuple[int | None, int]:
    days = np.arange(len(errors)) // a_day
    found = watch_risk(
        losses=errors.astype(float), days=days, reference_risk_upper=upper, tolerance=tolerance, low=0, high=1
    )
    alarmed_on, n_alarms = found.evidence["alarmed_on"], found.evidence["n_alarms"]
    assert isinstance(n_alarms, int)
    return (alarmed_on if isinstance(alarmed_on, int) else None), n_alarms


def try_coverage(n_runs: int, seed: int, *, n_blocks: int, a_block: int = 100) -> list[dict[str, float]]:
    """Return how often shown 95 % intervals hold the truth, where rows of a day move together."""
    found = []
    for deff in (1.0, 7.0, 40.0):
        rng = np.random.default_rng([seed, int(deff), n_blocks])
        share = (deff - 1) / (a_block - 1)  # of the variance that is the day's
        # Two normals of variance 1 whose means are 1 apart; rows of one day are apart by the day as well.
        true_area = ndtr(np.sqrt(0.5)) * (1 - 1 / n_blocks) + ndtr(1 / np.sqrt(2 + 2 * share)) / n_blocks
        days = np.arange(n_blocks).repeat(a_block)
        held = {"paired, by days": 0, "AUC, by days": 0, "paired, rows taken as independent": 0}
        for _ in range(n_runs):
            day = rng.normal(size=n_blocks)[days]
            rows = np.sqrt(share) * day + np.sqrt(1 - share) * rng.normal(size=len(days))
            robust, naive = paired_interval(rows, blocks=days), paired_interval(rows)
            held["paired, by days"] += robust.low <= 0 <= robust.high
            held["paired, rows taken as independent"] += naive.low <= 0 <= naive.high
            positives = rng.random(len(days)) < 0.3
            scores = rows + positives  # the day moves all scores of one class against the other
            lower = -np.sqrt(share) * day + rng.normal(size=len(days)) * np.sqrt(1 - share)
            scores = np.where(positives, scores, lower)
            area = auc_interval(scores, positives, blocks=days)
            held["AUC, by days"] += area.low <= true_area <= area.high
        found.append({"deff": deff, "n_blocks": n_blocks} | {name: n / n_runs for name, n in held.items()})
    return found


def _frame(rows: Floats) -> pl.DataFrame:
    return pl.DataFrame({f"f{k}": rows[:, k] for k in range(N_FEATURES)})
