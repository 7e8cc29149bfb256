"""Erasure: all rows of a key removed from a log, from segments (also those that are written to) and from Parquet."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from holdtrue.data.labels import collect_labels
from holdtrue.data.log.parts import read_part, write_part
from holdtrue.data.log.profiles import measure_profiles, read_references
from holdtrue.data.log.retention import drop_parts
from holdtrue.data.log.rows import decode_frame
from holdtrue.domain import LabelFact, Prediction
from holdtrue.store import (
    Frame,
    LogPart,
    Store,
    commit_manifest,
    erase_frame,
    lock_log,
    read_manifest,
    read_segments,
)


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What was erased of a key: rows of the prediction log (shadows too), and labels."""

    n_rows: int
    n_labels: int


def erase_key(store: Store, loop_name: str, key: str) -> Erased:
    """Remove the rows and labels of a key from log and store; rows of other keys stay as they are.

    A kill in between leaves some of them: do it again. Datasets that trainings kept are not changed.

    Args:
        store: the open store.
        loop_name: name of the loop.
        key: the key of the event.

    Raises:
        StateConflict: another process works on this log.
        StoreFailed: the disk refused, or the log is damaged.
    """
    folder = store.folder / "log" / loop_name
    ids: set[str] = set()
    n_rows = 0
    if folder.is_dir():
        with lock_log(folder):
            n_rows = _erase_from_segments(folder, key, ids) + _erase_from_parts(folder, key, ids)
    return Erased(n_rows=n_rows, n_labels=_erase_labels(store, loop_name, key, ids))


def _erase_from_segments(folder: Path, key: str, ids: set[str]) -> int:
    decoder = msgspec.json.Decoder(Prediction)
    manifest = read_manifest(folder)
    found: list[Frame] = []
    for frame in read_segments(folder, leave_out=manifest.taken, holes=manifest.holes):
        prediction = decode_frame(frame, decoder, "prediction")
        if prediction.key == key:
            ids.add(prediction.prediction_id)
            found.append(frame)
    if found:
        holes = {name: list(places) for name, places in manifest.holes.items()}
        for frame in found:
            holes.setdefault(frame.segment, []).append(frame.place)
        commit_manifest(
            folder,
            msgspec.structs.replace(
                manifest,
                holes={name: tuple(places) for name, places in holes.items()},
                n_removals=manifest.n_removals + 1,
                n_erased=manifest.n_erased + len(found),
            ),
        )
    # All holes, also those that a kill left with their bytes in place.
    for name, places in read_manifest(folder).holes.items():
        for begin, end in places:
            erase_frame(folder / name, begin, end)
    return len(found)


def _erase_from_parts(folder: Path, key: str, ids: set[str]) -> int:
    n_rows = 0
    for part in read_manifest(folder).parts:
        mine = pl.scan_parquet(folder / part.name).filter(pl.col("key") == key).select("prediction_id").collect()
        if mine.height:
            ids.update(mine["prediction_id"])
            n_rows += mine.height
            _rewrite_part(folder, part, key, mine.height)
    return n_rows


def _rewrite_part(folder: Path, part: LogPart, key: str, n_rows: int) -> None:
    manifest = read_manifest(folder)
    kept = read_part(folder / part.name).filter(pl.col("key") != key)
    parts = manifest.parts
    if kept.height:
        profiles, _ = measure_profiles(kept, read_references(folder, manifest))
        parts = (*parts, write_part(folder, kept, profiles))
    drop_parts(folder, [part], msgspec.structs.replace(manifest, parts=parts, n_erased=manifest.n_erased + n_rows))


def _erase_labels(store: Store, loop_name: str, key: str, ids: set[str]) -> int:
    collect_labels(store)
    with store.transaction() as transaction:
        n_labels = transaction.labels.erase(loop_name, key, prediction_ids=sorted(ids))
        offsets = transaction.labels.offsets()
    decoder = msgspec.json.Decoder(LabelFact | None)
    folder = store.folder / "labels"
    for frame in read_segments(folder):
        # What is not collected yet is younger than this order.
        fact = decoder.decode(frame.payload) if frame.offset_after <= offsets.get(frame.segment, 0) else None
        if fact is not None and fact.loop == loop_name and (fact.key == key or fact.prediction_id in ids):
            erase_frame(folder / frame.segment, *frame.place)
    return n_labels
