"""Alert: one open question for a person; at most one open for each (loop, version, cause)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from holdtrue.domain.digest import Json


class Cause(StrEnum):
    """What an alert is about."""

    RISK = "risk"
    SLICES = "slices"
    LABELS = "labels"
    PREDICTIONS = "predictions"
    RUN = "run"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert in a sentence, with its evidence. It closes itself when the evidence is gone."""

    alert_id: str
    loop: str
    version: int
    cause: Cause
    sentence: str
    opened_at: datetime
    closed_at: datetime | None = None
    evidence: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Window:
    """The measured quality of one version over one window of time, with how many of its labels are in.

    `loss_low` and `loss_high` are the ends of a 95 % interval; None with fewer than two labelled rows.
    """

    loop: str
    version: int
    starts_at: datetime
    ends_at: datetime
    n_rows: int
    n_due: int
    n_labelled: int
    loss: float | None = None
    loss_low: float | None = None
    loss_high: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
