"""ScoredSlice: some rows of a file answered in one call; those that a server would refuse say why, and fail alone."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import History, conform, derive_columns, find_suspects, take_kinds
from holdtrue.domain import MOMENT, Ask, Kind, Lookup, Prediction, Release, Role, RowFunctionFailed
from holdtrue.registry import Scorer
from holdtrue.serving.request.place import RowPlace
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.row import RowReader, read_name

from .moments import read_times


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceScorer:
    """Answers slices of a file by one version.

    Attributes:
        release: of the version.
        scorer: its model.
        job: begins the ids of the predictions.
        time_zone: of naive times, as the table declares it.
        now: business time, Unix seconds UTC, for rows without a time of their own.
        revision: of the traffic.
        lookup: what features of the past are worth now.
        functions: those of the project that compute features, see `load_functions`.
        recall: returns what rows from before the lookup's refresh gather them of; None where that cannot be had.
    """

    release: Release
    scorer: Scorer
    lookup: Lookup
    functions: Mapping[str, Ask]
    recall: Callable[[], History | None]
    job: str
    time_zone: str | None
    now: float
    revision: int

    @cached_property
    def _reader(self) -> RowReader:
        return RowReader(self.release.version.signature)

    @cached_property
    def _refreshed_at(self) -> float:
        """The last refresh of what the version takes of the past, Unix seconds UTC; -inf where that is nothing."""
        features = self.release.version.signature.features
        tables = [self.lookup.tables.get(each.past.digest) for each in features if each.past is not None]
        return max((table.refreshed_at.timestamp() for table in tables if table is not None), default=-np.inf)

    def score(self, frame: pl.DataFrame, *, start: int) -> "ScoredSlice":
        """Answer the rows of a slice that begins at row `start` of its file."""
        schema = self.release.version.signature.given
        typed, strange = take_kinds(frame, schema)
        times, late = read_times(typed, self.release.time, time_zone=self.time_zone, now=self.now)
        suspects = find_suspects(typed, schema) | _find_odd_names(typed, (self.release.key, self.release.unit))
        for texts in strange.values():
            suspects = suspects | texts.is_not_null()
        errors = self._judge(typed, strange, suspects)
        errors.update({row: f"{Code.WRONG_TYPE.value}: {said}" for row, said in late.items() if row not in errors})
        sound = np.ones(frame.height, dtype=bool)
        sound[list(errors)] = False
        began = time.perf_counter()
        moments = np.array(times, dtype=np.float64)[sound]
        is_early = moments < self._refreshed_at
        earlier = self.recall() if is_early.any() else None
        features, told, broken = self._compute(typed.filter(pl.Series(sound)), moments, earlier)
        answers, failed = score_apart(self.scorer, features)
        latency_ms = (time.perf_counter() - began) * 1_000 / max(1, len(answers))
        rows = np.flatnonzero(sound)
        failed |= {place: str(failure) for place, failure in broken.items()}
        for place, reason in failed.items():
            errors[int(rows[place])] = f"{Code.MODEL_FAILED.value}: {reason}"
        kept = np.setdiff1d(np.arange(len(rows)), list(failed))
        return ScoredSlice(
            maker=self,
            start=start,
            frame=typed,
            rows=rows[kept],
            answers=answers[kept],
            errors=errors,
            times=times,
            latency_ms=latency_ms,
            told=None if told is None else told[kept],
            n_forgotten=int(is_early[kept].sum()) if earlier is None else 0,
        )

    def _compute(
        self, rows: pl.DataFrame, times: NDArray[np.float64], earlier: History | None
    ) -> tuple[pl.DataFrame, pl.DataFrame | None, dict[int, RowFunctionFailed]]:
        """Return rows as the model takes them, what they took of the past, and the places where a function failed."""
        failed: dict[int, RowFunctionFailed] = {}
        signature = self.release.version.signature
        given = conform(rows, signature.given)
        if not signature.features:
            return given, None, failed
        # A text that training had not seen is missing to the model, and still a text to an expression.
        texts = [rows[column.name].cast(pl.String) for column in signature.given.columns if column.kind is Kind.TEXT]
        moments = pl.Series(MOMENT, np.round(times * 1_000_000).astype(np.int64))
        plain = given.with_columns(*texts, moments.cast(pl.Datetime("us", "UTC")))
        computed = derive_columns(
            plain, signature.features, lookup=self.lookup, earlier=earlier, calls=self.functions, failed=failed
        )
        names = [feature.name for feature in signature.features if feature.past is not None]
        return conform(computed, signature.schema), computed.select(names) if names else None, failed

    def _judge(self, frame: pl.DataFrame, strange: dict[str, pl.Series], suspects: pl.Series) -> dict[int, str]:
        """Return why a server would refuse each of the suspect rows; those that it would take are not named."""
        names = self.release.version.signature.given.names
        errors: dict[int, str] = {}
        for row in suspects.arg_true().to_list():
            record = frame.row(row, named=True)
            fields = {name: _spell(record[name]) for name in names}
            fields |= {name: texts[row] for name, texts in strange.items() if texts[row] is not None}
            try:
                for name in (self.release.key, self.release.unit):
                    read_name({name: record.get(name)} if name else {}, name, RowPlace(row))
                self._reader.read(fields, RowPlace(row), known=frozenset())
            except Refused as refused:
                errors[row] = f"{refused.code.value}: {refused}"
        return errors


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredSlice:
    """The answered rows of a slice.

    Attributes:
        frame: all of its rows.
        rows: the places of those that were answered, shape (n_answered,).
        answers: their answers, shape (n_answered, n_classes) or (n_answered,).
        errors: why each of the others was not, by place.
        told: what those that were answered took of the past, a column for each such feature; None without any.
        n_forgotten: how many of them are from before the lookup's refresh, and took nothing of a past that is not kept.
    """

    maker: SliceScorer
    start: int
    frame: pl.DataFrame
    rows: NDArray[np.int64]
    answers: NDArray[np.float64]
    errors: dict[int, str]
    times: list[float]
    latency_ms: float
    told: pl.DataFrame | None
    n_forgotten: int = 0
    received_at: float = field(default_factory=time.time)

    @cached_property
    def ids(self) -> list[str]:
        """Return the prediction id of each answered row: the run and the row's number in the file."""
        return [f"{self.maker.job}{self.start + row:016x}" for row in self.rows.tolist()]

    @cached_property
    def decisions(self) -> list[str] | None:
        """Return the decision of each answered row; None without an action rule."""
        rule = self.maker.release.action_rule
        return None if rule is None else [rule.actions[place] for place in rule.choose_rows(self.answers)]

    def list_predictions(self) -> list[Prediction]:
        """Return the rows of the log."""
        release = self.maker.release
        signature = release.version.signature
        answered = self.frame[self.rows]
        keys = _texts(answered, release.key, self.ids)
        units = _texts(answered, release.unit, keys)
        unseen = _count_unseen(answered, release)
        answers = self.answers.reshape(len(self.rows), signature.n_outputs).tolist()
        times = [self.times[row] for row in self.rows.tolist()]
        decisions: Sequence[str | None] = self.decisions or [None] * len(self.rows)
        digest, number, revision = signature.schema.digest, release.version.number, self.maker.revision
        kept = answered.select(signature.given.names)
        kept = kept if self.told is None else kept.with_columns(self.told.get_columns())
        features = kept.fill_nan(None).iter_rows(named=True)
        return [
            Prediction(
                prediction_id=prediction_id,
                loop=release.loop,
                key=key,
                unit=unit,
                time=at,
                features=row,
                answer=answer,
                decision=decision,
                version=number,
                role=Role.CHAMPION,
                fallback=None,
                probability=1.0,
                traffic_revision=revision,
                schema_version=digest,
                latency_ms=self.latency_ms,
                received_at=self.received_at,
                n_unseen=n_unseen,
            )
            for prediction_id, key, unit, at, row, answer, decision, n_unseen in zip(
                self.ids, keys, units, times, features, map(tuple, answers), decisions, unseen, strict=True
            )
        ]

    def lay_out(self) -> pl.DataFrame:
        """Return the rows with what they were answered: the columns of the target."""
        release, n_rows = self.maker.release, self.frame.height
        classes = release.version.signature.classes
        numbers = np.full((n_rows, max(1, len(classes))), np.nan)
        numbers[self.rows] = self.answers.reshape(len(self.rows), numbers.shape[1])
        names = [f"p_{label}" for label in classes] or ["prediction"]
        columns = [
            _spread("prediction_id", self.ids, self.rows, n_rows),
            _spread("version", [release.version.name] * len(self.rows), self.rows, n_rows),
            *(pl.Series(name, numbers[:, i]).fill_nan(None) for i, name in enumerate(names)),
        ]
        if self.decisions is not None:
            columns.append(_spread("decision", self.decisions, self.rows, n_rows))
        columns.append(_spread("error", list(self.errors.values()), list(self.errors), n_rows))
        return self.frame.drop([column.name for column in columns], strict=False).with_columns(columns)


def score_apart(scorer: Scorer, frame: pl.DataFrame) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Answer a frame in one call; when it fails, halve until the rows that it fails on stand alone.

    Returned are the answers, NaN for the rows that failed, and why each of those did, by its place.
    """
    try:
        return scorer.score(frame), {}
    except Exception as error:  # a model is foreign code: whatever it raises, the other rows go on
        if frame.height <= 1:
            n_classes = len(scorer.signature.classes)
            shape = (frame.height, n_classes) if scorer.signature.task.has_classes else (frame.height,)
            return np.full(shape, np.nan), dict.fromkeys(range(frame.height), str(error))
    middle = frame.height // 2
    first, failed = score_apart(scorer, frame[:middle])
    second, others = score_apart(scorer, frame[middle:])
    return np.concatenate((first, second)), failed | {middle + place: why for place, why in others.items()}


def _spell(value: object) -> object:
    """Return a value of a frame as a request would carry it."""
    return None if isinstance(value, float) and np.isnan(value) else value


def _find_odd_names(frame: pl.DataFrame, names: tuple[str | None, ...]) -> pl.Series:
    odd = pl.Series("odd", [False]).new_from_index(0, frame.height)
    for name in names:
        if name is not None and frame.schema.get(name) == pl.String:
            n_letters = frame[name].str.len_chars()
            odd = odd | ((n_letters < 1) | (n_letters > 512)).fill_null(value=False)
    return odd


def _spread(name: str, values: list[str], rows: NDArray[np.int64] | list[int], n_rows: int) -> pl.Series:
    spread: list[str | None] = [None] * n_rows
    for row, value in zip(rows, values, strict=True):
        spread[row] = value
    return pl.Series(name, spread, dtype=pl.String)


def _texts(frame: pl.DataFrame, name: str | None, otherwise: list[str]) -> list[str]:
    if name is None or name not in frame.columns:
        return otherwise
    given = frame[name].cast(pl.String).to_list()
    return [other if text is None else text for text, other in zip(given, otherwise, strict=True)]


def _count_unseen(frame: pl.DataFrame, release: Release) -> list[int]:
    total = pl.repeat(0, pl.len(), dtype=pl.Int64)
    for column in release.version.signature.given.columns:
        if column.levels:
            value = pl.col(column.name).cast(pl.String)
            total = total + (value.is_not_null() & ~value.is_in(list(column.levels))).cast(pl.Int64)
    return frame.select(total.alias("n"))["n"].to_list()
