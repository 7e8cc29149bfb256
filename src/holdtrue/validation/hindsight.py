"""Hindsight: values that are written down when the label is, and not when the prediction is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.validation.finding import Finding
from holdtrue.validation.suspect import relate_ranks

if TYPE_CHECKING:
    from holdtrue.data import History

TIME, LABEL_TIME, LABEL = "__time", "__label_time", "__label"
LEAST_ROWS = 30
# Missing in (nearly) all rows that wait for their label, and there in most of the newest that have it; in all of those
# when only a few wait.
MISSING_SHARE, KNOWN_SHARE = 0.995, 0.5
LEAST_WAITING = 3
N_NEWEST = 1_000
N_ROWS = 20_000
SAME_RANK = 0.9999
# Delays that hardly repeat are nobody's schedule; a term of 36 months, or a planned arrival, is known beforehand.
FREE_SHARE = 0.5
AFTER_SHARE = 0.5
SECOND = 1_000_000
# Where seconds, milliseconds, microseconds and nanoseconds since 1970 lie (1985 to 2096), and their microseconds.
CLOCKS = ((1.0, 1e6), (1e3, 1e3), (1e6, 1.0), (1e9, 1e-3))
EARLIEST, LATEST = 5e8, 4e9


def find_hindsight(known: History, names: Sequence[str]) -> Finding | None:
    """Return the columns that are known only after the event, from rows that still wait for their label; else None.

    Sure: a column that is missing exactly until the label is known, and one that is the moment at which the label
    became known (or how long that took), where that moment was not planned. Not sure: a moment after the prediction.

    Args:
        known: all rows, with and without labels, in order of time.
        names: the features to look at.
    """
    names = [name for name in names if name in known.frame.columns]
    is_open = known.frame[LABEL].is_null()
    labelled = known.frame.filter(~is_open)
    waiting = _find_waiting(known.frame.filter(is_open), labelled.tail(N_NEWEST), names)
    if waiting:
        kind = f"{', '.join(waiting)} {'is' if len(waiting) == 1 else 'are'} missing until the label is known"
        return Finding(columns=tuple(waiting), kind=kind, evidence={"n_waiting": int(is_open.sum())})
    return _find_moment(labelled, names)


def _find_waiting(waiting: pl.DataFrame, known: pl.DataFrame, names: Sequence[str]) -> list[str]:
    if waiting.height < LEAST_WAITING or known.height < LEAST_ROWS:
        return []
    known_share = KNOWN_SHARE if waiting.height >= LEAST_ROWS else MISSING_SHARE
    return [
        name
        for name in names
        if waiting[name].null_count() >= MISSING_SHARE * waiting.height
        and known.height - known[name].null_count() >= known_share * known.height
    ]


def _find_moment(known: pl.DataFrame, names: Sequence[str]) -> Finding | None:
    if known.height < LEAST_ROWS:
        return None
    known = known[np.linspace(0, known.height - 1, min(known.height, N_ROWS)).astype(np.int64)]
    time = known[TIME].to_physical().to_numpy().astype(np.float64)
    delay = known[LABEL_TIME].to_physical().to_numpy().astype(np.float64) - time
    is_free = len(np.unique(delay)) >= FREE_SHARE * len(delay)
    after = None
    for name in names:
        if not known[name].dtype.is_numeric() or known[name].null_count() > 0.5 * known.height:
            continue
        values = known[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        since = _read_clock(values)
        if is_free and _is_delay(values if since is None else since - time, delay):
            kind = f"{name} is the moment at which the label became known, or how long that took"
            return Finding(columns=(name,), kind=kind)
        if since is not None and after is None and float((since > time + SECOND).mean()) >= AFTER_SHARE:
            share = float((since > time + SECOND).mean())
            kind = f"{name} is a moment after the prediction in {share:.0%} of the rows"
            after = Finding(columns=(name,), kind=kind, is_sure=False, evidence={"share_after": share})
    return after


def _read_clock(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return microseconds since 1970 where the values are moments; None where they are not."""
    middle = float(np.nanmedian(values))
    for unit, factor in CLOCKS:
        if EARLIEST * unit <= middle <= LATEST * unit:
            return values * factor
    return None


def _is_delay(values: NDArray[np.float64], delay: NDArray[np.float64]) -> bool:
    return relate_ranks(pl.Series(values), pl.Series(delay)) >= SAME_RANK
