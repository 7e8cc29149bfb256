"""Evidence: what the matured rows of a rollout say of the challenger against the champion.

Paired rows (both versions answered the same request) go into one e-process on the difference of their losses, over all
stages. Where the version that does not answer was not asked, the randomised difference of Howard, Ramdas, McAuliffe and
Sekhon (2021) takes its place. Each unit counts once, at its first exposure. Both are anytime-valid, so the evidence may
be weighed anew at every tick; tempering by the design effect is a heuristic (see `EProcess.crosses`).
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import RolloutTerms
from holdtrue.stats import (
    EProcess,
    Interval,
    confidence_sequence,
    randomised_confidence_sequence,
    randomised_differences,
    randomised_range,
)

from .skew import Skew

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Exposures:
    """The matured rows of a rollout in the order in which their labels fell due, one for each unit.

    Attributes:
        challenger_loss: (n_rows,) loss of the challenger's answer; nan where it was not asked or its label is missing.
        champion_loss: (n_rows,) the same of the champion.
        is_challenger: (n_rows,) whether the challenger's answer is the one that was given.
        share: (n_rows,) the challenger's share of traffic at that time; 0 in shadow.
        stage: (n_rows,) position of the stage in the plan.
    """

    challenger_loss: Floats
    champion_loss: Floats
    is_challenger: NDArray[np.bool_]
    share: Floats
    stage: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.share)

    def first(self, n_rows: int) -> "Exposures":
        """Return the first rows alone."""
        return Exposures(
            challenger_loss=self.challenger_loss[:n_rows],
            champion_loss=self.champion_loss[:n_rows],
            is_challenger=self.is_challenger[:n_rows],
            share=self.share[:n_rows],
            stage=self.stage[:n_rows],
        )

    @classmethod
    def none(cls) -> "Exposures":
        """Return no rows at all."""
        empty = np.zeros(0)
        return cls(
            challenger_loss=empty,
            champion_loss=empty,
            is_challenger=np.zeros(0, dtype=np.bool_),
            share=empty,
            stage=np.zeros(0, dtype=np.int64),
        )


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known at this moment. Differences are challenger minus champion: above 0, the challenger is worse.

    Attributes:
        n_rows: rows (pairs, or randomised rows) that count.
        n_missing: matured rows whose label has not come.
        n_stage: rows that count towards the present stage (the challenger's own, when unpaired).
        n_exposed: answers that the challenger gave to someone, matured or not among these rows.
        estimate: mean difference; None without rows.
        interval: confidence sequence at 95 %; None without rows.
        z: estimate over its tempered standard error: a guide for waiting, never for stopping.
        harm: largest tempered log-evidence so far that the challenger is worse.
        proof: largest tempered log-evidence so far that it is not worse by the margin.
        n_streams: streams of evidence that may abort; the budget is shared among them.
        skew: a column of the requests that the challenger never learned; None when there is none.
        failing: says that the challenger leaves rows unanswered that the champion answers; None when it does not.
    """

    n_rows: int
    n_missing: int
    n_stage: int
    n_exposed: int
    estimate: float | None = None
    interval: Interval | None = None
    z: float = 0.0
    harm: float = 0.0
    proof: float = 0.0
    n_streams: int = 1
    skew: Skew | None = None
    failing: str | None = None

    def shows_harm(self, budget: float) -> bool:
        """Say whether harm is shown within an abort budget shared by all streams (threshold S/alpha)."""
        return self.harm >= math.log(self.n_streams / budget)

    def shows_no_worse(self, alpha: float = 0.05) -> bool:
        """Say whether it is proved that the challenger is not worse by the margin."""
        return self.proof >= -math.log(alpha)


def weigh_exposures(rows: Exposures, terms: RolloutTerms, *, stage_index: int, is_paired: bool) -> Evidence:
    """Weigh the rows of a rollout; `is_paired` says how the present stage compares."""
    paired = ~np.isnan(rows.challenger_loss) & ~np.isnan(rows.champion_loss)
    answered = np.where(rows.is_challenger, rows.challenger_loss, rows.champion_loss)
    alone = ~paired & ~np.isnan(answered) & (rows.share > 0) & (rows.share < 1)
    in_stage = rows.stage == stage_index
    parts = [_weigh_pairs(rows, paired, terms)] if paired.any() else []
    if alone.any():
        parts.append(_weigh_randomised(rows, alone, answered, terms))
    counted = paired | (alone & rows.is_challenger)
    # The part that the present stage adds to speaks for itself; harm may be shown by any part.
    present = parts[-1] if parts and not is_paired else (parts[0] if parts else None)
    return Evidence(
        n_rows=int((paired | alone).sum()),
        n_missing=int((~paired & ~alone).sum()),
        n_stage=int((counted & in_stage).sum()),
        n_exposed=int(rows.is_challenger.sum()),
        estimate=present.estimate if present else None,
        interval=present.interval if present else None,
        z=max((part.z for part in parts), default=0.0),
        harm=max((part.harm for part in parts), default=0.0),
        proof=present.proof if present else 0.0,
        n_streams=max(1, len(parts)),
    )


@dataclass(frozen=True)
class _Stream:
    estimate: float
    interval: Interval
    z: float
    harm: float
    proof: float


def _weigh_pairs(rows: Exposures, paired: NDArray[np.bool_], terms: RolloutTerms) -> _Stream:
    spread = terms.loss_high - terms.loss_low
    differences = np.clip((rows.challenger_loss - rows.champion_loss)[paired], -spread, spread)
    effect = terms.design_effect
    harm = EProcess.start(low=-spread, high=spread, mean=0.0, side="above").update(differences)
    proof = EProcess.start(low=-spread, high=spread, mean=min(terms.margin, spread / 2), side="below").update(
        differences
    )
    return _Stream(
        estimate=float(differences.mean()),
        interval=confidence_sequence(differences, low=-spread, high=spread, design_effect=effect),
        z=_tempered_z(differences, effect),
        harm=harm.log_e_max / effect,
        proof=proof.log_e_max / effect,
    )


def _weigh_randomised(rows: Exposures, alone: NDArray[np.bool_], answered: Floats, terms: RolloutTerms) -> _Stream:
    # Assignment is drawn anew for each unit, so these differences need no tempering: given the past their mean is that
    # of the difference, whatever the day brings to both.
    share, losses = rows.share[alone], answered[alone]
    differences = randomised_differences(
        is_challenger=rows.is_challenger[alone], share=share, losses=losses, champion_risk=terms.champion_risk
    )
    harm: EProcess | None = None
    proof: EProcess | None = None
    for start, end in _runs(share):
        low, high = randomised_range([share[start]], terms.loss_low, terms.loss_high, terms.champion_risk)
        margin = min(terms.margin, high / 2)
        harm = _continue(harm, low=low, high=high, mean=0.0, side="above").update(differences[start:end])
        proof = _continue(proof, low=low, high=high, mean=margin, side="below").update(differences[start:end])
    return _Stream(
        estimate=float(differences.mean()),
        interval=randomised_confidence_sequence(
            differences,
            shares=share,
            low=terms.loss_low,
            high=terms.loss_high,
            champion_risk=terms.champion_risk,
        ),
        z=_tempered_z(differences, 1.0),
        harm=harm.log_e_max if harm else 0.0,
        proof=proof.log_e_max if proof else 0.0,
    )


def _continue(process: EProcess | None, *, low: float, high: float, mean: float, side: str) -> EProcess:
    if process is None:
        return EProcess.start(low=low, high=high, mean=mean, side="above" if side == "above" else "below")
    return process.with_range(low=low, high=high)


def _runs(values: Floats) -> list[tuple[int, int]]:
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return list(pairwise(edges))


def _tempered_z(differences: Floats, effect: float) -> float:
    if len(differences) < 2:
        return 0.0
    error = float(differences.std(ddof=1)) * math.sqrt(effect / len(differences))
    return float(differences.mean()) / error if error > 0 else 0.0
