"""Card: what is known of one version, gathered from evidence alone, for whoever must answer for it."""

from dataclasses import dataclass
from datetime import datetime

from holdtrue.domain.alert import Window
from holdtrue.domain.audit import AuditEntry
from holdtrue.domain.dataset import DatasetRecord
from holdtrue.domain.run import Run
from holdtrue.domain.trial import Tuning
from holdtrue.domain.verdict import Verdict, VerdictRecord
from holdtrue.domain.version import Version
from holdtrue.domain.view import Takeover


@dataclass(frozen=True, kw_only=True)
class DeclaredUse:
    """What a version is for, as far as its loop declares it today; nothing is added.

    Attributes:
        question: what the loop file says of itself; None where it says nothing.
        label: the column that is predicted.
        actions: what answers decide between; none without a declared outcome.
        otherwise: the action that is taken when no other is worth more.
        left_out: columns that the model may not see.
        judged: columns that the model does not see, and that its answers are judged by.
        checks: what a version must pass.
    """

    question: str | None
    label: str
    actions: tuple[str, ...] = ()
    otherwise: str | None = None
    left_out: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One version with all the evidence that the store holds of it.

    Attributes:
        version: the version itself.
        use: what the loop declares.
        n_bytes: of the stored model.
        is_champion: whether it is in charge.
        takeovers: when it took charge.
        release: digest of its signed release; None when it has none.
        run: that trained it; None where it is not kept.
        dataset: that it was trained on; None where it is not kept.
        verdicts: on it and on the candidate that it is the refit of, oldest first.
        windows: its measured quality since it answers.
        decisions: what was decided about it.
        made_at: when the card was made.
        tuning: that chose its parameters; None for the declared ones.
    """

    version: Version
    use: DeclaredUse
    n_bytes: int
    is_champion: bool
    made_at: datetime
    takeovers: tuple[Takeover, ...] = ()
    release: str | None = None
    run: Run | None = None
    dataset: DatasetRecord | None = None
    verdicts: tuple[VerdictRecord, ...] = ()
    windows: tuple[Window, ...] = ()
    decisions: tuple[AuditEntry, ...] = ()
    tuning: Tuning | None = None

    def found(self, check: str) -> tuple[Verdict, ...]:
        """Return the newest verdicts of a check on this version: those of the last record that has any.

        Two checks of one kind in a record are told apart by what stands in brackets after their name.
        """
        for record in reversed(self.verdicts):
            verdicts = tuple(verdict for verdict in record.verdicts if verdict.check.partition("(")[0] == check)
            if verdicts:
                return verdicts
        return ()
