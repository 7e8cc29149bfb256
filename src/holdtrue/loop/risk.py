"""Risk watch: what the version in charge promised, and how its measured losses are read against that."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Loop, OnRisk, SliceCut, Version
from holdtrue.monitoring import RiskReading, SliceRows, SlicesReading, SliceWatch, choose_limit, watch_risk

from .order import Evaluation

ALERT_RUN_LENGTH_DAYS = 365.0


@dataclass(frozen=True, kw_only=True)
class RiskWatch:
    """The terms of a version's watch.

    Attributes:
        upper: 95 % upper bound of the risk that its evaluation showed.
        tolerance: by how much the risk may rise above that, in the loss's unit.
        low: the lower bound of the loss.
        high: the upper bound of the loss.
        design_effect: of the loss, by which evidence is tempered.
        slices: the declared slices, with what each lost where the version was judged.
    """

    upper: float
    tolerance: float
    low: float
    high: float
    design_effect: float
    slices: tuple[SliceCut, ...] = ()

    @property
    def watches_slices(self) -> bool:
        """Say whether any slice has rows enough to be watched."""
        return any(known.upper is not None for each in self.slices for known in each.references)

    @property
    def alert_run_length_days(self) -> float:
        """Return the average time to a false alert that all rows alone may have.

        Where slices are watched they may have as much together, so that both keep ALERT_RUN_LENGTH_DAYS.
        """
        return ALERT_RUN_LENGTH_DAYS * (2 if self.watches_slices else 1)

    @property
    def limit(self) -> float:
        """Return the mean loss that is still in order, within the range of the loss."""
        return choose_limit(self.upper + self.tolerance, low=self.low, high=self.high)

    def read(
        self, losses: NDArray[np.float64], days: NDArray[np.int64], *, run_length_days: float = ALERT_RUN_LENGTH_DAYS
    ) -> RiskReading:
        """Read losses in the order in which their labels fell due, with the day of each."""
        return watch_risk(
            losses=losses,
            days=days,
            reference_risk_upper=self.upper,
            tolerance=self.tolerance,
            low=self.low,
            high=self.high,
            design_effect=self.design_effect,
            run_length_days=run_length_days,
        )

    def read_both(
        self, losses: NDArray[np.float64], days: NDArray[np.int64], *, on_risk: OnRisk | None
    ) -> tuple[RiskReading | None, RiskReading]:
        """Read the risk at the threshold of the trigger (None without one) and at that of the alert."""
        risk = None if on_risk is None else self.read(losses, days, run_length_days=on_risk.run_length_days)
        is_nearer = on_risk is not None and on_risk.run_length_days <= self.alert_run_length_days
        # Evidence that never reached the nearer threshold never reached the farther one: one walk tells both.
        if risk is not None and is_nearer and not risk.evidence["n_alarms"]:
            return risk, risk
        return risk, self.read(losses, days, run_length_days=self.alert_run_length_days)

    def read_slices(
        self, losses: NDArray[np.float64], days: NDArray[np.int64], rows: tuple[SliceRows, ...]
    ) -> SlicesReading:
        """Read how each declared slice stands; arguments as of `read`, with the rows told apart by `cut_slices`."""
        return self.lay_slices(losses, days, rows).read()

    def lay_slices(
        self, losses: NDArray[np.float64], days: NDArray[np.int64], rows: tuple[SliceRows, ...]
    ) -> SliceWatch:
        """Return the watch of the declared slices over these rows."""
        return SliceWatch(
            losses=losses,
            days=days,
            entries=rows,
            tolerance=self.tolerance,
            low=self.low,
            high=self.high,
            run_length_days=self.alert_run_length_days,
        )


def make_watch(evaluation: Evaluation, *, tolerance_share: float) -> RiskWatch:
    """Return the watch of a version from its evaluation; the tolerance is a share of its gain over the baseline."""
    gain = max(evaluation.baseline_loss - evaluation.candidate_loss, 0.0)
    terms = evaluation.terms
    return RiskWatch(
        upper=min(evaluation.risk_upper, terms.loss_high),
        tolerance=max(tolerance_share * gain, 1e-6 * (terms.loss_high - terms.loss_low)),
        low=terms.loss_low,
        high=terms.loss_high,
        design_effect=evaluation.risk_design_effect,
        slices=evaluation.slices,
    )


def restore_watch(version: Version, loop: Loop) -> RiskWatch:
    """Return the watch of a version from the figures that were kept with it, as its loop is declared now."""
    figures = version.metrics
    on_risk = loop.triggers.on_risk if loop.triggers is not None else None
    tolerance = (on_risk or OnRisk()).tolerance
    gain = max(figures.get("baseline_loss", 0.0) - figures.get("candidate_loss", 0.0), 0.0)
    return RiskWatch(
        upper=min(figures.get("risk_upper", version.loss.high), version.loss.high),
        tolerance=max(tolerance * gain, 1e-6 * version.loss.spread),
        low=version.loss.low,
        high=version.loss.high,
        design_effect=figures.get("risk_design_effect", 1.0),
        slices=tuple(each for each in version.slices if each.columns in loop.watched_slices),
    )
