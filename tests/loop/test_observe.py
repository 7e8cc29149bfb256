from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from holdtrue.data import History
from holdtrue.domain import Task
from holdtrue.loop import explain_risk
from holdtrue.monitoring import RiskReading

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
RISEN = RiskReading(
    has_risen=True, evidence={"limit": 0.4}, sentence="The risk has risen.", n_rows=900, mean=0.6, interval=None
)


def times(n_days: int, begin: datetime) -> pl.Series:
    moments = [begin + timedelta(minutes=14.4 * i) for i in range(100 * n_days)]
    return pl.Series(moments, dtype=pl.Datetime("us", "UTC"))


def reference() -> History:
    rng, at = np.random.default_rng(0), times(60, BEGIN)
    keys = [str(i) for i in range(len(at))]
    frame = pl.DataFrame(
        {
            "__key": keys, "__unit": keys, "__time": at, "__label_time": at, "__label": [True] * len(at),
            "heat": rng.normal(size=len(at)), "noise": rng.normal(size=len(at)),
        }
    )  # fmt: skip
    return History(
        frame=frame,
        label="late",
        task=Task.BINARY,
        classes=(False, True),
        source="here",
        label_delay=timedelta(0),
    )


def log(shift: float) -> pl.DataFrame:
    rng, at = np.random.default_rng(1), times(15, BEGIN + timedelta(days=60))
    features = pl.DataFrame({"heat": rng.normal(shift, size=len(at)), "noise": rng.normal(size=len(at))})
    return pl.DataFrame(
        {"time": at, "features": features.to_struct(), "role": ["champion"] * len(at), "is_first": [True] * len(at)}
    )


def test_an_alert_names_the_input_that_moved_as_its_likely_cause() -> None:
    told = explain_risk(RISEN, reference(), log(shift=1.0))
    assert told.sentence.startswith("The risk has risen. Likely causes: heat has moved")
    moved = told.evidence["moved"]
    assert isinstance(moved, list)
    assert [cause["column"] for cause in moved if isinstance(cause, dict)] == ["heat"]
    assert told.evidence["limit"] == 0.4


def test_an_alert_says_when_no_input_moved() -> None:
    told = explain_risk(RISEN, reference(), log(shift=0.0))
    assert told.sentence.endswith("No input has moved: the label itself may mean something else now.")
    assert explain_risk(RISEN, reference(), log(shift=1.0).clear()).evidence["moved"] == []
