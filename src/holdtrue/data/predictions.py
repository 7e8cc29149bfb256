"""Predictions: the prediction log as a frame, one row for each answer or shadow answer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import polars as pl

from holdtrue.data.moment import UTC_TIME
from holdtrue.domain import Json, Prediction, Role
from holdtrue.errors import StoreFailed
from holdtrue.store import Damage, Frame, Store, read_segments

Fact = TypeVar("Fact")
SHADOW = Role.SHADOW.value
FORCED = Role.FORCED.value
_PLACE = "__place"  # a frame without columns would have no height
_PLAIN: dict[str, pl.DataType | type[pl.DataType]] = {
    "prediction_id": pl.String,
    "key": pl.String,
    "unit": pl.String,
    "time": pl.Float64,
    "answer": pl.List(pl.Float64),
    "decision": pl.String,
    "version": pl.Int64,
    "role": pl.String,
    "fallback": pl.String,
    "probability": pl.Float64,
    "traffic_revision": pl.Int64,
    "schema_version": pl.String,
    "latency_ms": pl.Float64,
    "received_at": pl.Float64,
    "n_unseen": pl.Int64,
}


class PredictionReader:
    """Reads the prediction log of one loop, each time only what is new: for a process that looks again and again.

    Answers that a test forced out of a version are left out, since nothing may count them, unless `with_forced`.
    """

    def __init__(
        self, folder: Path, *, on_damage: Callable[[Damage], None] | None = None, with_forced: bool = False
    ) -> None:
        self.folder = folder
        self._on_damage = on_damage
        self._with_forced = with_forced
        self._offsets: dict[str, int] = {}
        self._rows = _make_rows([])
        self._features = _make_features([])

    def read(self, *, since: datetime | None = None) -> pl.DataFrame:
        """Return all predictions with time >= since; see `read_predictions` for the columns."""
        offsets = dict(self._offsets)
        decoder = msgspec.json.Decoder(Prediction)
        new = []
        for frame in read_segments(self.folder, start=offsets, on_damage=self._on_damage):
            new.append(decode_frame(frame, decoder, "prediction"))
            offsets[frame.segment] = frame.offset_after
        if new:
            rows, features = _make_rows(new), _make_features(new)
            self._rows = pl.concat([self._rows, rows])
            self._features = pl.concat([self._features, features], how="diagonal_relaxed")
            self._offsets = offsets
        rows = self._rows.with_columns(self._pack_features())
        rows = _mark_first(rows if self._with_forced else rows.filter(pl.col("role") != FORCED))
        return rows if since is None else rows.filter(pl.col("time") >= since.astimezone(UTC))

    def _pack_features(self) -> pl.Series:
        return self._features.drop(_PLACE).to_struct("features")


def read_predictions(
    store: Store,
    loop_name: str,
    *,
    since: datetime | None = None,
    on_damage: Callable[[Damage], None] | None = None,
) -> pl.DataFrame:
    """Return the prediction log of a loop in the order of receipt, from `time` = `since` on; forced answers left out.

    Columns: prediction_id, key, unit, time (UTC), answer (list of float), decision, version, role, fallback,
    probability, traffic_revision, schema_version, latency_ms, received_at (UTC, machine time), n_unseen, features (a
    struct of the values as they came) and is_first: whether this answer, or the one that it shadows, is the first of
    its key. Only those are judged.

    Raises:
        StoreFailed: a segment is damaged in the middle and `on_damage` is None.
    """
    return PredictionReader(store.folder / "log" / loop_name, on_damage=on_damage).read(since=since)


def decode_frame(frame: Frame, decoder: "msgspec.json.Decoder[Fact]", what: str) -> Fact:
    """Return the fact in a frame; a sound frame that holds none was written by another version of holdtrue."""
    try:
        return decoder.decode(frame.payload)
    except msgspec.MsgspecError as error:
        raise StoreFailed(
            f"segment {frame.segment} holds a {what} that cannot be read, before offset {frame.offset_after}: {error}",
            expected=f"a {what} as this version of holdtrue writes it",
            remedy="read the log with the version that wrote it",
        ) from error


def unify_values(name: str, values: Sequence[Json]) -> pl.Series:
    """Return JSON values as one column: whole numbers, numbers, booleans, or else text.

    >>> unify_values("x", [1, 2.5, None]).to_list()
    [1.0, 2.5, None]
    """
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {int}:
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds <= {int, float, bool}:
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    texts = [value if value is None or isinstance(value, str) else str(value) for value in values]
    return pl.Series(name, texts, dtype=pl.String)


def _make_rows(predictions: Sequence[Prediction]) -> pl.DataFrame:
    columns = {name: [getattr(each, name) for each in predictions] for name in _PLAIN}
    columns["role"] = [Role(role).value for role in columns["role"]]
    frame = pl.DataFrame(columns, schema=_PLAIN)
    return frame.with_columns((pl.col("time", "received_at") * 1e6).round().cast(pl.Int64).cast(UTC_TIME))


def _make_features(predictions: Iterable[Prediction]) -> pl.DataFrame:
    rows: list[Mapping[str, Json]] = [each.features for each in predictions]
    names = dict.fromkeys(name for row in rows for name in row)
    place = pl.Series(_PLACE, range(len(rows)), dtype=pl.UInt32)
    return pl.DataFrame([place, *(unify_values(name, [row.get(name) for row in rows]) for name in names)])


def _mark_first(rows: pl.DataFrame) -> pl.DataFrame:
    """Mark the first answer of each key and its shadows; where only shadows are left of a key, the first of them."""
    rows = rows.unique(["prediction_id", "version", "role"], keep="first", maintain_order=True)
    rows = rows.sort("received_at", maintain_order=True)
    served_first = rows.select("key", "prediction_id", is_shadow=pl.col("role") == SHADOW).sort(
        "is_shadow", maintain_order=True
    )
    first = served_first.unique("key", keep="first", maintain_order=True)["prediction_id"]
    return rows.with_columns(is_first=pl.col("prediction_id").is_in(first.implode()))
