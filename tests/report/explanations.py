"""Explanations to tell: one answer of a made-up challenger, and all that it rests on."""

from datetime import UTC, datetime, timedelta

from holdtrue.domain import (
    AuditEntry,
    Column,
    DatasetRecord,
    Explanation,
    Kind,
    LabelFact,
    Lineage,
    Loss,
    ModelFormat,
    Prediction,
    Role,
    Ruling,
    Run,
    RunCost,
    RunState,
    Schema,
    Signature,
    Task,
    Verdict,
    VerdictRecord,
    VerdictStage,
    Version,
)

ANSWERED = datetime(2013, 9, 27, 18, 5, tzinfo=UTC)
MIDNIGHT = datetime(2013, 9, 27, tzinfo=UTC)
SCHEMA = Schema((Column(name="distance", kind=Kind.NUMBER), Column(name="carrier", kind=Kind.TEXT)))


def make_version(number: int = 5) -> Version:
    """Return a version of the made-up loop."""
    return Version(
        loop="late-flights",
        number=number,
        digest=f"{number}" * 64,
        artifact="a" * 64,
        format=ModelFormat.SKOPS,
        signature=Signature(schema=SCHEMA, task=Task.BINARY, label="late", classes=(False, True)),
        lineage=Lineage(
            run_id="run-17", dataset="d" * 64, trained_until=MIDNIGHT - timedelta(days=number), code="c" * 64
        ),
        loss=Loss.for_classes(),
        created_at=MIDNIGHT - timedelta(days=30 - 5 * number),
        metrics={"log_loss": 0.463, "auc": 0.71},
    )


def make_run(*, run_id: str = "run-17", state: RunState = RunState.SUCCEEDED, error: str | None = None) -> Run:
    """Return a run that took 12.3 seconds."""
    return Run(
        run_id=run_id,
        loop="late-flights",
        reason="7 days have passed since the last retraining",
        as_of=MIDNIGHT - timedelta(days=3),
        state=state,
        error=error,
        started_at=MIDNIGHT - timedelta(days=3),
        ended_at=MIDNIGHT - timedelta(days=3),
        cost=RunCost(wall_seconds=12.3, cpu_seconds=20.1, peak_memory_bytes=412_000_000),
    )


def make_entry(sentence: str, *, sequence: int = 9, at: datetime = MIDNIGHT, action: str = "advanced") -> AuditEntry:
    """Return a link of the audit chain."""
    return AuditEntry(
        loop="late-flights", sequence=sequence, at=at, actor="loop", action=action, subject="v5", sentence=sentence,
        detail={}, previous="0" * 64, digest="1" * 64,
    )  # fmt: skip


def make_explanation(
    *, role: str = "challenger", fallback: str | None = None, answer: tuple[float, ...] = (0.69, 0.31)
) -> Explanation:
    """Return an answer of v5 for one flight."""
    prediction = Prediction(
        prediction_id="p-1", loop="late-flights", key="UA-1545", unit="UA-1545", time=ANSWERED.timestamp(),
        features={"distance": 1400.0, "carrier": "UA"}, answer=answer, decision="wait", version=5, role=Role(role),
        fallback=fallback, probability=0.05, traffic_revision=12, schema_version="s" * 64, latency_ms=2.4,
        received_at=ANSWERED.timestamp(), n_unseen=0,
    )  # fmt: skip
    known = (ANSWERED + timedelta(hours=9)).timestamp()
    verdict = Verdict(check="not_worse", ruling=Ruling.PASSED, sentence="It loses no more than v4.")
    record = VerdictRecord(
        verdict_id="v-1", loop="late-flights", stage=VerdictStage.GATE, challenger="5" * 64, champion="4" * 64,
        evaluation="e" * 64, code="c" * 64, ruling=Ruling.PASSED, verdicts=(verdict,), decided_at=MIDNIGHT,
        expires_at=MIDNIGHT + timedelta(days=30),
    )  # fmt: skip
    dataset = DatasetRecord(
        digest="d" * 64, loop="late-flights", as_of=MIDNIGHT - timedelta(days=3), n_rows=60_001, n_labelled=59_000,
        starts_at=MIDNIGHT - timedelta(days=200), ends_at=MIDNIGHT - timedelta(days=3), schema=SCHEMA,
        task=Task.BINARY, classes=(False, True), source="flights.parquet",
    )  # fmt: skip
    return Explanation(
        prediction=prediction,
        label=LabelFact(loop="late-flights", label=False, at=known, received_at=known, key="UA-1545"),
        version=make_version(),
        release="f" * 64,
        run=make_run(),
        dataset=dataset,
        verdicts=(record,),
        decisions=(make_entry("v5 answers 5 % from now on."),),
    )
