"""Release: a finished training becomes a version with its verdicts and a signed document, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from holdtrue.domain import (
    Lineage,
    Loop,
    Release,
    Ruling,
    Verdict,
    VerdictRecord,
    VerdictStage,
    Version,
    digest_of,
)
from holdtrue.registry import Keyring, StoredModel, publish_release, register_version
from holdtrue.store import Store, Transaction

from .order import TrainingOrder, TrainingResult
from .state import LoopPolicy, Trained

# A verdict speaks for so long: a rollout that is not over by then must be judged anew.
VERDICT_LIFE = timedelta(days=90)


@dataclass(frozen=True, kw_only=True)
class Registrar:
    """Registers what trainings brought.

    Attributes:
        loop: the declared loop.
        store: where artifacts are.
        keyring: signs releases.
        policy: is pinned into each release.
    """

    loop: Loop
    store: Store
    keyring: Keyring
    policy: LoopPolicy

    def register(self, tx: Transaction, order: TrainingOrder, result: TrainingResult, now: datetime) -> Trained:
        """Keep the version that would ship, its verdicts and its release; return what deciding needs of it."""
        evaluation = result.evaluation
        assert evaluation is not None, "only gated trainings are registered"
        version = self._register_version(tx, order, result, now)
        has_refit = result.refit is not None
        records = [self._record(version, order, result, VerdictStage.GATE, evaluation.ruling, evaluation.verdicts, now)]
        if has_refit and result.refit_verdict is not None:
            both = (result.refit_verdict, *evaluation.verdicts)
            ruling = result.refit_verdict.ruling
            records.append(self._record(version, order, result, VerdictStage.REFIT, ruling, both, now))
        for record in records:
            if not _is_known(tx, record):
                tx.verdicts.append(record)
        release = Release(
            loop=self.loop.name,
            version=version,
            action_rule=result.action_rule,
            plan=self.policy.plan,
            verdict_ids=tuple(record.verdict_id for record in records),
            evaluation=evaluation.digest,
            sample=result.sample,
            sample_answers=result.sample_answers,
            created_at=now,
            key=self.loop.data.key,
            unit=self.loop.data.unit,
            time=self.loop.data.time,
        )
        if has_refit and tx.versions.read_release(self.loop.name, version.number) is None:
            publish_release(self.store, tx, release, self.keyring)
        return conclude(result, version.number, run_id=order.run_id)

    def _register_version(
        self, tx: Transaction, order: TrainingOrder, result: TrainingResult, now: datetime
    ) -> Version:
        shipped = result.refit if result.refit is not None else result.candidate
        assert shipped is not None, "a gated training brings a model"
        evaluation, candidate = result.evaluation, result.candidate
        assert evaluation is not None, "only gated trainings are registered"
        is_refit = result.refit is not None and candidate is not None and candidate.artifact != shipped.artifact
        return register_version(
            tx,
            self.store.artifacts,
            loop=self.loop.name,
            stored=StoredModel(format=shipped.format, data=self.store.artifacts.get(shipped.artifact)),
            signature=result.signature,
            lineage=Lineage(
                run_id=order.run_id,
                dataset=order.dataset,
                trained_until=shipped.trained_until,
                code=result.code,
                refit_of=candidate.artifact if is_refit and candidate is not None else None,
            ),
            loss=result.loss,
            metrics={
                **{f"evaluation_{name}": value for name, value in evaluation.metrics.items()},
                "candidate_loss": evaluation.candidate_loss,
                "baseline_loss": evaluation.baseline_loss,
                "risk_upper": evaluation.risk_upper,
                "risk_design_effect": evaluation.risk_design_effect,
                "margin": evaluation.terms.margin,
            },
            now=now,
        )

    def _record(
        self,
        version: Version,
        order: TrainingOrder,
        result: TrainingResult,
        stage: VerdictStage,
        ruling: Ruling,
        verdicts: tuple[Verdict, ...],
        now: datetime,
    ) -> VerdictRecord:
        evaluation, candidate = result.evaluation, result.candidate
        assert evaluation is not None, "a verdict has an evaluation"
        assert candidate is not None, "a verdict has a candidate"
        # The gate judged the candidate, not its refit: the verdict binds what was judged.
        is_of_candidate = stage is VerdictStage.GATE and result.refit is not None
        challenger = candidate.artifact if is_of_candidate else version.digest
        champion = None if order.champion is None else order.champion.digest
        return VerdictRecord(
            verdict_id=digest_of([order.run_id, stage, challenger])[:32],
            loop=self.loop.name,
            stage=stage,
            challenger=challenger,
            champion=champion,
            evaluation=evaluation.digest,
            code=result.code,
            ruling=ruling,
            verdicts=verdicts,
            decided_at=now,
            expires_at=now + VERDICT_LIFE,
        )


def _is_known(tx: Transaction, record: VerdictRecord) -> bool:
    known = tx.verdicts.for_challenger(record.loop, record.challenger)
    return any(other.verdict_id == record.verdict_id for other in known)


def conclude(result: TrainingResult, version: int, *, run_id: str) -> Trained:
    """Return what a training means for deciding: it has passed when gate and refit have."""
    evaluation = result.evaluation
    assert evaluation is not None, "only gated trainings are concluded"
    ruling, sentence = evaluation.ruling, evaluation.sentence
    if ruling is Ruling.PASSED and result.refit_verdict is not None and not result.refit_verdict.has_passed:
        ruling, sentence = result.refit_verdict.ruling, result.refit_verdict.sentence
    return Trained(run_id=run_id, version=version, ruling=ruling, sentence=sentence, terms=evaluation.terms)
