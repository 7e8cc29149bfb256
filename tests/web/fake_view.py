"""A project that is not there: it shows what it is given, and remembers what it was ordered."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from holdtrue.domain import (
    Alert,
    AuditEntry,
    Belief,
    Cause,
    Column,
    Estimate,
    EvidencePoint,
    Explanation,
    Figure,
    Kind,
    LabelCoverage,
    LabelFact,
    Lineage,
    LoopView,
    Loss,
    LossKind,
    ModelFormat,
    Overview,
    Prediction,
    Role,
    Rollout,
    RolloutPlan,
    RolloutTerms,
    RolloutView,
    Ruling,
    Run,
    RunCost,
    RunState,
    Schema,
    ShareChange,
    Signature,
    Stage,
    StageKind,
    StepRecord,
    Takeover,
    Task,
    Traffic,
    Verdict,
    VerdictRecord,
    VerdictStage,
    Version,
    Window,
)
from holdtrue.errors import NotFound

NOW = datetime(2013, 9, 28, 18, 5, tzinfo=UTC)
BEGAN = datetime(2013, 9, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LOOP = "late-flights"


@dataclass
class FakeView:
    """Answers with what it holds."""

    shown: Overview
    explanations: dict[str, Explanation] = field(default_factory=dict)
    orders: list[tuple[str, str, str]] = field(default_factory=list)
    refusal: Exception | None = None
    n_asked: int = 0
    pictures: dict[str, bytes] = field(default_factory=dict)

    def overview(self) -> Overview:
        self.n_asked += 1
        return self.shown

    def explain(self, prediction_id: str) -> Explanation:
        if prediction_id not in self.explanations:
            raise NotFound(f"nobody knows a prediction {prediction_id!r}", expected="an id as a reply carries it")
        return self.explanations[prediction_id]

    def read_figure(self, artifact: str) -> tuple[Figure, bytes]:
        kept = {figure.artifact: figure for loop in self.shown.loops for run in loop.runs for _, figure in run.figures}
        if artifact not in self.pictures:
            raise NotFound(f"no run kept {artifact!r}")
        return kept[artifact], self.pictures[artifact]

    def promote(self, loop: str, reason: str) -> str:
        return self._obey("promote", loop, reason)

    def rollback(self, loop: str, reason: str) -> str:
        return self._obey("rollback", loop, reason)

    def _obey(self, order: str, loop: str, reason: str) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.orders.append((order, loop, reason))
        return f"{order}: {loop}, because {reason}."


def make_version(number: int) -> Version:
    schema = Schema((Column(name="distance", kind=Kind.NUMBER), Column(name="carrier", kind=Kind.TEXT)))
    trained = BEGAN + timedelta(days=6 * number - 20)
    return Version(
        loop=LOOP,
        number=number,
        digest=f"{number}f0a7c3b9d2e8" * 5,
        artifact="a" * 64,
        format=ModelFormat.SKOPS,
        signature=Signature(schema=schema, task=Task.BINARY, label="late", classes=(False, True)),
        lineage=Lineage(run_id=f"run-{number}", dataset="d" * 64, trained_until=trained, code="c" * 64),
        loss=Loss.for_classes(),
        created_at=trained,
        metrics={"log_loss": 0.47 - 0.004 * number, "weight_carrier": 0.012, "weight_distance": 0.034},
    )


def make_windows(n_days: int = 28) -> tuple[Window, ...]:
    windows = []
    for day in range(n_days):
        version = 1 if day < 9 else 2 if day < 21 else 4
        loss = 0.47 + 0.004 * ((day * 7) % 11) - 0.005 * version
        windows.append(
            Window(
                loop=LOOP, version=version, starts_at=BEGAN + day * DAY, ends_at=BEGAN + (day + 1) * DAY, n_rows=900,
                n_due=900 if day < 27 else 500, n_labelled=883 if day < 27 else 310, loss=loss, loss_low=loss - 0.024,
                loss_high=loss + 0.024, metrics={"believed_log_loss": loss - 0.03},
            )
        )  # fmt: skip
    return tuple(windows)


def make_belief() -> Belief:
    return Belief(
        loop=LOOP, version=4, metric="accuracy", as_of=NOW, n_awaiting=900, awaiting=0.812, n_needed=640,
        measured=Estimate(value=0.772, n_rows=2_773, low=0.757, high=0.787), believed=0.807,
        excess=Estimate(value=0.035, n_rows=2_773, low=0.015, high=0.055),
    )  # fmt: skip


def make_rollout_view() -> RolloutView:
    stages = (
        Stage(kind=StageKind.SHADOW, share=0.0, min_rows=500, min_span=3 * DAY, expected_days=3.3),
        Stage(kind=StageKind.CANARY, share=0.05, min_rows=500, min_span=DAY, expected_days=2.1),
        Stage(kind=StageKind.CANARY, share=0.25, min_rows=500, min_span=DAY, expected_days=1.0),
    )
    rollout = Rollout(
        rollout_id="rollout-5", loop=LOOP, champion=4, challenger=5, plan=RolloutPlan(stages=stages, note=""),
        terms=RolloutTerms(margin=0.006, loss_low=0.01, loss_high=4.6, design_effect=3.0, champion_risk=0.45),
        started_at=BEGAN + 24 * DAY, stage_index=1, stage_started_at=BEGAN + 27 * DAY,
    )  # fmt: skip
    evidence = []
    for step in range(1, 61):
        n_rows, half = 60 * step, 0.9 / (60 * step) ** 0.5
        difference = -0.008 + half * (0.15 if step % 3 else -0.2)
        at = BEGAN + 24 * DAY + timedelta(hours=1.6 * step)
        evidence.append(
            EvidencePoint(at=at, n_rows=n_rows, difference=difference, low=difference - half, high=difference + half)
        )
    shares = (ShareChange(at=BEGAN + 24 * DAY, share=0.0), ShareChange(at=BEGAN + 27 * DAY, share=0.05))
    return RolloutView(rollout=rollout, expected_days_left=2.6, evidence=tuple(evidence), shares=shares)


def make_entry(number: int, action: str, sentence: str, *, actor: str = "loop") -> AuditEntry:
    return AuditEntry(
        loop=LOOP, sequence=number, at=BEGAN + number * DAY, actor=actor, action=action, subject="v1",
        sentence=sentence, detail={}, previous="0" * 64, digest="1" * 64,
    )  # fmt: skip


def list_decisions() -> tuple[AuditEntry, ...]:
    entries = [
        make_entry(0, "promote", "v1 was promoted: it passed its checks and nobody was in charge."),
        make_entry(3, "train", "7 days have passed since the last retraining, so that a challenger is trained."),
        make_entry(5, "roll_out", "v2 passed the gate: it loses no more than v1 by more than 0.006."),
        make_entry(9, "promote", "v2 was promoted: no harm was seen in 8,412 pairs."),
        make_entry(12, "reject", "v3 failed the gate: it loses 0.021 more than v2 (95 % interval 0.012 to 0.030)."),
        make_entry(16, "alert", "The risk of v2 has risen beyond its tolerance."),
        make_entry(17, "roll_out", "v4 passed the gate."),
        make_entry(21, "promote", "v4 was promoted: no harm was seen in 9,120 pairs."),
        make_entry(24, "roll_out", "v5 passed the gate and answers in shadow.", actor="anna"),
        make_entry(27, "advance", "v5 answers 5 % from now on: no harm was seen in 3,600 pairs."),
    ]
    return tuple(reversed(entries))


def make_run(number: int, *, state: RunState = RunState.SUCCEEDED, error: str | None = None) -> Run:
    at = BEGAN + 7 * number * DAY
    cost = RunCost(wall_seconds=11.4 + number, cpu_seconds=20.0, peak_memory_bytes=412_000_000 + 9_000_000 * number)
    return Run(
        run_id=f"run-{number}", loop=LOOP, reason="7 days have passed since the last retraining", as_of=at,
        state=state, error=error, started_at=at, ended_at=at, cost=None if state is RunState.RUNNING else cost,
    )  # fmt: skip


def make_drawing_run(**pictures: bytes) -> Run:
    """Return a run whose step kept these pictures, each called by its kind."""
    figures = [
        {"name": f"the {kind}", "kind": kind, "artifact": kind[0] * 64, "n_bytes": len(data)}
        for kind, data in pictures.items()
    ]
    step = StepRecord(name="fit", key="k", is_cached=False, output="o", wall_seconds=1.0)
    notes = [{"step": "fit", "key": "k", "figures": figures}]
    return replace(make_run(3), steps=(step,), parameters={"notes": notes})


def make_loop() -> LoopView:
    """Return a loop in the middle of a rollout, with an open alert."""
    alert = Alert(
        alert_id="a-1", loop=LOOP, version=4, cause=Cause.RISK, opened_at=BEGAN + 26 * DAY,
        sentence="The risk of v4 has risen: 0.49 on average, where at most 0.47 was promised.",
    )  # fmt: skip
    failed = "Traceback (most recent call last):\nValueError: Input X contains NaN."
    return LoopView(
        name=LOOP,
        loss=LossKind.LOG_LOSS,
        champion=make_version(4),
        challenger=make_version(5),
        traffic=Traffic(
            service="main",
            loop=LOOP,
            revision=9,
            salt="s",
            champion=4,
            decided_at=NOW,
            challenger=5,
            challenger_share=0.05,
            is_shadowed=True,
        ),
        rollout=make_rollout_view(),
        windows=make_windows(),
        takeovers=(
            Takeover(at=BEGAN - DAY, version=1),
            Takeover(at=BEGAN + 9 * DAY, version=2),
            Takeover(at=BEGAN + 21 * DAY, version=4),
        ),
        coverage=LabelCoverage(n_predictions=25_200, n_due=24_800, n_labelled=24_151),
        decisions=list_decisions(),
        alerts=(alert,),
        runs=(
            make_run(4, state=RunState.RUNNING),
            make_run(3),
            make_run(2, state=RunState.FAILED, error=failed),
            make_run(1),
        ),
        baseline_loss=0.53,
        beliefs=(make_belief(),),
        notes=("1,353 values had not been seen in training and were taken as missing.",),
    )


def make_view(*loops: LoopView) -> FakeView:
    """Return a project of these loops (default: one in the middle of a rollout), in a replay of a day a second."""
    shown = Overview(
        project="airport", now=NOW, loops=loops or (make_loop(),), clock_speed=86_400.0,
        predict_url="http://127.0.0.1:8080",
    )  # fmt: skip
    explanation = make_explanation()
    return FakeView(shown, explanations={explanation.prediction.prediction_id: explanation})


def make_explanation() -> Explanation:
    """Return why v5 answered for one flight."""
    answered = NOW - DAY
    prediction = Prediction(
        prediction_id="p-0001", loop=LOOP, key="UA-1545-2013-09-27", unit="UA-1545", time=answered.timestamp(),
        features={"distance": 1400.0, "carrier": "UA", "visibility": None}, answer=(0.69, 0.31), decision="wait",
        version=5, role=Role.CHALLENGER, fallback=None, probability=0.05, traffic_revision=9, schema_version="e" * 64,
        latency_ms=2.4, received_at=answered.timestamp(), n_unseen=1,
    )  # fmt: skip
    verdicts = (
        Verdict(check="beats_baseline", ruling=Ruling.PASSED, sentence="It loses 0.07 less than the simple baseline."),
        Verdict(check="not_worse", ruling=Ruling.PASSED, sentence="It loses no more than v4 by more than 0.006."),
    )
    record = VerdictRecord(
        verdict_id="v-1", loop=LOOP, stage=VerdictStage.GATE, challenger=make_version(5).digest, champion="4" * 64,
        evaluation="e" * 64, code="c" * 64, ruling=Ruling.PASSED, verdicts=verdicts, decided_at=BEGAN + 24 * DAY,
        expires_at=NOW + 30 * DAY,
    )  # fmt: skip
    known = answered.timestamp() + 30_000
    return Explanation(
        prediction=prediction,
        label=LabelFact(loop=LOOP, label=False, at=known, received_at=known, key=prediction.key),
        version=make_version(5),
        release="f" * 64,
        run=make_run(3),
        verdicts=(record,),
        decisions=tuple(reversed(list_decisions()[:2])),
    )
