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

from holdtrue.domain import Json
from holdtrue.errors import StatisticsError
from holdtrue.stats import EDetector, Interval, paired_interval

RUN_LENGTH_DAYS = 365.0
# A limit at the end of the range cannot be bet against; it is kept this share of the range away from both ends.
EDGE_SHARE = 1e-6
TOP_BET = 0.9


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
        has_risen: the evidence has reached the threshold, and has not gone since.
        evidence: plain figures: `limit` (the mean loss that is still in order), `log_evidence` and `log_threshold`,
            `share_of_threshold` (0..1), `alarmed_on` and `risen_since` (day numbers, or None), `n_alarms` so far.
        sentence: the reading for people.
        n_rows: labelled rows.
        mean: their mean loss, since the rise if there is one; None without rows.
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
    detector = EDetector.start(low=low, high=high, mean=limit, design_effect=design_effect)
    state = _follow_days(detector, losses=losses, days=days, log_threshold=float(np.log(run_length_days)))
    since = None if state.alarmed_on is None else _find_rise(losses, days=days, detector=detector)
    chosen = np.ones(len(losses), dtype=bool) if since is None else days >= since
    return _tell_reading(state, losses=losses[chosen], days=days[chosen], n_rows=len(losses), limit=limit, since=since)


@dataclass(frozen=True, kw_only=True)
class _State:
    log_evidence: float
    log_threshold: float
    alarmed_on: int | None
    n_alarms: int


def _follow_days(
    detector: EDetector, *, losses: NDArray[np.float64], days: NDArray[np.int64], log_threshold: float
) -> _State:
    """Follow the evidence day by day; an alarm ends when the evidence has fallen back to where a bettor starts."""
    alarmed_on, n_alarms = None, 0
    named, starts = np.unique(days, return_index=True)
    for day, batch in zip(named, np.split(losses, starts[1:]), strict=False):  # no rows: no day, one empty batch
        detector = detector.update_batch(batch)
        if alarmed_on is None and detector.log_m >= log_threshold:
            alarmed_on, n_alarms = int(day), n_alarms + 1
        elif detector.log_m <= 0:
            alarmed_on = None
    return _State(log_evidence=detector.log_m, log_threshold=log_threshold, alarmed_on=alarmed_on, n_alarms=n_alarms)


def choose_limit(promised: float, *, low: float, high: float, floor: float | None = None) -> float:
    """Return the mean loss that is still in order: what was promised or the floor, kept off the ends of the range."""
    wished = promised if floor is None else min(promised, floor)
    edge = EDGE_SHARE * (high - low)
    return float(np.clip(wished, low + edge, high - edge))


def _find_rise(losses: NDArray[np.float64], *, days: NDArray[np.int64], detector: EDetector) -> int:
    """Return the day on which the luckiest of the bettors began: the most likely beginning of the rise."""
    named, numbers = np.unique(days, return_inverse=True)
    boldest = TOP_BET / (detector.mean - detector.low)
    bets = boldest * 0.5 ** np.arange(len(detector.log_sums))
    gains = np.array([np.bincount(numbers, weights=np.log1p(bet * (losses - detector.mean))) for bet in bets])
    since = np.cumsum(gains[:, ::-1], axis=1)[:, ::-1]
    return int(named[int(since.max(axis=0).argmax())])


def _tell_reading(
    state: _State,
    *,
    losses: NDArray[np.float64],
    days: NDArray[np.int64],
    n_rows: int,
    limit: float,
    since: int | None,
) -> RiskReading:
    has_risen = since is not None
    n_days = len(np.unique(days))
    interval = paired_interval(losses, blocks=days).interval if n_days >= 2 else None
    mean = float(losses.mean()) if len(losses) else None
    is_seen = bool(np.isfinite(state.log_evidence))
    share = float(np.clip(state.log_evidence / state.log_threshold, 0, 1)) if state.log_threshold > 0 else 1.0
    evidence: dict[str, Json] = {
        "limit": limit,
        "log_evidence": state.log_evidence if is_seen else None,
        "log_threshold": state.log_threshold,
        "share_of_threshold": share if is_seen else 0.0,
        "alarmed_on": state.alarmed_on,
        "n_alarms": state.n_alarms,
        "risen_since": since,
    }
    sentence = _say_reading(mean=mean, interval=interval, n_rows=len(losses), limit=limit, has_risen=has_risen)
    return RiskReading(
        has_risen=has_risen, evidence=evidence, sentence=sentence, n_rows=n_rows, mean=mean, interval=interval
    )


def _say_reading(*, mean: float | None, interval: Interval | None, n_rows: int, limit: float, has_risen: bool) -> str:
    if mean is None:
        return "No labels have fallen due yet, so nothing is known of the risk."
    spread = "" if interval is None else f" (between {interval.low:.4g} and {interval.high:.4g})"
    measured = f"mean loss {mean:.4g}{spread} from {n_rows:,} labels, in order up to {limit:.4g}"
    if has_risen:
        return f"The risk has risen: since the rise {measured}."
    return f"The risk has not risen: {measured}. That does not say that retraining cannot help."


def _check_days(losses: NDArray[np.float64], days: NDArray[np.int64]) -> None:
    if losses.shape != days.shape or losses.ndim != 1:
        raise StatisticsError(
            f"losses have the shape {losses.shape}, days {days.shape}", expected="one day for each loss, (n_rows,)"
        )
    if len(days) and (np.diff(days) < 0).any():
        raise StatisticsError(
            "the days fall", expected="rows in the order in which their labels fell due", remedy="sort them by due time"
        )
