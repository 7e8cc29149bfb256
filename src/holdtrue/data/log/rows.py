"""Rows: logged predictions as frames, with their place in the log: the segment that they came in, and where."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar

import msgspec
import polars as pl

from holdtrue.data.moment import UTC_TIME
from holdtrue.domain import Json, Prediction, Role
from holdtrue.errors import StoreFailed
from holdtrue.store import Frame

Fact = TypeVar("Fact")
SHADOW = Role.SHADOW.value
FORCED = Role.FORCED.value
ANSWERED = (Role.CHAMPION.value, Role.CHALLENGER.value)  # what the traffic answered
SEGMENT, OFFSET = "__segment", "__offset"
FEATURE = "features."  # begins the name of a feature's column, so that none can be taken for another
CHUNK_ROWS = 20_000
BIGGEST_INTEGER = 2**63 - 1
# Who is who: an answer and its shadows have the same id.
IDENTITY = ("prediction_id", "version", "role")
Types = dict[str, pl.DataType | type[pl.DataType]]
PLAIN: Types = {
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
_PLACE: Types = {SEGMENT: pl.String, OFFSET: pl.Int64}


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


def make_chunks(frames: Iterable[Frame]) -> Iterator[pl.DataFrame]:
    """Yield the predictions in frames as tables of at most `CHUNK_ROWS` rows, in order.

    Columns: those of `PLAIN` (moments in UTC), `__segment` and `__offset` (where the next frame begins), and one for
    each feature, called `features.NAME`.

    Raises:
        StoreFailed: a frame holds no prediction.
    """
    decoder = msgspec.json.Decoder(Prediction)
    taken: list[Frame] = []
    rows: list[Prediction] = []
    for frame in frames:
        rows.append(decode_frame(frame, decoder, "prediction"))
        taken.append(frame)
        if len(rows) >= CHUNK_ROWS:
            yield _make_chunk(taken, rows)
            taken, rows = [], []
    if rows:
        yield _make_chunk(taken, rows)


def unite_chunks(chunks: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return chunks as one table; a feature that came in several kinds finds one that holds them all."""
    if not chunks:
        return _make_chunk([], [])
    return chunks[0] if len(chunks) == 1 else pl.concat(chunks, how="diagonal_relaxed")


def name_features(columns: Iterable[str]) -> list[str]:
    """Return the columns that hold features."""
    return [name for name in columns if name.startswith(FEATURE)]


def unify_values(name: str, values: Sequence[Json]) -> pl.Series:
    """Return JSON values as one column: whole numbers, numbers, booleans, or else text.

    >>> unify_values("x", [1, 2.5, None]).to_list()
    [1.0, 2.5, None]
    """
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    if kinds == {float}:
        return pl.Series(name, values, dtype=pl.Float64)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {int} and all(value is None or abs(value) <= BIGGEST_INTEGER for value in values):
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds <= {int, float, bool}:
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    texts = [value if value is None or isinstance(value, str) else str(value) for value in values]
    return pl.Series(name, texts, dtype=pl.String)


def _make_chunk(frames: Sequence[Frame], predictions: Sequence[Prediction]) -> pl.DataFrame:
    fields = Prediction.__struct_fields__
    values = zip(*map(msgspec.structs.astuple, predictions), strict=True) if predictions else [()] * len(fields)
    told = dict(zip(fields, values, strict=True))
    columns: dict[str, object] = {name: told[name] for name in PLAIN}
    columns["role"] = [role.value for role in told["role"]]
    columns["answer"] = _make_answers(told["answer"])
    columns[SEGMENT] = [frame.segment for frame in frames]
    columns[OFFSET] = [frame.offset_after for frame in frames]
    plain = pl.DataFrame(columns, schema={**PLAIN, **_PLACE})
    plain = plain.with_columns((pl.col("time", "received_at") * 1e6).round().cast(pl.Int64).cast(UTC_TIME))
    return plain.with_columns(_make_features(told["features"]))


def _make_answers(answers: Sequence[Sequence[float]]) -> pl.Series:
    """Return answers as a column of lists; all of one length, as usual, go at once."""
    n_numbers = len(answers[0]) if answers else 0
    if n_numbers == 0 or any(len(answer) != n_numbers for answer in answers):
        return pl.Series("answer", [list(answer) for answer in answers], dtype=pl.List(pl.Float64))
    flat = pl.Series("answer", list(chain.from_iterable(answers)), dtype=pl.Float64)
    return flat.reshape((len(answers), n_numbers)).arr.to_list()


def _make_features(rows: Sequence[Mapping[str, Json]]) -> list[pl.Series]:
    names = list(rows[0]) if rows else []
    if all(list(row) == names for row in rows):
        # The usual case: all rows name the same features in the same order.
        columns = zip(*(row.values() for row in rows), strict=True)
        return [unify_values(FEATURE + name, values) for name, values in zip(names, columns, strict=True)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [unify_values(FEATURE + name, [row.get(name) for row in rows]) for name in names]
