"""Version: one trained model, immutable: artifact + signature + lineage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from holdtrue.domain.digest import Json, digest_of
from holdtrue.domain.fallback import Fallback
from holdtrue.domain.loss import Loss
from holdtrue.domain.outcome import ActionRule
from holdtrue.domain.rollout import RolloutPlan
from holdtrue.domain.signature import Signature
from holdtrue.domain.slicing import SliceCut

_IN_CHARGE = "champion"  # the alias of the version in charge
# The weights of features stand among a version's figures under their names behind this.
WEIGHT = "weight_"


class ModelFormat(StrEnum):
    """The formats in which a model can be stored and loaded safely."""

    SKOPS = "skops"
    LIGHTGBM = "lightgbm"
    XGBOOST = "xgboost"
    ONNX = "onnx"


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where a version comes from: every digest that is needed to find and to rebuild it.

    Attributes:
        run_id: the run that trained it.
        dataset: digest of the snapshot that it was trained on.
        trained_until: rows whose label was known by then were used.
        code: transitive fingerprint of the user's training code.
        refit_of: digest of the version that was gated, when this one is its refit on all rows.
    """

    run_id: str
    dataset: str
    trained_until: datetime
    code: str
    refit_of: str | None = None


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version, immutable. `number` counts within its loop; `digest` hashes artifact, signature and lineage.

    `slices` are those whose risk is watched, with what each lost where the version was judged.
    """

    loop: str
    number: int
    digest: str
    artifact: str
    format: ModelFormat
    signature: Signature
    lineage: Lineage
    loss: Loss
    created_at: datetime
    metrics: Mapping[str, float] = field(default_factory=dict)
    slices: tuple[SliceCut, ...] = ()

    @property
    def name(self) -> str:
        """Return the name that people see, such as "v3"."""
        return f"v{self.number}"

    @property
    def is_brought(self) -> bool:
        """Say whether its model came as a file: what it was trained on is then the word of whoever brought it."""
        return self.lineage.code == name_brought(self.artifact)

    @property
    def weights(self) -> dict[str, float]:
        """Return what each feature carries in it, heaviest first: the rise of the mean loss when it is shuffled."""
        found = {name.removeprefix(WEIGHT): w for name, w in self.metrics.items() if name.startswith(WEIGHT)}
        return dict(sorted(found.items(), key=lambda item: -item[1]))


@dataclass(frozen=True, kw_only=True)
class Release:
    """The document that travels between places: signed, immutable, complete without the database.

    `key`, `unit` and `time` are the names under which requests carry the event, who is exposed and the moment, as the
    loop's table declares them; None where it declares none. `twin` is the digest of a second form of the model, in
    ONNX, which was shown to answer the same and which servers prefer. `fallback` is who answers where the version does
    not. `lookup` is the digest of what its features of the past were worth when it was released.
    """

    loop: str
    version: Version
    action_rule: ActionRule | None
    plan: RolloutPlan
    verdict_ids: tuple[str, ...]
    evaluation: str
    sample: tuple[Mapping[str, Json], ...] = ()
    sample_answers: tuple[tuple[float, ...], ...] = ()
    created_at: datetime | None = None
    key: str | None = None
    unit: str | None = None
    time: str | None = None
    fallback: Fallback | None = None
    twin: str | None = None
    lookup: str | None = None


@dataclass(frozen=True, kw_only=True)
class AliasEvent:
    """An alias (such as "champion") was pointed at a version; the history is kept."""

    loop: str
    alias: str
    version: int
    at: datetime
    actor: str
    reason: str


def name_brought(artifact: str) -> str:
    """Return what stands for the code of a model whose training nobody here has seen."""
    return digest_of(["brought", artifact])


def find_former(history: Sequence[AliasEvent]) -> int | None:
    """Return the champion before the present one, to which one may go back; None when there is none.

    >>> find_former([])
    """
    way: list[int] = []
    for event in history:
        if event.alias != _IN_CHARGE:
            continue
        # Who comes back takes the place that it had: what came after it was gone back from, and is no way forward.
        way = [*way[: way.index(event.version)], event.version] if event.version in way else [*way, event.version]
    return way[-2] if len(way) > 1 else None
