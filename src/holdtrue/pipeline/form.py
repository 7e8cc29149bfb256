"""Forms: how frames, arrays and models are kept between steps; nothing that runs code when it is read."""

import io
from typing import Any

from holdtrue.domain import ModelFormat
from holdtrue.errors import DeclarationError, HoldtrueError
from holdtrue.registry import dump_part, load_part, name_part

FRAME, SERIES, ARRAY, NUMBER = "frame", "series", "array", "number"


def dump_form(value: object, *, place: str) -> tuple[str, bytes] | None:
    """Return the form of a value and its bytes in it; None for what has no form of its own.

    Raises:
        DeclarationError: it holds Python objects, or is a model that cannot be stored safely; `place` is named.
    """
    library = type(value).__module__.partition(".")[0]
    try:
        if library == "polars":
            return _dump_polars(value)
        if library == "numpy":
            return _dump_numpy(value)
        if name_part(value) is not None:
            return f"{name_part(value)}", dump_part(value)
    except HoldtrueError as refusal:
        raise DeclarationError(
            f"{place}: {refusal.found}", expected=refusal.expected, remedy=refusal.remedy
        ) from refusal
    except Exception as refusal:  # polars and numpy raise many kinds for columns of Python objects
        raise DeclarationError(
            f"{place} holds a {type(value).__qualname__} that cannot be kept between steps ({refusal})",
            expected="frames and arrays of numbers, texts and times",
        ) from refusal
    return None


def load_form(form: str, data: bytes) -> Any:
    """Return the value that `dump_form` made the bytes of."""
    if form in {ARRAY, NUMBER}:
        import numpy as np

        array = np.load(io.BytesIO(data), allow_pickle=False)
        return array if form == ARRAY else array[()]
    if form in {FRAME, SERIES}:
        import polars as pl

        frame = pl.read_ipc(io.BytesIO(data))
        return frame if form == FRAME else frame.to_series()
    return load_part(ModelFormat(form), data)


def _dump_polars(value: object) -> tuple[str, bytes] | None:
    import polars as pl

    form = FRAME if isinstance(value, pl.DataFrame) else SERIES
    if not isinstance(value, pl.DataFrame | pl.Series):
        return None
    frame = value if isinstance(value, pl.DataFrame) else value.to_frame()
    file = io.BytesIO()
    # In one piece, and texts one after the other: both the pieces that a frame is made of and where polars' own form
    # has its long texts depend on the threads that computed it, and would be in the bytes.
    frame.rechunk().write_ipc(file, compat_level=pl.CompatLevel.oldest())
    return form, file.getvalue()


def _dump_numpy(value: Any) -> tuple[str, bytes] | None:
    import numpy as np

    is_number = isinstance(value, np.generic)
    if type(value) is not np.ndarray and not is_number:
        return None
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(value) if value.ndim else value, allow_pickle=False)
    return NUMBER if is_number else ARRAY, file.getvalue()
