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
    combine_rulings,
    digest_of,
)
from holdtrue.registry import Keyring, StoredModel, publish_release, register_version
from holdtrue.store import Store, Transaction

from .order import Fitted, TrainingOrder, TrainingResult
from .state import CaughtUp, LoopPolicy, Trained

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
        lookup: digest of what features of the past are worth now, an artifact; None without such features.
    """

    loop: Loop
    store: Store
    keyring: Keyring
    policy: LoopPolicy
    lookup: str | None = None

    def register(
        self, tx: Transaction, order: TrainingOrder, result: TrainingResult, now: datetime
    ) -> Trained | CaughtUp:
        """Keep the version that would ship, its verdicts and its release; return what deciding needs of it."""
        version = self._register_version(tx, order, result, now)
        records = self._list_records(version, order, result, now)
        for record in records:
            if not _is_known(tx, record):
                tx.verdicts.append(record)
        release = Release(
            loop=self.loop.name,
            version=version,
            action_rule=result.action_rule,
            plan=self.policy.plan,
            verdict_ids=tuple(record.verdict_id for record in records),
            evaluation=records[0].evaluation,
            sample=result.sample,
            sample_answers=result.sample_answers,
            created_at=now,
            key=self.loop.table.key,
            unit=self.loop.table.unit,
            time=self.loop.table.time,
            fallback=self.loop.declared_fallback,
            twin=None if result.shipped is None else result.shipped.twin,
            lookup=self.lookup,
        )
        if result.shipped is not None and tx.versions.read_release(self.loop.name, version.number) is None:
            publish_release(self.store, tx, release, self.keyring)
        return conclude(result, version.number, order)

    def _list_records(
        self, version: Version, order: TrainingOrder, result: TrainingResult, now: datetime
    ) -> list[VerdictRecord]:
        evaluation = result.evaluation
        if evaluation is None:
            ruling = combine_rulings(result.catch_up)
            return [self._record(version, order, result, VerdictStage.REFIT, ruling, result.catch_up, now)]
        records = [self._record(version, order, result, VerdictStage.GATE, evaluation.ruling, evaluation.verdicts, now)]
        if result.refit is not None and result.refit_verdict is not None:
            both = (result.refit_verdict, *evaluation.verdicts)
            ruling = result.refit_verdict.ruling
            records.append(self._record(version, order, result, VerdictStage.REFIT, ruling, both, now))
        return records

    def _register_version(
        self, tx: Transaction, order: TrainingOrder, result: TrainingResult, now: datetime
    ) -> Version:
        shipped = result.refit if result.refit is not None else result.candidate
        assert shipped is not None, "a gated training brings a model"
        evaluation, proven = result.evaluation, order.champion
        figures = evaluation.figures if evaluation is not None else proven.metrics if proven is not None else {}
        slices = evaluation.slices if evaluation is not None else proven.slices if proven is not None else ()
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
                refit_of=_name_elder(order, result, shipped),
            ),
            loss=result.loss,
            metrics=figures,
            slices=slices,
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
        candidate = result.candidate
        # The gate judged the candidate, not its refit: the verdict binds what was judged.
        is_of_candidate = stage is VerdictStage.GATE and result.refit is not None
        challenger = candidate.artifact if is_of_candidate and candidate is not None else version.digest
        frozen = result.evaluation
        champion = None if order.champion is None else order.champion.digest
        return VerdictRecord(
            verdict_id=digest_of([order.run_id, stage, challenger])[:32],
            loop=self.loop.name,
            stage=stage,
            challenger=challenger,
            champion=champion,
            evaluation=digest_of([order.dataset, order.as_of]) if frozen is None else frozen.digest,
            code=result.code,
            ruling=ruling,
            verdicts=verdicts,
            decided_at=now,
            expires_at=now + VERDICT_LIFE,
        )


def _is_known(tx: Transaction, record: VerdictRecord) -> bool:
    known = tx.verdicts.for_challenger(record.loop, record.challenger)
    return any(other.verdict_id == record.verdict_id for other in known)


def _name_elder(order: TrainingOrder, result: TrainingResult, shipped: Fitted) -> str | None:
    """Return what a refit is the refit of: its candidate, or the promoted version that it follows."""
    if order.catches_up and order.champion is not None:
        return order.champion.digest
    candidate = result.candidate
    return candidate.artifact if candidate is not None and candidate.artifact != shipped.artifact else None


def conclude(result: TrainingResult, version: int, order: TrainingOrder) -> Trained | CaughtUp:
    """Return what a training means for deciding: it has passed when gate and refit have."""
    run_id, evaluation = order.run_id, result.evaluation
    if evaluation is None:
        assert order.champion is not None, "a training without a gate is a catch-up, and follows a version"
        ruling = combine_rulings(result.catch_up)
        against = [verdict for verdict in result.catch_up if verdict.ruling is ruling]
        sentence = f"Catch-up of {order.champion.name}. {against[-1].sentence}"
        return CaughtUp(run_id=run_id, version=version, follows=order.champion.number, ruling=ruling, sentence=sentence)
    ruling, sentence = evaluation.ruling, evaluation.sentence
    if ruling is Ruling.PASSED and result.refit_verdict is not None and not result.refit_verdict.has_passed:
        ruling, sentence = result.refit_verdict.ruling, result.refit_verdict.sentence
    return Trained(
        run_id=run_id,
        version=version,
        ruling=ruling,
        sentence=sentence,
        terms=evaluation.terms,
        is_brought=result.is_brought,
    )
