from datetime import UTC, datetime, timedelta
from hashlib import sha256

from holdtrue.domain import (
    AliasEvent,
    Column,
    Kind,
    Lineage,
    Loss,
    ModelFormat,
    Rollout,
    RolloutPlan,
    RolloutTerms,
    Ruling,
    Schema,
    Signature,
    Stage,
    StageKind,
    Task,
    Traffic,
    Verdict,
    VerdictRecord,
    VerdictStage,
    Version,
)

NOW = datetime(2013, 9, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SCHEMA = Schema((Column(name="distance", kind=Kind.NUMBER), Column(name="carrier", kind=Kind.TEXT, levels=("UA", "ü"))))


def digest(text: object) -> str:
    return sha256(str(text).encode()).hexdigest()


def version(number: int = 1, *, loop: str = "flights") -> Version:
    return Version(
        loop=loop,
        number=number,
        digest=digest(f"{loop} {number}"),
        artifact=digest(f"artifact {number}"),
        format=ModelFormat.SKOPS,
        signature=Signature(schema=SCHEMA, task=Task.BINARY, label="late", classes=(False, True)),
        lineage=Lineage(run_id="r1", dataset=digest("rows"), trained_until=NOW, code=digest("code")),
        loss=Loss.for_classes(),
        created_at=NOW,
        metrics={"auc": 0.7},
    )


def verdict(
    number: int = 1,
    *,
    loop: str = "flights",
    stage: VerdictStage = VerdictStage.GATE,
    ruling: Ruling = Ruling.PASSED,
    expires_at: datetime = NOW + DAY,
    name: str = "",
) -> VerdictRecord:
    return VerdictRecord(
        verdict_id=f"{loop} {number} {stage} {ruling} {name}",
        loop=loop,
        stage=stage,
        challenger=version(number, loop=loop).digest,
        champion=None,
        evaluation=digest("evaluation"),
        code=digest("code"),
        ruling=ruling,
        verdicts=(Verdict(check="not_worse", ruling=ruling, sentence="it is so", evidence={"n": 3, "p": 0.5}),),
        decided_at=min(NOW, expires_at),
        expires_at=expires_at,
    )


def crowned(number: int = 1, *, loop: str = "flights") -> AliasEvent:
    return AliasEvent(loop=loop, alias="champion", version=number, at=NOW, actor="gate", reason="it passed")


def traffic(
    champion: int = 1,
    challenger: int | None = None,
    share: float = 0.0,
    *,
    loop: str = "flights",
    decided_at: datetime = NOW,
    is_shadowed: bool = False,
) -> Traffic:
    return Traffic(
        service="main",
        loop=loop,
        revision=1,
        salt="s",
        champion=champion,
        challenger=challenger,
        challenger_share=share,
        is_shadowed=is_shadowed,
        decided_at=decided_at,
    )


def rollout(name: str = "r1", *, loop: str = "flights") -> Rollout:
    stage = Stage(kind=StageKind.CANARY, share=0.25, min_rows=500, min_span=DAY, expected_days=2.5)
    return Rollout(
        rollout_id=name,
        loop=loop,
        champion=1,
        challenger=2,
        plan=RolloutPlan(stages=(stage,), note="one stage"),
        terms=RolloutTerms(margin=0.01, loss_low=0.01, loss_high=4.6, design_effect=1.5, champion_risk=0.4),
        started_at=NOW,
        stage_index=0,
        stage_started_at=NOW,
    )
