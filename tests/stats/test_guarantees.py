"""Short forms of the simulations behind the defaults: 20,000 units, 0/1 loss, champion error 10 %, alpha 5 %."""

from dataclasses import dataclass

import numpy as np
import pytest

from holdtrue.stats import EDetector, EProcess, has_family_alarmed, randomised_differences, randomised_range

N_UNITS = 20_000
ALPHA = 0.05
MARGIN = 0.01


@dataclass(frozen=True)
class Design:
    """How a challenger's risk is compared with the champion's; share None = both answer every unit (shadow)."""

    share: float | None

    def draw(self, rng: np.random.Generator, worse: float) -> np.ndarray:
        if self.share is None:  # pairs that disagree on 10 % of the units
            return rng.choice([1.0, -1.0, 0.0], N_UNITS, p=[0.05 + worse / 2, 0.05 - worse / 2, 0.9])
        is_challenger = rng.random(N_UNITS) < self.share
        losses = (rng.random(N_UNITS) < 0.1 + worse * is_challenger).astype(float)
        return randomised_differences(is_challenger=is_challenger, share=self.share, losses=losses, champion_risk=0.1)

    @property
    def range(self) -> tuple[float, float]:
        return (-1.0, 1.0) if self.share is None else randomised_range(self.share, 0, 1, champion_risk=0.1)

    def aborts(self, x: np.ndarray) -> bool:
        return EProcess.start(low=self.range[0], high=self.range[1], mean=0.0).update(x).crosses(ALPHA)

    def promotes(self, x: np.ndarray) -> bool:
        start = EProcess.start(low=self.range[0], high=self.range[1], mean=MARGIN, side="below")
        return start.update(x).crosses(ALPHA)

    def find_abort(self, x: np.ndarray) -> float:
        """Rows until the abort: the supremum only grows, so halving finds the row."""
        if not self.aborts(x):
            return np.inf
        early, late = 0, len(x)
        while late - early > 1:
            middle = (early + late) // 2
            early, late = (early, middle) if self.aborts(x[:middle]) else (middle, late)
        return late


SHADOW, HALF, TENTH = Design(None), Design(0.5), Design(0.1)
DESIGNS = pytest.mark.parametrize("design", [SHADOW, HALF, TENTH], ids=["shadow", "half", "tenth"])


@DESIGNS
def test_an_equal_challenger_is_rarely_aborted_though_every_row_is_looked_at(design: Design) -> None:
    rng = np.random.default_rng(11)
    false_aborts = sum(design.aborts(design.draw(rng, 0.0)) for _ in range(300))
    assert false_aborts / 300 <= ALPHA


@DESIGNS
def test_a_challenger_one_point_worse_is_rarely_promoted_at_a_margin_of_one_point(design: Design) -> None:
    rng = np.random.default_rng(12)
    false_promotions = sum(design.promotes(design.draw(rng, 0.01)) for _ in range(300))
    assert false_promotions / 300 <= ALPHA


@pytest.mark.parametrize(
    ("design", "worse", "rows"),
    [
        (SHADOW, 0.02, 1890),
        (SHADOW, 0.05, 340),
        (SHADOW, 0.10, 80),
        (HALF, 0.02, 7530),
        (HALF, 0.05, 1330),
        (HALF, 0.10, 420),
        (TENTH, 0.05, 3580),
        (TENTH, 0.10, 990),
    ],
)
def test_harm_is_found_after_the_expected_rows(design: Design, worse: float, rows: int) -> None:
    rng = np.random.default_rng(13)
    found = np.median([design.find_abort(design.draw(rng, worse)) for _ in range(80)])
    assert found == pytest.approx(rows, rel=0.25)


def test_a_family_of_fifty_detectors_is_silent_for_a_year_and_finds_a_quarter_sigma_in_days() -> None:
    rng = np.random.default_rng(14)
    detectors = [EDetector.start(low=0, high=1, mean=0.5 + 0.02, side="above") for _ in range(50)]
    for _ in range(100):
        detectors = [d.update_batch(rng.random(1000)) for d in detectors]
        assert not has_family_alarmed(detectors, 365)
    shifted = 0
    while not has_family_alarmed(detectors, 365):
        # .25 sigma of a normal moves the mean rank from .5 to .57
        batches = rng.random((50, 1000))
        batches[0] = batches[0] ** (0.43 / 0.57)
        detectors = [d.update_batch(b) for d, b in zip(detectors, batches, strict=True)]
        shifted += 1
    assert shifted <= 5


def test_a_risen_error_is_found_within_days_of_its_labels() -> None:
    rng = np.random.default_rng(15)
    days = []
    for _ in range(40):
        detector, n_days = EDetector.start(low=0, high=1, mean=0.11), 0
        for _ in range(30):
            detector = detector.update_batch(rng.random(100) < 0.10)
        while not detector.has_alarmed(365):
            detector, n_days = detector.update_batch(rng.random(100) < 0.15), n_days + 1
        days.append(n_days)
    assert np.median(days) <= 14


@pytest.mark.parametrize("design", [HALF, TENTH], ids=["half", "tenth"])
def test_units_that_come_back_count_once(design: Design) -> None:
    """500 units with error rates of their own, routed for good: each request counted, they would look like 20,000."""
    rng = np.random.default_rng(16)
    n_all = n_first = 0
    for _ in range(150):
        units, is_challenger = rng.integers(0, 500, N_UNITS), rng.random(500) < design.share
        rates = rng.beta(0.1, 0.9, 500)
        losses = (rng.random(N_UNITS) < rates[units]).astype(float)
        x = randomised_differences(
            is_challenger=is_challenger[units], share=design.share, losses=losses, champion_risk=0.1
        )
        n_all += design.aborts(x)
        n_first += design.aborts(x[np.sort(np.unique(units, return_index=True)[1])])
    assert n_first / 150 <= ALPHA
    assert n_all > 2 * n_first


def test_days_that_move_together_are_tempered_by_their_design_effect() -> None:
    """14 days of 1,000 pairs, an AR(1) of .7 between days, design effect 30, no true difference."""
    rng = np.random.default_rng(17)
    n_days, memory, n_aborts = 14, 0.7, {1.0: 0, 30.0: 0}
    lags = np.arange(1, n_days)
    inflation = 1 + 2 * ((1 - lags / n_days) * memory**lags).sum()
    spread = np.sqrt(29 * 0.1 / 1_000 / inflation)
    for _ in range(150):
        effects = [rng.normal()]
        for _ in lags:
            effects.append(memory * effects[-1] + np.sqrt(1 - memory**2) * rng.normal())
        p_worse = np.clip(0.05 + spread * np.array(effects) / 2, 0, 0.1).repeat(1_000)
        u = rng.random(n_days * 1_000)
        process = EProcess.start(low=-1, high=1, mean=0).update(np.select([u < p_worse, u < 0.1], [1.0, -1.0]))
        for design_effect in n_aborts:
            n_aborts[design_effect] += process.crosses(ALPHA, design_effect=design_effect)
    assert n_aborts[30.0] / 150 <= ALPHA
    assert n_aborts[1.0] / 150 > 4 * ALPHA
