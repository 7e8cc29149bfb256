"""A small replay whose truth is known (`heat` above 0), and models that know it, turn it around or guess."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from holdtrue.backtest import Replay, Roster
from holdtrue.data import History
from holdtrue.domain import (
    ActionRule,
    Column,
    Kind,
    Loss,
    ModelFormat,
    RolloutTerms,
    Ruling,
    Schema,
    Signature,
    Task,
    Verdict,
)
from holdtrue.loop import Evaluation, Fitted, TrainingResult
from holdtrue.registry import dump_model
from holdtrue.store import Store

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HEAT = Schema((Column(name="heat", kind=Kind.NUMBER, low=-5.0, high=5.0),))
SIGNATURE = Signature(schema=HEAT, task=Task.BINARY, label="late", classes=(False, True))
LOSS = Loss.for_classes()
TERMS = RolloutTerms(margin=0.05, loss_low=LOSS.low, loss_high=LOSS.high, design_effect=1.0, champion_risk=0.2)
WARN = ActionRule(actions=("warn", "wait"), worth=((-1.0, 3.0), (0.0, 0.0)), otherwise=1, unit="EUR")


def make_history(
    *, n_days: int = 30, rows_a_day: int = 8, n_units: int | None = None, n_unlabelled: int = 0,
    delay: timedelta = timedelta(hours=12), heat_scale: float = 1.0,
) -> History:  # fmt: skip
    """Rows evenly over the days, each label known `delay` later; the last `n_unlabelled` labels never come."""
    n_rows = n_days * rows_a_day
    times = [BEGIN + DAY * i / rows_a_day for i in range(n_rows)]
    heat = np.random.default_rng(5).normal(size=n_rows)
    n_known = n_rows - n_unlabelled
    frame = pl.DataFrame(
        {
            "__key": [f"k{i}" for i in range(n_rows)],
            "__unit": [f"u{i if n_units is None else i % n_units}" for i in range(n_rows)],
            "__time": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "__label_time": pl.Series(
                [t + delay if i < n_known else None for i, t in enumerate(times)], dtype=pl.Datetime("us", "UTC")
            ),
            "__label": [bool(value > 0) if i < n_known else None for i, value in enumerate(heat)],
            "heat": heat * heat_scale,
        }
    )
    return History(
        frame=frame, label="late", task=Task.BINARY, classes=(False, True), source="here", label_delay=delay
    )  # fmt: skip


def make_replay(*, start_day: float = 0.0, **shape: int) -> Replay:
    history = make_history(**shape)
    return Replay(history, BEGIN + start_day * DAY, history.ends_at + timedelta(microseconds=1))


@cache
def train_model(kind: str) -> bytes:
    """Fit on `heat`: "knows" is right, "turns" is wrong, "guesses" says one half."""
    heat = np.linspace(-3, 3, 120)
    label = {"knows": heat > 0, "turns": heat < 0, "guesses": np.arange(120) % 2 == 0}[kind]
    model = LogisticRegression().fit(pl.DataFrame({"heat": heat}), label)
    return dump_model(model, task=Task.BINARY, n_features=1, signature=SIGNATURE).data


@dataclass
class Bench:
    """A replay, its roster, and models by kind."""

    store: Store
    replay: Replay
    roster: Roster = field(init=False)

    def __post_init__(self) -> None:
        self.roster = Roster(replay=self.replay, artifacts=self.store.artifacts)

    def fitted(self, kind: str, *, at: datetime = BEGIN) -> Fitted:
        digest = self.store.artifacts.put(train_model(kind))
        return Fitted(format=ModelFormat.SKOPS, artifact=digest, trained_until=at, n_rows=120)

    def result(
        self, kind: str, *, at: datetime = BEGIN, ruling: Ruling = Ruling.PASSED, rule: ActionRule | None = None,
        rulings: dict[str, str] | None = None,
    ) -> TrainingResult:  # fmt: skip
        """What a gated training of that kind of model brings."""
        fitted = self.fitted(kind, at=at)
        return TrainingResult(
            signature=SIGNATURE, loss=LOSS, code="c", steps=(), candidate=fitted,
            refit=fitted if ruling is Ruling.PASSED else None, action_rule=rule,
            evaluation=make_evaluation(ruling, rulings=rulings),
        )  # fmt: skip

    def catch_up(self, kind: str, *, at: datetime = BEGIN, ruling: Ruling = Ruling.PASSED) -> TrainingResult:
        """What a catch-up brings: a refit and the verdicts on it, no gate."""
        verdict = Verdict(check="news", ruling=ruling, sentence="held to its elder")
        return TrainingResult(
            signature=SIGNATURE, loss=LOSS, code="c", steps=(), refit=self.fitted(kind, at=at), catch_up=(verdict,)
        )

    def enlist(self, kind: str, *, rule: ActionRule | None = None) -> int:
        result = self.result(kind, rule=rule)
        assert result.refit is not None
        return self.roster.enlist(result.refit, result, dataset="d", now=BEGIN).number


def make_evaluation(ruling: Ruling = Ruling.PASSED, *, rulings: dict[str, str] | None = None) -> Evaluation:
    verdict = Verdict(check="not_worse", ruling=ruling, sentence="compared", evidence={"rulings": rulings or {}})
    return Evaluation(
        digest="e", starts_at=BEGIN, ends_at=BEGIN + DAY, n_rows=100, ruling=ruling,
        verdicts=(verdict,) if rulings is not None else (), sentence=f"The gate has {ruling.value} it.", terms=TERMS,
        baseline_loss=0.7, candidate_loss=0.2, risk_upper=0.25, risk_design_effect=1.0,
    )  # fmt: skip
