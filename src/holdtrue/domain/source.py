"""Source: where a loop's rows come from, as declared; reading them is the data room's."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from holdtrue.domain.digest import digest_of
from holdtrue.domain.early import EarlyLabels
from holdtrue.domain.span import parse_span
from holdtrue.domain.task import LabelValue
from holdtrue.errors import DeclarationError


class LabelScope(StrEnum):
    """Which rows get a label: all, or only those that were acted on."""

    ALL = "all"
    ACTED = "acted"


@dataclass(frozen=True, kw_only=True)
class Query:
    """A SELECT on a database; reading it is the store's."""

    text: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """A declared table: Parquet or CSV files, or a query.

    Attributes:
        path: the file, folder or glob, relative to the folder of the declaring file; of a query, what it is called.
        key: column that names the event and joins its label; None when `time` is unique and stands for it.
        time: column that says when the prediction is made.
        label: column that holds what turned out.
        label_delay: how long after `time` the label is known; None when `label_time` says so.
        label_time: column that says when the label was known.
        unit: column that names who or what is exposed; None for the key.
        labels: whether all rows get a label or only those acted on.
        features: the columns that a model may see; None for all the others.
        drop: columns that a model may not see.
        judged: those that a model may not see, and that its answers are judged by: what `validate=` names of them.
        time_zone: zone of naive times in the file (IANA name); None when the file's times carry one.
        early_labels: a random sample of the events whose label comes early, see `holdtrue.sampled`; None for none.
        source: column that names the feed that a row came from; no feature. None where it does not matter.
        late: columns that are known only with the label, and are gathered of past rows; no features. A loop finds them.
        query: what gives the rows in place of files, see `holdtrue.sql`.
        function: what gives the rows in place of files, see `holdtrue.frames`.
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
    source: str | None = None
    late: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    query: Query | None = None
    function: Callable[[], Iterable[object]] | None = None

    def leaves_out(self, name: str) -> bool:
        """Say whether a column is declared to be no feature, and has no other part in the table."""
        parts = {self.key, self.unit, self.time, self.label, self.label_time, self.source}
        is_left = name in self.drop if self.features is None else name not in self.features
        return is_left and name not in parts


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
    source: str | None = None,
) -> Table:
    """Declare the table of a loop: a Parquet or CSV file, a folder, or a glob of files with the same columns.

    Raises:
        DeclarationError: neither or both of `label_delay` and `label_time` are given; a column is given two parts;
            early labels are not early.

    >>> table("flights.parquet", key="flight_id", time="departs_at", label="late", label_delay="6h").label_delay
    datetime.timedelta(seconds=21600)
    """
    _check_due("table", label_delay, label_time)
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
        source=source,
    )
    _check_parts(declared)
    return declared


def sql(
    query: str,
    url: str,
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
    source: str | None = None,
) -> Table:
    """Declare the table of a loop as a query of a database; the other arguments are those of `holdtrue.table`.

    The query is one SELECT, which names its columns; it is run in a transaction that may not write. The URL is
    `sqlite:///file.db`, relative to the folder of the declaring file, or `postgresql://user@host/name`, which needs
    `holdtrue[postgres]`. In it `$NAME` stands for a variable of the environment: a password belongs there.

    Raises:
        DeclarationError: see `holdtrue.table`; an empty query.

    >>> sql("SELECT * FROM trips", "sqlite:///trips.db", key="id", time="at", label="late", label_delay="6h").key
    'id'
    """
    if not query.strip():
        raise DeclarationError("the query is empty", expected="one SELECT")
    declared = table(
        f"query {digest_of(query)[:8]}", time=time, label=label, key=key, unit=unit, label_delay=label_delay,
        label_time=label_time, labels=labels, features=features, drop=drop, time_zone=time_zone,
        early_labels=early_labels, source=source,
    )  # fmt: skip
    return replace(declared, query=Query(text=query, url=url))


def frames(
    function: Callable[[], Iterable[object]],
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
    source: str | None = None,
) -> Table:
    """Declare the table of a loop as a function; the other arguments are those of `holdtrue.table`.

    The function takes nothing and gives frames of polars, pandas or pyarrow with the same columns, one after the other.

    Raises:
        DeclarationError: see `holdtrue.table`; it is no function.

    >>> frames(lambda: [], key="id", time="at", label="late", label_delay="6h").key
    'id'
    """
    if not callable(function):
        raise DeclarationError(f"frames({function!r}) is not given a function", expected="one that gives frames")
    declared = table(
        f"frames of {getattr(function, '__name__', type(function).__name__)}", time=time, label=label, key=key,
        unit=unit, label_delay=label_delay, label_time=label_time, labels=labels, features=features, drop=drop,
        time_zone=time_zone, early_labels=early_labels, source=source,
    )  # fmt: skip
    return replace(declared, function=function)


def _check_parts(declared: Table) -> None:
    if declared.features is not None and declared.label in declared.features:
        remedy = "take it out of features=[...]"
        raise DeclarationError(f"the label {declared.label!r} is among the features", remedy=remedy)
    if declared.source is not None and declared.source in (declared.label, declared.time, *(declared.features or ())):
        raise DeclarationError(
            f"the source {declared.source!r} has another part too", expected="a column that no model sees"
        )
    if declared.features is not None and declared.drop:
        raise DeclarationError("both features= and drop= are given", expected="one of them")
    if declared.early_labels is not None and declared.label_delay is not None:
        declared.early_labels.check_delay(declared.label_delay)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The declared log of a model that is served elsewhere: what it answered, and what turned out; only watched.

    Attributes:
        path: the file or glob, relative to the folder of the declaring file.
        time: column that says when the prediction was made.
        prediction: one column: the probability of the second class, or the number; for several classes a pair of class
            and column for each.
        label: column that holds what turned out.
        key: column that names the event; None when `time` is unique and stands for it.
        label_delay: how long after `time` the label is known; None when `label_time` says so.
        label_time: column that says when the label was known.
        version: column that names the version of the model; None for one version.
        features: the inputs that may explain an alert; None for all other columns.
        time_zone: zone of naive times in the file (IANA name); None when the file's times carry one.
    """

    path: str
    time: str
    prediction: str | tuple[tuple[LabelValue, str], ...]
    label: str
    key: str | None = None
    label_delay: timedelta | None = None
    label_time: str | None = None
    version: str | None = None
    features: tuple[str, ...] | None = None
    time_zone: str | None = None

    @property
    def answer_columns(self) -> tuple[str, ...]:
        """Return the columns that hold the answers."""
        return (self.prediction,) if isinstance(self.prediction, str) else tuple(name for _, name in self.prediction)


def predictions(
    path: str,
    *,
    time: str,
    prediction: str | Mapping[LabelValue, str],
    label: str,
    key: str | None = None,
    label_delay: str | timedelta | None = None,
    label_time: str | None = None,
    version: str | None = None,
    features: list[str] | tuple[str, ...] | None = None,
    time_zone: str | None = None,
) -> Predictions:
    """Declare the prediction log of a model that is served elsewhere, with its labels: `holdtrue watch` reads it.

    Raises:
        DeclarationError: neither or both of `label_delay` and `label_time` are given; a mapping has fewer than two
            classes; a column is given two parts.

    >>> predictions("log.csv", time="at", prediction={"cat": "p_cat", "dog": "p_dog"}, label="is", label_delay="1d").key
    """
    _check_due("log", label_delay, label_time)
    answers = prediction if isinstance(prediction, str) else tuple(prediction.items())
    if not isinstance(answers, str) and len(answers) < 2:
        raise DeclarationError(
            f"prediction= maps {len(answers)} classes",
            expected="one column, or a column for each of two or more classes",
        )
    declared = Predictions(
        path=str(path),
        time=time,
        prediction=answers,
        label=label,
        key=key,
        label_delay=None if label_delay is None else parse_span(label_delay),
        label_time=label_time,
        version=version,
        features=None if features is None else tuple(features),
        time_zone=time_zone,
    )
    used = [*declared.answer_columns, time, label, *(name for name in (key, label_time, version) if name is not None)]
    twice = next((name for name in used if used.count(name) > 1), None)
    if twice is not None:
        raise DeclarationError(f"the column {twice!r} is given two parts", expected="a column for each part")
    for name in declared.features or ():
        if name in used:
            raise DeclarationError(f"the column {name!r} is among the features", remedy="take it out of features=[...]")
    return declared


def _check_due(what: str, label_delay: str | timedelta | None, label_time: str | None) -> None:
    if (label_delay is None) == (label_time is None):
        raise DeclarationError(
            f"the {what} says neither or both of label_delay and label_time",
            expected='exactly one: label_delay="6h" (a fixed delay) or label_time="column" (the data knows)',
        )
