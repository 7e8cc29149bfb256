"""Predictions: the prediction log as a frame, one row for each answer or shadow answer, wherever the rows stand."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from holdtrue.data.log.parts import read_part
from holdtrue.data.log.rows import FEATURE, FORCED, IDENTITY, OFFSET, PLAIN, SEGMENT, SHADOW, make_chunks, unite_chunks
from holdtrue.data.log.steady import read_steadily
from holdtrue.store import Damage, LogManifest, Store, read_segments

NAMES = ("prediction_id", "key")
MOST_CHUNKS = 32


class PredictionReader:
    """Reads the prediction log of one loop, each time only what is new: for a process that looks again and again.

    Segments and the Parquet files that they were compacted to are one log. A row keeps its place (segment and offset)
    in both, so what was read from a segment is not read again from Parquet.

    Answers that a test forced out of a version are left out, since nothing may count them, unless `with_forced`.
    """

    def __init__(
        self, folder: Path, *, on_damage: Callable[[Damage], None] | None = None, with_forced: bool = False
    ) -> None:
        self.folder = folder
        self._on_damage = on_damage
        self._with_forced = with_forced
        self._parts: frozenset[str] = frozenset()
        self._offsets: dict[str, int] = {}
        self._n_removals = 0
        self._rows = unite_chunks([])
        self._shown = _show(self._rows)

    def read(self, *, since: datetime | None = None) -> pl.DataFrame:
        """Return all predictions with time >= since; see `read_predictions` for the columns."""
        parts, offsets, new, n_removals = read_steadily(self.folder, self._read_new)
        is_afresh = n_removals != self._n_removals
        self._parts, self._offsets, self._n_removals = parts, offsets, n_removals
        if is_afresh:
            self._rows = unite_chunks([])
        if new or is_afresh:
            self._take_in(unite_chunks(new))
        return self._shown if since is None else self._shown.filter(pl.col("time") >= since.astimezone(UTC))

    def _take_in(self, new: pl.DataFrame) -> None:
        chosen = new if self._with_forced else new.filter(pl.col("role") != FORCED)
        fresh = _settle(unite_chunks([self._rows.clear(), chosen]))
        keys = _find_continued(self._rows, fresh)
        if keys is None:
            self._rows = _settle(unite_chunks([self._rows, chosen]))
            self._shown = _show(self._rows)
            return
        shown = _show(fresh).with_columns(is_first=pl.col("is_first") & ~pl.col("key").is_in(keys.implode()))
        self._rows, self._shown = _add(self._rows, fresh), _add(self._shown, shown)

    def _read_new(self, manifest: LogManifest) -> tuple[frozenset[str], dict[str, int], list[pl.DataFrame], int]:
        """Return the parts and offsets that are known after this, and what is new in them."""
        is_fresh = manifest.n_removals != self._n_removals
        known = frozenset() if is_fresh else self._parts
        offsets = {} if is_fresh else dict(self._offsets)
        chunks: list[pl.DataFrame] = []
        for part in manifest.parts:
            if part.name not in known:
                chunks.append(read_part(self.folder / part.name, known=offsets))
        frames = read_segments(
            self.folder, start=offsets, on_damage=self._on_damage, leave_out=manifest.taken, holes=manifest.holes
        )
        chunks.extend(make_chunks(frames))
        new = [chunk for chunk in chunks if chunk.height]
        for chunk in new:
            offsets |= dict(chunk.group_by(SEGMENT).agg(pl.col(OFFSET).max()).iter_rows())
        return frozenset(part.name for part in manifest.parts), offsets, new, manifest.n_removals


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


def read_log_keys(folder: Path) -> dict[str, str]:
    """Return the key of each prediction of the log in a folder, by its id; of Parquet only these columns are read."""

    def read(manifest: LogManifest) -> dict[str, str]:
        frames = read_segments(folder, leave_out=manifest.taken, holes=manifest.holes)
        chunks = [read_part(folder / part.name, columns=NAMES) for part in manifest.parts]
        return dict(row for chunk in (*chunks, *make_chunks(frames)) for row in chunk.select(NAMES).iter_rows())

    return read_steadily(folder, read)


def read_writer_ids(folder: Path, name: str) -> set[str]:
    """Return the ids of the predictions that writers whose name begins so have logged, wherever the rows stand now.

    For a job that goes on after a kill, and logs under a name of its own.

    Args:
        folder: the log's folder, such as `.holdtrue/log/LOOP`.
        name: begins the names of the job's segments.

    Raises:
        StoreFailed: a segment is damaged in the middle, or a file cannot be read.
    """
    is_mine = pl.col(SEGMENT).str.starts_with(name)

    def read(manifest: LogManifest) -> set[str]:
        others = {path.name for path in folder.glob("*.seg") if not path.name.startswith(name)}
        frames = read_segments(folder, leave_out=others.union(manifest.taken), holes=manifest.holes)
        parts = [read_part(folder / part.name, columns=[NAMES[0], SEGMENT]) for part in manifest.parts]
        chunks = [*(part.filter(is_mine) for part in parts), *make_chunks(frames)]
        return {each for chunk in chunks for each in chunk[NAMES[0]]}

    return read_steadily(folder, read)


def read_log_rows(folder: Path) -> pl.DataFrame:
    """Return the log in a folder as it stands, also a row that was written twice, which `PredictionReader` forgives.

    Columns: those of `read_predictions` but features and is_first, and `features.NAME` for each feature; in no order.

    Args:
        folder: the log's folder, such as `.holdtrue/log/LOOP`.

    Raises:
        StoreFailed: a segment is damaged in the middle, or a file cannot be read.
    """

    def read(manifest: LogManifest) -> pl.DataFrame:
        parts = [read_part(folder / part.name) for part in manifest.parts]
        frames = read_segments(folder, leave_out=manifest.taken, holes=manifest.holes)
        return unite_chunks([*parts, *make_chunks(frames)])

    return read_steadily(folder, read).drop(SEGMENT, OFFSET)


def _settle(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in the order of receipt, each once."""
    rows = rows.sort("received_at", SEGMENT, OFFSET, maintain_order=True)
    return rows.unique(IDENTITY, keep="first", maintain_order=True)


def _find_continued(rows: pl.DataFrame, fresh: pl.DataFrame) -> pl.Series | None:
    """Return the keys of fresh rows that were answered before, where these rows stand behind the others as they are.

    None where they change what is known: they were received earlier, are there already, bring a feature, or answer a
    key of which only shadows were there.
    """
    if not rows.height or fresh.schema != rows.schema:
        return None
    latest = rows.select(pl.col("received_at").max()).item()
    if not (fresh["received_at"] > latest).all() or rows["prediction_id"].is_in(fresh["prediction_id"].implode()).any():
        return None
    known = rows.select("key", "role").filter(pl.col("key").is_in(fresh["key"].implode()))
    keys = known.filter(pl.col("role") != SHADOW)["key"].unique()
    return keys if known["key"].is_in(keys.implode()).all() else None


def _add(rows: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Return rows with more behind them; they are copied now and then only."""
    whole = pl.concat([rows, more])
    return whole.rechunk() if whole.n_chunks() > MOST_CHUNKS else whole


def _show(rows: pl.DataFrame) -> pl.DataFrame:
    """Return settled rows with the features packed and the first answer of each key marked; nothing is copied."""
    features = rows.drop(*PLAIN, SEGMENT, OFFSET)  # dropped, not selected: a frame without columns has no height
    named = features.rename({name: name.removeprefix(FEATURE) for name in features.columns})
    return _mark_first(rows.select(*PLAIN).with_columns(named.to_struct("features")))


def _mark_first(rows: pl.DataFrame) -> pl.DataFrame:
    """Mark the first answer of each key and its shadows; where only shadows are left of a key, the first of them."""
    served_first = rows.select("key", "prediction_id", is_shadow=pl.col("role") == SHADOW).sort(
        "is_shadow", maintain_order=True
    )
    first = served_first.unique("key", keep="first", maintain_order=True)["prediction_id"]
    return rows.with_columns(is_first=pl.col("prediction_id").is_in(first.implode()))
