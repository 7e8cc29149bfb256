"""Results to draw: a made-up year in which the loop does a little better than the others."""

import random
from datetime import UTC, datetime, timedelta

from holdtrue.domain import BacktestResult, Comparison, Decision, DecisionKind, PeriodResult, PolicyResult, Value

STARTED = datetime(2013, 3, 1, tzinfo=UTC)
ENDED = datetime(2014, 1, 1, tzinfo=UTC)
EDGES = [datetime(2013, month, 1, tzinfo=UTC) for month in range(3, 13)] + [ENDED]
_EXTRA = {"static": 0.02, "schedule": 0.006, "even": 0.005, "loop": 0.0}
_DAYS = {"static": 0, "schedule": 7, "even": 16, "loop": 14}


def _make_period(chance: random.Random, policy: str, month: int) -> PeriodResult:
    season = [0.5, 0.52, 0.5, 0.58, 0.6, 0.5, 0.42, 0.44, 0.45, 0.6][month]
    share = [0.2, 0.22, 0.21, 0.27, 0.28, 0.2, 0.14, 0.15, 0.15, 0.27][month]
    loss = season + _EXTRA[policy] * (0.4 + month / 8) + chance.uniform(-0.004, 0.004)
    n_trains = 0 if policy == "static" else 30 // _DAYS[policy]
    return PeriodResult(
        start=EDGES[month],
        end=EDGES[month + 1],
        n_rows=28_000,
        n_labelled=27_400,
        loss=loss,
        loss_low=loss - 0.016,
        loss_high=loss + 0.017,
        metrics={
            "brier": loss / 3.3,
            "auc": 0.7 - _EXTRA[policy],
            "predicted_share": 0.19 + (share - 0.2) * (0.2 if policy == "static" else 0.6),
            "actual_share": share,
        },
        n_retrains=n_trains,
        n_promotions=n_trains // 2 if policy == "loop" else n_trains,
        n_rejected=n_trains - n_trains // 2 if policy == "loop" else 0,
        value=Value(amount=11_000 - 40_000 * _EXTRA[policy], unit="USD"),
        versus_static=None if policy == "static" else compare_with_static(-0.01),
    )


def compare_with_static(difference: float) -> Comparison:
    """Return how a period compares with static, .01 either way."""
    return Comparison(other="static", difference=difference, low=difference - 0.01, high=difference + 0.01, n_blocks=30)


def _list_decisions(policy: str) -> tuple[Decision, ...]:
    if policy == "static":
        return ()
    decisions, at, number = [], STARTED + timedelta(days=_DAYS[policy]), 2
    while at < ENDED:
        decisions.append(
            Decision(at=at, action=DecisionKind.RETRAINED, version=number, sentence=f"v{number} was trained.")
        )
        is_rejected = policy == "loop" and number % 3 == 0
        action = DecisionKind.REJECTED if is_rejected else DecisionKind.PROMOTED
        after = at + timedelta(days=4 if policy == "loop" else 0)
        decisions.append(Decision(at=after, action=action, version=number, sentence=f"v{number}: {action}."))
        at, number = at + timedelta(days=_DAYS[policy]), number + 1
    return tuple(decisions)


def make_policy(name: str) -> PolicyResult:
    """Return one policy of the made-up year."""
    chance = random.Random(name)
    periods = tuple(_make_period(chance, name, month) for month in range(10))
    loss = sum(period.loss or 0 for period in periods) / 10
    return PolicyResult(
        policy=name,
        n_rows=280_000,
        n_labelled=274_000,
        loss=loss,
        loss_low=loss - 0.012,
        loss_high=loss + 0.012,
        loss_name="log_loss",
        metrics={"brier": loss / 3.3, "auc": 0.7 - _EXTRA[name], "predicted_share": 0.2, "actual_share": 0.21},
        n_retrains=sum(period.n_retrains for period in periods),
        n_promotions=sum(period.n_promotions for period in periods),
        n_rejected=sum(period.n_rejected for period in periods),
        value=Value(amount=110_000 - 400_000 * _EXTRA[name], unit="USD", low=95_000, high=125_000),
        periods=periods,
        versus=_compare(name),
        decisions=_list_decisions(name),
    )


def _compare(name: str) -> tuple[Comparison, ...]:
    if name != "loop":
        return ()
    return (
        Comparison(other="static", difference=-0.0214, low=-0.0271, high=-0.0152, n_blocks=44),
        Comparison(other="schedule", difference=-0.0049, low=-0.0093, high=-0.0004, n_blocks=44),
        Comparison(other="even", difference=-0.0032, low=-0.0082, high=0.0019, n_blocks=44),
    )


def make_backtest() -> BacktestResult:
    """Return the made-up year under four policies."""
    return BacktestResult(
        loop="late-flights",
        policies=tuple(make_policy(name) for name in ("static", "schedule", "even", "loop")),
        margin=0.004,
        baseline_loss=0.551,
        started_at=STARTED,
        ended_at=ENDED,
        unit_name="flight",
        notes=("2,813 rows had no label and were left out of training.",),
    )
