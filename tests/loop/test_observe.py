from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from holdtrue.data import History
from holdtrue.domain import (
    Column,
    Kind,
    Lineage,
    Loss,
    ModelFormat,
    Rollout,
    RolloutPlan,
    RolloutTerms,
    Schema,
    Signature,
    Stage,
    StageKind,
    Task,
    Version,
)
from holdtrue.loop import explain_risk, gather_evidence, trace_evidence
from holdtrue.loop.observe import score_losses
from holdtrue.monitoring import RiskReading
from holdtrue.rollout import RolloutAction
from holdtrue.rollout import decide as decide_rollout

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


def test_the_causes_of_an_alert_are_ranked_by_what_they_carry_in_the_model() -> None:
    both = log(shift=1.0).with_columns(
        features=pl.struct(
            heat=pl.col("features").struct.field("heat"), noise=pl.col("features").struct.field("noise") + 3.0
        )
    )
    first = "Likely causes: noise has moved"
    assert first in explain_risk(RISEN, reference(), both).sentence
    assert first in explain_risk(RISEN, reference(), both, weights={}).sentence
    told = explain_risk(RISEN, reference(), both, weights={"heat": 0.3, "noise": 0.0})
    assert "Likely causes: heat has moved" in told.sentence
    assert [cause["weight"] for cause in told.evidence["moved"]] == [0.3, 0.0]


def test_an_alert_says_when_no_input_moved() -> None:
    told = explain_risk(RISEN, reference(), log(shift=0.0))
    assert told.sentence.endswith("No input has moved: the label itself may mean something else now.")
    assert explain_risk(RISEN, reference(), log(shift=1.0).clear()).evidence["moved"] == []


SIGNATURE = Signature(
    schema=Schema(columns=(Column(name="heat", kind=Kind.NUMBER, low=0.0, high=1.0),)), task=Task.BINARY,
    label="late", classes=(False, True),
)  # fmt: skip


def version(number: int) -> Version:
    return Version(
        loop="l", number=number, digest=str(number), artifact="a", format=ModelFormat.SKOPS, signature=SIGNATURE,
        lineage=Lineage(run_id="r", dataset="d", trained_until=BEGIN, code="c"), loss=Loss.for_classes(),
        created_at=BEGIN,
    )  # fmt: skip


def shadowed(n_rows: int, *, shadow: float, heat: float = 0.5) -> pl.DataFrame:
    """The log of a shadow: the champion says .8 for what comes true, its challenger says `shadow`."""
    at = [BEGIN + timedelta(minutes=10 * i) for i in range(n_rows)]
    names = [str(i) for i in range(n_rows)]
    parts = [
        pl.DataFrame(
            {
                "prediction_id": names, "key": names, "unit": names, "time": at, "answer": [[1 - says, says]] * n_rows,
                "version": [number] * n_rows, "role": [role] * n_rows, "probability": [1.0] * n_rows,
                "features": [{"heat": heat}] * n_rows,
            }
        ).with_columns(pl.col("time").dt.replace_time_zone("UTC"), fallback=pl.lit(None, dtype=pl.String))
        for number, role, says in ((1, "champion", 0.8), (2, "shadow", shadow))
    ]  # fmt: skip
    return pl.concat(parts)


def rollout() -> Rollout:
    stage = Stage(kind=StageKind.SHADOW, share=0, min_rows=10, min_span=timedelta(days=1), expected_days=1)
    return Rollout(
        rollout_id="r", loop="l", champion=1, challenger=2, plan=RolloutPlan(stages=(stage,), note=""),
        terms=RolloutTerms(margin=0.01, loss_low=0.01, loss_high=4.7, design_effect=1, champion_risk=0.3),
        started_at=BEGIN, stage_index=0, stage_started_at=BEGIN,
    )  # fmt: skip


def labels(n_rows: int) -> pl.DataFrame:
    known = pl.Series([BEGIN] * n_rows, dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame({"key": [str(i) for i in range(n_rows)], "label": [True] * n_rows, "known_at": known})


VERSIONS = {1: version(1), 2: version(2)}


def test_the_trace_of_evidence_ends_where_the_evidence_stands() -> None:
    asked, now = shadowed(300, shadow=0.6), BEGIN + timedelta(days=9)
    delay = timedelta(hours=1)
    points = trace_evidence(asked, labels(300), rollout(), VERSIONS, label_delay=delay, now=now, n_points=10)
    stands = gather_evidence(asked, labels(300), rollout(), VERSIONS, label_delay=delay, now=now)
    assert [point.n_rows for point in points] == [30 * i for i in range(1, 11)]
    assert points[-1].difference == stands.estimate == pytest.approx(np.log(0.8 / 0.6))
    widths = [(point.high or 0) - (point.low or 0) for point in points]
    assert widths == sorted(widths, reverse=True)
    assert stands.skew is None
    early = trace_evidence(asked, labels(300), rollout(), VERSIONS, label_delay=delay, now=BEGIN)
    assert early == ()


def test_answers_that_are_no_numbers_have_no_loss() -> None:
    rows = (
        shadowed(3, shadow=0.6)
        .head(3)
        .with_columns(answer=pl.Series([[0.2, 0.8], [float("inf"), 0.0], [float("nan"), 1.0]]), label=pl.lit(True))
    )
    losses = score_losses(rows, "answer", rows["version"], VERSIONS)
    assert losses[0] == pytest.approx(-np.log(0.8))
    assert np.isnan(losses[1:]).all()


@pytest.mark.parametrize("mark", ["v2 failed: the beast", "constant: v2 was late: the time was up after 20 ms"])
def test_rows_that_the_challenger_leaves_to_others_stop_it_though_its_own_answers_look_better(mark: str) -> None:
    """Every fourth row, the hard ones: the others alone would promote it."""
    asked = shadowed(400, shadow=0.9).with_row_index("row")
    is_hard = (pl.col("role") == "shadow") & (pl.col("row") % 4 == 0)
    none = pl.lit([], dtype=pl.List(pl.Float64))
    asked = asked.with_columns(
        answer=pl.when(is_hard).then(none).otherwise("answer"),
        fallback=pl.when(is_hard).then(pl.lit(mark)).otherwise("fallback"),
    ).drop("row")
    found = gather_evidence(
        asked, labels(400), rollout(), VERSIONS, label_delay=timedelta(hours=1), now=BEGIN + timedelta(days=9)
    )
    assert found.estimate is not None
    assert found.estimate < 0
    assert found.n_rows == 300
    assert found.failing == "it failed or was late on 100 of 400 rows (25.0 %), the champion on 0 of 400 rows (0.0 %)"
    assert decide_rollout(rollout(), found, BEGIN + timedelta(days=9)).action is RolloutAction.ABORT


def test_requests_that_the_challenger_never_learned_are_found_in_the_log_without_labels() -> None:
    strange = shadowed(150, shadow=0.8, heat=50.0)
    wide = replace(SIGNATURE, schema=Schema(columns=(Column(name="heat", kind=Kind.NUMBER, low=0.0, high=100.0),)))
    versions = {1: replace(version(1), signature=wide), 2: version(2)}
    found = gather_evidence(
        strange, labels(1).clear(), rollout(), versions, label_delay=timedelta(days=1), now=BEGIN + timedelta(days=2)
    )
    assert found.skew is not None
    assert found.skew.n_strange == 150
