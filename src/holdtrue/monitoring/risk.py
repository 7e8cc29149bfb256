"""Risk, watched for as long as a version is in charge: has its mean loss risen beyond what was promised?

Source: risk tracking of Podkopaev and Ramdas (ICLR 2022, arXiv 2110.06177) with the e-detector of Shin, Ramdas and
Rinaldo (arXiv 2203.03532). A day is a batch: while the mean loss stays at most m, the average time to a false alarm
is at least the declared number of days, however often one looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Json, format_count, format_figure
from holdtrue.errors import StatisticsError
from holdtrue.monitoring.alarm import RUN_LENGTH_DAYS, Course, follow_alarms
from holdtrue.stats import Interval, paired_interval

# A limit at the end of the range cannot be bet against; it is kept this share of the range away from both ends.
EDGE_SHARE = 1e-6
TOP_BET = 0.9
ENOUGH_BLOCKS = 20
# Measured on paired losses of refits on flights: a design effect of 24 at about 1,000 rows a day.
WITHIN_DAY = 0.02
N_BETS = 8
# Of fewer days it is not said that they lie in order again.
LEAST_CALM_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class ReferenceRisk:
    """The risk that was measured when a version took charge.

    Attributes:
        mean: mean loss.
        upper: upper end of the one-sided 95 % interval, block-robust.
        design_effect: by how much fewer independent rows there are than rows, at least 1.
        n_rows: labelled rows.
        n_days: days that they lie in.
    """

    mean: float
    upper: float
    design_effect: float
    n_rows: int
    n_days: int


@dataclass(frozen=True, kw_only=True)
class RiskReading:
    """What is known of the risk of the version in charge.

    Attributes:
        has_risen: the evidence has reached the threshold, and none of the other side has ended the alarm since.
        evidence: plain figures: `limit` (the mean loss that is still in order), `log_evidence` and `log_threshold`,
            `share_of_threshold` (0..1), `alarmed_on`, `risen_since` and `calm_since` (day numbers, or None: while an
            alarm stands, the day from which on the mean has been in order again), `n_alarms` so far.
        sentence: the reading for people.
        n_rows: labelled rows.
        mean: their mean loss, since the rise if there is one, else since the last alarm ended; None without rows.
        interval: 95 % interval of that mean, block-robust by day; None with rows of fewer than two days.
    """

    has_risen: bool
    evidence: Mapping[str, Json]
    sentence: str
    n_rows: int
    mean: float | None
    interval: Interval | None


def measure_reference(losses: NDArray[np.float64], *, days: NDArray[np.int64]) -> ReferenceRisk:
    """Return the risk of a version on rows that it was not trained on, with its block-robust upper bound.

    Raises:
        StatisticsError: the rows lie in fewer than two days.
    """
    found = paired_interval(losses, blocks=days, alpha=0.10)
    return ReferenceRisk(
        mean=found.estimate,
        upper=found.high,
        design_effect=found.design_effect,
        n_rows=found.n_rows,
        n_days=found.n_blocks,
    )


def settle_design_effect(measured: float, *, n_rows: int, n_blocks: int) -> float:
    """Return the design effect that evidence is tempered by.

    Few blocks say little about how days move together, and a lucky low figure would make a rollout rash: below
    ENOUGH_BLOCKS it is at least that of a correlation of WITHIN_DAY between the rows of one block.
    """
    if n_blocks >= ENOUGH_BLOCKS or n_blocks < 1:
        return max(1.0, measured)
    return max(1.0, measured, 1 + WITHIN_DAY * (n_rows / n_blocks - 1))


def watch_risk(
    *,
    losses: NDArray[np.float64],
    days: NDArray[np.int64],
    reference_risk_upper: float,
    tolerance: float,
    low: float,
    high: float,
    design_effect: float = 1.0,
    run_length_days: float = RUN_LENGTH_DAYS,
    floor: float | None = None,
) -> RiskReading:
    """Say whether the mean loss has risen above m = min(reference_risk_upper + tolerance, floor).

    Args:
        losses: in the order in which their labels fell due, within [low, high], shape (n_rows,).
        days: day of each row (whole numbers), never falling, shape (n_rows,). Days without labels are not counted.
        reference_risk_upper: upper bound of the risk when the version took charge, see `measure_reference`.
        tolerance: how much more is accepted, in the unit of the loss.
        low: smallest possible loss.
        high: largest possible loss.
        design_effect: each day's evidence is divided by it. A HEURISTIC for days that move together: without a theorem.
        run_length_days: average number of days to a false alarm that is accepted.
        floor: worst mean loss that the team has declared acceptable; None for none.

    Raises:
        StatisticsError: a loss is infinite, NaN or outside the range; the days fall; the arrays differ in length.
    """
    _check_days(losses, days)
    limit = choose_limit(reference_risk_upper + tolerance, floor=floor, low=low, high=high)
    (course,) = follow_alarms(
        losses,
        days=days,
        members=np.zeros(len(losses), dtype=np.int64),
        limits=np.array([limit]),
        low=low,
        high=high,
        design_effects=np.array([design_effect]),
        run_length_days=run_length_days,
    )
    begins_after = course.begins_after
    chosen = np.ones(len(losses), dtype=bool) if begins_after is None else days > begins_after
    since = None
    if course.standing is not None:
        since = find_rise(losses[chosen], days=days[chosen], limit=limit, low=low)
        chosen &= days >= since
    return _tell_reading(
        course, losses=losses[chosen], days=days[chosen], n_rows=len(losses), limit=limit, high=high, since=since,
        log_threshold=float(np.log(run_length_days)),
    )  # fmt: skip


def choose_limit(promised: float, *, low: float, high: float, floor: float | None = None) -> float:
    """Return the mean loss that is still in order: what was promised or the floor, kept off the ends of the range."""
    wished = promised if floor is None else min(promised, floor)
    edge = EDGE_SHARE * (high - low)
    return float(np.clip(wished, low + edge, high - edge))


def find_rise(losses: NDArray[np.float64], *, days: NDArray[np.int64], limit: float, low: float) -> int:
    """Return the day on which the luckiest of the bettors began: the most likely beginning of the rise."""
    named, since = _gain_since(losses - limit, days=days, reach=limit - low)
    return int(named[int(since.argmax())])


def find_calm(losses: NDArray[np.float64], *, days: NDArray[np.int64], limit: float, high: float) -> int | None:
    """Return the day from which on a mean that had risen lies below the limit again, most likely; None if not.

    At least LEAST_CALM_DAYS days with labels must say so. It describes the latest days, and ends no alarm: that takes
    evidence (`follow_alarms`).
    """
    named, since = _gain_since(limit - losses, days=days, reach=high - limit)
    since = since[: max(0, len(named) - LEAST_CALM_DAYS + 1)]
    if not len(since) or since.max() <= 0:
        return None
    return int(named[int(since.argmax())])


def _gain_since(
    gaps: NDArray[np.float64], *, days: NDArray[np.int64], reach: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the days, and what the luckiest bettor on a mean gap above 0 has won who began on each of them."""
    named, numbers = np.unique(days, return_inverse=True)
    bets = TOP_BET / reach * 0.5 ** np.arange(N_BETS)
    gains = np.array([np.bincount(numbers, weights=np.log1p(bet * gaps)) for bet in bets])
    since: NDArray[np.float64] = np.cumsum(gains[:, ::-1], axis=1)[:, ::-1].max(axis=0)
    return named, since


def tell_calm(losses: NDArray[np.float64], *, days: NDArray[np.int64]) -> str:
    """Say that the latest rows of a mean that had risen lie in order again; "" without rows."""
    if not len(losses):
        return ""
    n_days = len(np.unique(days))
    spread = _say_spread(paired_interval(losses, blocks=days).interval if n_days >= 2 else None)
    return (
        f"Of late it is in order again: mean loss {format_figure(float(losses.mean()))}{spread} from "
        f"{format_count(len(losses), 'label')} of the last {n_days} days. The alert ends once there is evidence "
        "enough that it stays so."
    )


def _tell_reading(
    course: Course,
    *,
    losses: NDArray[np.float64],
    days: NDArray[np.int64],
    n_rows: int,
    limit: float,
    high: float,
    since: int | None,
    log_threshold: float,
) -> RiskReading:
    has_risen = since is not None
    n_days = len(np.unique(days))
    interval = paired_interval(losses, blocks=days).interval if n_days >= 2 else None
    mean = float(losses.mean()) if len(losses) else None
    is_seen = bool(np.isfinite(course.log_evidence))
    share = float(np.clip(course.log_evidence / log_threshold, 0, 1)) if log_threshold > 0 else 1.0
    standing = course.standing
    calm_since = find_calm(losses, days=days, limit=limit, high=high) if has_risen else None
    evidence: dict[str, Json] = {
        "limit": limit,
        "log_evidence": course.log_evidence if is_seen else None,
        "log_threshold": log_threshold,
        "share_of_threshold": share if is_seen else 0.0,
        "alarmed_on": None if standing is None else standing.opened_on,
        "n_alarms": len(course.alarms),
        "risen_since": since,
        "calm_since": calm_since,
    }
    sentence = _say_reading(mean=mean, interval=interval, n_rows=len(losses), limit=limit, has_risen=has_risen)
    if calm_since is not None:
        sentence += f" {tell_calm(losses[days >= calm_since], days=days[days >= calm_since])}"
    return RiskReading(
        has_risen=has_risen, evidence=evidence, sentence=sentence, n_rows=n_rows, mean=mean, interval=interval
    )


def _say_reading(*, mean: float | None, interval: Interval | None, n_rows: int, limit: float, has_risen: bool) -> str:
    if mean is None:
        return "No labels have fallen due yet, so nothing is known of the risk."
    labels = format_count(n_rows, "label")
    measured = (
        f"mean loss {format_figure(mean)}{_say_spread(interval)} from {labels}, in order up to {format_figure(limit)}"
    )
    if has_risen:
        return f"The risk has risen: since the rise {measured}."
    return f"The risk has not risen: {measured}. That does not say that retraining cannot help."


def _say_spread(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f" (between {format_figure(interval.low)} and {format_figure(interval.high)})"


def _check_days(losses: NDArray[np.float64], days: NDArray[np.int64]) -> None:
    if losses.shape != days.shape or losses.ndim != 1:
        raise StatisticsError(
            f"losses have the shape {losses.shape}, days {days.shape}", expected="one day for each loss, (n_rows,)"
        )
    if len(days) and (np.diff(days) < 0).any():
        raise StatisticsError(
            "the days fall", expected="rows in the order in which their labels fell due", remedy="sort them by due time"
        )
