"""Wanted: the answered events that were drawn for an early label, and have none yet."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from holdtrue.data import PredictionReader, latest_labels
from holdtrue.domain import Role
from holdtrue.errors import DeclarationError

from .project import Project


@dataclass(frozen=True, kw_only=True)
class WantedLabel:
    """An event whose label is wanted: its key, when it was answered, and by when the declaration promises its label."""

    key: str
    answered_at: datetime
    by: datetime


def list_wanted(project: Project) -> tuple[WantedLabel, ...]:
    """Return the events whose early label is wanted, the oldest first; random, whatever was answered.

    Raises:
        DeclarationError: the loop declares no early labels.
    """
    name, early = project.loop.name, project.loop.table.early_labels
    if early is None:
        raise DeclarationError(
            f"the table of {name!r} declares no early labels",
            expected='a random sample, such as table(..., early_labels=ht.sampled(0.05, within="2d"))',
        )
    log = PredictionReader(project.store.folder / "log" / name).read()
    asked = log.filter((pl.col("role") != Role.SHADOW.value) & pl.col("is_first"))
    labels = latest_labels(project.store, name, as_of=project.clock.now(), predictions=log)
    open_ = asked.join(labels, on="key", how="anti").sort("time", maintain_order=True)
    return tuple(
        WantedLabel(key=key, answered_at=at, by=at + early.within)
        for key, at in open_.select("key", "time").iter_rows()
        if early.has_drawn(name, key)
    )
