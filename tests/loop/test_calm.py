"""A month in which nothing changes: wide rows, and hardly an alert."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from holdtrue.clock import VirtualClock
from holdtrue.domain import (
    Alert,
    Cause,
    Every,
    Lineage,
    Loss,
    ModelFormat,
    OnRisk,
    RolloutPlan,
    Schema,
    Signature,
    Task,
    Version,
)
from holdtrue.loop import CloseAlert, Facts, LoopPolicy, LoopState, OpenAlert, RiskWatch, decide
from holdtrue.loop.concern import watch_flow
from holdtrue.loop.observe import judge_answers

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DELAY = timedelta(hours=6)
N_DAYS, ROWS_A_DAY, N_FEATURES = 30, 80, 200
VERSION = Version(
    loop="wide", number=1, digest="d", artifact="a", format=ModelFormat.SKOPS,
    signature=Signature(schema=Schema(columns=()), task=Task.BINARY, label="late", classes=(False, True)),
    lineage=Lineage(run_id="r", dataset="s", trained_until=BEGIN, code="c"), loss=Loss.for_classes(), created_at=BEGIN,
)  # fmt: skip
POLICY = LoopPolicy(every=Every(span=900 * DAY), on_risk=OnRisk(), plan=RolloutPlan(stages=(), note=""))


def ask(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the log and the labels of a month; 97 of 100 labels come."""
    rng = np.random.default_rng(seed)
    n_rows = N_DAYS * ROWS_A_DAY
    chances = 1 / (1 + np.exp(-rng.normal(0, 1, n_rows)))
    times = pl.Series([BEGIN + DAY * i / ROWS_A_DAY for i in range(n_rows)], dtype=pl.Datetime("us", "UTC"))
    keys = [str(i) for i in range(n_rows)]
    features = pl.DataFrame({f"f{i}": rng.normal(size=n_rows) for i in range(N_FEATURES)})
    log = pl.DataFrame(
        {
            "key": keys, "time": times, "answer": np.column_stack([1 - chances, chances]).tolist(),
            "version": [1] * n_rows, "role": ["champion"] * n_rows, "is_first": [True] * n_rows,
            "fallback": pl.Series([None] * n_rows, dtype=pl.String), "features": features.to_struct(),
        }
    )  # fmt: skip
    came = pl.Series(rng.random(n_rows) < 0.97)
    labels = pl.DataFrame({"key": keys, "label": rng.random(n_rows) < chances, "known_at": times + DELAY})
    return log, labels.filter(came)


def live_through(log: pl.DataFrame, labels: pl.DataFrame, *, n_days: int = N_DAYS) -> list[Alert]:
    """Look four times a day and return every alert that was opened, closed where it was."""
    watch = RiskWatch(upper=0.66, tolerance=0.02, low=VERSION.loss.low, high=VERSION.loss.high, design_effect=1.0)
    state, alerts, clock = LoopState(champion=1, last_run_at=BEGIN), {}, VirtualClock(BEGIN)
    for look in range(1, 4 * n_days):
        now = BEGIN + look * DAY / 4
        clock.move_to(now)
        seen, known = log.filter(log["time"] <= now), labels.filter(labels["known_at"] <= now)
        rows = judge_answers(seen, known, VERSION, since=BEGIN, label_delay=DELAY, now=now)
        risk = watch.read(rows.losses, rows.days)
        concerns = watch_flow(seen, known, clock=clock, label_delay=DELAY, taken=[BEGIN])
        for move in decide(POLICY, state, Facts(alert=risk, concerns=concerns), now):
            if isinstance(move, OpenAlert):
                name = f"{move.concern.cause} {look}"
                alerts[name] = Alert(
                    alert_id=name, loop="wide", version=1, cause=move.concern.cause, sentence="s", opened_at=now
                )
            elif isinstance(move, CloseAlert):
                alerts[move.alert.alert_id] = Alert(
                    alert_id=move.alert.alert_id, loop="wide", version=1, cause=move.alert.cause, sentence="s",
                    opened_at=move.alert.opened_at, closed_at=now,
                )  # fmt: skip
        open_alerts = tuple(alert for alert in alerts.values() if alert.closed_at is None)
        assert len({alert.cause for alert in open_alerts}) == len(open_alerts)
        state = LoopState(champion=1, last_run_at=BEGIN, open_alerts=open_alerts)
    return list(alerts.values())


def test_a_month_of_two_hundred_features_without_change_raises_at_most_one_alert() -> None:
    for seed in range(3):
        assert len(live_through(*ask(seed))) <= 1


def test_labels_and_then_predictions_that_stop_raise_one_alert_each_and_no_storm() -> None:
    log, labels = ask(0)
    begun = labels.filter((labels["known_at"] < BEGIN + 20 * DAY) | (labels["known_at"] > BEGIN + 25 * DAY))
    (alert,) = live_through(log, begun)
    assert alert.cause is Cause.LABELS
    assert alert.opened_at <= BEGIN + 23 * DAY
    assert alert.closed_at is not None
    assert alert.closed_at <= BEGIN + 28 * DAY
    (silent,) = live_through(log, labels, n_days=45)
    assert (silent.cause, silent.closed_at) == (Cause.PREDICTIONS, None)
    assert silent.opened_at <= BEGIN + 31 * DAY
