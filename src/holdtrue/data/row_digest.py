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
    mark = "$"
    while any(name.startswith(mark) for name in rows.features.columns):  # no feature is called as a part is
        mark += "$"
    named = {"label": rows.label, "key": rows.key, "unit": rows.unit, "time": rows.time}
    if rows.propensity is not None:  # a training may weigh by it
        named["propensity"] = rows.propensity
    parts = [part.alias(f"{mark}{name}") for name, part in named.items()]
    frame = pl.DataFrame([*rows.features.get_columns(), *parts])
    for piece in frame.iter_slices(_SLICE_ROWS):
        file = io.BytesIO()
        # Texts one after the other: where polars' own form has them depends on the threads that made it.
        piece.rechunk().write_ipc(file, compat_level=pl.CompatLevel.oldest())
        said.update(file.getbuffer())
    return said.hexdigest()
