"""Views to draw and tell: a made-up live loop with two takeovers and a rollout on its way."""

import math
import random
from datetime import UTC, datetime, timedelta

from holdtrue.domain import (
    EvidencePoint,
    Rollout,
    RolloutPlan,
    RolloutStatus,
    RolloutTerms,
    RolloutView,
    ShareChange,
    Stage,
    StageKind,
    Takeover,
    Window,
)

BEGAN = datetime(2013, 9, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TAKEOVERS = (
    Takeover(at=BEGAN - DAY, version=1),
    Takeover(at=BEGAN + 9 * DAY, version=2),
    Takeover(at=BEGAN + 21 * DAY, version=4),
)


def make_windows(n_days: int = 28) -> tuple[Window, ...]:
    """Return a window for each day, and a second one for each day of a trial."""
    chance = random.Random(7)
    windows = []
    for day in range(n_days):
        version = 1 if day < 9 else 2 if day < 21 else 4
        on_trial = {5: 2, 6: 2, 7: 2, 8: 2, 17: 4, 18: 4, 19: 4, 20: 4, 26: 5, 27: 5}.get(day)
        for number in (version, on_trial):
            if number is None:
                continue
            n_rows = 900 if number == version else 90
            loss = 0.47 + 0.03 * math.sin(day / 4) - 0.006 * number + chance.uniform(-0.012, 0.012)
            half = 0.7 / math.sqrt(n_rows)
            n_labelled = n_rows - 17 if day < n_days - 1 else n_rows // 3
            windows.append(
                Window(
                    loop="late-flights",
                    version=number,
                    starts_at=BEGAN + day * DAY,
                    ends_at=BEGAN + (day + 1) * DAY,
                    n_rows=n_rows,
                    n_due=n_rows if day < n_days - 1 else n_rows // 2,
                    n_labelled=n_labelled,
                    loss=loss,
                    loss_low=loss - half,
                    loss_high=loss + half,
                )
            )
    return tuple(windows)


PLAN = RolloutPlan(
    stages=(
        Stage(kind=StageKind.SHADOW, share=0.0, min_rows=500, min_span=3 * DAY, expected_days=3.3),
        Stage(kind=StageKind.CANARY, share=0.05, min_rows=500, min_span=DAY, expected_days=2.1),
        Stage(kind=StageKind.CANARY, share=0.25, min_rows=500, min_span=DAY, expected_days=1.4),
    ),
    note="A shadow of 3 days, then 5 % and 25 % of the flights.",
)
TERMS = RolloutTerms(margin=0.006, loss_low=0.01, loss_high=4.605, design_effect=3.0, champion_risk=0.45)


def make_rollout(*, status: RolloutStatus = RolloutStatus.ACTIVE, stage_index: int = 1, sentence: str = "") -> Rollout:
    """Return the rollout of v5 against v4."""
    return Rollout(
        rollout_id="rollout-5",
        loop="late-flights",
        champion=4,
        challenger=5,
        plan=PLAN,
        terms=TERMS,
        started_at=BEGAN + 24 * DAY,
        stage_index=stage_index,
        stage_started_at=BEGAN + 27 * DAY,
        status=status,
        ended_at=None if status is RolloutStatus.ACTIVE else BEGAN + 28 * DAY,
        sentence=sentence,
    )


def make_evidence(*, drift: float = -0.008, n_points: int = 60) -> tuple[EvidencePoint, ...]:
    """Return evidence that gathers around `drift`."""
    chance = random.Random(3)
    points = []
    for step in range(n_points):
        n_rows = 60 * (step + 1)
        half = 1.1 / math.sqrt(n_rows)
        difference = drift + chance.uniform(-1, 1) * half / 5
        at = BEGAN + 24 * DAY + timedelta(hours=1.6 * step)
        points.append(
            EvidencePoint(at=at, n_rows=n_rows, difference=difference, low=difference - half, high=difference + half)
        )
    return tuple(points)


def make_rollout_view(rollout: Rollout | None = None, *, drift: float = -0.008) -> RolloutView:
    """Return the rollout with its evidence: three days in shadow, then 5 %."""
    return RolloutView(
        rollout=rollout or make_rollout(),
        expected_days_left=2.4,
        evidence=make_evidence(drift=drift),
        shares=(ShareChange(at=BEGAN + 24 * DAY, share=0.0), ShareChange(at=BEGAN + 27 * DAY, share=0.05)),
    )
