"""RowDigest: one digest of all that a training may see of its rows; it is what a cached fit is found by."""

import hashlib
import io

import polars as pl

from holdtrue.data.dataset import Dataset
from holdtrue.domain import encode_canonically

_SLICE_ROWS = 1 << 18  # so that the bytes of a large dataset are never all in memory at once


def digest_rows(rows: Dataset) -> str:
    """Return the sha256 (64 hex digits) of a dataset: the same for the same rows, whatever they were cut from."""
    said = hashlib.sha256(encode_canonically([rows.schema, rows.task, rows.classes, rows.label.name]))
    parts = [rows.label.alias("$label"), rows.key.alias("$key"), rows.unit.alias("$unit"), rows.time.alias("$time")]
    if rows.propensity is not None:  # a training may weigh by it
        parts.append(rows.propensity.alias("$propensity"))
    frame = pl.DataFrame([*rows.features.get_columns(), *parts])
    for piece in frame.iter_slices(_SLICE_ROWS):
        file = io.BytesIO()
        piece.rechunk().write_ipc(file, compat_level=pl.CompatLevel.newest())
        said.update(file.getbuffer())
    return said.hexdigest()
