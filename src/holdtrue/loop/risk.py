"""Risk watch: what the version in charge promised, and how its measured losses are read against that."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Version
from holdtrue.monitoring import RiskReading, choose_limit, watch_risk

from .order import Evaluation
from .state import LoopPolicy

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
    """

    upper: float
    tolerance: float
    low: float
    high: float
    design_effect: float

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
    )


def restore_watch(version: Version, policy: LoopPolicy) -> RiskWatch:
    """Return the watch of a version from the figures that were kept with it."""
    figures = version.metrics
    tolerance = policy.on_risk.tolerance if policy.on_risk is not None else 0.1
    gain = max(figures.get("baseline_loss", 0.0) - figures.get("candidate_loss", 0.0), 0.0)
    return RiskWatch(
        upper=min(figures.get("risk_upper", version.loss.high), version.loss.high),
        tolerance=max(tolerance * gain, 1e-6 * version.loss.spread),
        low=version.loss.low,
        high=version.loss.high,
        design_effect=figures.get("risk_design_effect", 1.0),
    )
