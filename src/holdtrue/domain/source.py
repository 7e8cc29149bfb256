"""Source: where a loop's rows come from, as declared; reading them is the data room's."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from holdtrue.domain.early import EarlyLabels
from holdtrue.domain.span import parse_span
from holdtrue.errors import DeclarationError


class LabelScope(StrEnum):
    """Which rows get a label: all, or only those that were acted on."""

    ALL = "all"
    ACTED = "acted"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A declared table: one Parquet or CSV file, or a glob of them.

    Attributes:
        path: the file or glob, relative to the folder of the declaring file.
        key: column that names the event and joins its label; None when `time` is unique and stands for it.
        time: column that says when the prediction is made.
        label: column that holds what turned out.
        label_delay: how long after `time` the label is known; None when `label_time` says so.
        label_time: column that says when the label was known.
        unit: column that names who or what is exposed; None for the key.
        labels: whether all rows get a label or only those acted on.
        features: the columns that a model may see; None for all the others.
        drop: columns that a model may not see.
        time_zone: zone of naive times in the file (IANA name); None when the file's times carry one.
        early_labels: a random sample of the events whose label comes early, see `holdtrue.sampled`; None for none.
    """

    path: str
    time: str
    label: str
    key: str | None = None
    unit: str | None = None
    label_delay: timedelta | None = None
    label_time: str | None = None
    labels: LabelScope = LabelScope.ALL
    features: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    time_zone: str | None = None
    early_labels: EarlyLabels | None = None


def table(
    path: str,
    *,
    time: str,
    label: str,
    key: str | None = None,
    unit: str | None = None,
    label_delay: str | timedelta | None = None,
    label_time: str | None = None,
    labels: str = "all",
    features: list[str] | tuple[str, ...] | None = None,
    drop: list[str] | tuple[str, ...] = (),
    time_zone: str | None = None,
    early_labels: EarlyLabels | None = None,
) -> Table:
    """Declare the table of a loop: one Parquet or CSV file, or a glob of files with the same columns.

    Raises:
        DeclarationError: neither or both of `label_delay` and `label_time` are given; a column is given two parts;
            early labels are not early.

    >>> table("flights.parquet", key="flight_id", time="departs_at", label="late", label_delay="6h").label_delay
    datetime.timedelta(seconds=21600)
    """
    if (label_delay is None) == (label_time is None):
        raise DeclarationError(
            "the table says neither or both of label_delay and label_time",
            expected='exactly one: label_delay="6h" (a fixed delay) or label_time="column" (the data knows)',
        )
    if labels not in {scope.value for scope in LabelScope}:
        raise DeclarationError(f"labels={labels!r} is not known", expected='"all" or "acted"')
    declared = Table(
        path=str(path),
        time=time,
        label=label,
        key=key,
        unit=unit,
        label_delay=None if label_delay is None else parse_span(label_delay),
        label_time=label_time,
        labels=LabelScope(labels),
        features=None if features is None else tuple(features),
        drop=tuple(drop),
        time_zone=time_zone,
        early_labels=early_labels,
    )
    _check_parts(declared)
    return declared


def _check_parts(declared: Table) -> None:
    if declared.features is not None and declared.label in declared.features:
        remedy = "take it out of features=[...]"
        raise DeclarationError(f"the label {declared.label!r} is among the features", remedy=remedy)
    if declared.features is not None and declared.drop:
        raise DeclarationError("both features= and drop= are given", expected="one of them")
    if declared.early_labels is not None and declared.label_delay is not None:
        declared.early_labels.check_delay(declared.label_delay)
