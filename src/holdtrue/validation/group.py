"""Group: a unit whose label never changes tells the label of its later rows to whoever knew it in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from holdtrue.validation.suspect import is_calm

if TYPE_CHECKING:
    from holdtrue.data import Dataset

LEAST_ROWS = 30
LEAST_SHARE = 0.02
GIVEN_AWAY = 0.95


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """How far evaluation rows are known from their unit's training rows.

    Attributes:
        n_rows: evaluation rows whose unit is also in training.
        share: their share of the evaluation rows, 0..1.
        agreement: how many of them have the label that their unit had last in training, beyond what two rows of
            different units agree by chance (Cohen's kappa): 1 when the unit gives the label away.
    """

    n_rows: int
    share: float
    agreement: float


def measure_sharing(train: Dataset, evaluation: Dataset) -> Sharing:
    """Return how much the units of the training rows tell of the evaluation rows."""
    known = pl.DataFrame({"unit": train.unit, "known": train.label}).unique("unit", keep="last")
    rows = pl.DataFrame({"unit": evaluation.unit, "label": evaluation.label})
    shared = rows.join(known, on="unit").drop_nulls()
    share = shared.height / max(1, rows.height)
    if shared.height < LEAST_ROWS:
        return Sharing(n_rows=shared.height, share=share, agreement=0.0)
    counts = [shared[name].value_counts(name="n").rename({name: "value"}) for name in ("label", "known")]
    both = counts[0].join(counts[1], on="value")
    chance = float((both["n"].cast(pl.Float64) * both["n_right"]).sum()) / shared.height**2
    agreed = float((shared["label"] == shared["known"]).to_numpy().mean())
    agreement = (agreed - chance) / (1 - chance) if chance < 1 else 0.0
    return Sharing(n_rows=shared.height, share=share, agreement=agreement)


def gives_away(sharing: Sharing, evaluation: Dataset) -> bool:
    """Say whether units give their label away; not where the label of all rows hardly changes from row to row."""
    if sharing.share < LEAST_SHARE or sharing.agreement < GIVEN_AWAY:
        return False
    return not is_calm(evaluation.label)
